"""`gnref train`: the runs that are asked for, one after another."""

import gc
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import nn

from gnref.allocation import keep_freed_memory
from gnref.data.load import load
from gnref.errors import UserError
from gnref.training.arguments import TrainArguments
from gnref.training.distributed import joined
from gnref.training.experiment import Experiment, overridden
from gnref.training.listing import cells, find
from gnref.training.train import Score, stopped, train


def train_named(names: Sequence[str], arguments: TrainArguments, make_score: Callable[..., Score] | None) -> int:
    """Train each of the shard's cells in its run folder, `runs/<experiment>-seed<seed>` unless one is named.

    `make_score(device=...)` makes what scores a generator. Returns 0, also when SIGTERM stopped a run and it
    was saved.
    """
    folder, steps = arguments.folder, arguments.steps
    settings = arguments.settings if steps is None else (*arguments.settings, f"steps={steps}")
    chosen = [(overridden(find(name), settings), seed) for name, seed in cells(names, arguments.seeds, arguments.shard)]
    if folder is not None and len(chosen) > 1:
        raise UserError(f"--folder names one folder, but {len(chosen)} runs are asked for; leave it out")
    keep_freed_memory()
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
                admit_changes=arguments.admit_changes,
            )
            if processes.first:
                print("\n".join(_last_lines(run, experiment, step, arguments)), flush=True)
            if step < experiment.steps:
                break
            gc.collect()  # a trainer with captured steps refers to itself: its GPU memory goes before the next begins
    return 0


PROTOCOLS = {
    ("cifar10", 32): "cifar10-train",
    ("stl10", 48): "stl10-50k",
    ("celebahq", 128): "celebahq-128",
    ("celebahq", 256): "celebahq-256",
    ("celebahq", 1024): "celebahq-1024",
    ("lsun-church", 256): "lsun-church",
    ("shapes", 32): "shapes",
    ("shapes", 16): "shapes-16",
}
"""The protocol of `gnref evaluate` for a data set and a size."""


def _last_lines(run: Path, e: Experiment, step: int, arguments: TrainArguments) -> list[str]:
    """What became of the run, where to look, and what to type next."""
    if step < e.steps:
        return [f"gnref: {stopped(run, step, e.steps)}"]
    lines = [f"gnref: {run}: step {step} of {e.steps}, done", f"  pictures    {run / 'samples' / f'{step:08d}.png'}"]
    if protocol := PROTOCOLS.get((e.dataset, e.size)):
        real = "" if e.dataset == "shapes" else f" --real {arguments.data}"
        lines.append(f"  more        gnref sample {run} --count 64")
        lines.append(f"  scores      gnref evaluate {run} --protocol {protocol}{real}")
    if arguments.tensorboard:
        lines.append(f"  curves      tensorboard --logdir {run / 'tensorboard'}")
    return lines


def _elsewhere(_: nn.Module) -> dict[str, float]:
    """Stands for the scores in all processes but the one that computes them."""
    return {}


def _first_by_fid(score: Score) -> Score:
    """The same scores with FID in front: the best checkpoint is the one whose first score is lowest."""
    return lambda generator: dict(sorted(score(generator).items(), key=lambda item: not item[0].startswith("FID")))
