"""Samples of a generator, and their pictures."""

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnref.data.images import to_bytes
from gnref.files import write_atomically


def latents(
    generator: nn.Module, count: int, seed: int, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor | None]:
    """`count` latents ~ N(0, I) and, for a conditional G, labels 0, 1, ..., by turns: a function of the seed alone."""
    latent: Any = generator.latent
    classes = getattr(generator, "classes", 0)
    z = torch.randn(count, latent, generator=torch.Generator().manual_seed(seed))
    return z.to(device), torch.arange(count, device=device) % classes if classes else None


@torch.no_grad()
def samples(generator: nn.Module, count: int, seed: int = 0, batch: int = 64) -> Iterator[Tensor]:
    """`count` images in batches, uint8 (≤ batch, 3, S, S) on the CPU; of a generator of points float32 (≤ batch, 2).

    `generator` is in evaluation mode, so that an image depends on its own latent and not on its batch mates.
    """
    z, labels = latents(generator, count, seed, next(generator.parameters()).device)
    for start in range(0, count, batch):
        conditions = () if labels is None else (labels[start : start + batch],)
        made = generator(z[start : start + batch], *conditions)
        yield (to_bytes(made) if made.dim() == 4 else made).cpu()


def grid(images: Tensor) -> Tensor:
    """Images, uint8 (N, 3, S, S), as one, uint8 (3, H, W), in ⌈√N⌉ columns, at least 256 pixels wide.

    Of points (N, 2): where they lie.
    """
    if images.dim() == 2:
        return scattered(images)
    columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    size = images.shape[-1]
    tiles = torch.zeros(rows * columns, 3, size, size, dtype=torch.uint8)
    tiles[: len(images)] = images
    joined = tiles.view(rows, columns, 3, size, size).permute(2, 0, 3, 1, 4).reshape(3, rows * size, columns * size)
    zoom = max(1, 256 // (columns * size))
    return joined.repeat_interleave(zoom, 1).repeat_interleave(zoom, 2)


def scattered(points: Tensor, reach: float = 6.0, pixels: int = 256) -> Tensor:
    """Black dots on white at points (N, 2) of [-reach, reach]², uint8 (3, pixels, pixels); others are left out."""
    inside = points[points.isfinite().all(1) & (points.abs().amax(1) < reach)]
    column, row = ((inside / reach + 1) / 2 * pixels).long().unbind(1)
    image = torch.full((3, pixels, pixels), 255, dtype=torch.uint8)
    image[:, pixels - 1 - row, column] = 0
    return image


def save_png(image: Tensor, path: Path) -> None:
    """One image, uint8 (3, H, W), as a PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy())).save(buffer, "PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())


class Grown(nn.Module):
    """StyleGAN's generator at one moment of its growth: z to images of the present resolution."""

    def __init__(self, generator: nn.Module, resolution: int, alpha: float) -> None:
        super().__init__()
        self.generator, self.resolution, self.alpha = generator, resolution, alpha
        self.latent = generator.latent

    def forward(self, z: Tensor) -> Tensor:
        """Latents (N, latent) to images (N, 3, resolution, resolution)."""
        images: Tensor = self.generator(z, self.resolution, self.alpha)
        return images
