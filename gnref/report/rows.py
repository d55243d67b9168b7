"""The rows of a report: one check of one claim each, and their summary, a row a claim."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["confirmed", "refuted as expected", "UNEXPECTED", "skipped"]
WORST_FIRST: tuple[Verdict, ...] = ("UNEXPECTED", "refuted as expected", "confirmed", "skipped")


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
    allowed: float | None = None
    """The largest derived bound as a share of what it judges, ‖bound‖/‖expected‖: how small a fault can be seen."""
    seconds: float = 0.0
    counterexample: str = ""
    classes: dict[str, int] = field(default_factory=dict)
    """How many cases fell into each named class."""


EVIDENCE = ("fractions", "60 digits", "certificate", "equality", "count", "derived bound", "counterexample", "")
"""What a passing law can rest on, the strongest first."""


def summary(rows: Sequence[Row]) -> list[Row]:
    """One row a claim, in the order of first appearance: the worst verdict, the strongest evidence, sums and maxima."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.claim, []).append(row)
    return [_merge(group) for group in found.values()]


def _merge(rows: list[Row]) -> Row:
    first = rows[0]
    verdict = min((row.verdict for row in rows), key=WORST_FIRST.index)
    decisive = [row for row in rows if row.verdict == verdict]
    shares = [row.worst for row in rows if row.worst is not None]
    bounds = [row.allowed for row in rows if row.allowed is not None]
    return Row(
        first.claim,
        first.source,
        first.status,
        verdict,
        reason="; ".join(dict.fromkeys(row.reason for row in decisive if row.reason)),
        dtype=" ".join(dict.fromkeys(row.dtype for row in rows if row.dtype)),
        device=" ".join(dict.fromkeys(row.device for row in rows if row.device)),
        cases=sum(row.cases for row in rows),
        evidence=min((row.evidence for row in decisive), key=EVIDENCE.index),
        worst=max(shares) if shares else None,
        allowed=max(bounds) if bounds else None,
        seconds=sum(row.seconds for row in rows),
        counterexample=next((row.counterexample for row in decisive if row.counterexample), ""),
    )


def exit_code(rows: Sequence[Row]) -> int:
    """1 where a row is UNEXPECTED, else 0."""
    return int(any(row.verdict == "UNEXPECTED" for row in rows))
