"""What a claim is."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from gnref.exact import ExactNetwork, normalized

Status = Literal[
    "holds",
    "holds almost everywhere",
    "holds under an extra assumption",
    "vacuous as printed",
    "false as printed",
    "false as used",
    "does not extend to",
    "float-limited",
    "empirical",
]
"""`false as printed`: the formula itself is wrong. `false as used`: wrong for the networks the paper applies it to.
`does not extend to`: not asserted by the appendix, but near enough to what it says to be believed, and false.
`float-limited`: true of real numbers, and of floating-point ones within the range that the reading names."""


class Prose(NamedTuple):
    """A line of a worked example that explains and computes nothing."""

    text: str


class Step(NamedTuple):
    """A line of a worked example that computes something, and whether what it says came out."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Claim:
    """A statement of the paper's appendix, in our words, and what became of it."""

    id: str
    source: str
    """Where it stands, as "Theorem 6, Eq. 11-14"."""
    statement: str
    reading: str
    """What exactly the status is a status of."""
    hypotheses: str
    status: Status
    verdict: str
    """Why the status is what it is, in one or two sentences."""
    work: Callable[[], list[Prose | Step]] | None = None
    """The witness or counterexample, worked in `fractions` when asked for. None for a table's number."""

    @property
    def refuted(self) -> bool:
        """Whether a pinned counterexample shows the claim false."""
        return self.status in ("false as printed", "false as used", "does not extend to")


def equal(text: str, got: Fraction, expected: Fraction | int) -> Step:
    """The step "text = expected", true where `got` is."""
    return Step(f"{text} = {expected}", got == expected)


def at(network: ExactNetwork, *point: Fraction | int) -> tuple[Fraction, Fraction, Fraction]:
    """f, g² and f̂ at a point; f̂ is exact where g is rational."""
    exact = network.exactly(point)
    return exact.score, exact.squared_norm, normalized(exact.score, exact.squared_norm)


def difference(network: ExactNetwork, a: Fraction | int, b: Fraction | int, zeta: str = "abs") -> Fraction:
    """f̂(b) - f̂(a) of a network with one input, exact where both g are rational."""
    ends = [network.exactly((point,)) for point in (a, b)]
    first, second = (normalized(end.score, end.squared_norm, zeta) for end in ends)
    return second - first
