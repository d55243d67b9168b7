"""One cell from end to end: train, sample, score, verdict; and one committed run repeated from its command.

    python reproductions/smoke.py [--seed N]

A randomly chosen run of the committed mini evidence is done again from nothing, its generator's samples are written as
PNG files and scored as another library's would be, and its hypotheses are judged. The repeated scores must equal the
committed ones bit for bit where processor, PyTorch and threads are the same, and elsewhere lie within the range of the
committed seeds, widened by half its width on both sides: training is chaotic, so roundings do not stay small.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

import figure2
import installed  # noqa: F401 - one sentence where gnref is missing
import torch

from gnref.errors import UserError
from gnref.evaluation import evaluate
from gnref.evidence import Options, Record, mini
from gnref.evidence.hypotheses import Registered
from gnref.evidence.jobs import run_all
from gnref.runs import load_generator
from gnref.training.pictures import samples, save_png


def main() -> None:
    """Repeat one run; exit code 1 where it disagrees with its evidence."""
    parser = argparse.ArgumentParser(description="Train, sample, score and judge one mini run, from end to end.")
    parser.add_argument(
        "--seed", type=int, default=None, help="of the choice of the run; by default a new one each time"
    )
    torch.set_num_threads(1)
    try:
        sys.exit(smoke(random.Random(parser.parse_args().seed)))
    except UserError as mistake:
        sys.exit(f"smoke: {mistake}")


def smoke(draw: random.Random) -> int:
    """Run, sample, score, judge, compare."""
    options = Options(Path(__file__).parent, "mini")
    registered = Registered.of(options)
    names = [name for each in registered.hypotheses("figure2") for name in (each.better, each.worse)]
    committed = [record for name in sorted(set(names)) for record in mini.records(name, options)]
    if not committed:
        raise UserError("there is no mini evidence to repeat: python reproductions/figure2.py --scale mini --run")
    chosen = draw.choice(committed)
    job = mini.job(chosen.name, chosen.seed, registered)
    print(f"repeating {job.id}: {chosen.command}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        elsewhere = Options(folder, "mini", runs=folder)
        run_all([job], elsewhere)
        again = job.record(elsewhere)
        images = write_samples(folder / "mini" / f"{chosen.name}-seed{chosen.seed}", folder / "png")
        scored = evaluate(images, mini.PROTOCOL, features="shapes", progress=False)["scores"]
    print(f"its samples as PNG files: mini-FID {next(iter(scored.values())):.3f}")
    for line in figure2.ARTEFACT.study("mini").lines(options):
        print(f"{line.label}: {line.finding.verdict}")
    if again is None:
        raise UserError("the run left no evidence")
    return compare(chosen, again, [record for record in committed if record.name == chosen.name])


def write_samples(run: Path, folder: Path) -> Path:
    """2000 samples of the run's generator as PNG files."""
    images = torch.cat(list(samples(load_generator(run), 2000)))
    for number, image in enumerate(images):
        save_png(image, folder / f"{number:05}.png")
    return folder


def compare(before: Record, again: Record, seeds: list[Record]) -> int:
    """0 where the repeated scores agree with the committed ones."""
    if before.scores == again.scores:
        print("agrees with its evidence bit for bit")
        return 0
    same = (before.device, before.versions) == (again.device, again.versions)
    for name in before.scores:
        values = [record.value(name) for record in seeds]
        slack = (max(values) - min(values)) / 2
        if not min(values) - slack <= again.value(name) <= max(values) + slack:
            print(f"{name} is {again.value(name):.4f}, was {before.value(name):.4f}: outside the range of all seeds")
            return 1
    print(
        f"agrees within the range of its seeds, not bit for bit ({'the same' if same else 'another'} device or version)"
    )
    return 0


if __name__ == "__main__":
    main()
