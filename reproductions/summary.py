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


def row(artefact: Artefact) -> str:
    """One line of the page."""
    lines = artefact.study.lines(Options(HOME))
    verdicts = [line.finding.verdict for line in lines]
    counts = ", ".join(f"{count} {verdict}" for verdict, count in Counter(verdicts).items())
    command = f"`{artefact.name}.py --check`"
    return f"| {command} | {artefact.title} | **{of_table(verdicts)}** | {counts} |"


def page() -> str:
    """The table of reproductions."""
    head = ["| command | what | verdict | lines |", "|---|---|---|---|"]
    return "\n".join([*head, *(row(artefact) for artefact in ARTEFACTS)])


def disagreements() -> list[str]:
    """What of the code is not as the appendix has it, and which records are not of the code's settings."""
    options = Options(HOME)
    jobs = [job for each in ARTEFACTS for job in each.study.jobs(options)]
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
