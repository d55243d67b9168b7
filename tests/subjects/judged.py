"""What the kit's tests ask of a subject: some laws, or all of them at few cases."""

from subjects import mistakes

from gnref.conformance import Finding, Subject

literal = mistakes.literal
EDGES = (
    "zero-over-zero",
    "exponent-range",
    "gradient-range",
    "image-parameter-gradient-far-from-zero",
    "value-without-gradients",
)
"""The laws that the literal formula does not keep."""


def judged(subject: Subject, law: str, many: int = 4, turn: int = 0) -> list[Finding]:
    return [subject.judge(check, many, turn) for check in subject.checks() if check.law.id == law]


def quick(subject: Subject) -> list[Finding]:
    """Every law at its examples and one drawn case."""
    return [subject.judge(check, 1) for check in subject.checks()]


def outcomes(findings: list[Finding]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for f in findings:
        found.setdefault(f.outcome, set()).add(f.law)
    return found
