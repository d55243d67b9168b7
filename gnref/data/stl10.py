"""STL-10's binary files, reduced to 48 x 48 as the paper's networks take them."""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from gnref.data.images import ImageSet, missing
from gnref.errors import UserError

_COUNTS = {"unlabeled": 100_000, "train": 5_000, "test": 8_000}
_SIDE = 96
_SOURCE = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz; unpack it, and give the folder stl10_binary"


def stl10(folder: Path, split: str = "unlabeled", size: int = 48) -> ImageSet:
    """The images of a split (`unlabeled`: what the paper trains on), (N, 3, size, size); labels 0..9 where it has them.

    The reduction from 96 pixels is bilinear with antialiasing, on bytes: to the byte what Pillow's resize gives, which
    the original configuration uses. Raises UserError for a folder without the files, and names a truncated one.
    """
    place = folder if (folder / f"{split}_X.bin").is_file() else folder / "stl10_binary"
    path = place / f"{split}_X.bin"
    if not path.is_file():
        raise missing(folder, f"STL-10's {split}_X.bin", _SOURCE)
    count, expected = _COUNTS[split], _COUNTS[split] * 3 * _SIDE * _SIDE
    if path.stat().st_size != expected:
        raise UserError(
            f"{path} has {path.stat().st_size} bytes, expected {expected}: it is truncated; unpack it again"
        )
    stored = np.memmap(path, np.uint8, "r", shape=(count, 3, _SIDE, _SIDE))
    images = torch.empty(count, 3, size, size, dtype=torch.uint8)
    for start in range(0, count, 1000):
        # The file keeps each plane column by column.
        chunk = torch.from_numpy(np.ascontiguousarray(stored[start : start + 1000].transpose(0, 1, 3, 2)))
        if size != _SIDE:
            chunk = F.interpolate(chunk, size=size, mode="bilinear", antialias=True)
        images[start : start + 1000] = chunk
    return ImageSet(images, _labels(place / f"{split}_y.bin", count) if split != "unlabeled" else None)


def _labels(path: Path, count: int) -> torch.Tensor:
    if not path.is_file() or path.stat().st_size != count:
        raise UserError(f"{path} is missing or truncated, expected {count} bytes; unpack STL-10 again from {_SOURCE}")
    return torch.from_numpy(np.fromfile(path, np.uint8).astype(np.int64) - 1)  # the file counts from 1
