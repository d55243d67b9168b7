"""Certificates: linear regions per second, as milliseconds a region."""

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


def _milliseconds_a_region(make):
    make()
    began = time.process_time()
    found = make()
    return 1000 * (time.process_time() - began) / found


class Regions:
    """One process, one thread."""

    unit = "ms a region"
    timeout = 300
    version = "1"

    def setup(self):
        if Chain is None:
            raise NotImplementedError
        torch.set_num_threads(1)

    def track_segment(self):
        chain, p = _chain(8, 64, 64, 1), np.random.default_rng(1).standard_normal(8)
        return _milliseconds_a_region(lambda: len(Segment.of(chain, p, -p).slopes))

    def track_plane(self):
        chain = _chain(2, 12, 12, 1)
        return _milliseconds_a_region(lambda: len(Plane.of(chain).gradients))

    def track_walk(self):
        torch.manual_seed(0)
        network = CNNDiscriminator(16, width=2).double()
        p, q = torch.randn(2, 3, 16, 16, dtype=torch.float64)
        return _milliseconds_a_region(lambda: len(Walk.of(network, p, q, regions=200)))
