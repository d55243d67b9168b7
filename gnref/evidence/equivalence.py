"""The rule for one printed score: is ours equivalent to it? Pure functions from numbers to findings.

A cell of the appendix prints m, the mean of n training sessions (n is printed nowhere). We have x₁ … x_k, k sessions of
ours at the last step. Declared before any run:

    margin      δ = max(0.5, 0.10 m) for FID, max(0.15, 0.03 m) for IS (10 % of FID is what others call reproduced)
    deviation   s_p = v m, v the root mean square of the eight printed relative deviations: 2.6 % for FID, 1.5 % for IS
                (16 degrees of freedom: eight rows of three sessions); s² pools s_p² with our own variance. Whether a
                printed ± divides by n - 1 or by n is printed nowhere either: by n, s_p is √(3/2) times larger
    error       SE² = s² (1/k + 1/n)

    REPRODUCED      the 90 % interval of x̄ - m lies inside [-δ, δ]  (two one-sided tests at 5 %)
    NOT REPRODUCED  its 95 % interval lies outside [-δ, δ], Holm's correction over the table's cells; a diverged session
                    counts, and makes the mean infinite; "better than printed" is a difference like any other
    INCONCLUSIVE    otherwise, and wherever n = 1, 3 and 5, or the two meanings of the ±, disagree
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.special import stdtr, stdtrit

from gnref.evidence.verdict import Finding, Verdict

ALPHA = 0.05
ASSUMED_SESSIONS = (1, 3, 5)
SESSIONS_OF_A_DEVIATION = 3
DEGREES_OF_FREEDOM = 16
RELATIVE_DEVIATION = {"fid": 0.026, "is": 0.015}
MARGIN = {"fid": (0.5, 0.10), "is": (0.15, 0.03)}
MOST_FURTHER_RUNS = 50


@dataclass(frozen=True)
class Sample:
    """What one test sees of a cell: the difference to the printed value, its standard error, and the margin."""

    difference: float
    error: float
    freedom: int
    margin: float

    def reproduced(self) -> bool:
        """Two one-sided tests: the 90 % interval lies inside the margin."""
        return bool(abs(self.difference) + stdtrit(self.freedom, 1 - ALPHA) * self.error < self.margin)

    def p_outside(self) -> float:
        """Two-sided p of "the true difference is within the margin": below α where the 1 - α interval lies outside."""
        if math.isinf(self.difference):
            return 0.0
        excess = abs(self.difference) - self.margin
        if excess <= 0 or self.error == 0:
            return float(excess <= 0)
        return 2 * float(stdtr(self.freedom, -excess / self.error))


def margin(score: str, value: float) -> float:
    """δ of a printed FID or IS."""
    least, share = MARGIN[score]
    return max(least, share * value)


@dataclass(frozen=True)
class Reading:
    """What is assumed of a printed number: the sessions behind its mean, and the divisor n - `ddof` behind its ±."""

    sessions: int
    ddof: int = 1

    def __str__(self) -> str:
        return f"n={self.sessions}" + ", ± by n" * (self.ddof == 0)


READINGS = tuple(Reading(sessions, ddof) for ddof in (1, 0) for sessions in ASSUMED_SESSIONS)


def sample(score: str, value: float, ours: Sequence[float], reading: Reading) -> Sample:
    """Compare our sessions with a printed value, read as `reading` says."""
    k, sessions = len(ours), reading.sessions
    mean = sum(ours) / k
    unbiased = SESSIONS_OF_A_DEVIATION / (SESSIONS_OF_A_DEVIATION - 1) if reading.ddof == 0 else 1.0
    printed_variance = (RELATIVE_DEVIATION[score] * value) ** 2 * unbiased
    freedom = DEGREES_OF_FREEDOM + k - 1
    if not math.isfinite(mean):
        return Sample(math.inf, math.inf, freedom, margin(score, value))
    scatter = sum((x - mean) ** 2 for x in ours)
    variance = (DEGREES_OF_FREEDOM * printed_variance + scatter) / freedom
    return Sample(mean - value, math.sqrt(variance * (1 / k + 1 / sessions)), freedom, margin(score, value))


def holm(p_values: Sequence[float], alpha: float = ALPHA) -> list[bool]:
    """Which hypotheses are rejected when the chance of rejecting any true one is to stay below α (Holm's steps)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = [False] * len(p_values)
    for rank, i in enumerate(order):
        if p_values[i] >= alpha / (len(p_values) - rank):
            break
        rejected[i] = True
    return rejected


def judge_cells(cells: Sequence[tuple[str, float, Sequence[float]]]) -> list[Finding]:
    """Judge a table's cells together: (score, printed value, our sessions) each; a cell without sessions is NOT RUN."""
    run = [i for i, (_, _, ours) in enumerate(cells) if ours]
    words: dict[int, list[Verdict]] = {i: [] for i in run}
    for reading in READINGS:
        samples = [sample(*cells[i], reading) for i in run]
        outside = holm([s.p_outside() for s in samples])
        for i, s, rejected in zip(run, samples, outside, strict=True):
            inside = Verdict.REPRODUCED if s.reproduced() else Verdict.INCONCLUSIVE
            words[i].append(Verdict.NOT_REPRODUCED if rejected else inside)
    return [
        _finding(*cells[i], words[i])
        if i in words
        else Finding(Verdict.NOT_RUN, "no training session of it is at hand")
        for i in range(len(cells))
    ]


def _finding(score: str, value: float, ours: Sequence[float], words: list[Verdict]) -> Finding:
    diverged = sum(not math.isfinite(x) for x in ours)
    if diverged:
        return Finding(Verdict.NOT_REPRODUCED, f"{diverged} of {len(ours)} sessions diverged")
    s = sample(score, value, ours, Reading(3))
    sessions = f"{len(ours)} session{'s' * (len(ours) > 1)}"
    found = (
        f"{s.difference + value:.2f} from {sessions}, {s.difference:+.2f} to the printed value, margin {s.margin:.2f}"
    )
    if len(set(words)) > 1:
        readings = "; ".join(f"{reading}: {word}" for reading, word in zip(READINGS, words, strict=True))
        return Finding(
            Verdict.INCONCLUSIVE,
            f"{found}; what the paper does not print decides ({readings})",
            further(score, value, ours),
        )
    if words[0] == Verdict.INCONCLUSIVE:
        return Finding(Verdict.INCONCLUSIVE, found, further(score, value, ours))
    return Finding(words[0], found)


def further(score: str, value: float, ours: Sequence[float]) -> int | None:
    """The fewest further runs that would decide, our mean and deviation staying as they are; None: not up to 50."""
    k = len(ours)
    mean = sum(ours) / k
    spread = math.sqrt(sum((x - mean) ** 2 for x in ours) / (k - 1)) if k > 1 else RELATIVE_DEVIATION[score] * value
    for more in range(1, MOST_FURTHER_RUNS + 1):
        longer = _sessions(mean, spread, k + more)
        samples = [sample(score, value, longer, reading) for reading in READINGS]
        if all(s.reproduced() for s in samples) or all(s.p_outside() < ALPHA for s in samples):
            return more
    return None


def _sessions(mean: float, spread: float, k: int) -> list[float]:
    """k numbers with this mean and (for k > 1) this standard deviation."""
    half = spread * math.sqrt((k - 1) / (2 * (k // 2))) if k > 1 else 0.0
    return [mean + half] * (k // 2) + [mean - half] * (k // 2) + [mean] * (k % 2)


def swap_test(finding: Finding, score: str, ours: Sequence[float], rivals: dict[str, float]) -> Finding:
    """A verdict that the numbers of a rival row would get as well tells nothing apart, and says so."""
    if finding.verdict is not Verdict.REPRODUCED:
        return finding
    passing = [
        name
        for name, value in rivals.items()
        if all(sample(score, value, ours, reading).reproduced() for reading in READINGS)
    ]
    if not passing:
        return finding
    return replace(
        finding,
        verdict=Verdict.NOT_DISCRIMINATING,
        reason=f"{finding.reason}; the numbers of {', '.join(passing)} would pass too",
    )
