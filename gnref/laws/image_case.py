"""An exact image network and the images it is asked at, from a handful of choices, so that a case is one line."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from gnref.exact_images import Activation, Branches, Convolution, ImageNetwork, Part, Pool, Total, exponent
from gnref.exact_modules import image_module
from gnref.laws.exact_case import ExactCase, Numbers

Layout = Literal["contiguous", "channels_last", "strided", "transposed", "rows", "volume"]
"""How x lies in memory, or its rank: `rows` is (N, C·H, W), `volume` is (N, C, 1, H, W)."""


@dataclass(frozen=True)
class ImageCase(ExactCase):
    """A convolutional network of exact numbers and images of small integers; its repr pastes.

    Every pre-activation is an odd multiple of a power of two, so that none is 0. Images on which two largest entries of
    a pooled square are equal are left out.
    """

    shape: tuple[int, int, int] = (2, 4, 3)
    """(C, H, W)."""
    width: int = 3
    """Channels of the hidden layers."""
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    blocks: int = 1
    """Residual blocks after the first convolution."""
    pool: Literal["none", "average", "largest", "total"] = "none"
    slope: float = 0.0
    """0 is ReLU, 1/4 leaky, -1 the absolute value."""
    score: Literal["odd", "zero", "far above", "far below"] = "odd"
    """f: an odd multiple of a power of two; 0 at the first image; or some 1000 times ‖∇ₓf‖ above or below 0."""
    samples: int = 4
    positive: bool = False
    """Weights of one sign: few terms cancel, so that float32's roundings stay small beside what is judged."""
    labels: int = 0
    """How many labels there are; 0 for a network without."""
    layout: Layout = "contiguous"
    seed: int = 0
    dtype: torch.dtype = torch.float64
    device: str = "cpu"
    kept: tuple[int, ...] | None = None
    """The images judged, by their index; None for all."""

    def to(self, dtype: torch.dtype, device: str = "cpu") -> "ImageCase":
        """The same case in another dtype and on another device."""
        return replace(self, dtype=dtype, device=device)

    def numbers(self) -> Numbers:
        """The network, with its last bias chosen for the score that is asked for, and its images."""
        return _built(replace(self, dtype=torch.float64, device="cpu", kept=None))

    def module(self) -> nn.Module:
        """The network in PyTorch, for x in the case's layout."""
        module = image_module(self.network, self.dtype, self.device)
        return Folded(module, self.shape) if self.layout in ("rows", "volume") else module

    def x(self) -> Tensor:
        """The images as a tensor in the case's layout."""
        images = torch.tensor(self.array, dtype=self.dtype, device=self.device)
        match self.layout:
            case "channels_last":
                return images.contiguous(memory_format=torch.channels_last)
            case "strided":
                return images.repeat_interleave(2, dim=3)[..., ::2]
            case "transposed":
                return images.transpose(2, 3).contiguous().transpose(2, 3)
            case "rows":
                return images.flatten(1, 2)
            case "volume":
                return images[:, :, None]
        return images


class Folded(nn.Module):
    """A discriminator of images that takes them in another rank: x (N, ...) of C·H·W entries."""

    def __init__(self, module: nn.Module, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.module, self.shape = module, shape

    def forward(self, x: Tensor, *args: Tensor) -> Tensor:
        """The scores of x.reshape(N, C, H, W)."""
        score: Tensor = self.module(x.reshape(-1, *self.shape), *args)
        return score


@lru_cache(maxsize=64)
def _built(case: ImageCase) -> Numbers:
    """The network, its images, their labels, and f and ∇ₓf there."""
    random, network = np.random.default_rng([case.seed, 1]), _network(case)
    images = random.integers(-3, 4, (4 * case.samples, *case.shape)).astype(np.float64)
    tied = network.tied(images)
    # Where every image has a tie, the first of the largest entries is taken, as PyTorch does.
    images = images[~tied if not tied.all() else slice(None)][: case.samples]
    labels = random.integers(0, max(case.labels, 1), len(images)).tolist()
    found = network.evaluate(images, labels)
    unit = 2.0 ** -exponent(found.score)
    far = 2.0**19 * unit + unit / 2
    zero = -found.score[int(np.argmax(found.squared_norm > 0))]
    if ((found.score + zero == 0) & (found.squared_norm == 0)).any():
        zero = unit / 2  # f = 0 in a dead region is 0/0: another law's subject
    offset = {"odd": unit / 2, "zero": zero, "far above": far, "far below": -far}[case.score]
    score = found.score + offset
    chosen = labels if case.labels else []
    return Numbers(replace(network, bias=float(offset)), images, chosen, found._replace(score=score))


def _network(case: ImageCase) -> ImageNetwork:
    """Convolution, φ, residual blocks, pooling and a linear head, with biases that keep every pre-activation off 0.

    `unit` is a power of two of which all values are multiples; half of it times an odd number is added as a bias.
    """
    random = np.random.default_rng([case.seed, 0])
    halvings, unit, channels = {0.0: 1.0, -1.0: 1.0}.get(case.slope, case.slope), 1.0, case.shape[0]

    signs = [1] if case.positive else [-1, 1]

    def convolution(outputs: int, kernel: int, stride: int, padding: int, largest: int) -> Convolution:
        nonlocal channels, unit
        # Few entries of a filter are not 0: what is allowed for rounding grows with the terms of a sum.
        weight = np.zeros((outputs, channels * kernel * kernel))
        for row in weight:
            places = random.choice(row.size, min(row.size, 3), replace=False)
            row[places] = random.choice(signs, len(places)) * random.integers(1, largest + 1, len(places))
        filters = weight.reshape(outputs, channels, kernel, kernel)
        unit, channels = unit / 2, outputs
        bias = unit * (2 * random.integers(-2, 2, outputs) + 1)
        return Convolution(filters, bias.astype(np.float64), stride, padding)

    parts: list[Part] = [convolution(case.width, case.kernel, case.stride, case.padding, 2), Activation(case.slope)]
    unit *= halvings
    for _ in range(case.blocks):
        inner = convolution(case.width, 1, 1, 0, 1)
        unit *= halvings
        branch = (inner, Activation(case.slope), convolution(case.width, 3, 1, 1, 1))
        parts += [Branches((branch, ())), Activation(case.slope)]
        unit *= halvings
    height, width = ((size + 2 * case.padding - case.kernel) // case.stride + 1 for size in case.shape[1:])
    if case.pool in ("average", "largest") and min(height, width) > 1:
        parts.append(Pool("average" if case.pool == "average" else "largest"))
        height, width = height // 2, width // 2
    elif case.pool == "total":
        parts.append(Total())
        height, width = 1, 1
    size = channels * height * width
    embedding = random.integers(-1, 2, (case.labels, size)).astype(np.float64) if case.labels else None
    return ImageNetwork(tuple(parts), random.choice(signs, size) * random.integers(1, 3, size), 0.0, embedding)
