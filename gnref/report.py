"""Rows in, one table out: for the terminal, as JSON, and as one static HTML page."""

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from gnref.files import write_atomically

SCHEMA = 1
"""The version of the JSON file's shape: a number that a reader of it can refuse."""

Verdict = Literal["confirmed", "refuted as expected", "UNEXPECTED", "skipped"]
_ORDER: tuple[Verdict, ...] = ("UNEXPECTED", "refuted as expected", "confirmed", "skipped")


@dataclass(frozen=True)
class Row:
    """One check of one claim, or the summary of several."""

    claim: str
    source: str
    status: str
    verdict: Verdict
    check: str = ""
    """What was checked: a law's id, a test's name."""
    reason: str = ""
    """Why it was skipped, or what was unexpected."""
    dtype: str = ""
    device: str = ""
    cases: int = 0
    evidence: str = ""
    """The strongest kind: "fractions", "certificate", "equality", "derived bound", "count", "counterexample"."""
    worst: float | None = None
    """The largest error as a share of its derived bound; None where nothing is bounded."""
    seconds: float = 0.0
    counterexample: str = ""
    classes: dict[str, int] = field(default_factory=dict)
    """How many cases fell into each named class."""


_EVIDENCE = ("fractions", "certificate", "equality", "count", "derived bound", "counterexample", "")


def summary(rows: Sequence[Row]) -> list[Row]:
    """One row a claim, in the order of first appearance: the worst verdict, the strongest evidence, sums and maxima."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.claim, []).append(row)
    return [_merge(group) for group in found.values()]


def _merge(rows: list[Row]) -> Row:
    first = rows[0]
    verdict = min((row.verdict for row in rows), key=_ORDER.index)
    telling = [row for row in rows if row.verdict == verdict]
    shares = [row.worst for row in rows if row.worst is not None]
    return Row(
        first.claim,
        first.source,
        first.status,
        verdict,
        reason="; ".join(dict.fromkeys(row.reason for row in telling if row.reason)),
        dtype=" ".join(dict.fromkeys(row.dtype for row in rows if row.dtype)),
        device=" ".join(dict.fromkeys(row.device for row in rows if row.device)),
        cases=sum(row.cases for row in rows),
        evidence=min((row.evidence for row in telling), key=_EVIDENCE.index),
        worst=max(shares) if shares else None,
        seconds=sum(row.seconds for row in rows),
        counterexample=next((row.counterexample for row in telling if row.counterexample), ""),
    )


def exit_code(rows: Sequence[Row]) -> int:
    """1 where a row is UNEXPECTED, else 0."""
    return int(any(row.verdict == "UNEXPECTED" for row in rows))


def terminal(rows: Sequence[Row]) -> str:
    """The table of `summary(rows)`, at most 120 columns wide, with what was unexpected in full below it."""
    lines = [_line("claim", "status", "verdict", "dtype", "cases", "evidence", "of bound", "s"), "-" * 120]
    skipped_claims = {row.claim for row in summary(rows) if row.verdict == "skipped"}
    for row in summary(rows):
        share = "" if row.worst is None else "exact" if row.worst == 0 else f"{row.worst:.2g}"
        cases, seconds = (f"{row.cases:,}" if row.cases else ""), (f"{row.seconds:.1f}" if row.seconds else "")
        lines.append(_line(row.claim, row.status, row.verdict, row.dtype, cases, row.evidence, share, seconds))
        if row.counterexample and row.verdict == "refuted as expected":
            lines += _indented(row.counterexample.splitlines()[0])
        if row.verdict == "skipped":
            lines += _indented(row.reason)
    lines.append("-" * 120)
    for row in rows:
        if row.verdict == "UNEXPECTED":
            lines += [f"UNEXPECTED {row.claim} ({row.check}): {row.reason}", *row.counterexample.splitlines()[:40]]
    passed_over = [row for row in rows if row.verdict == "skipped" and row.claim not in skipped_claims]
    for reason, count in Counter(row.reason for row in passed_over).items():
        lines.append(f"{count} checks of other claims skipped: {reason}")
    counts = [(verdict, sum(row.verdict == verdict for row in summary(rows))) for verdict in _ORDER]
    return "\n".join([*lines, ", ".join(f"{count} {verdict}" for verdict, count in counts if count)])


def _line(
    claim: str, status: str, verdict: str, dtype: str, cases: str, evidence: str, share: str, seconds: str
) -> str:
    status = status.replace("under an extra assumption", "if assumed more").replace("almost everywhere", "a.e.")
    short = " ".join(name.replace("float", "f").replace("bf", "bf") for name in dtype.split())
    return (
        f"{claim:<27} {status:<21} {verdict:<19} {short:<12} {cases:>7} {evidence:<14} {share:>8} {seconds:>5}".rstrip()
    )


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, 120, initial_indent="    ", subsequent_indent="    ", max_lines=2)


def to_json(rows: Sequence[Row], seconds: float, about: dict[str, Any]) -> str:
    """The report as JSON: schema, what ran, the total time, every row and the summary."""
    report = {
        "schema": SCHEMA,
        "about": about,
        "seconds": round(seconds, 2),
        "exit_code": exit_code(rows),
        "summary": [asdict(row) for row in summary(rows)],
        "rows": [asdict(row) for row in rows],
    }
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"


def write(rows: Sequence[Row], folder: Path, seconds: float, title: str, about: dict[str, Any]) -> list[Path]:
    """Write verification.json and verification.html into `folder`, each at once or not at all."""
    from gnref.report_page import page

    texts = {"verification.json": to_json(rows, seconds, about), "verification.html": page(rows, seconds, title, about)}
    for name, text in texts.items():
        write_atomically(folder / name, text)
    return [folder / name for name in texts]
