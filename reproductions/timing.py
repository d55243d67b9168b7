"""How long an experiment takes here: seconds of real steps, measured once a device, extrapolated to all its steps.

    python reproductions/timing.py [--steps 200] [--share 1] [EXPERIMENT ...]

Steps are the experiment's own (networks, batch, updates of D, augmentation); the images are random bytes, which take as
long.
"""

import installed  # noqa: F401 - stops here where gnref is missing

# isort: split

import argparse
import json
import time
from typing import Any

import evidence
import torch

from gnref.data.images import ImageSet
from gnref.training.experiments import EXPERIMENTS
from gnref.training.schedule import moment
from gnref.training.trainer import Trainer

FILE = evidence.RESULTS / "timing.json"


def measured() -> dict[str, Any]:
    """Device, then experiment, to seconds a step and the number of steps they are the mean of."""
    return dict(json.loads(FILE.read_text())) if FILE.exists() else {}


def hours(name: str) -> str:
    """`70 hours` where this device was measured."""
    device = evidence.device()
    here = measured().get(device, {}).get(name)
    if here is None:
        return "hours not measured"
    kind = "CPU-hours" if device.startswith("CPU") else "hours"
    about = "about " * (here["share"] > 1)
    return f"{about}{here['seconds_per_step'] * EXPERIMENTS[name].steps / 3600:,.0f} {kind}"


def measure(name: str, steps: int, share: int) -> dict[str, float]:
    """Seconds a step, after one step to warm up; on a CPU of the process's own time, so that other work does not count.

    With `share` above 1 batches are that much smaller, and the time is taken to be proportional to the batch.
    """
    whole = EXPERIMENTS[name]
    smaller = {key: max(1, getattr(whole, key) // share) for key in ("batch", "generator_batch")}
    experiment = whole.changed(**smaller)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    count = max(256, 2 * experiment.batch)
    size = moment(experiment, 0).resolution if experiment.phase_images else experiment.size
    draws = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 3, size, size), generator=draws, dtype=torch.uint8)
    labels = torch.randint(10, (count,), generator=draws)
    trainer = Trainer(experiment, ImageSet(images, labels).to(device), 0)
    trainer.step()
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = clock()
    for _ in range(steps):
        trainer.step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds = (clock() - began) / steps * whole.batch / experiment.batch
    return {"seconds_per_step": round(seconds, 4), "steps": steps, "share": share}


def main() -> None:
    """Measure the named experiments, or all that the appendix's tables and figures need, and keep the result."""
    parser = argparse.ArgumentParser(description="Seconds a step of the appendix's experiments on this device.")
    parser.add_argument("experiments", nargs="*", help="by default all at the appendix's scale")
    parser.add_argument("--steps", type=int, default=200, help="real steps that are measured")
    parser.add_argument("--share", type=int, default=1, help="batches are divided by this, for slow devices")
    arguments = parser.parse_args()
    names = arguments.experiments or [name for name, e in EXPERIMENTS.items() if e.dataset != "shapes"]
    for name in names:
        found = measure(name, arguments.steps, arguments.share)
        devices = measured()
        devices.setdefault(evidence.device(), {})[name] = found
        evidence.keep(FILE, json.dumps(devices, indent=1) + "\n")
        print(
            f"{name}: {found['seconds_per_step']:.3f} s a step over {arguments.steps} steps: {hours(name)}", flush=True
        )


if __name__ == "__main__":
    main()
