"""`gnref import`: weights of the original code, or what `gnref export` wrote, as a run folder."""

from pathlib import Path

from gnref.errors import UserError


def import_weights(
    source: Path, experiment: str | None = None, /, folder: Path | None = None, settings: tuple[str, ...] = ()
) -> int:
    """Weights of the original code (.pt), or a folder that `gnref export` wrote, as a run folder to sample and score.

    Args:
        source: The original's model.pt, best_model.pt or 000000.pt, or the folder of an export.
        experiment: What the original trained, for instance cifar10-resnet-gn; an export says it itself.
        folder: The run folder to make; by default runs/NAME-imported.
        settings: Settings that differ from the experiment's, for instance width=32.
    """
    # Here and not above: `gnref --help` reads this file and has no use for PyTorch.
    from gnref.exchange.reading import read_export, read_original
    from gnref.runs import Run
    from gnref.training.description import description
    from gnref.training.experiment import overridden
    from gnref.training.listing import find

    if source.is_dir():
        if experiment is not None or settings:
            raise UserError(
                f"{source} is an export, which says itself what it is; leave the experiment and --settings out"
            )
        e, step, weights = read_export(source)
    elif experiment is None:
        raise UserError(f"{source}: say which experiment it was, for instance gnref import {source} cifar10-resnet-gn")
    else:
        e = overridden(find(experiment), settings)
        step, weights = read_original(source, e)
    run = Run(folder or Path("runs") / f"{e.name}-imported")
    if run.checkpoints() or (run.folder / "experiment.json").exists():
        raise UserError(f"{run.folder} holds a run already; name another with --folder")
    with run.locked():
        run.describe(description(e, imported={"from": str(source), "step": step}))
        run.save({"step": step, "experiment": e.settings(), **weights, "best": None}, keep=1)
    print(f"gnref: {run.folder}: weights of step {step}; gnref sample {run.folder} draws, gnref evaluate scores")
    return 0
