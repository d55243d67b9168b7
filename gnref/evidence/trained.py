"""Tables of trained networks at the appendix's settings: their runs, their cells, their orderings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gnref.errors import UserError
from gnref.evidence.equivalence import judge_cells, swap_test
from gnref.evidence.guards import Session, guard
from gnref.evidence.jobs import Job
from gnref.evidence.lines import Line
from gnref.evidence.options import Options, within
from gnref.evidence.orderings import judge_ordering
from gnref.evidence.published import Printed, Published
from gnref.evidence.sessions import SEEDS, from_images, job, missing_for, records, session
from gnref.evidence.verdict import Finding, Verdict


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

    def jobs(self, options: Options) -> list[Job]:
        """Every experiment, three seeds."""
        names = dict.fromkeys([*self.rows.values(), *(name for each in self.orderings for name in each.experiments)])
        return [job(name, seed, self._serves(name, options.published)) for name in names for seed in SEEDS]

    def lines(self, options: Options) -> list[Line]:
        """Every printed number beside ours, judged together; then the orderings."""
        cells = options.published.cells_of(self.artefact)
        judged = [cell for cell in cells if not cell.external]
        sessions = self._judged_images(judged, options) if options.samples else self._own_sessions(judged, options)
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
            best = [s.scores[name] for s in sessions[cell.id] if (name := f"best_{_score(cell)}") in s.scores]
            ours = _numbers(values[cell.id]) + (f" (best {_numbers(best)})" if best else "")
            lines.append(Line(cell.id, _label(cell), cell.text, ours, finding, self._rests_on(cell, options)))
        return lines + [self._ordered(each, options) for each in self.orderings]

    def plot(self, options: Options) -> Path:
        """Scores are compared as numbers."""
        raise UserError("nothing is drawn: its scores are compared as numbers, by --check")

    def _serves(self, experiment: str, published: Published) -> tuple[str, ...]:
        rows = {row for row, name in self.rows.items() if name == experiment}
        cells = [cell.id for cell in published.cells_of(self.artefact) if _row(cell) in rows]
        return (*cells, *(each.id for each in self.orderings if experiment in each.experiments))

    def _finished(
        self, cell: Printed, finding: Finding, sessions: list[Session], values: list[float], options: Options
    ) -> Finding:
        """The finding after guards and swap test, with what is missing where nothing was run."""
        if not sessions:
            needs = missing_for(self.rows[_row(cell)], options)
            return Finding(Verdict.NOT_RUN, "needs " + "; ".join(needs) if needs else "ready: say --run")
        overruled = guard(sessions)
        if overruled:
            return finding.overruled(overruled)
        rivals = {other.row: other.value for other in options.published.rivals(cell)}
        finding = swap_test(finding, cell.score, values, rivals)
        if len(values) == 1 and finding.verdict in (Verdict.REPRODUCED, Verdict.NOT_DISCRIMINATING):
            return Finding(finding.verdict, f"{finding.reason} (1 session)")
        return finding

    def _own_sessions(self, cells: list[Printed], options: Options) -> dict[str, list[Session]]:
        return {cell.id: [session(record) for record in records(self.rows[_row(cell)], options)] for cell in cells}

    def _judged_images(self, cells: list[Printed], options: Options) -> dict[str, list[Session]]:
        """The images of `--samples` as sessions of the one row that `--cell` names; no other row has any."""
        rows = {_row(cell) for cell in cells if within(cell.id, options.cell or self.artefact)}
        if len(rows) != 1:
            names = ", ".join(f"{self.artefact}.{row}" for row in self.rows)
            raise UserError(f"--samples: say which row the images are of, --cell with one of {names}")
        (row,) = rows
        found = from_images(self.rows[row], options)
        return {cell.id: found if _row(cell) == row else [] for cell in cells}

    def _rests_on(self, cell: Printed, options: Options) -> tuple[str, ...]:
        if options.samples:
            return tuple(str(folder) for folder in options.samples)
        return tuple(record.id for record in records(self.rows[_row(cell)], options))

    def _ordered(self, ordering: Ordering, options: Options) -> Line:
        found = {name: records(name, options) for name in ordering.experiments}
        groups = [(name, [record.value(ordering.score) for record in each]) for name, each in found.items()]
        rests_on = tuple(record.id for each in found.values() for record in each)
        finding = judge_ordering(groups)
        for each in found.values():
            if (overruled := guard([session(record) for record in each])) is not None:
                finding = finding.overruled(overruled)
        return Line(ordering.id, ordering.sentence, "", "", finding, rests_on)


def _numbers(values: list[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


def _label(cell: Printed) -> str:
    return f"{cell.row}, {cell.column}"


def _row(cell: Printed) -> str:
    """`cnn.hinge` of `table2.cnn.hinge.fid_train`; `celebahq256.gn` of `table5.celebahq256.gn`."""
    parts = cell.id.split(".")[1:]
    return ".".join(parts[:-1] if parts[-1] in ("is", "fid_train", "fid_test") else parts)


def _score(cell: Printed) -> str:
    last = cell.id.split(".")[-1]
    return last if last in ("is", "fid_train", "fid_test") else "fid"
