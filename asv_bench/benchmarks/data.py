"""Data and augmentation: microseconds an image, so that less is better."""

import time

import torch

try:
    from gnref.data.augment import consistency_augmentation
    from gnref.data.batches import Batches
    from gnref.data.images import ImageSet, to_unit
    from gnref.data.shapes import shapes
except ImportError:
    shapes = None


def _microseconds(make, images, times=5):
    make()
    began = time.process_time()
    for _ in range(times):
        make()
    return 1e6 * (time.process_time() - began) / (images * times)


class Images:
    """32 pixels, one thread."""

    unit = "µs an image"
    version = "1"

    def setup(self):
        if shapes is None:
            raise NotImplementedError
        torch.set_num_threads(1)

    def track_shapes(self):
        return _microseconds(lambda: shapes(256), 256)

    def track_batches(self):
        stored = torch.zeros(4096, 3, 32, 32, dtype=torch.uint8)
        batches = Batches(ImageSet(stored, torch.zeros(4096, dtype=torch.int64)), seed=0)
        return _microseconds(lambda: to_unit(batches(0, 256)[0]), 256)

    def track_augmentation(self):
        x = torch.zeros(256, 3, 32, 32)
        return _microseconds(lambda: consistency_augmentation(x), 256)
