"""Images to be scored, from wherever they come, as the uint8 that torch-fidelity expects.

Nothing is resized, converted or clipped on the way: images of another size, range or number of channels are refused,
for each of these mistakes changes FID by several points without a trace.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnref.data.images import ImageFiles, Images, ImageSet, to_bytes
from gnref.errors import UserError

LOSSY = {".jpg", ".jpeg"}


def batches(images: Images) -> Iterator[Tensor]:
    """All images in order, uint8 (n, 3, size, size), n a function of the size: no score depends on a batch size.

    n is 100 up to 200 pixels, then as many as hold four million pixels.
    """
    count = max(1, min(100, 2**22 // images.size**2))
    for start in range(0, len(images), count):
        yield images.fetch(torch.arange(start, min(start + count, len(images))))


def from_array(array: Tensor | NDArray[np.generic], size: int) -> ImageSet:
    """Images (N, 3, size, size) or (N, size, size, 3): uint8, or floats x in [-1, 1], rounded to 127.5 (x + 1).

    Raises UserError for anything else, for NaN, and for floats without a negative value: those are in [0, 1].
    """
    images = torch.as_tensor(array)
    if images.dim() == 4 and images.shape[1] != 3 and images.shape[3] == 3:
        images = images.permute(0, 3, 1, 2)
    _check_shape(images, size)
    if images.dtype == torch.uint8:
        return ImageSet(images.contiguous())
    if not images.is_floating_point():
        raise UserError(f"expected images as uint8 or as floats in [-1, 1], got {images.dtype}")
    _check_finite(images)
    low, high = (images.min().item(), images.max().item()) if len(images) else (-1.0, 1.0)
    if low < -1 or high > 1 or low >= 0:
        raise UserError(
            f"expected images as uint8 or as floats in [-1, 1], got floats from {low:.4g} to {high:.4g}: rescale them"
        )
    return ImageSet(to_bytes(images))


def from_npz(path: Path, size: int) -> ImageSet:
    """The array named `images` of a .npz file, or its only array."""
    try:
        with np.load(path, allow_pickle=False) as file:
            names = list(file.files)
            if "images" not in names and len(names) != 1:
                raise UserError(f"expected in {path} one array, or one named images, got {', '.join(names) or 'none'}")
            array = file["images" if "images" in names else names[0]]
    except UserError:
        raise
    except Exception as failure:  # numpy and zipfile raise half a dozen types for a broken file
        raise UserError(f"expected a readable .npz file of images in {path}: {failure}") from None
    return from_array(array, size)


def from_folder(path: Path, size: int) -> ImageFiles:
    """The .png, .jpg and .jpeg files below a folder, in the order of their paths, decoded when asked for."""
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in {".png", *LOSSY})
    if not files:
        raise UserError(f"expected .png or .jpg images below {path}, found none")
    return ImageFiles(files, partial(_decode, size=size), size)


def from_path(path: Path, size: int) -> Images:
    """Images of a folder or a .npz file."""
    if path.is_dir():
        return from_folder(path, size)
    if path.suffix == ".npz" and path.is_file():
        return from_npz(path, size)
    raise UserError(f"expected a folder of images or a .npz file, got {path}")


@dataclass(frozen=True)
class GeneratedImages:
    """G(zᵢ), or G(zᵢ, yᵢ) with yᵢ = i mod `classes` where the generator has classes; zᵢ ~ N(0, I).

    `noise` (N, latent) holds all zᵢ, so that an image depends on its index alone. Values beyond [-1, 1] are clipped, as
    networks without a final tanh want it. The generator runs as it stands: put it in evaluation mode first.
    """

    generator: nn.Module
    noise: Tensor
    size: int
    labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.noise)

    @torch.no_grad()
    def fetch(self, index: Tensor) -> Tensor:
        """The images with these indices, on the generator's device. Raises UserError for NaN."""
        device = next(self.generator.parameters()).device
        inputs = [part[index].to(device) for part in (self.noise, self.labels) if part is not None]
        images: Tensor = self.generator(*inputs)
        _check_shape(images, self.size)
        _check_finite(images)
        return to_bytes(images)


def generated_images(generator: nn.Module, count: int, size: int, seed: int) -> GeneratedImages:
    """`count` images of a generator with the attribute `latent`, and `classes` if it is conditional.

    The latents come from a random state of their own.
    """
    latent, classes = getattr(generator, "latent", None), getattr(generator, "classes", None)
    if not isinstance(latent, int):
        raise UserError(f"expected a generator with an attribute latent, the length of z; {type(generator)} has none")
    noise = np.random.RandomState(seed).standard_normal((count, latent)).astype(np.float32)
    labels = torch.arange(count) % classes if isinstance(classes, int) else None
    return GeneratedImages(generator, torch.from_numpy(noise), size, labels)


def part(images: Images, count: int) -> Images:
    """`count` of the images: a random part drawn once and for all, for folders are often sorted by class."""
    if len(images) < count:
        raise UserError(f"expected {count} images (a score of fewer is another score), got {len(images)}")
    if len(images) == count:
        return images
    chosen = np.sort(np.random.RandomState(0).permutation(len(images))[:count])
    if isinstance(images, ImageFiles):
        return ImageFiles([images.keys[i] for i in chosen], images.decode, images.size)
    return ImageSet(images.fetch(torch.from_numpy(chosen)))


def fingerprint(images: Images) -> str:
    """SHA-256 of the pixels: of all images in memory, of 500 spread over a set that is decoded from files."""
    step = 1 if isinstance(images, ImageSet) else max(1, len(images) // 500)
    hashed = hashlib.sha256(f"{len(images)} images of {images.size} pixels".encode())
    for index in torch.split(torch.arange(0, len(images), step), 100):
        hashed.update(images.fetch(index).cpu().numpy().tobytes())
    return hashed.hexdigest()


def lossy(images: Images) -> bool:
    """Whether images come from JPEG files."""
    return isinstance(images, ImageFiles) and any(
        isinstance(key, Path) and key.suffix.lower() in LOSSY for key in images.keys
    )


def _check_shape(images: Tensor, size: int) -> None:
    if images.dim() != 4 or tuple(images.shape[1:]) != (3, size, size):
        raise UserError(
            f"expected RGB images of {size} x {size} pixels, (n, 3, {size}, {size}), got {tuple(images.shape)}"
        )


def _check_finite(images: Tensor) -> None:
    if not images.isfinite().all():
        raise UserError("expected finite images, got NaN or infinity among them")


def _decode(path: object, size: int) -> Tensor:
    from PIL import Image

    try:
        with Image.open(str(path)) as picture:
            if picture.mode != "RGB" or picture.size != (size, size):
                width, height = picture.size
                raise UserError(
                    f"expected RGB images of {size} x {size} pixels, got {picture.mode} of {width} x {height} in {path}"
                )
            return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)
    except OSError as failure:
        raise UserError(f"expected a readable image in {path}: {failure}") from None
