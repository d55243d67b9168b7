"""Layers with StyleGAN's equalized learning rate: weights of unit variance, scaled at run time.

Adam's steps are then of the same relative size in every layer, whatever its fan-in.
"""

from collections.abc import Callable
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Convolve = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""(x, weight, bias) ↦ a convolution of x."""


def same_size(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """W ∗ x + b, padded with zeros to the size of x; the kernel's size is odd."""
    return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


class EqualizedLinear(nn.Module):
    """x ↦ λ (g / √fan_in · W x + b) with W ~ N(0, 1/λ²) and b = 0 at the start.

    The scale of the weights is at run time, so that Adam's steps are the same relative size in every layer. `gain` g
    is √2 before a leaky ReLU and 1 elsewhere; `multiplier` λ slows a layer's learning down.
    """

    def __init__(self, in_features: int, out_features: int, *, gain: float = sqrt(2), multiplier: float = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / multiplier)
        self.bias = nn.Parameter(torch.zeros(out_features))
        self.scale = multiplier * gain / sqrt(in_features)
        self.multiplier = multiplier

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_features) to (N, out_features)."""
        return F.linear(x, self.weight * self.scale, self.bias * self.multiplier)


class EqualizedConv2d(nn.Module):
    """x ↦ g / √fan_in · W ∗ x + b with W ~ N(0, 1) and b = 0 at the start, `convolve` saying at what stride."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        gain: float = sqrt(2),
        bias: bool = True,
        convolve: Convolve = same_size,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.scale = gain / sqrt(in_channels * kernel_size**2)
        self.convolve = convolve

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, O, H', W'), the size that `convolve` gives."""
        return self.convolve(x, self.weight * self.scale, self.bias)
