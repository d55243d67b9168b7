"""The mini scale: small networks on 16-pixel shapes; hypotheses written down in `hypotheses.toml` before their runs.

Its scores are "mini-FID" (FID in the shipped shapes-features) and the same in untrained features; they are not FID. A
hypothesis is MINI-PASS or MINI-FAIL only where both feature spaces agree on the sign, else MINI-UNDECIDED.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

from evidence import RESULTS, Evidence, find_all
from guards import Session, guard
from jobs import Job, Options
from lines import Line
from orderings import p_ordering, superiority
from verdict import Finding, Verdict

from gnref.errors import UserError
from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS

FILE = Path(__file__).parent / "hypotheses.toml"
FEATURES = {"mini_fid": "shapes", "mini_fid_untrained": "random"}
PROTOCOL = "shapes-16"


@dataclass(frozen=True)
class Hypothesis:
    """One sentence about two experiments; `rule` is "ordering" or "failures" (see `judge`)."""

    id: str
    artefact: str
    sentence: str
    rule: str
    better: str
    worse: str


@cache
def _document() -> dict[str, Any]:
    with FILE.open("rb") as file:
        return tomllib.load(file)


def hypotheses(artefact: str) -> list[Hypothesis]:
    """Those that belong to a table or figure."""
    found = [Hypothesis(**each) for each in _document()["hypothesis"]]
    return [each for each in found if each.artefact == artefact]


def experiment(name: str) -> Experiment:
    """An experiment of the file: one of the trainer's small ones with the recipe's settings."""
    own = dict(_document()["experiment"][name])
    return EXPERIMENTS[own.pop("base")].changed(**_document()["recipe"], **own, name=f"mini-{name}")


def seeds() -> list[int]:
    """Of every experiment alike."""
    return list(_document()["seeds"])


@dataclass(frozen=True)
class Mini:
    """A table's or figure's hypotheses."""

    judges_images: ClassVar[bool] = False
    artefact: str

    def jobs(self) -> list[Job]:
        """Every experiment that a hypothesis needs, all seeds."""
        needed = dict.fromkeys(name for each in hypotheses(self.artefact) for name in (each.better, each.worse))
        return [job(name, seed) for name in needed for seed in seeds()]

    def lines(self, options: Options) -> list[Line]:
        """Every hypothesis with its verdict."""
        return [_line(each) for each in hypotheses(self.artefact)]

    def plot(self, options: Options) -> Path:
        """Every seed's mini-FID, one column an experiment."""
        return draw(self.artefact)


def settings(name: str) -> dict[str, Any]:
    """The key of a mini run's evidence."""
    chosen = {key: value for key, value in experiment(name).settings().items() if key != "name"}
    return {**chosen, "protocol": PROTOCOL, "features": sorted(FEATURES.values())}


def job(name: str, seed: int) -> Job:
    """Train on shapes and score in both feature spaces."""

    def work(options: Options) -> Mapping[str, float | None]:
        return train_and_score(experiment(name), seed, options.runs / "mini" / f"{name}-seed{seed}")

    serves = tuple(Hypothesis(**h).id for h in _document()["hypothesis"] if name in (h["better"], h["worse"]))
    return Job(name, "mini", seed, settings(name), work, serves, duration=lambda: "under 45 seconds of one core")


