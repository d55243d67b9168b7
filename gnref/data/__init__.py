"""Data: images on disk, the embedded shapes, the points of the two-dimensional experiments, and augmentation."""
