"""One run of the study repeated from its command: train, score, verdict.

    python reproductions/smoke.py [--seed N]

A randomly chosen run of the committed evidence is done again from nothing, and its regime's hypotheses are judged. The
repeated scores must equal the committed ones bit for bit where processor, PyTorch and threads are the same; elsewhere
each replica's last distance must lie within the range of the arm's runs, widened by half its width on both sides:
training is chaotic, so roundings do not stay small. Evidence of an older revision of the code is not repeated but
named.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing
import study
import torch

from gnref.errors import UserError
from gnref.evidence import Options, Record
from gnref.evidence.jobs import run_all
from gnref.evidence.revision import REVISION


def main() -> None:
    """Repeat one run; exit code 1 where it disagrees with its evidence."""
    parser = argparse.ArgumentParser(description="Train, score and judge one run of the study, from end to end.")
    parser.add_argument(
        "--seed", type=int, default=None, help="of the choice of the run; by default a new one each time"
    )
    torch.set_num_threads(1)
    try:
        sys.exit(smoke(random.Random(parser.parse_args().seed)))
    except UserError as mistake:
        sys.exit(f"smoke: {mistake}")


def smoke(draw: random.Random) -> int:
    """Run, score, judge, compare."""
    options = Options(Path(__file__).parent)
    runs = [job for job in study.ARTEFACT.study.jobs(options) if "scored_at" in job.settings]  # costs are no runs
    found = [(job, record) for job in runs if (record := job.record(options))]
    current = [(job, record) for job, record in found if job.done(options)]
    if not current:
        older = f" (the {len(found)} there are were made by an older revision than {REVISION})" if found else ""
        raise UserError(f"there is no evidence of this code to repeat{older}: python reproductions/study.py --run")
    job, before = draw.choice(current)
    print(f"repeating {job.id}: {before.command}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        elsewhere = Options(Path(temporary))
        run_all([job], elsewhere)
        again = job.record(elsewhere)
    if again is None:
        raise UserError("the run left no evidence")
    for line in study.ARTEFACT.study.lines(options):
        if line.id in job.serves:
            print(f"{line.label}: {line.finding.verdict}")
    return compare(before, again, [record for other, record in current if other.name == job.name])


def compare(before: Record, again: Record, alike: list[Record]) -> int:
    """0 where the repeated scores agree with the committed ones; `alike` are the arm's records of all seeds."""
    if before.scores == again.scores:
        print("agrees with its evidence bit for bit")
        return 0
    last = max(int(name.split("/")[1]) for name in before.scores)
    decides = next(iter(before.scores)).split("/")[0]
    names = [name for name in before.scores if name.startswith(f"{decides}/{last}/")]
    values = [other.value(name) for other in alike for name in names]
    slack = (max(values) - min(values)) / 2
    for name in names:
        if not min(values) - slack <= again.value(name) <= max(values) + slack:
            print(f"{name} is {again.value(name):.4f}, was {before.value(name):.4f}: outside the range of all runs")
            return 1
    same = (before.device, before.versions) == (again.device, again.versions)
    print(f"agrees within its range, not bit for bit ({'the same' if same else 'another'} device or version)")
    return 0


if __name__ == "__main__":
    main()