def train_and_score(chosen: Experiment, seed: int, folder: Path) -> dict[str, float | None]:
    """The last checkpoint's mini-FID, mini-IS, and FID in untrained features; None where it diverged."""
    import torch

    from gnref.data.load import load
    from gnref.evaluation import evaluate
    from gnref.runs import load_generator
    from gnref.training.train import Cadence, Diverged, train

    torch.set_num_threads(1)
    steps = chosen.steps
    cadence = Cadence(log=max(1, steps // 4), sample=steps, checkpoint=max(1, steps // 2), score=steps)
    try:
        reached = train(chosen, load(chosen.dataset, None, chosen.size), folder, seed=seed, cadence=cadence)
    except Diverged:
        return dict.fromkeys((*FEATURES, "mini_is"))
    if reached < steps:
        raise UserError(f"{chosen.name}-seed{seed} was stopped at step {reached}; the same command goes on from there")
    generator = load_generator(folder)
    found: dict[str, float | None] = {}
    for key, features in FEATURES.items():
        scores = evaluate(generator, PROTOCOL, features=features, progress=False)["scores"]
        found[key] = next(value for name, value in scores.items() if name.startswith("FID"))
        if features == "shapes":
            found["mini_is"] = scores["IS in shapes-features"]
    return found


# Judging


def records(name: str) -> list[Evidence]:
    """The evidence on an experiment, one record a seed."""
    return find_all(name, "mini", settings(name), seeds())


def _line(hypothesis: Hypothesis) -> Line:
    found = {name: records(name) for name in (hypothesis.better, hypothesis.worse)}
    rests_on = tuple(record.file.name for each in found.values() for record in each)
    middle = " and ".join(
        f"{median(r.value('mini_fid') for r in each):.2f}" if each else "?" for each in found.values()
    )
    finding = _finding(hypothesis, found)
    return Line(hypothesis.id, hypothesis.sentence, "mini-FID", middle, finding, rests_on)


def _finding(hypothesis: Hypothesis, found: dict[str, list[Evidence]]) -> Finding:
    for name, each in found.items():
        if len(each) < len(seeds()):
            return Finding(Verdict.NOT_RUN, f"{len(each)} of {len(seeds())} runs of {name} are there: say --run")
        sessions = [Session(r.seed, r.commit, r.key_without_seed, {}) for r in each]
        if (reason := guard(sessions)) is not None:
            return Finding(Verdict.UNDECIDED, reason)
    spaces = {key: tuple([r.value(key) for r in each] for each in found.values()) for key in FEATURES}
    return judge(hypothesis.rule, spaces["mini_fid"], spaces["mini_fid_untrained"])


Groups = tuple[list[float], ...]


def judge(rule: str, trained: Groups, untrained: Groups) -> Finding:
    """`trained` and `untrained`: (better, worse) over seeds, in the two feature spaces."""
    return {"ordering": _judge_ordering, "failures": _judge_failures}[rule](trained, untrained)


def _judge_ordering(trained: Groups, untrained: Groups) -> Finding:
    """Exact one-sided rank test at 5 % in shapes-features; the untrained ones must have the same sign."""
    better, worse = trained
    alpha, sign = _document()["alpha"], superiority(*untrained)
    p, opposite = p_ordering(better, worse), p_ordering(worse, better)
    reason = (
        f"better in {superiority(better, worse):.0%} of pairs (p = {p:.3g}, opposite {opposite:.3g}); "
        f"in untrained features in {sign:.0%}"
    )
    if p <= alpha and sign > 0.5:
        return Finding(Verdict.PASS, reason)
    if opposite <= alpha and sign < 0.5:
        return Finding(Verdict.FAIL, reason)
    return Finding(Verdict.UNDECIDED, reason)


def _judge_failures(trained: Groups, untrained: Groups) -> Finding:
    """A run fails above `failure_factor` times the median of the better group, or where it diverged.

    PASS: in both feature spaces at least `many` of the worse group fail, at most `few` of the better. FAIL: in both at
    most `few` of the worse fail.
    """
    rule = _document()["failures"]
    counts = []
    for better, worse in (trained, untrained):
        bound = rule["failure_factor"] * median(better)
        counts.append((sum(x > bound for x in better), sum(x > bound for x in worse)))
    reason = "failed runs of the better and the worse group: " + "; ".join(
        f"{a} and {b} of {len(trained[0])} in {space} features"
        for (a, b), space in zip(counts, FEATURES.values(), strict=True)
    )
    if all(a <= rule["few"] and b >= rule["many"] for a, b in counts):
        return Finding(Verdict.PASS, reason)
    if all(b <= rule["few"] for _, b in counts):
        return Finding(Verdict.FAIL, reason)
    return Finding(Verdict.UNDECIDED, reason)


def draw(artefact: str) -> Path:
    """A point a seed; a diverged run stands at the top."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(name for each in hypotheses(artefact) for name in (each.better, each.worse)))
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 3.5), dpi=80)
    for axis, (key, space) in zip(axes, FEATURES.items(), strict=True):
        for place, name in enumerate(names):
            values = [record.value(key) for record in records(name)]
            finite = [value for value in values if value < float("inf")]
            axis.scatter([place + 0.02 * (i - 4.5) for i in range(len(finite))], finite, s=12)
            if len(finite) < len(values):
                axis.text(place, axis.get_ylim()[1], f"{len(values) - len(finite)} diverged", ha="center", size=7)
        axis.set(title=f"mini-FID, {space} features", xticks=range(len(names)), yscale="log")
        axis.set_xticklabels(names, rotation=20, size=8)
    figure.tight_layout()
    path = RESULTS / f"{artefact}-mini.png"
    figure.savefig(path)
    pyplot.close(figure)
    return path
