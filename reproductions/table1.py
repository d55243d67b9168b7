"""Table 1: training speed of vanilla, SN, 1-GP and GN, ResNet on CIFAR-10; judged on ratios of time to vanilla.

    python reproductions/table1.py --run --check

Runs anywhere, on the GPU too where there is one, and is then judged by it. The column "Generator" is read as one
update of D and one of G (an inference: 1-GP, which does not touch G's loss, is slowed in it by as much as its update
of D is). Updates per second of an RTX 2080 Ti say nothing of another device, so printed it/s become ratios: a ratio
within a factor of 1.5 of the printed one is the same, by two one-sided tests over rounds in which all methods run
beside one another. GN is the original's double backward; this package's replay stands beside it and is not judged.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import ClassVar

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.errors import UserError
from gnref.evidence import Artefact, Finding, Job, Line, Options, Record, Verdict, main
from gnref.evidence.equivalence import ALPHA, Sample, holm
from gnref.evidence.orderings import judge_ordering
from gnref.evidence.published import Published
from gnref.evidence.timing import Estimate

FACTOR = 1.5
LARGEST_SCATTER = 0.10
ROUNDS = 5
METHODS = {"vanilla": "vanilla", "sn": "sn", "gp": "1-gp", "gn": "gn-double-backward", "replay": "gn"}
NAMES = {"vanilla": "Vanilla", "sn": "SN", "gp": "1-GP", "gn": "GN", "replay": "GN by replay (ours)"}
COLUMNS = {"discriminator": "Discriminator", "generator": "Generator (D + G)"}


@dataclass(frozen=True)
class Speed:
    """Table 1's run and its lines."""

    judges_images: ClassVar[bool] = False

    def jobs(self, options: Options) -> list[Job]:
        """Every method, five rounds, on each kind of device."""
        return [job("cuda", 64), job("cpu", 8)]

    def lines(self, options: Options) -> list[Line]:
        """Every ratio beside the printed one, then their order; the GPU's where there is evidence on one."""
        found = [record for each in self.jobs(options) if (record := each.record(options))]
        judged = [(m, c) for m in ("sn", "gp", "gn") for c in COLUMNS]
        if not found:
            missing = Finding(Verdict.NOT_RUN, "no evidence; python reproductions/table1.py --run makes it in minutes")
            names = [f"table1.{m}.{c}" for m, c in judged] + ["table1.order"]
            return [Line(name, name, "", "", missing) for name in names]
        times = Times(found[0], options.published)
        samples = {key: times.sample(*key) for key in judged}
        outside = dict(zip(judged, holm([s.p_outside() for s in samples.values()]), strict=True))
        findings = {key: times.finding(*key, samples[key], outside[key]) for key in judged}
        lines = [times.line(m, c, findings.get((m, c))) for m in METHODS for c in COLUMNS]
        order = [(METHODS[m], times.ratios(m, "discriminator")) for m in ("sn", "gp", "gn")]
        label = "an update of D: SN faster than 1-GP faster than GN"
        return [*lines, Line("table1.order", label, "", "", judge_ordering(order), (found[0].id,))]

    def plot(self, options: Options) -> Path:
        """Numbers in a table have no picture."""
        raise UserError("nothing is drawn: its numbers are printed by --check")


def job(device: str, batch: int) -> Job:
    """Measure on one kind of device; the batch is the paper's on a GPU."""
    settings = {
        "network": "resnet-32",
        "batch": batch,
        "device": device,
        "rounds": ROUNDS,
        "methods": list(METHODS.values()),
    }
    lines = [f"table1.{m}.{c}" for m in METHODS for c in COLUMNS] + ["table1.order"]

    def missing(options: Options) -> list[str]:
        import torch

        return [] if device == "cpu" or torch.cuda.is_available() else ["a GPU"]

    def work(options: Options) -> Mapping[str, float | None]:
        return measure(device, batch)

    return Job(
        f"table1-{device}",
        "paper",
        0,
        settings,
        work,
        tuple(lines),
        missing,
        duration=lambda options: Estimate(300, "minutes"),
    )


