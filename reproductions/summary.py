"""Everything on one page: consistency of experiments and evidence with the appendix, then a verdict an artefact.

    python reproductions/summary.py              a table in Markdown
    python reproductions/summary.py --check      the same; exit code 1 where code, appendix and evidence disagree

A cell that was not run is listed, and is no failure here; a table's own --check says 77.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing
from artefacts import ARTEFACTS

from gnref.errors import UserError
from gnref.evidence import Artefact, Options
from gnref.evidence.consistency import complaints, orphans
from gnref.evidence.verdict import of_table

HOME = Path(__file__).parent


def row(artefact: Artefact, scale: str) -> str:
    """One line of the page."""
    lines = artefact.study(scale).lines(Options(HOME, scale))
    verdicts = [line.finding.verdict for line in lines]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(verdicts).items())
    command = f"`{artefact.name}.py{' --scale mini' * (scale == 'mini')} --check`"
    return f"| {command} | {artefact.title} | **{of_table(verdicts)}** | {counts} |"


def page() -> str:
    """The table of reproductions."""
    head = ["| command | what | verdict | lines |", "|---|---|---|---|"]
    rows = [row(artefact, "paper") for artefact in ARTEFACTS]
    small = [row(artefact, "mini") for artefact in ARTEFACTS if artefact.mini is not None]
    return "\n".join([*head, *rows, "", "Mini scale, never to be read beside the printed numbers:", "", *head, *small])


def disagreements() -> list[str]:
    """What of the code is not as the appendix has it, and which records are not of the code's settings."""
    options = Options(HOME)
    studies = [study for each in ARTEFACTS for study in (each.paper, each.mini) if study is not None]
    jobs = [job for study in studies for job in study.jobs(options)]
    return [*complaints(options.published), *orphans(options.records.everything(), jobs)]


def main() -> None:
    """Print the page; with --check, fail where something is inconsistent."""
    parser = argparse.ArgumentParser(description="Every table and figure with its verdict, in Markdown.")
    parser.add_argument("--check", action="store_true", help="fail where code, appendix and evidence disagree")
    check = parser.parse_args().check
    try:
        found = disagreements() if check else []
        print(page())
    except UserError as mistake:
        sys.exit(f"summary: {mistake}")
    for complaint in found:
        print(f"summary: {complaint}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
