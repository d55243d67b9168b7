"""Are the study's scores fit to judge by? The ring damaged in known ways, and what each score makes of it.

    python reproductions/instruments.py --run --check

Ten independent samples of the ring, each unharmed and with four amounts of four damages: noise, shrinking, dropped
modes, a duplicated mode. An instrument sees a damage where its median rises at every step and the largest amount is
told from none in every sample. What each must see is stated here: the distance that decides all four, the other two
what they are made for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import stdev
from typing import ClassVar

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.errors import UserError
from gnref.evidence import Artefact, Finding, Job, Line, Options, Record, Verdict, main
from gnref.evidence.instruments import DAMAGES, Reaction, reaction
from gnref.evidence.points import DEVIATION, POINTS, real_points, scores
from gnref.evidence.revision import REVISION

SAMPLES = 10
MUST_SEE = {
    "wasserstein": tuple(DAMAGES),
    "lost": ("dropped modes",),
    "stray": ("noise", "shrunk"),
}


@dataclass(frozen=True)
class Validation:
    """One run, a line for each instrument and damage, and one for its scatter."""

    judges_images: ClassVar[bool] = False

    def jobs(self, options: Options) -> list[Job]:
        """One run."""
        settings = {
            "points": POINTS,
            "deviation": DEVIATION,
            "samples": SAMPLES,
            "damages": {k: list(v[1]) for k, v in DAMAGES.items()},
        }
        lines = tuple(f"instruments.{i}.{d.replace(' ', '-')}" for i in MUST_SEE for d in DAMAGES)
        return [Job("instruments", "study", 0, settings, measure, lines, revision=REVISION)]

    def lines(self, options: Options) -> list[Line]:
        """What each instrument sees."""
        (job,) = self.jobs(options)
        record = job.record(options)
        if record is None:
            missing = Finding(
                Verdict.NOT_RUN, "no evidence; python reproductions/instruments.py --run makes it in a minute"
            )
            return [Line(name, name, "", "", missing) for name in job.serves]
        if record.revision != REVISION:
            older = Finding(Verdict.OLDER, f"made by revision {record.revision}; the code is at {REVISION}")
            return [Line(name, name, "", "", older) for name in job.serves]
        return [_line(record, instrument, damage) for instrument in MUST_SEE for damage in DAMAGES]

    def plot(self, options: Options) -> Path:
        """The numbers are the table."""
        raise UserError("instruments is a table of numbers: there is nothing to plot")


def measure(options: Options) -> Mapping[str, float | None]:
    """Every instrument on every damage, by `INSTRUMENT/DAMAGE/AMOUNT/SAMPLE`."""
    reals, centres = real_points("ring")
    found: dict[str, float | None] = {}
    for instrument in MUST_SEE:
        for damage in DAMAGES:
            seen = reaction(
                lambda x, i=instrument: scores(x, reals, centres)[i], damage, centres, DEVIATION, POINTS, SAMPLES
            )
            for amount, each in enumerate(seen.scores):
                found |= {f"{instrument}/{damage}/{amount}/{sample}": value for sample, value in enumerate(each)}
    return found


def _line(record: Record, instrument: str, damage: str) -> Line:
    amounts = range(len(DAMAGES[damage][1]))
    seen = Reaction(
        tuple(tuple(record.value(f"{instrument}/{damage}/{a}/{s}") for s in range(SAMPLES)) for a in amounts)
    )
    if damage in MUST_SEE[instrument]:
        scatter = f"scatter between equal samples {stdev(seen.scores[0]):.3f}"
        flat = f"does not rise at every step; {scatter}"
        finding = Finding(Verdict.PASS, scatter) if seen.sees else Finding(Verdict.FAIL, flat)
    else:
        said = "sees it too" if seen.sees else "does not see it" if seen.blind else "moves, not at every step"
        finding = Finding(Verdict.SHOWN, said)
    medians = " ".join(f"{value:.2f}" for value in seen.medians)
    return Line(
        f"instruments.{instrument}.{damage.replace(' ', '-')}",
        f"{instrument}, {damage}",
        "",
        medians,
        finding,
        (record.id,),
    )


ARTEFACT = Artefact("instruments", "The study's scores on a truth damaged in known ways", Validation())

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
