"""Exact networks as PyTorch modules: what the laws hand to an implementation."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnref import exact_images
from gnref.exact_images import ImageNetwork, Part

_Module = TypeVar("_Module", bound=nn.Module)


class Abs(nn.Module):
    """φ(z) = |z|."""

    def forward(self, z: Tensor) -> Tensor:
        """The absolute value of z, of any shape."""
        return z.abs()


class Projection(nn.Module):
    """D_y(x) = head(h(x)) + ⟨e_y, h(x)⟩, e_y the rows of `embedding`."""

    def __init__(self, network: nn.Sequential, embedding: Sequence[Sequence[float]]) -> None:
        super().__init__()
        self.body, self.head = network[:-1], network[-1]
        self.embedding = nn.Embedding(len(embedding), len(embedding[0]))
        like: Tensor = next(network.parameters())
        self.embedding.weight = nn.Parameter(torch.tensor(embedding, dtype=like.dtype, device=like.device))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores (N, 1) of x (N, n) under the labels y (N,)."""
        hidden = self.body(x)
        score: Tensor = self.head(hidden) + (self.embedding(y) * hidden).sum(dim=1, keepdim=True)
        return score


def network(
    matrices: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    slope: float,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> nn.Sequential:
    """The network of `matrices` (W, b), the last pair its head, with φ(z) = z for z > 0 and slope · z otherwise.

    Raises: ValueError where a weight is not exact in `dtype` (None is float64).
    """
    dtype = dtype or torch.float64
    modules: list[nn.Module] = []
    for weight, bias in matrices:
        linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=dtype, device=device)
        _filled(linear, weight=weight, bias=bias)
        modules += [linear, _activation(slope)]
    return nn.Sequential(*modules[:-1])


def _activation(slope: float) -> nn.Module:
    # |z| too, of slope -1: the second derivative of torch.abs imports PyTorch's compiler, which takes 2.5 CPU-seconds.
    return nn.ReLU() if slope == 0 else nn.LeakyReLU(slope)


class Branches(nn.Module):
    """The sum of modules that read the same input."""

    def __init__(self, chains: Sequence[nn.Module]) -> None:
        super().__init__()
        self.chains = nn.ModuleList(chains)

    def forward(self, h: Tensor) -> Tensor:
        """(N, C, H, W) to the branches' common shape."""
        first, *others = [chain(h) for chain in self.chains]
        total: Tensor = first
        for other in others:
            total = total + other
        return total


class Total(nn.Module):
    """The sum over all pixels, or their mean: (N, C, H, W) to (N, C, 1, 1)."""

    def __init__(self, mean: bool) -> None:
        super().__init__()
        self.mean = mean

    def forward(self, h: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, 1, 1)."""
        return h.mean((2, 3), keepdim=True) if self.mean else h.sum((2, 3), keepdim=True)


class Flat(nn.Module):
    """A linear layer of the flattened h: (N, C, H, W) to (N, 1)."""

    def __init__(self, body: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.body, self.head = body, head

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) to scores (N, 1)."""
        score: Tensor = self.head(self.body(x).flatten(1))
        return score


def image_module(
    network: ImageNetwork, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> nn.Module:
    """The module of an exact image network: x (N, C, H, W), and y (N,) where there are labels, to (N, 1).

    Raises: ValueError where a weight is not exact in `dtype` (None is float64).
    """

    dtype = dtype or torch.float64

    def chain(parts: Sequence[Part]) -> nn.Sequential:
        return nn.Sequential(*map(module, parts))

    def module(part: Part) -> nn.Module:
        match part:
            case exact_images.Convolution():
                outputs, inputs, *kernel = part.weight.shape
                found = nn.Conv2d(inputs, outputs, tuple(kernel), part.stride, part.padding)
                return _filled(found.to(device, dtype), weight=part.weight, bias=part.bias)
            case exact_images.Activation():
                return _activation(part.slope)
            case exact_images.Pool():
                return nn.AvgPool2d(part.size) if part.kind == "average" else nn.MaxPool2d(part.size)
            case exact_images.Total():
                return Total(part.mean)
            case exact_images.Branches():
                return Branches([chain(parts) for parts in part.chains])

    head = nn.Linear(network.head.size, 1).to(device, dtype)
    _filled(head, weight=network.head[None], bias=np.array([network.bias]))
    body = chain(network.parts)
    if network.embedding is None:
        return Flat(body, head)
    flat = nn.Sequential(nn.Sequential(body, nn.Flatten()), head)
    return Projection(flat, network.embedding.tolist())


def _filled(module: _Module, **values: NDArray[np.float64]) -> _Module:
    with torch.no_grad():
        for name, exact in values.items():
            parameter = module.get_parameter(name)
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(exact)))
            if not np.array_equal(parameter.double().cpu().numpy(), exact):
                raise ValueError(f"exact network: {exact.tolist()} is not exact in {parameter.dtype}")
    return module
