"""The command that every table and figure shares: `--check`, `--run`, `--dry-run`, `--plot`.

A script states an `Artefact`: a study with the runs it rests on and the lines it judges. Exit codes: 0 all reproduced,
1 one is not, 3 one is inconclusive, 77 one was not run (1 outranks 3 outranks 77); 2 wrong usage.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NoReturn, Protocol

from gnref.errors import UserError, one_sentence
from gnref.evidence.jobs import Job, dry_run, run_all
from gnref.evidence.lines import Line, as_json, as_text
from gnref.evidence.options import Options, within
from gnref.evidence.verdict import exit_code


class Study(Protocol):
    """What a table, a figure or a study runs and judges."""

    judges_images: ClassVar[bool]
    """Whether `--samples` makes sense: images of another library in the place of a run's."""

    def jobs(self, options: Options) -> list[Job]:
        """Every run it rests on."""

    def lines(self, options: Options) -> list[Line]:
        """Every judged line."""

    def plot(self, options: Options) -> Path:
        """Draw it; the file written."""


@dataclass(frozen=True)
class Artefact:
    """A table or figure of the appendix, or a study of ours."""

    name: str
    title: str
    study: Study
    seeds_decide: Callable[[], str] = lambda: ""
    """How many runs of a row lead to which verdict, in words for `--dry-run`."""


def main(artefact: Artefact, home: Path) -> NoReturn:
    """Do what the command line says, and exit; `home` is the folder of the script."""
    with one_sentence(artefact.name):
        arguments = _parser(artefact).parse_args()
    if not (arguments.check or arguments.run or arguments.dry_run or arguments.plot):
        _parser(artefact).error("expected at least one of --check, --run, --dry-run, --plot")
    options = Options(home, arguments.cell, arguments.data, tuple(arguments.samples), arguments.runs, arguments.jobs)
    code = 0
    with one_sentence(artefact.name):
        code = act(artefact, options, arguments)
    sys.exit(code)


def _parser(artefact: Artefact) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=artefact.title)
    parser.add_argument("--check", action="store_true", help="print every line with its evidence and its verdict")
    parser.add_argument("--run", action="store_true", help="do the runs that are not done yet; killed, it resumes")
    parser.add_argument("--dry-run", action="store_true", help="print what would run, on what, and how long it takes")
    parser.add_argument("--plot", action="store_true", help="draw the figure from the evidence")
    parser.add_argument("--cell", metavar="NAME", help="lines, rows (as their names begin) or runs: A,B")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where the data sets are (or GNREF_DATA)")
    parser.add_argument(
        "--samples", type=Path, nargs="+", default=[], metavar="FOLDER", help="judge these images instead"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="where run folders are kept")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="how many runs at a time")
    parser.add_argument("--json", action="store_true", help="print JSON")
    if os.environ.get("GNREF_DATA"):
        parser.set_defaults(data=Path(os.environ["GNREF_DATA"]))
    return parser


def act(artefact: Artefact, options: Options, arguments: argparse.Namespace) -> int:
    """Dry run, run, plot, check: whichever were asked for, in this order; the exit code."""
    if options.jobs < 1:
        raise UserError(f"--jobs: expected at least 1, got {options.jobs}")
    study, code = artefact.study, 0
    if options.samples and not study.judges_images:
        raise UserError(f"--samples: {artefact.name} judges no images of another library")
    if arguments.dry_run:
        chosen = _chosen(study.jobs(options), options)
        dry_run(artefact.name, artefact.title, chosen, options, arguments.json, artefact.seeds_decide())
    if arguments.run:
        code = run_all(_chosen(study.jobs(options), options), options)
    if arguments.plot:
        print(study.plot(options))
    if arguments.check:
        lines = study.lines(options)
        if options.cell is not None:
            lines = [line for line in lines if any(within(line.id, cell) for cell in options.cell.split(","))]
            if not lines:
                names = ", ".join(line.id for line in study.lines(options))
                raise UserError(f"--cell: expected the beginning of one of {names}; got {options.cell!r}")
        print((as_json if arguments.json else as_text)(artefact.name, artefact.title, lines))
        code = exit_code([line.finding.verdict for line in lines])
    return code


def _chosen(jobs: list[Job], options: Options) -> list[Job]:
    """The runs that `--cell` names: runs by their names, or those behind the lines whose names begin so."""
    if options.cell is None:
        return jobs
    chosen = []
    for cell in options.cell.split(","):
        named = [job for job in jobs if cell in (job.id, job.name) or any(within(line, cell) for line in job.serves)]
        if not named:
            names = sorted({name for job in jobs for name in (job.id, *job.serves)})
            raise UserError(f"--cell: expected one of {', '.join(names)}; got {cell!r}")
        chosen += named
    return list({job.id: job for job in chosen}.values())
