"""Sets of images: held in memory as uint8, or decoded when asked for; both answer to the same two calls."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from gnref.errors import UserError


class Images(Protocol):
    """N images of `size` x `size` pixels, with labels or without."""

    @property
    def size(self) -> int:
        """Pixels along a side."""

    @property
    def labels(self) -> Tensor | None:
        """int64 (N,), on the CPU, or None."""

    def __len__(self) -> int: ...

    def fetch(self, index: Tensor) -> Tensor:
        """The images with these indices (int64, CPU): uint8 (len(index), 3, size, size), where the set keeps them."""


@dataclass(frozen=True)
class ImageSet:
    """Images in memory, on the device that `images` is on: uint8 (N, 3, S, S)."""

    images: Tensor
    labels: Tensor | None = None
    files: tuple[Path, ...] = ()
    """What they were decoded from, where that is files."""

    @property
    def size(self) -> int:
        """Pixels along a side."""
        return self.images.shape[-1]

    def __len__(self) -> int:
        return len(self.images)

    def fetch(self, index: Tensor) -> Tensor:
        """The images with these indices, on the set's device."""
        return self.images[index.to(self.images.device, non_blocking=True)]

    def to(self, device: torch.device | str) -> "ImageSet":
        """The same images on another device."""
        return ImageSet(self.images.to(device), self.labels, self.files)


@dataclass(frozen=True)
class ImageFiles:
    """Images decoded when asked for, by several threads: `decode(key)` is one image, uint8 (3, size, size)."""

    keys: Sequence[object]
    decode: Callable[[object], Tensor]
    size: int
    labels: Tensor | None = None
    files: tuple[Path, ...] = ()
    """Everything on disk that the images depend on."""

    def __len__(self) -> int:
        return len(self.keys)

    def fetch(self, index: Tensor) -> Tensor:
        """The images with these indices, on the CPU."""
        return torch.stack(list(_decoders().map(self.decode, [self.keys[i] for i in index.tolist()])))

    def in_memory(self) -> ImageSet:
        """All images, decoded once: 3 · size² bytes each."""
        if 3 * len(self) * self.size**2 > free_bytes("cpu"):
            raise UserError(f"{len(self)} images of {self.size} pixels do not fit into memory; choose a smaller size")
        images = torch.empty(len(self), 3, self.size, self.size, dtype=torch.uint8)
        for i, image in enumerate(_decoders().map(self.decode, self.keys)):
            images[i] = image
        return ImageSet(images, self.labels, self.files)


def to_unit(images: Tensor) -> Tensor:
    """Bytes 0..255 to PyTorch's default dtype, float32, in [-1, 1]: x / 127.5 - 1. Points stay where they are."""
    if images.is_floating_point():
        return images.to(torch.get_default_dtype())
    return images.to(torch.get_default_dtype()).div_(127.5).sub_(1)


def to_bytes(images: Tensor) -> Tensor:
    """[-1, 1] to the nearest byte: round((x + 1) · 127.5), clamped to 0..255."""
    return images.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


class Missing(UserError):
    """A folder does not hold the data set."""


def missing(folder: Path, layout: str, source: str) -> Missing:
    """The error for a folder that does not hold the data set: the layout expected, and where to get it."""
    found = sorted(path.name for path in folder.iterdir())[:5] if folder.is_dir() else None
    absent = "it is no folder" if folder.exists() else "there is no such folder"
    what = absent if found is None else f"it holds {', '.join(found) or 'nothing'}"
    return Missing(f"{folder}: expected {layout}, but {what}. Get it from {source}")


def free_bytes(device: torch.device | str) -> int:
    """Free memory of the device, in bytes."""
    if torch.device(device).type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


_pool: ThreadPoolExecutor | None = None


def _decoders() -> ThreadPoolExecutor:
    """The threads that decode: one pool a process, as many as torch computes with."""
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(max_workers=max(torch.get_num_threads(), 1), thread_name_prefix="decode")
    return _pool
