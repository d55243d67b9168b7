"""Tables of trained networks at the appendix's settings: their runs, their cells, their orderings."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import evidence
import published
import timing
from equivalence import judge_cells, swap_test
from evidence import Evidence
from guards import Session, guard
from jobs import Job, Options
from lines import Line
from orderings import judge_ordering
from published import Printed
from verdict import Finding, Verdict

from gnref.errors import UserError
from gnref.training.experiments import EXPERIMENTS

SEEDS = (0, 1, 2)
PROTOCOLS = {
    "cifar10": {"is": "cifar10-train", "fid_train": "cifar10-train", "fid_test": "cifar10-test"},
    "stl10": {"is": "stl10-50k", "fid_50k": "stl10-50k", "fid_10k": "stl10-10k"},
    "celebahq-128": {"fid": "celebahq-128"},
    "celebahq-256": {"fid": "celebahq-256"},
    "celebahq-1024": {"fid": "celebahq-1024"},
    "lsun-church": {"fid": "lsun-church"},
}
"""By data set, what is scored: a score's name and the protocol it is measured by."""


@dataclass(frozen=True)
class Ordering:
    """A sentence of the appendix: each experiment scores lower than the next, over training seeds."""

    id: str
    sentence: str
    experiments: tuple[str, ...]
    score: str = "fid_train"


@dataclass(frozen=True)
class Trained:
    """A table whose cells are scores of trained networks. `rows` maps a cell's row to its experiment."""

    judges_images: ClassVar[bool] = True
    artefact: str
    rows: Mapping[str, str]
    orderings: tuple[Ordering, ...] = ()

    def jobs(self) -> list[Job]:
        """Every experiment, three seeds."""
        names = dict.fromkeys([*self.rows.values(), *(name for each in self.orderings for name in each.experiments)])
        return [job(name, seed, self._serves(name)) for name in names for seed in SEEDS]

    def lines(self, options: Options) -> list[Line]:
        """Every printed number beside ours, judged together; then the orderings."""
        cells = published.cells_of(self.artefact)
        judged = [cell for cell in cells if not cell.external]
        sessions = self._judged_images(judged, options) if options.samples else self._own_sessions(judged)
        values = {cell.id: [session.scores[_score(cell)] for session in sessions[cell.id]] for cell in judged}
        found = judge_cells([(cell.score, cell.value, values[cell.id]) for cell in judged])
        by_id = dict(zip((cell.id for cell in judged), found, strict=True))
        lines = []
        for cell in cells:
            if cell.external:
                quoted = Finding(Verdict.EXTERNAL, "quoted by the appendix from another paper")
                lines.append(Line(cell.id, _label(cell), cell.text, "", quoted))
                continue
            finding = self._finished(cell, by_id[cell.id], sessions[cell.id], values[cell.id], options)
            ours = " ".join(f"{value:.2f}" for value in values[cell.id])
            lines.append(Line(cell.id, _label(cell), cell.text, ours, finding, self._rests_on(cell, options)))
        return lines + [self._ordered(each) for each in self.orderings]

    def plot(self, options: Options) -> Path:
        """Numbers in a table have no picture."""
        raise UserError(f"{self.artefact} is a table of numbers: there is nothing to plot at this scale")

    def _serves(self, experiment: str) -> tuple[str, ...]:
        rows = {row for row, name in self.rows.items() if name == experiment}
        cells = [cell.id for cell in published.cells_of(self.artefact) if _row(cell) in rows]
        return (*cells, *(each.id for each in self.orderings if experiment in each.experiments))

    def _finished(
        self, cell: Printed, finding: Finding, sessions: list[Session], values: list[float], options: Options
    ) -> Finding:
        """The finding after guards and swap test, with what is missing where nothing was run."""
        if not sessions:
            needs = job(self.rows[_row(cell)], SEEDS[0]).missing(options)
            return Finding(Verdict.NOT_RUN, "needs " + "; ".join(needs) if needs else "ready: say --run")
        overruled = guard(sessions)
        if overruled:
            return finding.overruled(overruled)
        rivals = {other.row: other.value for other in published.rivals(cell)}
        finding = swap_test(finding, cell.score, values, rivals)
        if len(values) == 1 and finding.verdict is Verdict.REPRODUCED:
            return Finding(finding.verdict, f"{finding.reason} (1 session)")
        return finding

    def _own_sessions(self, cells: list[Printed]) -> dict[str, list[Session]]:
        return {cell.id: [session(record) for record in records(self.rows[_row(cell)])] for cell in cells}

    def _judged_images(self, cells: list[Printed], options: Options) -> dict[str, list[Session]]:
        """The images of `--samples` as sessions of the one row that `--cell` names; no other row has any."""
        rows = {_row(cell) for cell in cells if cell.id.startswith(options.cell or "")}
        if len(rows) != 1:
            names = ", ".join(f"{self.artefact}.{row}" for row in self.rows)
            raise UserError(f"--samples: say which row the images are of, --cell with one of {names}")
        (row,) = rows
        found = from_images(self.rows[row], options)
        return {cell.id: found if _row(cell) == row else [] for cell in cells}

    def _rests_on(self, cell: Printed, options: Options) -> tuple[str, ...]:
        if options.samples:
            return tuple(str(folder) for folder in options.samples)
        return tuple(record.file.name for record in records(self.rows[_row(cell)]))

    def _ordered(self, ordering: Ordering) -> Line:
        found = {name: records(name) for name in ordering.experiments}
        groups = [(name, [record.value(ordering.score) for record in each]) for name, each in found.items()]
        rests_on = tuple(record.file.name for each in found.values() for record in each)
        return Line(ordering.id, ordering.sentence, "", "", judge_ordering(groups), rests_on)


