"""Data: images on disk, the embedded shapes, the points of the two-dimensional experiments, and augmentation."""

from typing import Literal

Dataset = Literal["shapes", "cifar10", "stl10", "celebahq", "lsun-church", "folder", "ring", "grid"]
"""The data sets by name; `folder` is a folder of anyone's images, `ring` and `grid` are points in the plane."""
