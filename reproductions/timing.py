"""How long an experiment takes here: seconds of real steps, measured once a device, extrapolated to all its steps.

python reproductions/timing.py [--steps 200] [--share 1] [EXPERIMENT ...]
"""

import argparse
from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.evidence.options import Options
from gnref.evidence.timing import hours, keep, measure
from gnref.training.experiments import EXPERIMENTS


def main() -> None:
    """Measure the named experiments, or all that the appendix's tables and figures need, and keep the result."""
    parser = argparse.ArgumentParser(description="Seconds a step of the appendix's experiments on this device.")
    parser.add_argument("experiments", nargs="*", help="by default all at the appendix's scale")
    parser.add_argument("--steps", type=int, default=200, help="real steps that are measured")
    parser.add_argument("--share", type=int, default=1, help="batches are divided by this, for slow devices")
    arguments = parser.parse_args()
    options = Options(Path(__file__).parent)
    names = arguments.experiments or [name for name, e in EXPERIMENTS.items() if e.dataset != "shapes"]
    for name in names:
        found = measure(name, arguments.steps, arguments.share)
        keep(name, found, options)
        took = f"{found['seconds_per_step']:.3f} s a step over {arguments.steps} steps"
        print(f"{name}: {took}: {hours(name, options)}", flush=True)


if __name__ == "__main__":
    main()
