"""Images as arrays, in memory or in a .npz file: bytes, or floats in [-1, 1].

Nothing is resized, converted or clipped on the way: images of another size, range or number of channels are refused,
for each of these mistakes changes FID by several points without a trace.
"""

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnref.data.images import ImageSet, free_bytes, to_bytes
from gnref.errors import UserError


def from_array(array: Tensor | NDArray[np.generic], size: int) -> ImageSet:
    """Images (N, 3, size, size) or (N, size, size, 3): uint8, or floats x in [-1, 1], rounded to 127.5 (x + 1).

    Raises:
        UserError: for anything else, for NaN, and for floats without a negative value: those are in [0, 1].
    """
    try:
        images = torch.as_tensor(array)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"expected images as uint8 or as floats in [-1, 1]: {error}") from None
    if images.dim() == 4 and images.shape[1] != 3 and images.shape[3] == 3:
        images = images.permute(0, 3, 1, 2)
    check_shape(images, size)
    if images.dtype == torch.uint8:
        return ImageSet(images.contiguous())
    if not images.is_floating_point():
        raise UserError(f"expected images as uint8 or as floats in [-1, 1], got {images.dtype}")
    check_finite(images)
    low, high = (images.min().item(), images.max().item()) if len(images) else (-1.0, 1.0)
    if low < -1 or high > 1 or low >= 0:
        raise UserError(
            f"expected images as uint8 or as floats in [-1, 1], got floats from {low:.4g} to {high:.4g}: rescale them"
        )
    return ImageSet(to_bytes(images))


def from_npz(path: Path, size: int) -> ImageSet:
    """The array named `images` of a .npz file, or its only array.

    Raises:
        UserError: for a file that is broken or holds something else, and for an array that does not fit into memory,
            before it is read.
    """
    if not path.is_file():
        raise UserError(f"expected a .npz file of images, but {path} is {'no file' if path.exists() else 'not there'}")
    try:
        with zipfile.ZipFile(path) as file:
            names = [name.removesuffix(".npy") for name in file.namelist()]
            if "images" not in names and len(names) != 1:
                raise UserError(f"expected in {path} one array, or one named images, got {', '.join(names) or 'none'}")
            name = "images" if "images" in names else names[0]
            _check_header(file, file.namelist()[names.index(name)], path)
        with np.load(path, allow_pickle=False) as arrays:
            array = arrays[name]
    except UserError:
        raise
    except Exception as failure:  # numpy and zipfile raise half a dozen types for a broken file
        raise UserError(f"expected a readable .npz file of images in {path}: {failure}") from None
    return from_array(array, size)


def _check_header(file: zipfile.ZipFile, name: str, path: Path) -> None:
    """Refuse by what the array's header says: a file of megabytes can hold an array of terabytes."""
    header: Any = np.lib.format
    with file.open(name) as stored:
        version = header.read_magic(stored)
        read = header.read_array_header_1_0 if version == (1, 0) else header.read_array_header_2_0
        shape, _, dtype = read(stored)
    if dtype.kind not in "uif":
        raise UserError(f"expected images as uint8 or as floats in [-1, 1], got an array of {dtype} in {path}")
    if math.prod(shape) * dtype.itemsize > free_bytes("cpu") // 2:
        raise UserError(f"the images in {path}, shape {shape}, do not fit into memory; give a folder of images instead")


def check_shape(images: Tensor, size: int) -> None:
    """Raise UserError unless `images` is (n, 3, size, size)."""
    if images.dim() != 4 or tuple(images.shape[1:]) != (3, size, size):
        raise UserError(
            f"expected RGB images of {size} x {size} pixels, (n, 3, {size}, {size}), got {tuple(images.shape)}"
        )


def check_finite(images: Tensor) -> None:
    """Raise UserError for NaN or infinity."""
    if not images.isfinite().all():
        raise UserError("expected finite images, got NaN or infinity among them")
