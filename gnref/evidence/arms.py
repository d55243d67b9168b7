"""An arm of a regime as a run: its key, how it is trained and scored, and what its scores are called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gnref.evidence import images, points
from gnref.evidence.jobs import Job
from gnref.evidence.options import Options
from gnref.evidence.registered import Regime
from gnref.evidence.revision import REVISION
from gnref.evidence.timing import Estimate
from gnref.training.experiment import Experiment

Scored = Mapping[str, float | None]


@dataclass(frozen=True)
class Kind:
    """Runs of points, or of images: `instruments` are the one that decides and the one that may contradict it."""

    instruments: tuple[str, str]
    heading: str
    """The first instrument's, in a table."""
    axes: tuple[str, str]
    """Both in a picture."""
    beside: Mapping[str, str]
    """Instruments that stand beside it in the table, by their headings."""
    size: Mapping[str, int]
    """What a score is of."""
    work: Callable[[Experiment, int, tuple[int, ...]], Scored]
    takes: Estimate
    cost_steps: int
    """Steps of which the cost of one is the mean: as many as every lazy penalty of its arms needs for its share."""


POINTS = Kind(
    ("wasserstein", "stray"),
    "W1",
    ("Wasserstein distance to the reals, lower is better", "share of stray points"),
    {"lost": "lost modes", "stray": "stray points"},
    {"points": points.POINTS},
    points.train_and_score,
    Estimate(60, "a minute of one core"),
    16,
)
IMAGES = Kind(
    ("factors", "fid"),
    "factors",
    ("energy distance of what images show, lower is better", "FID in shapes-features, lower is better"),
    {
        "fid": "FID in shapes-features",
        "class": "class",
        "position": "position",
        "scale": "size",
        "colour": "colour",
        "unlike": "unlike",
    },
    {"images": images.IMAGES},
    images.train_and_score,
    Estimate(90, "one to two minutes of one core"),
    2,
)


def kind(regime: Regime) -> Kind:
    """Which a regime's runs are."""
    return POINTS if regime.experiment(regime.first[0]).dataset in points.CENTRES else IMAGES


def settings(regime: Regime, arm: str) -> dict[str, Any]:
    """The key of a run's record."""
    chosen = {key: value for key, value in regime.experiment(arm).settings().items() if key != "name"}
    return {**chosen, "regime": regime.name, **kind(regime).size, "scored_at": list(regime.scored_at)}


def job(regime: Regime, arm: str, seed: int, serves: tuple[str, ...]) -> Job:
    """An arm from one seed, with all its replicas."""
    of = kind(regime)

    def work(options: Options) -> Scored:
        return of.work(regime.experiment(arm), seed, regime.scored_at)

    name = f"{regime.name}-{arm}"
    return Job(
        name, "study", seed, settings(regime, arm), work, serves, duration=lambda options: of.takes, revision=REVISION
    )
