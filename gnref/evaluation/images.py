"""Images to be scored, from wherever they come, as batches of uint8 (n, 3, size, size) in a fixed order.

Every source passes the same gate, `quantize`: a score over images of the wrong size, range or channels is refused.
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnref.errors import UserError

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Images:
    """`count` images; `load(indices)` gives those at the indices (n,) in the layout that `quantize` accepts."""

    count: int
    load: Callable[[Index], Tensor]
    digest: Callable[[], str]
    """SHA-256 of the images' bytes, computed when asked for."""

    def batches(self, size: int) -> Iterator[Tensor]:
        """All images as uint8 (n, 3, size, size); n is a function of `size`: no score depends on a batch size."""
        step = batch_size(size)
        for start in range(0, self.count, step):
            yield quantize(self.load(np.arange(start, min(start + step, self.count))), size)

    def subset(self, indices: Index) -> "Images":
        """The images at the indices (n,), in that order."""
        return replace(self, count=len(indices), load=lambda chosen: self.load(indices[chosen]))


def batch_size(size: int) -> int:
    """Images that pass a network at once: 100 up to 200 pixels, then as many as hold four million pixels."""
    return max(1, min(100, 2**22 // size**2))


def quantize(images: Tensor, size: int) -> Tensor:
    """round(127.5 (x + 1)) for floats x in [-1, 1]; uint8 passes as it is.

    Raises UserError unless the images are finite, of shape (n, 3, size, size), and uint8 or floats in [-1, 1].
    """
    if images.dim() != 4 or tuple(images.shape[1:]) != (3, size, size):
        grey = " (grey images have no score: repeat the channel if that is meant)" if images.shape[1:2] == (1,) else ""
        raise UserError(f"expected images of shape (n, 3, {size}, {size}), got {tuple(images.shape)}{grey}")
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise UserError(f"expected images as uint8 or as floats in [-1, 1], got {images.dtype}")
    if not images.isfinite().all():
        raise UserError("expected finite images, got NaN or infinity among them")
    low, high = images.min().item(), images.max().item()
    if low < -1 or high > 1:
        raise UserError(f"expected float images in [-1, 1], got values from {low:.4g} to {high:.4g}")
    return ((images.to(torch.float32) + 1) * 127.5).round().to(torch.uint8)


def from_array(array: Tensor | NDArray[np.generic]) -> Images:
    """Images in memory: uint8 or floats in [-1, 1], (N, 3, S, S) or (N, S, S, 3)."""
    images = torch.as_tensor(array)
    if images.dim() == 4 and images.shape[1] != 3 and images.shape[3] == 3:
        images = images.permute(0, 3, 1, 2)
    if images.is_floating_point() and images.numel() and images.min() >= 0:
        raise UserError("expected float images in [-1, 1], got no value below 0: pass uint8, or 2x - 1 for x in [0, 1]")
    return Images(
        len(images),
        lambda indices: images[torch.from_numpy(indices)],
        lambda: hashlib.sha256(images.contiguous().cpu().numpy().tobytes()).hexdigest(),
    )


def from_npz(path: Path) -> Images:
    """The array named `images` of a .npz file, or its only array."""
    try:
        with np.load(path, allow_pickle=False) as file:
            names = list(file.files)
            name = "images" if "images" in names else names[0]
            if name != "images" and len(names) != 1:
                raise UserError(f"expected in {path} one array, or one named images, got {', '.join(names)}")
            array = file[name]
    except UserError:
        raise
    except Exception as failure:  # numpy and zipfile raise half a dozen types for a broken file
        raise UserError(f"expected a readable .npz file of images in {path}: {failure}") from failure
    return from_array(array)


def from_folder(path: Path) -> Images:
    """The .png, .jpg and .jpeg files below a folder, in the order of their paths."""
    paths = sorted(file for file in path.rglob("*") if file.suffix.lower() in {".png", ".jpg", ".jpeg"})
    if not paths:
        raise UserError(f"expected .png or .jpg images below {path}, found none")
    pool = ThreadPoolExecutor()

    def load(indices: Index) -> Tensor:
        pictures = list(pool.map(_read_picture, (paths[index] for index in indices)))
        for picture, index in zip(pictures, indices, strict=True):
            if picture.shape != pictures[0].shape:
                raise UserError(f"expected images of one size, got {picture.shape[:2]} pixels in {paths[index]}")
        return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)

    def digest() -> str:
        hashed = hashlib.sha256()
        for file in paths:
            hashed.update(str(file.relative_to(path)).encode() + hashlib.sha256(file.read_bytes()).digest())
        return hashed.hexdigest()

    return Images(len(paths), load, digest)


def from_generator(generator: nn.Module, count: int, seed: int = 0) -> Images:
    """`count` images G(zᵢ) or G(zᵢ, yᵢ), zᵢ ~ N(0, I) from `seed`, yᵢ = i mod `generator.classes` where it has classes.

    All zᵢ are drawn at once with a random state of their own, so an image depends on `seed` and its index alone.
    The generator is used as it stands: put it in evaluation mode first.
    """
    latent, classes = int(getattr(generator, "latent")), getattr(generator, "classes", None)  # noqa: B009
    device = next(generator.parameters()).device
    noise = torch.from_numpy(np.random.RandomState(seed).standard_normal((count, latent)).astype(np.float32))

    @torch.no_grad()
    def load(indices: Index) -> Tensor:
        inputs = [noise[torch.from_numpy(indices)].to(device)]
        if classes is not None:
            inputs.append(torch.from_numpy(indices % int(classes)).to(device))
        images: Tensor = generator(*inputs)
        return images.to(torch.float32)

    return Images(count, load, lambda: "generated")


def from_path(path: Path) -> Images:
    """Images of a folder or a .npz file."""
    if path.is_dir():
        return from_folder(path)
    if path.suffix == ".npz" and path.is_file():
        return from_npz(path)
    raise UserError(f"expected a folder of images or a .npz file, got {path}")


def _read_picture(path: Path) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            if picture.mode != "RGB":
                raise UserError(f"expected RGB images, got mode {picture.mode} in {path}")
            return np.asarray(picture)
    except OSError as failure:
        raise UserError(f"expected a readable image in {path}: {failure}") from failure
