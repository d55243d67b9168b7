"""Images to be scored: a generator's, or a part of those there are, in batches of uint8."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gnref.data.arrays import check_finite, check_shape
from gnref.data.images import ImageFiles, Images, ImageSet, to_bytes
from gnref.errors import UserError


def batches(images: Images) -> Iterator[Tensor]:
    """All images in order, uint8 (n, 3, size, size), n a function of the size: no score depends on a batch size.

    n is 100 up to 200 pixels, then as many as hold four million pixels.
    """
    count = max(1, min(100, 2**22 // images.size**2))
    for start in range(0, len(images), count):
        yield images.fetch(torch.arange(start, min(start + count, len(images))))


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
        """The images with these indices, uint8 on the generator's device.

        Raises:
            UserError: for other than one RGB image each of the right size, and for NaN or infinity.
        """
        return to_bytes(self._floats(index))

    def check_range(self) -> None:
        """Raise UserError where the first 100 images show that the generator's range is not [-1, 1].

        Among so many pixels of a range that reaches down to -1, one at least is negative.
        """
        images = self._floats(torch.arange(min(100, len(self))))
        low, high = images.min().item(), images.max().item()
        # A collapsed generator gives one value everywhere: a bad score, and no mistake of units.
        if (low >= 0 and low < high) or high > 100:
            raise UserError(
                f"expected a generator of images in [-1, 1], got pixels from {low:.4g} to {high:.4g}: rescale them, "
                "with 2 x - 1 from [0, 1] or x / 127.5 - 1 from 0 to 255"
            )

    def _floats(self, index: Tensor) -> Tensor:
        parameter = _first_parameter(self.generator)
        inputs = [self.noise[index].to(parameter)]
        if self.labels is not None:
            inputs.append(self.labels[index].to(parameter.device))
        images = self.generator(*inputs)
        if not isinstance(images, Tensor) or not images.is_floating_point():
            came = images.dtype if isinstance(images, Tensor) else type(images).__name__
            raise UserError(f"expected a generator of images as floats in [-1, 1], got {came}")
        check_shape(images, self.size)
        if len(images) != len(index):
            raise UserError(f"expected {len(index)} images from the generator for as many z, got {len(images)}")
        check_finite(images)
        return images


def generated_images(generator: nn.Module, count: int, size: int, seed: int) -> GeneratedImages:
    """`count` images of a generator with the attribute `latent`, and `classes` if it is conditional.

    The latents come from a random state of their own.

    Raises:
        UserError: for a generator without these attributes, or with values that are no lengths.
    """
    latent, classes = getattr(generator, "latent", None), getattr(generator, "classes", None) or None
    if not isinstance(latent, int) or latent < 1:
        came = "has none" if latent is None else f"has {latent!r}"
        raise UserError(
            f"expected a generator with an attribute latent, the length of z; {type(generator).__name__} {came}"
        )
    if classes is not None and (not isinstance(classes, int) or classes < 1):
        raise UserError(f"expected the generator's attribute classes to be the number of its classes, got {classes!r}")
    noise = np.random.RandomState(seed).standard_normal((count, latent)).astype(np.float32)
    labels = None if classes is None else torch.arange(count) % classes
    return GeneratedImages(generator, torch.from_numpy(noise), size, labels)


def _first_parameter(generator: nn.Module) -> Tensor:
    """The parameter whose dtype and device z gets."""
    return next((p for p in generator.parameters() if p.is_floating_point()), torch.zeros(()))


def part(images: Images, count: int) -> Images:
    """`count` of the images: a random part drawn once and for all, for folders are often sorted by class."""
    if len(images) < count:
        raise UserError(f"expected {count} images (a score of fewer is another score), got {len(images)}")
    if len(images) == count:
        return images
    chosen = np.sort(np.random.RandomState(0).permutation(len(images))[:count])
    if isinstance(images, ImageFiles):
        return replace(images, keys=[images.keys[i] for i in chosen], labels=None)
    return ImageSet(images.fetch(torch.from_numpy(chosen)))


def lossy(images: Images) -> bool:
    """Whether images come from JPEG files."""
    return isinstance(images, ImageFiles) and any(
        isinstance(key, Path) and key.suffix.lower() in {".jpg", ".jpeg"} for key in images.keys
    )
