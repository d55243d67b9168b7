"""Whether data, processes and the way to compute fit an experiment."""

from gnref.data.images import Images
from gnref.errors import UserError
from gnref.training.distributed import Processes
from gnref.training.execution import Execution
from gnref.training.experiment import Experiment


def check(e: Experiment, data: Images, processes: Processes, execution: Execution) -> None:
    """Raise UserError where data, processes or the way to compute do not fit the experiment."""
    execution.check()
    if data.size != e.size:
        raise UserError(f"{e.name}: expected images of {e.size} pixels, got {data.size}")
    if e.classes:
        found = 0 if data.labels is None else int(data.labels.max()) + 1
        if found != e.classes:
            raise UserError(f"{e.name}: expected images of {e.classes} classes, got {found or 'images without labels'}")
    ways = processes.count * execution.accumulate
    for name in ("batch", "generator_batch"):
        if getattr(e, name) % (ways * e.replicas):
            raise UserError(
                f"{e.name}: {name} {getattr(e, name)} cannot be split over {processes.count} processes "
                f"and {execution.accumulate} parts of {e.replicas} replicas; choose divisors of it"
            )
    _check_capture(e, processes, execution)


def _check_capture(e: Experiment, processes: Processes, execution: Execution) -> None:
    how = execution.capture
    if how == "eager":
        return
    cases = [
        (e.architecture == "stylegan", "StyleGAN draws at random within its networks and grows; leave it eager"),
        (processes.count > 1, "several processes exchange gradients as they arise; leave it eager"),
        (execution.accumulate > 1, "it keeps one batch's memory, so that it cannot accumulate; choose one of the two"),
        (how == "cuda-graph" and processes.device.type != "cuda", f"it needs a GPU, not {processes.device.type}"),
    ]
    for wrong, complaint in cases:
        if wrong:
            raise UserError(f"{e.name}: capture {how}: {complaint}")
