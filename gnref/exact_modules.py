"""Exact networks as PyTorch modules: what the laws hand to an implementation."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


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
        with torch.no_grad():
            for parameter, exact in ((linear.weight, weight), (linear.bias, bias)):
                parameter.copy_(torch.from_numpy(exact))
                if not np.array_equal(parameter.double().cpu().numpy(), exact):
                    raise ValueError(f"ExactNetwork: {exact.tolist()} is not exact in {dtype}")
        modules += [linear, _activation(slope)]
    return nn.Sequential(*modules[:-1])


def _activation(slope: float) -> nn.Module:
    if slope == 0:
        return nn.ReLU()
    return Abs() if slope == -1 else nn.LeakyReLU(slope)
