"""The mini scale: small networks on 16-pixel shapes; hypotheses written down in `hypotheses.toml` before their runs.

Its scores are "mini-FID" (FID in the shipped shapes-features) and the same in untrained features; they are not FID. A
hypothesis is MINI-PASS or MINI-FAIL only where both feature spaces agree on the sign, else MINI-UNDECIDED.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

from gnref.errors import UserError
from gnref.evidence.guards import Session, guard
from gnref.evidence.hypotheses import Hypothesis, Registered
from gnref.evidence.jobs import Job
from gnref.evidence.lines import Line
from gnref.evidence.options import Options
from gnref.evidence.orderings import p_ordering, superiority
from gnref.evidence.records import Record
from gnref.evidence.verdict import Finding, Verdict
from gnref.training.experiment import Experiment

FEATURES = {"mini_fid": "shapes", "mini_fid_untrained": "random"}
PROTOCOL = "shapes-16"


@dataclass(frozen=True)
class Mini:
    """A table's or figure's hypotheses."""

    judges_images: ClassVar[bool] = False
    artefact: str

    def jobs(self, options: Options) -> list[Job]:
        """Every experiment that a hypothesis needs, all seeds."""
        registered = Registered.of(options)
        needed = _experiments(registered.hypotheses(self.artefact))
        return [job(name, seed, registered) for name in needed for seed in registered.seeds]

    def lines(self, options: Options) -> list[Line]:
        """Every hypothesis with its verdict."""
        return [_line(each, options) for each in Registered.of(options).hypotheses(self.artefact)]

    def plot(self, options: Options) -> Path:
        """Every seed's mini-FID, one column an experiment."""
        return draw(self.artefact, options)


def _experiments(hypotheses: list[Hypothesis]) -> list[str]:
    return list(dict.fromkeys(name for each in hypotheses for name in (each.better, each.worse)))


def settings(name: str, registered: Registered) -> dict[str, Any]:
    """The key of a mini run's evidence."""
    chosen = {key: value for key, value in registered.experiment(name).settings().items() if key != "name"}
    return {**chosen, "protocol": PROTOCOL, "features": sorted(FEATURES.values())}


def job(name: str, seed: int, registered: Registered) -> Job:
    """Train on shapes and score in both feature spaces."""

    def work(options: Options) -> Mapping[str, float | None]:
        return train_and_score(registered.experiment(name), seed, options.runs / "mini" / f"{name}-seed{seed}")

    serves = tuple(each.id for each in registered.hypotheses() if name in (each.better, each.worse))
    key = settings(name, registered)
    return Job(name, "mini", seed, key, work, serves, duration=lambda options: "under 45 seconds of one core")


def train_and_score(chosen: Experiment, seed: int, folder: Path) -> dict[str, float | None]:
    """The last checkpoint's mini-FID, mini-IS, and FID in untrained features; None where it diverged."""
    import torch

    from gnref.data.load import load
    from gnref.evaluation import evaluate
    from gnref.runs import load_generator
    from gnref.training.cadence import Cadence
    from gnref.training.train import Diverged, train

    torch.set_num_threads(1)
    steps = chosen.steps
    cadence = Cadence(
        log_every=max(1, steps // 4), sample_every=steps, checkpoint_every=max(1, steps // 2), score_every=steps
    )
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


def records(name: str, options: Options) -> list[Record]:
    """The evidence on an experiment, one record a seed."""
    registered = Registered.of(options)
    return options.records.find_all(name, "mini", settings(name, registered), registered.seeds)


def _line(hypothesis: Hypothesis, options: Options) -> Line:
    found = {name: records(name, options) for name in (hypothesis.better, hypothesis.worse)}
    rests_on = tuple(record.id for each in found.values() for record in each)
    middle = " and ".join(
        f"{median(r.value('mini_fid') for r in each):.2f}" if each else "?" for each in found.values()
    )
    finding = _finding(hypothesis, found, Registered.of(options))
    return Line(hypothesis.id, hypothesis.sentence, "mini-FID", middle, finding, rests_on)


def _finding(hypothesis: Hypothesis, found: dict[str, list[Record]], registered: Registered) -> Finding:
    planned = len(registered.seeds)
    for name, each in found.items():
        if len(each) < planned:
            return Finding(Verdict.NOT_RUN, f"{len(each)} of {planned} runs of {name} are there: say --run")
        sessions = [Session(r.seed, r.commit, r.key_without_seed, {}) for r in each]
        if (reason := guard(sessions)) is not None:
            return Finding(Verdict.UNDECIDED, reason)
    spaces = {key: tuple([r.value(key) for r in each] for each in found.values()) for key in FEATURES}
    return judge(hypothesis.rule, spaces["mini_fid"], spaces["mini_fid_untrained"], registered)


Groups = tuple[list[float], ...]


def judge(rule: str, trained: Groups, untrained: Groups, registered: Registered) -> Finding:
    """`trained` and `untrained`: (better, worse) over seeds, in the two feature spaces."""
    if rule == "ordering":
        return _judge_ordering(trained, untrained, registered.alpha)
    return _judge_failures(trained, untrained, registered.failures)


def _judge_ordering(trained: Groups, untrained: Groups, alpha: float) -> Finding:
    """Exact one-sided rank test at `alpha` in shapes-features; the untrained ones must have the same sign."""
    better, worse = trained
    sign = superiority(*untrained)
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


def _judge_failures(trained: Groups, untrained: Groups, rule: Mapping[str, float]) -> Finding:
    """A run fails above `failure_factor` times the median of the better group, or where it diverged.

    PASS: in both feature spaces at least `many` of the worse group fail, at most `few` of the better. FAIL: in both at
    most `few` of the worse fail.
    """
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


def draw(artefact: str, options: Options) -> Path:
    """A point a seed; a diverged run stands at the top."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    names = _experiments(Registered.of(options).hypotheses(artefact))
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 3.5), dpi=80)
    for axis, (key, space) in zip(axes, FEATURES.items(), strict=True):
        for place, name in enumerate(names):
            values = [record.value(key) for record in records(name, options)]
            finite = [value for value in values if value < float("inf")]
            axis.scatter([place + 0.02 * (i - 4.5) for i in range(len(finite))], finite, s=12)
            if len(finite) < len(values):
                axis.text(place, axis.get_ylim()[1], f"{len(values) - len(finite)} diverged", ha="center", size=7)
        axis.set(title=f"mini-FID, {space} features", xticks=range(len(names)), yscale="log")
        axis.set_xticklabels(names, rotation=20, size=8)
    figure.tight_layout()
    path = options.results / f"{artefact}-mini.png"
    figure.savefig(path)
    pyplot.close(figure)
    return path
