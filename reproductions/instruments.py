"""Are the study's scores fit to judge by? The truth damaged in known ways, and what each score makes of it.

    python reproductions/instruments.py --run --check

Ten independent samples of the ring, and ten of the shapes at 16 pixels, each unharmed and with four amounts of every
damage. An instrument sees a damage where its median rises at every step and the largest amount is told from none in
every sample. What each must see is stated here: the distance that decides, and the FID that may contradict it on
images, every damage, the others what they are made for. What is estimated of an image is compared with what it was
drawn from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import stdev
from typing import ClassVar

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.errors import UserError
from gnref.evidence import Artefact, Finding, Job, Line, Options, Record, Verdict, image_instruments, main
from gnref.evidence.image_damages import DAMAGES as IMAGE_DAMAGES
from gnref.evidence.instruments import DAMAGES, Reaction, reaction
from gnref.evidence.points import DEVIATION, POINTS, real_points, scores
from gnref.evidence.revision import REVISION

SAMPLES = 10
MUST_SEE = {
    "wasserstein": tuple(DAMAGES),
    "lost": ("dropped modes",),
    "stray": ("noise", "shrunk"),
}
MUST_SEE_OF_IMAGES = {
    "factors": tuple(IMAGE_DAMAGES),
    "fid": tuple(IMAGE_DAMAGES),
    "class": ("dropped classes", "a duplicated image"),
    "position": ("a duplicated image",),
    "scale": ("a duplicated image",),
    "colour": ("faded", "a duplicated image"),
    "unlike": ("noise",),
    "untrained-fid": tuple(IMAGE_DAMAGES),
}
LEAST_AGREEMENT = {"class": 0.95, "position": 0.9, "scale": 0.9, "hue": 0.95}
"""Share of classes named right; correlations of estimates with the truth; the mean cosine of the hues' difference."""
SIZE = 16


@dataclass(frozen=True)
class Validation:
    """Two runs, a line for each instrument and damage, and one for each thing that is estimated of an image."""

    judges_images: ClassVar[bool] = False

    def jobs(self, options: Options) -> list[Job]:
        """One run of points, one of images."""
        return [_of_points(), _of_images()]

    def lines(self, options: Options) -> list[Line]:
        """What each instrument sees."""
        points, images = (_record(job, options) for job in self.jobs(options))
        lines = points if isinstance(points, list) else [
            _line(points, instrument, damage, tuple(DAMAGES[damage][1]), MUST_SEE)
            for instrument in MUST_SEE for damage in DAMAGES
        ]  # fmt: skip
        if isinstance(images, list):
            return lines + images
        lines += [_agreement(images, what) for what in LEAST_AGREEMENT]
        return lines + [
            _line(images, instrument, damage, tuple(IMAGE_DAMAGES[damage][1]), MUST_SEE_OF_IMAGES, "images: ")
            for instrument in MUST_SEE_OF_IMAGES for damage in IMAGE_DAMAGES
        ]  # fmt: skip

    def plot(self, options: Options) -> Path:
        """The numbers are the table."""
        raise UserError("nothing is drawn: its numbers are printed by --check")


def _of_points() -> Job:
    settings = {
        "points": POINTS,
        "deviation": DEVIATION,
        "samples": SAMPLES,
        "damages": {k: list(v[1]) for k, v in DAMAGES.items()},
    }
    lines = tuple(_id(instrument, damage) for instrument in MUST_SEE for damage in DAMAGES)
    return Job("instruments", "study", 0, settings, measure, lines, revision=REVISION)


def _of_images() -> Job:
    settings = {
        "images": image_instruments.IMAGES,
        "size": SIZE,
        "samples": SAMPLES,
        "damages": {k: list(v[1]) for k, v in IMAGE_DAMAGES.items()},
    }
    lines = tuple(_id(f"images.{i}", damage) for i in MUST_SEE_OF_IMAGES for damage in IMAGE_DAMAGES)
    lines = tuple(f"instruments.images.estimated.{what}" for what in LEAST_AGREEMENT) + lines
    return Job("image-instruments", "study", 0, settings, _measure_images, lines, revision=REVISION)


def _measure_images(options: Options) -> Mapping[str, float | None]:
    return image_instruments.measure(SIZE, SAMPLES)


def _id(instrument: str, damage: str) -> str:
    return f"instruments.{instrument}.{damage.replace(' ', '-')}"


def _record(job: Job, options: Options) -> Record | list[Line]:
    """The run's record; where there is none of this code, what to say of its lines."""
    record = job.record(options)
    if record is None:
        said = "no evidence; python reproductions/instruments.py --run makes it in minutes"
        return [Line(name, name, "", "", Finding(Verdict.NOT_RUN, said)) for name in job.serves]
    if record.revision != REVISION:
        older = Finding(Verdict.OLDER, f"made by revision {record.revision}; the code is at {REVISION}")
        return [Line(name, name, "", "", older) for name in job.serves]
    return record


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


def _agreement(record: Record, what: str) -> Line:
    found, least = record.value(f"estimated/{what}"), LEAST_AGREEMENT[what]
    word = Verdict.PASS if found >= least else Verdict.FAIL
    why = Finding(word, f"agreement with what the images were drawn from, at least {least}")
    return Line(
        f"instruments.images.estimated.{what}", f"images: {what}, estimated", "", f"{found:.3f}", why, (record.id,)
    )


def _line(
    record: Record,
    instrument: str,
    damage: str,
    amounts: tuple[float, ...],
    must_see: Mapping[str, tuple[str, ...]],
    of: str = "",
) -> Line:
    seen = Reaction(
        tuple(
            tuple(record.value(f"{instrument}/{damage}/{a}/{s}") for s in range(SAMPLES)) for a in range(len(amounts))
        )
    )
    if damage in must_see[instrument]:
        scatter = f"scatter between equal samples {stdev(seen.scores[0]):.3f}"
        flat = f"does not rise at every step; {scatter}"
        finding = Finding(Verdict.PASS, scatter) if seen.sees else Finding(Verdict.FAIL, flat)
    else:
        said = "sees it too" if seen.sees else "does not see it" if seen.blind else "moves, not at every step"
        finding = Finding(Verdict.SHOWN, said)
    medians = " ".join(f"{value:.2f}" for value in seen.medians)
    name = f"{of.replace(': ', '.')}{instrument}"
    return Line(_id(name, damage), f"{of}{instrument}, {damage}", "", medians, finding, (record.id,))


ARTEFACT = Artefact("instruments", "The study's scores on a truth damaged in known ways", Validation())

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
