"""How the networks of an experiment lie in memory, and whether resampling runs within their convolutions."""

import torch
from torch import nn

from gnref.training.execution import Layout

FUSING = ("resnet", "biggan")
"""The architectures that resample next to a convolution."""


def memory_format(layout: Layout) -> torch.memory_format:
    """Of images and weights (N, C, H, W)."""
    return torch.channels_last if layout.endswith("channels-last") else torch.contiguous_format


def laid_out(network: nn.Module, layout: Layout) -> nn.Module:
    """The network, its weights in the layout's memory format."""
    return network.to(memory_format=memory_format(layout))  # type: ignore[call-overload, no-any-return]
