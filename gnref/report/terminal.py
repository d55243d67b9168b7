"""A report as text for a terminal."""

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence

from gnref.report.lesson import Lesson
from gnref.report.rows import WORST_FIRST, Row, summary


def as_text(rows: Sequence[Row], lessons: Mapping[str, Lesson] | None = None) -> str:
    """The table of `summary(rows)`, at most 120 columns wide, with what was unexpected in full below it.

    Below a row stands what the claim says in a few words, where `lessons` has it.
    """
    lines = [_line("claim", "status", "verdict", "dtype", "cases", "evidence", "of bound", "s"), "-" * 120]
    skipped_claims = {row.claim for row in summary(rows) if row.verdict == "skipped"}
    for row in summary(rows):
        share = "" if row.worst is None else "exact" if row.worst == 0 else f"{row.worst:.2g}"
        cases, seconds = (f"{row.cases:,}" if row.cases else ""), (f"{row.seconds:.1f}" if row.seconds else "")
        lines.append(_line(row.claim, row.status, row.verdict, row.dtype, cases, row.evidence, share, seconds))
        if lessons is not None and row.claim in lessons:
            lines += _indented(lessons[row.claim].statement)
        if row.counterexample and row.verdict == "refuted as expected":
            lines += _indented(f"but: {row.counterexample.splitlines()[0]}")
        if row.verdict == "skipped":
            lines += _indented(row.reason)
    lines.append("-" * 120)
    for row in rows:
        if row.verdict == "UNEXPECTED":
            lines += [f"UNEXPECTED {row.claim} ({row.check}): {row.reason}", *row.counterexample.splitlines()[:40]]
    passed_over = [row for row in rows if row.verdict == "skipped" and row.claim not in skipped_claims]
    for reason, count in Counter(row.reason for row in passed_over).items():
        lines.append(f"{count} checks of other claims skipped: {reason}")
    counts = [(verdict, sum(row.verdict == verdict for row in summary(rows))) for verdict in WORST_FIRST]
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
