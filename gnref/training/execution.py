"""How an experiment is computed."""

from dataclasses import dataclass
from typing import Literal, get_args

from gnref.errors import UserError

Capture = Literal["eager", "compiled", "cuda-graph"]
Layout = Literal["plain", "channels-last", "fused", "fused channels-last"]
"""channels-last: the channels of a pixel stand together, (N, H, W, C) in memory; fused: average pooling after a
convolution, and upsampling before one, are computed with it as one convolution. Neither changes a function."""
LayoutChoice = Literal["fastest", Layout]


@dataclass(frozen=True)
class Execution:
    """How the same experiment is computed: it changes roundings, memory and time, not the method."""

    mixed_precision: bool = False
    """Networks in bfloat16; normalization, losses and optimizer in float32."""
    tf32: bool = False
    """TensorFloat-32 for float32 products on GPUs that have it."""
    accumulate: int = 1
    """Parts that a batch is computed in, one after another, where it does not fit at once. Each has its own batch
    statistics, and its own power iteration under spectral normalization."""
    capture: Capture = "eager"
    """How gradients run: operation by operation; compiled, which takes half a minute at the first step and makes the
    others slower or faster (docs/cost.md); or as a CUDA graph, which spares a GPU the host's part of each step."""
    layout: LayoutChoice = "fastest"
    """Of images and weights in memory; `fused` computes resampling within the convolutions, where there are such.
    fastest is the one that was measured to be (docs/cost.md); `experiment.json` names it."""
    method: Literal["auto", "double-backward", "replay"] = "auto"
    """What computes GN's gradient, as in `gradient_normalize`: auto is the replay where it is exact."""

    def check(self) -> None:
        """Raises: UserError for a number of parts below 1, or a capture or layout that does not exist."""
        if self.accumulate < 1:
            raise UserError(f"--accumulate: expected at least 1 part, got {self.accumulate}")
        if self.capture not in get_args(Capture):
            raise UserError(f"--capture: expected one of {', '.join(get_args(Capture))}, got {self.capture}")
        if self.layout not in get_args(LayoutChoice):
            raise UserError(f"--layout: expected one of {', '.join(get_args(LayoutChoice))}, got {self.layout}")
