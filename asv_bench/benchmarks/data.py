"""Data and augmentation: process time of 256 images of 32 pixels, on one thread."""

import time

import torch

try:
    from gnref.data.augment import consistency_augmentation
    from gnref.data.batches import Batches
    from gnref.data.images import ImageSet, to_unit
    from gnref.data.shapes import shapes
except ImportError:
    shapes = None


class Images:
    """Drawing the embedded set; a batch of stored images as floats; the augmentation of a batch."""

    timer = time.process_time
    version = "2"

    def setup(self):
        if shapes is None:
            raise NotImplementedError
        torch.set_num_threads(1)
        stored = torch.zeros(4096, 3, 32, 32, dtype=torch.uint8)
        self.batches = Batches(ImageSet(stored, torch.zeros(4096, dtype=torch.int64)), seed=0)
        self.x = torch.zeros(256, 3, 32, 32)

    def time_shapes(self):
        shapes(256)

    def time_batch(self):
        to_unit(self.batches(0, 256)[0])

    def time_augmentation(self):
        consistency_augmentation(self.x)
