"""Certificates: process time of networks whose linear regions are known in number, on one thread."""

import time
from itertools import pairwise

import numpy as np
import torch

try:
    from gnref.certificates import Chain, Plane, Segment, Walk
    from gnref.networks import CNNDiscriminator
except ImportError:
    Chain = None


def _chain(*widths):
    rng = np.random.default_rng(0)
    return Chain.of([(rng.standard_normal((b, a)), rng.standard_normal(b)) for a, b in pairwise(widths)], 0.0)


class Regions:
    """103 regions along a segment, 249 of a plane, 200 of a walk through a convolutional network."""

    timer = time.process_time
    timeout = 300
    version = "2"

    def setup(self):
        if Chain is None:
            raise NotImplementedError
        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.line, self.p = _chain(8, 64, 64, 1), np.random.default_rng(1).standard_normal(8)
        self.plane = _chain(2, 12, 12, 1)
        self.network = CNNDiscriminator(16, width=2).double()
        self.q = torch.randn(2, 3, 16, 16, dtype=torch.float64)

    def time_segment(self):
        Segment.of(self.line, self.p, -self.p)

    def time_plane(self):
        _ = Plane.of(self.plane).gradients

    def time_walk(self):
        Walk.of(self.network, *self.q, regions=200)
