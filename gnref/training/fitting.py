"""Whether data, processes and the way to compute fit an experiment, and a checkpoint all of them."""

from dataclasses import asdict

from gnref.data.images import Images
from gnref.errors import UserError
from gnref.runs import State
from gnref.training.distributed import Processes
from gnref.training.execution import Execution
from gnref.training.experiment import Experiment, from_settings
from gnref.training.layout import fastest


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


def check_continues(state: State, e: Experiment, seed: int, execution: Execution, where: str) -> None:
    """Raise UserError where a checkpoint's state is of another experiment, seed or way to compute.

    Settings that came after it was written have their defaults.
    """
    mine = {**e.settings(), "seed": seed, **asdict(execution)}
    try:
        then = from_settings(state["experiment"]).settings()
    except UserError as error:
        raise UserError(f"{where}: the checkpoint's settings are none: {error}") from None
    theirs = {**then, "seed": state["seed"], **asdict(Execution()), "layout": fastest(e), **state["execution"]}
    for key in mine:
        if key != "name" and mine[key] != theirs.get(key):
            raise UserError(
                f"{where} was trained with {key}={theirs.get(key)}, not {mine[key]}; "
                "continue it as it was started, or name another run folder"
            )
