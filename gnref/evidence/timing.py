"""How long an experiment takes on a device: seconds of real steps, measured once, extrapolated to all its steps.

Steps are the experiment's own (networks, batch, updates of D, augmentation); the images are random bytes, which take as
long.
"""

import json
import time
from pathlib import Path
from typing import Any

from gnref.errors import UserError
from gnref.evidence.options import Options
from gnref.files import write_atomically
from gnref.provenance import device
from gnref.training.experiments import EXPERIMENTS


def file(options: Options) -> Path:
    """Where the measured times are kept."""
    return options.results / "timing.json"


def measured(options: Options) -> dict[str, Any]:
    """Device, then experiment, to seconds a step and the number of steps they are the mean of."""
    kept = file(options)
    return dict(json.loads(kept.read_text(encoding="utf-8"))) if kept.exists() else {}


def keep(name: str, found: dict[str, float], options: Options) -> None:
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


def hours(name: str, options: Options) -> str:
    """`70 hours` where this device was measured."""
    here = measured(options).get(device(), {}).get(name)
    if here is None:
        return "timing.py measures it"
    kind = "CPU-hours" if device().startswith("CPU") else "hours"
    about = "about " * (here["share"] > 1)
    return f"{about}{here['seconds_per_step'] * EXPERIMENTS[name].steps / 3600:,.0f} {kind}"


def measure(name: str, steps: int, share: int) -> dict[str, float]:
    """Seconds a step, after one step to warm up; on a CPU of the process's own time, so that other work does not count.

    With `share` above 1 batches are that much smaller, and the time is taken to be proportional to the batch.
    """
    import torch

    from gnref.data.images import ImageSet
    from gnref.training.schedule import moment
    from gnref.training.trainer import Trainer

    whole = EXPERIMENTS[name]
    smaller = {key: max(1, getattr(whole, key) // share) for key in ("batch", "generator_batch")}
    experiment = whole.changed(**smaller)
    place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    count = max(256, 2 * experiment.batch)
    size = moment(experiment, 0).resolution if experiment.phase_images else experiment.size
    draws = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 3, size, size), generator=draws, dtype=torch.uint8)
    labels = torch.randint(10, (count,), generator=draws)
    trainer = Trainer(experiment, ImageSet(images, labels).to(place), 0)
    trainer.step()
    clock = time.perf_counter if place.type == "cuda" else time.process_time
    if place.type == "cuda":
        torch.cuda.synchronize()
    began = clock()
    for _ in range(steps):
        trainer.step()
    if place.type == "cuda":
        torch.cuda.synchronize()
    seconds = (clock() - began) / steps * whole.batch / experiment.batch
    return {"seconds_per_step": round(seconds, 4), "steps": steps, "share": share}
