"""How long an experiment takes here: seconds of real steps, measured once a device, extrapolated to all its steps.

python reproductions/timing.py [--steps 3] [--share 1] [EXPERIMENT ...]
"""

import argparse
from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.errors import one_sentence
from gnref.evidence.options import Options
from gnref.evidence.timing import estimate, keep, measure, timed
from gnref.training.experiments import EXPERIMENTS
from gnref.training.listing import find


def main() -> None:
    """Measure the named experiments, or all at the appendix's scale, and keep the result."""
    parser = argparse.ArgumentParser(description="Seconds a step of the appendix's experiments on this device.")
    parser.add_argument("experiments", nargs="*", help="by default all at the appendix's scale")
    parser.add_argument("--steps", type=int, default=3, help="real steps that are measured")
    parser.add_argument("--share", type=int, default=1, help="batches are divided by this, for slow devices")
    arguments = parser.parse_args()
    options = Options(Path(__file__).parent)
    with one_sentence("timing"):
        names = arguments.experiments or [name for name, e in EXPERIMENTS.items() if timed(e)]
        for name in names:
            keep(find(name).name, measure(name, arguments.steps, arguments.share), options)
            found = estimate(name, options)
            print(f"{name}: {found.text}, from {found.basis}", flush=True)


if __name__ == "__main__":
    main()
