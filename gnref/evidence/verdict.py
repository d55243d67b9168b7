"""The words of a verdict, and what a table of them comes to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class Verdict(StrEnum):
    """What a check says of one cell."""

    REPRODUCED = "REPRODUCED"
    NOT_DISCRIMINATING = "REPRODUCED, NOT DISCRIMINATING"
    NOT_REPRODUCED = "NOT REPRODUCED"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_RUN = "NOT RUN"
    EXTERNAL = "EXTERNAL"
    SHOWN = "SHOWN, NOT JUDGED"
    PASS = "PASS"
    FAIL = "FAIL"
    CONFLICT = "CONFLICT"
    UNDECIDED = "UNDECIDED"
    OLDER = "OLDER"


@dataclass(frozen=True)
class Finding:
    """A verdict, and in one sentence what it rests on; `further` runs would decide an inconclusive one."""

    verdict: Verdict
    reason: str
    further: int | None = None

    def overruled(self, reason: str) -> Self:
        """The same evidence, found unfit to judge by."""
        return replace(self, verdict=Verdict.INCONCLUSIVE, reason=reason, further=None)


PRECEDENCE = (
    Verdict.NOT_REPRODUCED,
    Verdict.FAIL,
    Verdict.CONFLICT,
    Verdict.INCONCLUSIVE,
    Verdict.UNDECIDED,
    Verdict.OLDER,
    Verdict.NOT_RUN,
)
EXIT = {
    Verdict.NOT_REPRODUCED: 1,
    Verdict.FAIL: 1,
    Verdict.INCONCLUSIVE: 3,
    Verdict.CONFLICT: 3,
    Verdict.UNDECIDED: 3,
    Verdict.OLDER: 77,
    Verdict.NOT_RUN: 77,
}


def of_table(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of a table is that of its worst cell; with nothing to judge it is NOT RUN."""
    for worst in PRECEDENCE:
        if worst in verdicts:
            return worst
    good = (Verdict.NOT_DISCRIMINATING, Verdict.REPRODUCED, Verdict.PASS, Verdict.SHOWN)
    return next((word for word in good if word in verdicts), Verdict.NOT_RUN)


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """0: all reproduced; 1: one is not; 3: one is inconclusive; 77: one was not run (1 outranks 3 outranks 77)."""
    return EXIT.get(of_table(verdicts), 0)
