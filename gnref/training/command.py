"""`gnref train`: the runs that are asked for, one after another."""

import gc
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import nn

from gnref.data.load import load
from gnref.errors import UserError
from gnref.training.arguments import TrainArguments
from gnref.training.distributed import joined
from gnref.training.experiment import overridden
from gnref.training.listing import cells, find
from gnref.training.train import Score, train


def train_named(names: Sequence[str], arguments: TrainArguments, make_score: Callable[..., Score] | None) -> int:
    """Train each of the shard's cells in its run folder, `runs/<experiment>-seed<seed>` unless one is named.

    `make_score(device=...)` makes what scores a generator. Returns 0, also when a signal stopped a run and it
    was saved.
    """
    folder, steps = arguments.folder, arguments.steps
    settings = arguments.settings if steps is None else (*arguments.settings, f"steps={steps}")
    chosen = [(overridden(find(name), settings), seed) for name, seed in cells(names, arguments.seeds, arguments.shard)]
    if folder is not None and len(chosen) > 1:
        raise UserError(f"--folder names one folder, but {len(chosen)} runs are asked for; leave it out")
    with joined(arguments.device) as processes:
        score = None
        if make_score:
            score = _first_by_fid(make_score(device=processes.device)) if processes.first else _elsewhere
        for experiment, seed in chosen:
            run = folder or Path("runs") / f"{experiment.name}-seed{seed}"
            step = train(
                experiment,
                load(experiment.dataset, arguments.data, experiment.size, processes.device),
                run,
                seed=seed,
                cadence=arguments.cadence,
                execution=arguments.execution,
                processes=processes,
                score=score,
                source=str(arguments.data) if arguments.data else None,
                progress=True,
                tensorboard=arguments.tensorboard,
            )
            stopped = step < experiment.steps
            if processes.first:
                says = "stopped and saved; the same command goes on from there" if stopped else "done"
                print(f"gnref: {run}: step {step} of {experiment.steps}, {says}")
            if stopped:
                break
            gc.collect()  # a trainer with captured steps refers to itself: its GPU memory goes before the next begins
    return 0


def _elsewhere(_: nn.Module) -> dict[str, float]:
    """Stands for the scores in all processes but the one that computes them."""
    return {}


def _first_by_fid(score: Score) -> Score:
    """The same scores with FID in front: the best checkpoint is the one whose first score is lowest."""
    return lambda generator: dict(sorted(score(generator).items(), key=lambda item: not item[0].startswith("FID")))
