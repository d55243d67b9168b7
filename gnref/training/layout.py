"""How the networks of an experiment lie in memory, and whether resampling runs within their convolutions."""

from collections.abc import Mapping

import torch
from torch import nn

from gnref.training.execution import Execution, Layout
from gnref.training.experiment import Architecture, Experiment

FUSING = ("resnet", "biggan")
"""The architectures that resample next to a convolution."""

FASTEST: Mapping[tuple[Architecture, int], Layout] = {
    ("cnn", 32): "plain",
    ("resnet", 32): "fused channels-last",
    ("resnet", 48): "fused channels-last",
    ("resnet", 128): "channels-last",
    ("biggan", 32): "fused channels-last",
}
"""By architecture and pixels the layout in which an iteration of GN took the least time on a CPU, as
`asv_bench/results/layouts-*.json` have it."""


def fastest(e: Experiment) -> Layout:
    """The layout measured for the experiment's architecture at the size nearest to its own.

    An architecture that was not measured has the one in which there is least to multiply.
    """
    measured = {size: layout for (architecture, size), layout in FASTEST.items() if architecture == e.architecture}
    if not measured:
        return "fused channels-last"
    return measured[min(measured, key=lambda size: abs(size - e.size))]


def layout_of(execution: Execution, e: Experiment) -> Layout:
    """The layout that an execution asks for."""
    return fastest(e) if execution.layout == "fastest" else execution.layout


def memory_format(layout: Layout) -> torch.memory_format:
    """Of images and weights (N, C, H, W)."""
    return torch.channels_last if layout.endswith("channels-last") else torch.contiguous_format


def laid_out(network: nn.Module, layout: Layout) -> nn.Module:
    """The network, its weights in the layout's memory format."""
    return network.to(memory_format=memory_format(layout))  # type: ignore[call-overload, no-any-return]