def _label(cell: Printed) -> str:
    return f"{cell.row}, {cell.column}"


def _row(cell: Printed) -> str:
    """`cnn.hinge` of `table2.cnn.hinge.fid_train`; `celebahq256.gn` of `table5.celebahq256.gn`."""
    parts = cell.id.split(".")[1:]
    return ".".join(parts[:-1] if parts[-1] in ("is", "fid_train", "fid_test") else parts)


def _score(cell: Printed) -> str:
    last = cell.id.split(".")[-1]
    return last if last in ("is", "fid_train", "fid_test") else "fid"


# Runs


def protocols(name: str) -> dict[str, str]:
    """What an experiment's generator is scored by."""
    experiment = EXPERIMENTS[name]
    return PROTOCOLS.get(f"{experiment.dataset}-{experiment.size}") or PROTOCOLS[experiment.dataset]


def settings(name: str) -> dict[str, Any]:
    """The key of an experiment's evidence: every setting that decides a score."""
    chosen = {key: value for key, value in EXPERIMENTS[name].settings().items() if key != "name"}
    return {**chosen, "protocols": protocols(name), "features": "inception"}


def records(name: str) -> list[Evidence]:
    """The evidence there is on an experiment, one record a seed."""
    return evidence.find_all(name, "paper", settings(name), SEEDS)


def session(record: Evidence) -> Session:
    """What guards and verdicts see of a record."""
    scores = {score: record.value(score) for score in record.scores}
    return Session(record.seed, record.commit, record.key_without_seed, scores)


def job(name: str, seed: int, serves: tuple[str, ...] = ()) -> Job:
    """Train an experiment to its last step, then score it."""

    def work(options: Options) -> Mapping[str, float | None]:
        return train_and_score(name, seed, options)

    def missing(options: Options) -> list[str]:
        return _missing(name, options)

    return Job(name, "paper", seed, settings(name), work, serves, missing, lambda: timing.hours(name))


def train_and_score(name: str, seed: int, options: Options) -> dict[str, float | None]:
    """One session: the last checkpoint's scores, beside them those of the best one by FID on the training images."""
    from gnref.data.load import load
    from gnref.evaluation import make_scorer
    from gnref.runs import load_generator
    from gnref.training.distributed import joined
    from gnref.training.train import Diverged, train

    experiment, folder = EXPERIMENTS[name], options.runs / f"{name}-seed{seed}"
    with joined() as processes:
        data = load(experiment.dataset, options.data, experiment.size, processes.device)
        first = next(iter(protocols(name).values()))
        watch = make_scorer(first, real=options.data, device=processes.device)
        try:
            step = train(experiment, data, folder, seed=seed, processes=processes, score=watch, progress=True)
        except Diverged:
            return dict.fromkeys(protocols(name))
        if step < experiment.steps:
            raise UserError(f"{name}-seed{seed} was stopped at step {step}; the same command goes on from there")
        if not processes.first:
            return {}
        last = score(load_generator(folder, device=processes.device), name, options)
        best = score(load_generator(folder, best=True, device=processes.device), name, options)
    return {**last, **{f"best_{key}": value for key, value in best.items()}}


def score(images: Any, name: str, options: Options) -> dict[str, float | None]:
    """Our names for what the protocols measure; `images` is a generator, or a folder of images."""
    from gnref.evaluation import evaluate

    measured = {each: evaluate(images, each, real=options.data)["scores"] for each in set(protocols(name).values())}
    return {key: measured[each]["IS" if key == "is" else "FID"] for key, each in protocols(name).items()}


def from_images(name: str, options: Options) -> list[Session]:
    """Sessions from folders of images that another library generated, one folder a session."""
    needs = [need for need in _missing(name, options) if not need.startswith("a GPU")]
    if needs:
        raise UserError(f"--samples: scoring images needs {'; '.join(needs)}")
    return [
        Session(number, "another library", "another library", {k: v for k, v in scores.items() if v is not None})
        for number, folder in enumerate(options.samples)
        if (scores := score(folder, name, options))
    ]


def _missing(name: str, options: Options) -> list[str]:
    """What a run of it needs that is not here."""
    import torch

    from gnref.evaluation.features import INCEPTION_URL

    experiment, needs = EXPERIMENTS[name], []
    if options.data is None or not options.data.is_dir():
        given = "--data FOLDER or GNREF_DATA" if options.data is None else f"{options.data} is no folder"
        needs.append(f"{experiment.dataset} images ({given})")
    weights = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_URL.rsplit("/", 1)[1]
    if not weights.exists():
        needs.append(f"Inception weights ({weights})")
    if not torch.cuda.is_available() and not os.environ.get("GNREF_CPU"):
        needs.append(f"a GPU (GNREF_CPU=1 trains on this CPU: {timing.hours(name)})")
    return needs
