"""What a report teaches of each claim."""

from functools import cache

from gnref.claims import CLAIMS
from gnref.claims.claim import Claim
from gnref.report import Lesson


@cache
def lessons() -> dict[str, Lesson]:
    """The claims by their ids, as the rows of a report open to them."""
    return {name: _lesson(claim) for name, claim in CLAIMS.items()}


def _lesson(claim: Claim) -> Lesson:
    title = "Counterexample, in fractions" if claim.refuted else "Worked example, in fractions"
    work = () if claim.work is None else tuple(step.text for step in claim.work())
    return Lesson(claim.statement, claim.reading, claim.hypotheses, claim.verdict, work, title)
