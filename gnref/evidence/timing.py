"""How long an experiment takes on a device: real steps, timed, times all its steps.

Steps are the experiment's own (networks, batch, updates of D, augmentation); the images are random bytes, which take as
long. Where a whole batch takes too long, its n-th part is timed and taken n times, which is a little pessimistic: some
of a step's work does not depend on the batch.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnref.errors import UserError
from gnref.evidence.options import Options
from gnref.files import write_atomically
from gnref.provenance import device
from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS
from gnref.training.schedule import resolutions

NOW_STEPS, NOW_PIXELS = 1, 128**2
"""What is timed where this device was not measured before: one step, on a CPU of so many pixels. An image that has
more is not timed on a CPU: a step of it takes minutes there.
"""


@dataclass(frozen=True)
class Estimate:
    """How long a run takes here, and what says so."""

    seconds: float | None
    """None where nothing says how long."""
    basis: str

    @property
    def text(self) -> str:
        """`70 CPU-hours`; minutes or seconds where it is less than one."""
        if self.seconds is None:
            return "unknown"
        kind = "CPU-" if device().startswith("CPU") else ""
        for unit, length in (("hour", 3600), ("minute", 60)):
            if self.seconds >= length:
                count = f"{self.seconds / length:,.0f}"
                return f"{count} {kind}{unit}" + "s" * (count != "1")
        return f"{self.seconds:.0f} {kind}seconds"


def file(options: Options) -> Path:
    """Where the measured times are kept."""
    return options.results / "timing.json"


def measured(options: Options) -> dict[str, Any]:
    """Device, then experiment, to what `measure` found."""
    kept = file(options)
    return dict(json.loads(kept.read_text(encoding="utf-8"))) if kept.exists() else {}


def keep(name: str, found: dict[str, Any], options: Options) -> None:
    """Add an experiment's time on this device to the measured ones."""
    devices = measured(options)
    devices.setdefault(device(), {})[name] = found
    kept = file(options)
    try:
        write_atomically(kept, json.dumps(devices, indent=1) + "\n")
    except OSError as error:
        raise UserError(
            f"{kept} could not be written ({error.strerror}); free some space and run the same command again"
        ) from error


def estimate(name: str, options: Options) -> Estimate:
    """A run's time on this device: from what was measured on it, else from a step that is timed now, if it is short."""
    e = EXPERIMENTS[name]
    known = measured(options).get(device(), {})
    like = measured_like(name, known)
    found = known.get(like)
    when = "timed now" if like is None else "measured before" + f", of {like}" * (like != name)
    if found is None:
        images = NOW_PIXELS // e.size**2 if device().startswith("CPU") else e.batch
        if images == 0:
            return Estimate(None, f"python reproductions/timing.py --steps 1 --share {e.batch} {name} measures it")
        share = max(1, e.batch // images)
        print(f"timing a step of {name}, which was not measured on this device", file=sys.stderr, flush=True)
        found = measure(name, NOW_STEPS, share)
    steps, share = found["steps"], found["share"]
    of = "of the whole batch" if share == 1 else f"of a batch {share} times smaller"
    at = found["seconds_per_step"]
    if isinstance(at, dict):
        seconds = sum(count * at[str(resolution)] for resolution, (_, count) in resolutions(e).items())
        of += " at each resolution"
    else:
        seconds = e.steps * at
    return Estimate(seconds, f"{steps} step{'s' * (steps > 1)} {of}, {when}")


def measure(name: str, steps: int, share: int) -> dict[str, Any]:
    """Seconds a step, after one step to warm up; on a CPU of the process's own time, so that other work does not count.

    Of an experiment that grows, by resolution, at the first step that holds it. With `share` above 1 batches are that
    much smaller, and the time is taken to be proportional to the batch.
    """
    import torch

    from gnref.data.images import ImageSet
    from gnref.training.trainer import Trainer

    whole = EXPERIMENTS[name]
    smaller = {key: max(1, getattr(whole, key) // share) for key in ("batch", "generator_batch")}
    e = whole.changed(**smaller)
    place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    draws = torch.Generator().manual_seed(0)
    count = max(16, 2 * e.batch)
    images = torch.randint(256, (count, 3, e.size, e.size), generator=draws, dtype=torch.uint8)
    labels = torch.randint(10, (count,), generator=draws)
    labels[:10] = torch.arange(10)
    trainer = Trainer(e, ImageSet(images, labels).to(place), 0)
    larger = whole.batch / e.batch
    if not e.phase_images:
        return {"seconds_per_step": round(larger * _timed(trainer, steps), 4), "steps": steps, "share": share}
    found = {}
    for resolution, (held_from, _) in resolutions(e).items():
        trainer.step_number = held_from
        found[str(resolution)] = round(larger * _timed(trainer, steps), 4)
        print(f"    at {resolution} pixels {found[str(resolution)]:.3f} s a step", file=sys.stderr, flush=True)
    return {"seconds_per_step": found, "steps": steps, "share": share}


def _timed(trainer: Any, steps: int) -> float:
    import torch

    on_gpu = trainer.device.type == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    trainer.step()
    if on_gpu:
        torch.cuda.synchronize()
    began = clock()
    for _ in range(steps):
        trainer.step()
    if on_gpu:
        torch.cuda.synchronize()
    return (clock() - began) / steps


TIMELESS = (
    "name", "dataset", "steps", "lr_generator", "lr_discriminator", "beta1", "beta2", "epsilon", "decay", "ema_decay",
    "ema_start", "score_ema", "initialization", "lipschitz_constant",
)  # fmt: skip
"""Settings that make no step longer."""


def measured_like(name: str, known: Mapping[str, Any]) -> str | None:
    """Of the experiments measured, this one, or one that differs in nothing that a step's time hangs on."""
    if name in known:
        return name
    lasting = _lasting(EXPERIMENTS[name])
    return next((each for each in known if each in EXPERIMENTS and _lasting(EXPERIMENTS[each]) == lasting), None)


def _lasting(e: Experiment) -> dict[str, Any]:
    return {key: value for key, value in e.settings().items() if key not in TIMELESS}


def timed(e: Experiment) -> bool:
    """Whether an experiment is at the appendix's scale, so that its time is worth knowing beforehand."""
    return e.dataset not in ("shapes", "ring", "grid")
