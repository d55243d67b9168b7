"""The study: every registered arm in every registered regime, judged by the registered hypotheses."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import ClassVar

from gnref.evidence import arms, cost
from gnref.evidence.comparison import Comparison, judge
from gnref.evidence.guards import Session, guard
from gnref.evidence.jobs import Job
from gnref.evidence.lines import Line
from gnref.evidence.options import Options
from gnref.evidence.records import Record
from gnref.evidence.registered import Hypothesis, Regime, Registered
from gnref.evidence.revision import REVISION
from gnref.evidence.verdict import Finding, Verdict

NAMES = {
    "vanilla": "no normalization",
    "vanilla-ns": "none, NS loss",
    "sn": "SN",
    "1-gp": "1-GP",
    "0-gp": "0-GP",
    "gn": "GN",
    "gn-ns": "GN, NS loss",
    "gn1": "GN_1",
    "gn0": "GN_0",
    "gran": "GraN",
    "gran-10": "GraN, K = 10",
    "gran-wasserstein": "GraN, Wasserstein",
    "r1-every-16": "R1 every 16",
    "r1-every-4": "R1 every 4",
    "r3gan": "R3GAN loss",
    "lecam": "LeCam",
    "gn-cr": "GN with CR",
    "sn-cr": "SN with CR",
    "gn-elu": "GN, ELU",
    "gn-softplus": "GN, Softplus",
    "gn-elu-cr": "GN with CR, ELU",
    "gn-relativistic": "GN, relativistic",
    "gn-lecam": "GN + LeCam",
}
"""As a reader knows them."""


@dataclass(frozen=True)
class RegisteredStudy:
    """Every regime of points and of images."""

    judges_images: ClassVar[bool] = False

    def jobs(self, options: Options) -> list[Job]:
        """Every arm of every regime, in the registered order; then what a step costs, of points and of images."""
        registered = Registered.of(options)
        regimes = registered.regimes()
        runs = [
            arms.job(regime, arm, seed, _serves(registered, regime, arm))
            for regime in regimes
            for arm in regime.arms
            for seed in regime.seeds
        ]
        first = {arms.kind(regime).heading: regime for regime in reversed(regimes)}.values()
        return [*runs, *(job for regime in first for job in cost.jobs(regime))]

    def lines(self, options: Options) -> list[Line]:
        """Every hypothesis of every regime."""
        registered = Registered.of(options)
        return [line for regime in registered.regimes() for line in _lines(registered, regime, options)]

    def plot(self, options: Options) -> Path:
        """The pictures of the study's page."""
        from gnref.evidence.study_pictures import draw

        return draw(options)


def records(regime: Regime, arm: str, options: Options) -> list[Record]:
    """What has been run of an arm, one record a seed."""
    name = f"{regime.name}-{arm}"
    return options.records.find_all(name, "study", arms.settings(regime, arm), regime.seeds)


def values(found: list[Record], instrument: str, step: int) -> list[float]:
    """An instrument's scores at a step, one a replica, over all seeds."""
    start = f"{instrument}/{step}/"
    return [record.value(name) for record in found for name in record.scores if name.startswith(start)]


def _serves(registered: Registered, regime: Regime, arm: str) -> tuple[str, ...]:
    return tuple(each.id for each in registered.hypotheses(regime.name) if arm in (each.better, each.worse))


def _lines(registered: Registered, regime: Regime, options: Options) -> list[Line]:
    hypotheses = registered.hypotheses(regime.name)
    found = {arm: records(regime, arm, options) for each in hypotheses for arm in (each.better, each.worse)}
    unfit = {each.id: _unfit(each, regime, found) for each in hypotheses}
    ready = [each for each in hypotheses if unfit[each.id] is None]
    last, kind = regime.scored_at[-1], arms.kind(regime)
    comparisons = {
        each.id: Comparison(
            each.id,
            {
                name: (values(found[each.better], name, last), values(found[each.worse], name, last))
                for name in kind.instruments
            },
            each.control,
        )
        for each in ready
    }
    judged: dict[str, Finding] = {}
    for later in (True, False):  # the control is in both tables; what the first table says of it counts
        table = [comparisons[each.id] for each in ready if each.later == later or each.control]
        judged |= zip((each.id for each in table), judge(table, registered.alpha) if table else [], strict=True)
    return [
        Line(
            each.id,
            each.sentence + (" (control)" if each.control else ""),
            kind.heading,
            " and ".join(_middle(values(found[arm], kind.instruments[0], last)) for arm in (each.better, each.worse)),
            unfit[each.id] or judged[each.id],
            tuple(record.id for arm in (each.better, each.worse) for record in found[arm]),
        )
        for each in hypotheses
    ]


def _unfit(hypothesis: Hypothesis, regime: Regime, found: dict[str, list[Record]]) -> Finding | None:
    for arm in (hypothesis.better, hypothesis.worse):
        mine = found[arm]
        if len(mine) < len(regime.seeds):
            return Finding(Verdict.NOT_RUN, f"{len(mine)} of {len(regime.seeds)} seeds of {arm} are there: say --run")
        older = sorted({str(record.revision) for record in mine if record.revision != REVISION})
        if older:
            return Finding(
                Verdict.OLDER, f"{arm} was run by revision {', '.join(older)} of the code, which is at {REVISION}"
            )
        sessions = [Session(record.seed, record.commit, record.key_without_seed, {}) for record in mine]
        if (reason := guard(sessions)) is not None:
            return Finding(Verdict.UNDECIDED, reason)
    return None


def _middle(scores: list[float]) -> str:
    return f"{median(scores):.2f}" if scores else "?"
