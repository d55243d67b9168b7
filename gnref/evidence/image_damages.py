"""Known damages to images of shapes, for validating what scores them."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

Images = tuple[Tensor, Tensor]
"""uint8 (N, 3, S, S) and classes (N,)."""
Damage = Callable[[Images, float, torch.Generator], Tensor]
"""From images, how much (0 leaves them, or draws them anew) and random draws to damaged images."""


def noise(images: Images, deviation: float, draws: torch.Generator) -> Tensor:
    """N(0, deviation²) added to every value, of a range of 1."""
    moved = images[0] + 255 * deviation * torch.randn(images[0].shape, generator=draws)
    return moved.round().clamp(0, 255).to(torch.uint8)


def blur(images: Images, deviation: float, draws: torch.Generator) -> Tensor:
    """Convolved with a Gaussian of so many pixels, borders repeated."""
    if deviation == 0:
        return images[0]
    place = torch.arange(-4.0, 5.0)
    line = torch.exp(-place.square() / (2 * deviation**2))
    kernel = torch.outer(line, line) / line.sum() ** 2
    x = pad(images[0].float(), (4, 4, 4, 4), mode="replicate").flatten(0, 1)[:, None]
    return conv2d(x, kernel[None, None]).view(images[0].shape).round().to(torch.uint8)


def faded(images: Images, share: float, draws: torch.Generator) -> Tensor:
    """Colours moved this share of the way to grey of the same mean."""
    x = images[0].float()
    return (x + share * (x.mean(1, keepdim=True) - x)).round().to(torch.uint8)


def dropped(images: Images, share: float, draws: torch.Generator) -> Tensor:
    """The first classes, this share of ten, are left out: their images become copies of others."""
    left = images[0][images[1] >= round(10 * share)]
    return left[torch.randint(len(left), (len(images[0]),), generator=draws)]


def duplicated(images: Images, share: float, draws: torch.Generator) -> Tensor:
    """This share of the images become copies of the first one."""
    chosen = torch.rand(len(images[0]), generator=draws) < share
    return torch.where(chosen[:, None, None, None], images[0][:1], images[0])


DAMAGES: Mapping[str, tuple[Damage, Sequence[float]]] = {
    "noise": (noise, (0.0, 0.03, 0.06, 0.12, 0.25)),
    "blur": (blur, (0.0, 0.4, 0.6, 0.9, 1.5)),
    "faded": (faded, (0.0, 0.1, 0.25, 0.5, 0.9)),
    "dropped classes": (dropped, (0.0, 0.2, 0.4, 0.7, 0.9)),
    "a duplicated image": (duplicated, (0.0, 0.1, 0.25, 0.5, 0.9)),
}
"""What is done to the shapes, and how much of it, from nothing to a wreck."""