def measure(device: str, batch: int) -> dict[str, float | None]:
    """Seconds of every update in every round."""
    from gnref.measure import Setting, measured

    base = Setting("resnet-32", batch=batch, device=device)
    settings = [replace(base, method=method) for method in METHODS.values()]
    figures = measured(settings, ("discriminator step", "generator step"), ROUNDS)
    return {
        f"{figure.setting.method}, {figure.part}, round {i}": seconds
        for figure in figures
        for i, seconds in enumerate(figure.seconds)
    }


@dataclass(frozen=True)
class Times:
    """What one run measured, beside the printed it/s."""

    record: Record
    published: Published

    def seconds(self, method: str, column: str) -> list[float]:
        """Of each round: an update of D, or one of D and one of G."""
        parts = ["discriminator step"] + ["generator step"] * (column == "generator")
        return [
            sum(self.record.value(f"{METHODS[method]}, {part}, round {i}") for part in parts) for i in range(ROUNDS)
        ]

    def ratios(self, method: str, column: str) -> list[float]:
        """Time by vanilla's in the same round."""
        pairs = zip(self.seconds(method, column), self.seconds("vanilla", column), strict=True)
        return [a / b for a, b in pairs]

    def printed_ratio(self, method: str, column: str) -> float:
        """Time by vanilla's, from the printed it/s."""
        vanilla, its = (self.published.cell(f"table1.{each}.{column}").value for each in ("vanilla", method))
        return vanilla / its

    def sample(self, method: str, column: str, printed: str | None = None) -> Sample:
        """In logarithms: a ratio's difference to the printed one (or to that of the row `printed`), and the margin."""
        logs = [math.log(ratio) for ratio in self.ratios(method, column)]
        difference = mean(logs) - math.log(self.printed_ratio(printed or method, column))
        return Sample(difference, stdev(logs) / math.sqrt(len(logs)), len(logs) - 1, math.log(FACTOR))

    def finding(self, method: str, column: str, sample: Sample, outside: bool) -> Finding:
        """The verdict on one ratio; `outside`: it differs from the printed one, Holm's correction applied."""
        times = self.seconds(method, column)
        scatter = stdev(times) / mean(times)
        reason = f"{math.exp(sample.difference):.2f} times the printed ratio, on {self.record.device}"
        if scatter > LARGEST_SCATTER:
            quiet = f"{reason}; its times scatter by {scatter:.0%}: run on a quiet machine"
            return Finding(Verdict.INCONCLUSIVE, quiet)
        if outside:
            return Finding(Verdict.NOT_REPRODUCED, f"{reason}; p of a factor below {FACTOR} is under {ALPHA}")
        if not sample.reproduced():
            return Finding(Verdict.INCONCLUSIVE, reason)
        others = [m for m in ("vanilla", "sn", "gp", "gn") if m != method]
        rivals = [NAMES[m] for m in others if self.sample(method, column, m).reproduced()]
        if rivals:
            indistinct = f"{reason}; the printed ratios of {', '.join(rivals)} would pass too"
            return Finding(Verdict.NOT_DISCRIMINATING, indistinct)
        return Finding(Verdict.REPRODUCED, reason)

    def line(self, method: str, column: str, finding: Finding | None) -> Line:
        """One row of the table; without a finding it is shown and not judged."""
        found = mean(self.ratios(method, column))
        milliseconds = 1000 * mean(self.seconds(method, column))
        why = "the unit of the ratios" if method == "vanilla" else "beside the printed table"
        return Line(
            f"table1.{method}.{column}",
            f"{NAMES[method]}, {COLUMNS[column]}",
            "" if method == "replay" else f"{self.printed_ratio(method, column):.2f}x",
            f"{found:.2f}x ({milliseconds:.0f} ms)",
            finding or Finding(Verdict.SHOWN, why),
            (self.record.id,),
        )


ARTEFACT = Artefact("table1", "Table 1: training speed, as ratios of time to the unnormalized update", Speed())

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
