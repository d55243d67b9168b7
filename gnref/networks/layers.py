"""What the paper's convolutional networks share: resampling convolutions, residual blocks, starting weights.

Every block is built of `conv2d`, `avg_pool2d`, `interpolate`, the activation and `+`, none of it in place and none of
it a custom function, so that first and second derivatives, and a replay of the recorded operations, see ordinary
PyTorch.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import torch.nn.functional as F
from torch import Tensor, nn

from gnref.errors import UserError

Activation = Callable[[], nn.Module]
"""Makes a new activation module: `nn.ReLU`, or `functools.partial(nn.LeakyReLU, 0.1)`."""

Initializer = Callable[[Tensor], object]
"""Fills a weight in place, as the functions of `torch.nn.init` do."""

normal_init: Initializer = partial(nn.init.normal_, std=0.02)
"""Weights ~ N(0, 0.02²): how the original code starts the standard CNN, and BigGAN's its own networks."""

_Layout = TypeVar("_Layout")


def layout_for(network: str, layouts: Mapping[int, _Layout], size: int) -> _Layout:
    """The layer table of `network` for images of `size` pixels; `UserError` where the paper has none."""
    if size not in layouts:
        known = ", ".join(str(known) for known in layouts)
        raise UserError(
            f"{network}: expected size to be one of {known}, got {size}; resize the images to one of these."
        )
    return layouts[size]


def initialize(network: nn.Module, weight: Initializer) -> None:
    """Fill every convolution's, linear layer's and embedding's weight with `weight`, and set their biases to 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.Embedding):
            weight(module.weight)
            if not isinstance(module, nn.Embedding) and module.bias is not None:
                nn.init.zeros_(module.bias)


def pooled_conv3x3(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """avgpool₂(W ∗ x + b) as one 4×4 convolution of stride 2.

    Its kernel is the mean of W's four shifts by (0 or 1, 0 or 1) pixels: 16 products for every four outputs where the
    plain form takes 36. `x` (N, C, H, W), `weight` (O, C, 3, 3), result (N, O, ⌊H/2⌋, ⌊W/2⌋).
    """
    return F.conv2d(x, F.avg_pool2d(weight, 2, stride=1, padding=1), bias, stride=2, padding=1)


def upsampled_conv3x3(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """W ∗ nearest₂(x) + b as one transposed 4×4 convolution of stride 2.

    Its kernel is the sum of the flipped W's four shifts by (0 or 1, 0 or 1) pixels. `x` (N, C, H, W), `weight` (O, C,
    3, 3), result (N, O, 2H, 2W).
    """
    kernel = F.avg_pool2d(weight.flip((2, 3)), 2, stride=1, padding=1, divisor_override=1)
    return F.conv_transpose2d(x, kernel.transpose(0, 1), bias, stride=2, padding=1)


def upsample(x: Tensor) -> Tensor:
    """Nearest-neighbour upsampling by 2: (N, C, H, W) to (N, C, 2H, 2W)."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class PooledConv2d(nn.Conv2d):
    """x ↦ avgpool₂(W ∗ x + b), with a kernel of 1 or 3 pixels that keeps the size.

    `fuse=True` computes the same function with fewer products: a 3×3 kernel by `pooled_conv3x3`, a 1×1 kernel after
    the pooling, with which it commutes. The weight is read once either way, so a spectral norm on it advances once.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, fuse: bool = False) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.fuse = fuse

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, O, ⌊H/2⌋, ⌊W/2⌋)."""
        if not self.fuse:
            return F.avg_pool2d(super().forward(x), 2)
        if self.kernel_size == (1, 1):
            return super().forward(F.avg_pool2d(x, 2))
        return pooled_conv3x3(x, self.weight, self.bias)


class UpsampledConv2d(nn.Conv2d):
    """x ↦ W ∗ nearest₂(x) + b, with a kernel of 1 or 3 pixels.

    `fuse=True` computes the same function with fewer products: a 3×3 kernel by `upsampled_conv3x3`, a 1×1 kernel
    before the upsampling, with which it commutes.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, fuse: bool = False) -> None:
        super().__init__(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.fuse = fuse

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, O, 2H, 2W)."""
        if not self.fuse:
            return super().forward(upsample(x))
        if self.kernel_size == (1, 1):
            return upsample(super().forward(x))
        return upsampled_conv3x3(x, self.weight, self.bias)


class GeneratorBlock(nn.Module):
    """Double the size: norm, ReLU, upsample, conv 3×3, norm, ReLU, conv 3×3; plus the shortcut upsample, conv 1×1.

    `norm(channels)` makes a normalization called with the features and the condition, if there is one: batch norm
    with none, conditional batch norm with the labels.
    """

    def __init__(
        self, in_channels: int, out_channels: int, norm: Callable[[int], nn.Module], *, fuse: bool = False
    ) -> None:
        super().__init__()
        self.norm1 = norm(in_channels)
        self.conv1 = UpsampledConv2d(in_channels, out_channels, 3, fuse=fuse)
        self.norm2 = norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.shortcut = UpsampledConv2d(in_channels, out_channels, 1, fuse=fuse)

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        """(N, C, H, W) to (N, O, 2H, 2W)."""
        h = self.conv1(F.relu(self.norm1(x, *condition)))
        h = self.conv2(F.relu(self.norm2(h, *condition)))
        result: Tensor = h + self.shortcut(x)
        return result


class FirstDiscriminatorBlock(nn.Module):
    """Halve the size of images: conv 3×3, φ, conv 3×3, pool; plus the shortcut pool, conv 1×1.

    Pixels are no pre-activations, so no φ comes first; the shortcut pools first, where its three channels are few.
    """

    def __init__(self, out_channels: int, activation: Activation, *, fuse: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, out_channels, 3, padding=1)
        self.activation = activation()
        self.conv2 = PooledConv2d(out_channels, out_channels, 3, fuse=fuse)
        self.shortcut = nn.Conv2d(3, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, O, H/2, W/2)."""
        h = self.conv2(self.activation(self.conv1(x)))
        result: Tensor = h + self.shortcut(F.avg_pool2d(x, 2))
        return result


class DiscriminatorBlock(nn.Module):
    """φ, conv 3×3, φ, conv 3×3 and, if `down`, pool; plus the shortcut conv 1×1 and, if `down`, pool.

    The shortcut is the identity where nothing changes size. It reads what the first φ reads, so that φ must not work
    in place (`ValueError`). The hidden width is the output's.
    """

    def __init__(
        self, in_channels: int, out_channels: int, activation: Activation, *, down: bool, fuse: bool = False
    ) -> None:
        super().__init__()
        self.activation1 = activation()
        if getattr(self.activation1, "inplace", False):
            raise ValueError(
                "DiscriminatorBlock: expected an activation that keeps its input, because the shortcut reads it too, "
                f"got {self.activation1}; pass inplace=False."
            )
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.activation2 = activation()
        self.conv2: nn.Module
        self.shortcut: nn.Module
        if down:
            self.conv2 = PooledConv2d(out_channels, out_channels, 3, fuse=fuse)
            self.shortcut = PooledConv2d(in_channels, out_channels, 1, fuse=fuse)
        else:
            self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
            self.shortcut = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, O, H/2, W/2) if `down`, else (N, O, H, W)."""
        h = self.conv1(self.activation1(x))
        h = self.conv2(self.activation2(h))
        result: Tensor = h + self.shortcut(x)
        return result
