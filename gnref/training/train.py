"""The run around the steps: resuming, logging, samples, scores, checkpoints, and stopping for every reason there is."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gnref.data.images import Images
from gnref.errors import UserError
from gnref.runs import Run
from gnref.training.cadence import Cadence
from gnref.training.description import continued, data_facts, description
from gnref.training.distributed import Processes
from gnref.training.execution import Execution
from gnref.training.experiment import Experiment
from gnref.training.pictures import grid, samples, save_png
from gnref.training.schedule import moment
from gnref.training.signals import asked_to_stop, stop_signals
from gnref.training.tally import finite
from gnref.training.trainer import Trainer

Score = Callable[[nn.Module], Mapping[str, float]]
"""From a generator in evaluation mode to named scores; the best checkpoint is the one whose first score is lowest."""


class Diverged(UserError):
    """A quantity is not finite or past all bounds: for a study of many seeds that is a result, not a mistake."""


def train(
    experiment: Experiment,
    data: Images,
    folder: Path | str,
    *,
    seed: int = 0,
    cadence: Cadence | None = None,
    execution: Execution | None = None,
    processes: Processes | None = None,
    score: Score | None = None,
    source: str | None = None,
    progress: bool = False,
    tensorboard: bool = False,
    admit_changes: bool = False,
) -> int:
    """Train to the experiment's last step in `folder`, or go on from the newest checkpoint there; the step reached.

    That is less than `experiment.steps` where SIGTERM asked it to stop: it saves and returns. At Ctrl-C it saves as
    well and raises KeyboardInterrupt, so that what would follow does not. Resuming is bit for bit on the CPU. `source`
    is where the data came from, for the record. With several processes the folder is on a file system they share, and
    the first one writes; `score` is given in all or in none, and the first calls it.

    Raises UserError for a folder in use, or of another experiment, data, version or device (`admit_changes` lets the
    last three pass), a full disk, and a quantity that is not finite or has diverged: it names the step, the quantity
    and the last good checkpoint.
    """
    processes, cadence = processes or Processes(torch.device("cpu")), cadence or Cadence()
    cadence.check()
    trainer = Trainer(experiment, data, seed, processes, execution)  # before a folder is made: it may refuse
    run = Run(folder)
    before = run.description() if (run.folder / "experiment.json").exists() else None
    with ExitStack() as stack:
        if processes.first:
            stack.enter_context(run.locked())
        resumed, best = _resume(run, trainer)
        if processes.first and trainer.step_number < experiment.steps:
            facts = data_facts(data, source, progress)
            run.describe(_described(trainer, before if resumed else None, facts, admit_changes, run.folder))
            run.rewind(trainer.step_number)
        processes.wait()
        stop = stack.enter_context(stop_signals())
        writer = stack.enter_context(
            _tensorboard(run, trainer.step_number) if tensorboard and processes.first else nullcontext()
        )
        bar = stack.enter_context(_bar(trainer) if progress and processes.first else nullcontext())
        loop = _Loop(run, trainer, cadence, score, resumed, best, writer, bar)
        while trainer.step_number < experiment.steps and not asked_to_stop(
            stop, trainer.processes, trainer.step_number
        ):
            trainer.step()
            loop.after_step()
        if loop.saved_step != trainer.step_number:
            loop.checkpoint()
        if stop.interrupted and trainer.step_number < experiment.steps:
            raise KeyboardInterrupt(stopped(run.folder, trainer.step_number, experiment.steps))
    return trainer.step_number


def stopped(run: Path, step: int, steps: int) -> str:
    """What is said of a run that was asked to stop."""
    return f"{run}: step {step} of {steps}, stopped and saved; the same command goes on from there"


class _Loop:
    """What happens between steps."""

    def __init__(
        self,
        run: Run,
        trainer: Trainer,
        cadence: Cadence,
        score: Score | None,
        resumed: bool,
        best: dict[str, Any] | None,
        writer: Any,
        bar: Any,
    ) -> None:
        self.run, self.trainer, self.cadence, self.score = run, trainer, cadence, score
        self.best = best
        self.writer, self.bar = writer, bar
        self.logged_at, self.logged_step = time.monotonic(), trainer.step_number
        self.first = trainer.processes.first
        # Known to every process alike, unlike the files, which the first one may still be writing.
        self.saved_step = trainer.step_number if resumed else -1

    def after_step(self) -> None:
        step, last = self.trainer.step_number, self.trainer.experiment.steps
        if self.bar is not None:
            self.bar.update()
        if self.cadence.due("log", step, last):
            self.log()
        if self.first and self.cadence.due("sample", step, last):
            self.sample()
        scored = self.score is not None and self.cadence.due("score", step, last)
        if scored:
            self.evaluate()
        if scored or self.cadence.due("checkpoint", step, last):
            self.checkpoint()

    def sample(self) -> None:
        """A grid of 64 samples, as a file and in TensorBoard."""
        step = self.trainer.step_number
        with self.trainer.sampler() as generator:
            picture = grid(torch.cat(list(samples(generator, 64))))
        save_png(picture, self.run.folder / "samples" / f"{step:08d}.png")
        if self.writer is not None:
            self.writer.add_image("samples", picture, step)

    def log(self) -> None:
        """One line: the means since the last one, and the speed."""
        trainer, step = self.trainer, self.trainer.step_number
        trainer.tally.synchronize(trainer.processes)
        self.stop_if_diverged()
        means = trainer.tally.read()
        now = time.monotonic()
        seconds, steps = now - self.logged_at, step - self.logged_step
        self.logged_at, self.logged_step = now, step
        schedule = moment(trainer.experiment, step - 1)
        line = {
            "step": step,
            **means,
            "lr_generator": schedule.lr_generator,
            "lr_discriminator": schedule.lr_discriminator,
            "resolution": schedule.resolution,
            "time": round(time.time(), 3),
            "steps_per_second": round(steps / seconds, 4),
            "device": str(trainer.device),
        }
        self.write(line)
        if self.bar is not None:
            losses = (f"{who} {means[f'{who}_loss']:.3f}" for who in "DG" if f"{who}_loss" in means)
            self.bar.set_postfix_str(" ".join(losses), refresh=False)

    def evaluate(self) -> None:
        """Score a copy of the generator; the first score decides which checkpoint is the best."""
        if self.first and self.score is not None:
            step = self.trainer.step_number
            with self.trainer.sampler() as generator:
                scores = dict(self.score(generator))
            self.write({"step": step, "scores": scores})
            name, value = next(iter(scores.items()))
            if self.best is None or value < self.best["value"]:
                self.best = {"step": step, "name": name, "value": value}
        self.trainer.processes.wait()

    def checkpoint(self) -> None:
        """Save, unless what would be saved is no longer good."""
        step = self.trainer.step_number
        state = self.trainer.state()
        self.stop_if_diverged()
        if self.first:
            self.run.save({**state, "best": self.best}, self.cadence.keep)
        self.saved_step = step

    def stop_if_diverged(self) -> None:
        """Raise Diverged at the first quantity that is not finite, with its step."""
        trainer = self.trainer
        bad = trainer.tally.first_bad()
        if bad is None:
            for name, network in (("G", trainer.generator), ("D", trainer.discriminator)):
                if not finite(list(network.parameters())):
                    bad = trainer.step_number - 1, f"{name}'s weights"
        if bad is not None:
            good = self.run.checkpoints()
            last = f"the last good checkpoint is step {max(good)}" if good else "there is no checkpoint from before"
            raise Diverged(
                f"{trainer.experiment.name} diverged: {bad[1]} is not a number or past all bounds at step {bad[0] + 1}"
                f"; {last}, in {self.run.folder}. Try smaller learning rates or another seed"
            )

    def write(self, line: Mapping[str, Any]) -> None:
        """To metrics.jsonl and TensorBoard."""
        if not self.first:
            return
        self.run.log(line)
        if self.writer is not None:
            for name, value in {**line, **line.get("scores", {})}.items():
                if isinstance(value, float) and name != "time":
                    self.writer.add_scalar(name, value, line["step"])


def _described(
    trainer: Trainer, before: dict[str, Any] | None, data: dict[str, Any], admit_changes: bool, where: Path
) -> dict[str, Any]:
    """What experiment.json will hold; of a run that goes on, `before` is what it holds so far."""
    facts = {"seed": trainer.seed, "execution": asdict(trainer.execution), "data": data, "device": trainer.device.type}
    now = description(trainer.experiment, **facts)
    return now if before is None else continued(before, now, trainer.step_number, admit_changes, where)


def _resume(run: Run, trainer: Trainer) -> tuple[bool, dict[str, Any] | None]:
    """Restore the newest good checkpoint if there is one: whether there was, and the best score so far."""
    state = run.load(device=trainer.device)
    if state is None:
        return False, None
    trainer.restore(state, str(run.folder))
    return True, state["best"]


@contextmanager
def _tensorboard(run: Run, step: int) -> Iterator[Any]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError("curves need tensorboard: pip install 'gnref[train]', or say --no-tensorboard") from None
    with SummaryWriter(str(run.folder / "tensorboard"), purge_step=step + 1) as writer:
        yield writer


@contextmanager
def _bar(trainer: Trainer) -> Iterator[Any]:
    from tqdm import tqdm

    # 80 columns hold the numbers of 200,000 steps; the name of an experiment beside them would not fit.
    width = min(80, shutil.get_terminal_size().columns)
    shape = "{n_fmt}/{total_fmt}|{bar}|{elapsed}<{remaining} {rate_fmt}{postfix}"
    steps, done = trainer.experiment.steps, trainer.step_number
    with tqdm(total=steps, initial=done, unit="step", file=sys.stderr, ncols=width, bar_format=shape) as bar:
        yield bar
