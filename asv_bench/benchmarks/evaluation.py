"""Evaluation: process time of the scores by the embedded shapes' protocol, on one thread."""

import time

import torch

try:
    from gnref.data.shapes import shapes
    from gnref.evaluation import evaluate
except ImportError:
    evaluate = None


class Evaluation:
    """2000 images of 16 pixels in the shipped feature space, the reference's statistics included."""

    timer = time.process_time
    timeout = 300
    number = 1
    repeat = 3
    warmup_time = 0
    version = "2"

    def setup(self):
        if evaluate is None:
            raise NotImplementedError
        torch.set_num_threads(1)
        self.images = shapes(2000, size=16, seed=1)[0]

    def time_scores(self):
        evaluate(self.images, "shapes-16", progress=False)
