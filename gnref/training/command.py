"""What `gnref train` and `gnref sample` do."""

import difflib
import gc
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gnref.data.load import load
from gnref.errors import UserError
from gnref.runs import load_generator
from gnref.training.distributed import joined
from gnref.training.execution import Execution
from gnref.training.experiment import Experiment, overridden
from gnref.training.experiments import EXPERIMENTS
from gnref.training.pictures import samples, save_grid, save_png
from gnref.training.train import Cadence, Score, train


def list_experiments(names: Sequence[str]) -> None:
    """Print the experiments' names, or every setting of those named with its source."""
    for name in names:
        experiment = find(name)
        print(name)
        for key, value in experiment.settings().items():
            if key != "name":
                print(f"    {key:20} {value!s:32} {experiment.sources[key]}")
    if not names:
        for name, experiment in EXPERIMENTS.items():
            changed = (f"{key}={value}" for key, value in experiment.settings().items() if _telling(key, value))
            print(f"{name:42} {' '.join(changed)}")
        print("`gnref train --list NAME` prints every setting with its source.")


def find(name: str) -> Experiment:
    """The experiment of that name; UserError with the nearest ones where there is none."""
    if name not in EXPERIMENTS:
        near = difflib.get_close_matches(name, EXPERIMENTS, 3)
        hint = f"did you mean {', '.join(near)}?" if near else "`gnref train --list` prints all"
        raise UserError(f"there is no experiment {name}; {hint}")
    return EXPERIMENTS[name]


def cells(names: Sequence[str], seeds: Sequence[int], shard: str) -> list[tuple[str, int]]:
    """The (experiment, seed) pairs of part i of n, `shard` being "i/n" with i = 1..n: every n-th pair from the i-th."""
    part, slash, parts = shard.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise UserError(f"--shard: expected i/n with i from 1 to n, for instance 2/8; got {shard}")
    return [(name, seed) for name in names for seed in seeds][int(part) - 1 :: int(parts)]


def train_named(
    names: Sequence[str],
    seeds: Sequence[int],
    shard: str,
    settings: Sequence[str],
    *,
    data: Path | None,
    folder: Path | None,
    device: str | None,
    execution: Mapping[str, Any],
    cadence: Mapping[str, int | None],
    keep: int,
    make_score: Callable[..., Score] | None,
    tensorboard: bool,
) -> int:
    """Train each of the shard's cells in its run folder, `runs/<experiment>-seed<seed>` unless `folder` is given.

    Returns 0, also when a signal stopped a run and it was saved.
    """
    chosen = [(overridden(find(name), settings), seed) for name, seed in cells(names, seeds, shard)]
    if folder is not None and len(chosen) > 1:
        raise UserError(f"--folder names one folder, but {len(chosen)} runs are asked for; leave it out")
    with joined(device) as processes:
        score = None
        if make_score:
            score = _first_by_fid(make_score(device=processes.device)) if processes.first else _elsewhere
        for experiment, seed in chosen:
            run = folder or Path("runs") / f"{experiment.name}-seed{seed}"
            given = {key: value for key, value in cadence.items() if value is not None}
            step = train(
                experiment,
                load(experiment.dataset, data, experiment.size, processes.device),
                run,
                seed=seed,
                cadence=replace(Cadence.of(experiment.steps), keep=keep, **given),
                execution=Execution(**execution),
                processes=processes,
                score=score,
                source=str(data) if data else None,
                progress=True,
                tensorboard=tensorboard,
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
    """The same scores with FID in front: the first score is what the best checkpoint has least of."""
    return lambda generator: dict(sorted(score(generator).items(), key=lambda item: not item[0].startswith("FID")))


def sample(run: Path, count: int, out: Path | None, seed: int, ema: bool | None, best: bool) -> int:
    """Write `count` numbered PNGs and a grid of the first 64."""
    generator = load_generator(run, ema, best, "cuda" if torch.cuda.is_available() else "cpu")
    out = out or run / "sampled"
    number, first = 0, []
    try:
        for batch in samples(generator, count, seed):
            if number < 64:
                first.append(batch)
            for image in batch:
                save_png(image, out / f"{number:06d}.png")
                number += 1
        save_grid(torch.cat(first)[:64], out.with_name(out.name + "-grid.png"))
    except OSError as error:
        raise UserError(
            f"{out}: image {number} could not be written ({error.strerror}); make room and run it again"
        ) from None
    print(f"gnref: {count} images in {out}{os.sep}, the first of them in {out.with_name(out.name + '-grid.png')}")
    return 0


def _telling(key: str, value: object) -> bool:
    """Whether a setting is worth a word in the list: it differs from the default."""
    default = Experiment("default", "cifar10", "resnet").settings()
    return key != "name" and value != default[key]
