"""How the networks of an experiment lie in memory, and whether resampling runs within their convolutions."""

from typing import Literal

import torch
from torch import nn

Layout = Literal["plain", "channels-last", "fused", "fused channels-last"]
"""channels-last: the channels of a pixel stand together, (N, H, W, C) in memory; fused: average pooling after a
convolution, and upsampling before one, are computed with it as one convolution. Neither changes a function."""

FUSING = ("resnet", "biggan")
"""The architectures that resample next to a convolution."""


def memory_format(layout: Layout) -> torch.memory_format:
    """Of images and weights (N, C, H, W)."""
    return torch.channels_last if layout.endswith("channels-last") else torch.contiguous_format


def laid_out(network: nn.Module, layout: Layout) -> nn.Module:
    """The network, its weights in the layout's memory format."""
    return network.to(memory_format=memory_format(layout))  # type: ignore[call-overload, no-any-return]
