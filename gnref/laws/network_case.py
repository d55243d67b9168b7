"""The paper's discriminators at their own depth with exact numbers, and the same networks for the NumPy oracle."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from gnref.exact import Array
from gnref.exact_images import Activation, Branches, Convolution, ImageNetwork, Part, Pool, Total
from gnref.laws.exact_case import ExactCase, Numbers
from gnref.networks import BigGANDiscriminator, CNNDiscriminator, ResNetDiscriminator


@dataclass(frozen=True)
class NetworkCase(ExactCase):
    """A discriminator of the paper for 32 pixels, at full depth and reduced width, and images of small integers.

    Filters have three entries of ±1, biases are odd multiples of powers of two: f and ∇ₓf are exact in float64, and no
    pre-activation is 0. The leaky slope of the CNN is 1/2, for 1/10 is no dyadic number.
    """

    name: Literal["CNN-32", "ResNet-32", "BigGAN-32"]
    width: int = 4
    samples: int = 3
    seed: int = 0
    dtype: torch.dtype = torch.float64
    device: str = "cpu"
    kept: tuple[int, ...] | None = None
    """The images judged, by their index; None for all."""

    shape = (3, 32, 32)

    def to(self, dtype: torch.dtype, device: str = "cpu") -> "NetworkCase":
        """The same case on another device; its numbers are exact in float64 alone."""
        if dtype != torch.float64:
            raise ValueError(f"NetworkCase: expected torch.float64, got {dtype}")
        return replace(self, device=device)

    def numbers(self) -> Numbers:
        """The network for the oracle, and its images."""
        return _built(replace(self, device="cpu", kept=None))

    def module(self) -> nn.Module:
        """The package's own discriminator with the network's numbers."""
        module = _MODULES[self.name](self.width).to(self.device, torch.float64)
        with torch.no_grad():
            for parameter, exact in zip(module.parameters(), _numbers(self.network), strict=True):
                parameter.copy_(torch.from_numpy(exact).reshape(parameter.shape))
        return module

    def x(self) -> Tensor:
        """The images."""
        return torch.tensor(self.array, device=self.device)


_MODULES: dict[str, Callable[[int], nn.Module]] = {
    "CNN-32": lambda width: CNNDiscriminator(size=32, width=width, activation=partial(nn.LeakyReLU, 0.5)),
    "ResNet-32": lambda width: ResNetDiscriminator(size=32, width=width),
    "BigGAN-32": lambda width: BigGANDiscriminator(size=32, width=width, classes=3),
}


def network_cases() -> Iterator[NetworkCase]:
    """The three, with about eight channels in the first maps."""
    yield NetworkCase("CNN-32", width=4)
    yield NetworkCase("ResNet-32", width=4)
    yield NetworkCase("BigGAN-32", width=2)


@lru_cache(maxsize=8)
def _built(case: NetworkCase) -> Numbers:
    random = np.random.default_rng(case.seed)
    network = _Builder(random).network(case)
    images = random.integers(-3, 4, (case.samples, *case.shape)).astype(np.float64)
    labels = random.integers(0, 3, case.samples).tolist() if case.name == "BigGAN-32" else []
    assert network.significand_bits(images, labels) <= 53, case
    return Numbers(network, images, labels, network.evaluate(images, labels))


class _Builder:
    """Draws layers; `unit` is a power of two of which all values so far are multiples."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random, self.unit = random, 1.0

    def network(self, case: NetworkCase) -> ImageNetwork:
        width = case.width
        parts = (
            self.cnn(width) if case.name == "CNN-32" else self.residual((2 if case.name == "ResNet-32" else 4) * width)
        )
        if case.name != "CNN-32":
            mean = case.name == "ResNet-32"
            parts += [Activation(0.0), Total(mean=mean)]
            self.unit /= 64 if mean else 1
        size = 8 * width * 16 if case.name == "CNN-32" else (2 if case.name == "ResNet-32" else 4) * width
        head = self.random.choice([-1.0, 1.0], size)
        embedding = self.random.integers(-1, 2, (3, size)).astype(np.float64) if case.name == "BigGAN-32" else None
        return ImageNetwork(tuple(parts), head, self.unit / 2, embedding)

    def convolution(self, inputs: int, outputs: int, kernel: int, stride: int = 1, finer: float = 1.0) -> Convolution:
        weight = np.zeros((outputs, inputs * kernel * kernel))
        for row in weight:
            places = self.random.choice(row.size, min(row.size, 3), replace=False)
            row[places] = self.random.choice([-1.0, 1.0], len(places))
        self.unit *= finer / 2
        bias = self.unit * (2 * self.random.integers(-1, 3, outputs) + 1)
        filters = weight.reshape(outputs, inputs, kernel, kernel)
        return Convolution(filters, bias.astype(np.float64), stride, 1 if kernel > 1 else 0)

    def cnn(self, width: int) -> list[Part]:
        parts: list[Part] = [self.convolution(3, width, 3), self.leaky()]
        for channels in (width, 2 * width, 4 * width):
            parts += [self.convolution(channels, 2 * channels, 4, stride=2), self.leaky()]
            parts += [self.convolution(2 * channels, 2 * channels, 3), self.leaky()]
        return parts

    def leaky(self) -> Activation:
        self.unit /= 2
        return Activation(0.5)

    def residual(self, channels: int) -> list[Part]:
        """Four blocks; the first two halve the size."""
        first = (self.convolution(3, channels, 3), Activation(0.0), self.convolution(channels, channels, 3))
        # A mean of four odd multiples may be 0: the shortcut's bias, of a finer unit, keeps the sum off 0.
        shortcut = (Pool("average"), self.convolution(3, channels, 1, finer=0.25))
        parts: list[Part] = [Branches(((*first, Pool("average")), shortcut))]
        for down in (True, False, False):
            main = (
                Activation(0.0),
                self.convolution(channels, channels, 3),
                Activation(0.0),
                self.convolution(channels, channels, 3),
            )
            if down:
                beside = (self.convolution(channels, channels, 1, finer=0.25), Pool("average"))
                parts.append(Branches(((*main, Pool("average")), beside)))
            else:
                parts.append(Branches((main, ())))
        return parts


def _numbers(network: ImageNetwork) -> Iterator[Array]:
    """All numbers of a network, in the order of the torch parameters."""

    def of(parts: tuple[Part, ...]) -> Iterator[Array]:
        for part in parts:
            if isinstance(part, Convolution):
                yield from (part.weight, part.bias)
            elif isinstance(part, Branches):
                for chain in part.chains:
                    yield from of(chain)

    yield from of(network.parts)
    yield from (network.head, np.array([network.bias]))
    if network.embedding is not None:
        yield network.embedding
