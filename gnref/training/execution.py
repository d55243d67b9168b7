"""How an experiment is computed, and whether data and processes fit it."""

from dataclasses import dataclass
from typing import get_args

from gnref.capture import Capture
from gnref.data.images import Images
from gnref.errors import UserError
from gnref.normalization import Method
from gnref.training.distributed import Processes
from gnref.training.experiment import Experiment
from gnref.training.layout import Layout


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
    """Whether gradients run operation by operation, compiled at the first step, or replayed as a CUDA graph."""
    layout: Layout = "fused channels-last"
    """Of images and weights in memory; `fused` computes resampling within the convolutions, where there are such."""
    method: Method = "auto"
    """What computes GN's gradient, as in `gradient_normalize`: auto is the replay where it is exact."""


def check(e: Experiment, data: Images, processes: Processes, execution: Execution) -> None:
    """Raise UserError where data, processes or the way to compute do not fit the experiment."""
    if data.size != e.size:
        raise UserError(f"{e.name}: expected images of {e.size} pixels, got {data.size}")
    if e.classes:
        found = 0 if data.labels is None else int(data.labels.max()) + 1
        if found != e.classes:
            raise UserError(f"{e.name}: expected images of {e.classes} classes, got {found or 'images without labels'}")
    ways = processes.count * execution.accumulate
    for name in ("batch", "generator_batch"):
        if getattr(e, name) % ways:
            raise UserError(
                f"{e.name}: {name} {getattr(e, name)} cannot be split over {processes.count} processes "
                f"and {execution.accumulate} parts; choose divisors of it"
            )
    _check_capture(e, processes, execution)


def _check_capture(e: Experiment, processes: Processes, execution: Execution) -> None:
    how = execution.capture
    if how == "eager":
        return
    cases = [
        (how not in get_args(Capture), f"expected one of {', '.join(get_args(Capture))}"),
        (e.architecture == "stylegan", "StyleGAN draws at random within its networks and grows; leave it eager"),
        (processes.count > 1, "several processes exchange gradients as they arise; leave it eager"),
        (execution.accumulate > 1, "it keeps one batch's memory, so that it cannot accumulate; choose one of the two"),
        (how == "cuda-graph" and processes.device.type != "cuda", f"it needs a GPU, not {processes.device.type}"),
    ]
    for wrong, complaint in cases:
        if wrong:
            raise UserError(f"{e.name}: capture {how}: {complaint}")
