"""Evaluation: milliseconds an image of the scores by the embedded shapes' protocol."""

import time

import torch

try:
    from gnref.data.shapes import shapes
    from gnref.evaluation import evaluate
except ImportError:
    evaluate = None


class Evaluation:
    """2000 images of 16 pixels in the shipped feature space, the reference's statistics included."""

    unit = "ms an image"
    timeout = 300
    version = "1"

    def setup(self):
        if evaluate is None:
            raise NotImplementedError
        torch.set_num_threads(1)

    def track_scores(self):
        images = shapes(2000, size=16, seed=1)[0]
        began = time.process_time()
        evaluate(images, "shapes-16", progress=False)
        return 1000 * (time.process_time() - began) / 2000
