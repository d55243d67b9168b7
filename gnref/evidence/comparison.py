"""The rule for "this method beats that one", over independent runs. Pure functions from numbers to findings.

A table's hypotheses are judged together. Each is a two-sided exact rank test on the first instrument; Holm's correction
keeps the chance of any wrong rejection in the table below α.

    PASS        rejected, in the direction of the sentence
    FAIL        rejected, in the other direction, and the regime's control passes, by the first instrument: a failure
                could have been seen. Where another instrument contradicts the control, the reason says so
    CONFLICT    another instrument, tested alike, says the opposite
    UNDECIDED   otherwise
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gnref.evidence.equivalence import holm
from gnref.evidence.orderings import p_ordering, superiority
from gnref.evidence.verdict import Finding, Verdict

Groups = tuple[Sequence[float], Sequence[float]]
"""Scores of the better and of the worse method of a hypothesis, lower being better; a diverged run's is infinite."""


@dataclass(frozen=True)
class Comparison:
    """A hypothesis with its scores on each instrument, the one that decides first."""

    id: str
    scores: Mapping[str, Groups]
    control: bool = False


def two_sided(groups: Groups) -> float:
    """p of "neither group tends to lower scores": twice the smaller one-sided p of the exact rank test."""
    better, worse = groups
    return min(1.0, 2 * min(p_ordering(better, worse), p_ordering(worse, better)))


def judge(comparisons: Sequence[Comparison], alpha: float = 0.05) -> list[Finding]:
    """Judge a regime's table."""
    instruments = list(comparisons[0].scores)
    rejected = {name: holm([two_sided(each.scores[name]) for each in comparisons], alpha) for name in instruments}
    signs = {name: [superiority(*each.scores[name]) > 0.5 for each in comparisons] for name in instruments}
    first, *others = instruments
    controls = [i for i, each in enumerate(comparisons) if each.control]
    seen = bool(controls) and all(rejected[first][i] and signs[first][i] for i in controls)
    disputed = sorted({name for i in controls for name in others if rejected[name][i] and not signs[name][i]})
    found = []
    for i, each in enumerate(comparisons):
        reason = described(each.scores[first])
        against = [name for name in others if rejected[name][i] and signs[name][i] != signs[first][i]]
        if not rejected[first][i]:
            word = Verdict.UNDECIDED
        elif against:
            word, reason = Verdict.CONFLICT, f"{reason}; {', '.join(against)} says the opposite"
        elif signs[first][i]:
            word = Verdict.PASS
        elif seen:
            word = Verdict.FAIL
            reason += f"; by {first} alone, for {', '.join(disputed)} contradicts the control" if disputed else ""
        else:
            word, reason = Verdict.UNDECIDED, f"{reason}; the control does not pass, so no failure is called here"
        found.append(Finding(word, reason))
    return found


def described(groups: Groups) -> str:
    """The effect with its interval, and the p before the correction."""
    shift, low, high = shift_of(groups)
    return (
        f"lower in {superiority(*groups):.0%} of pairs; difference {shift:+.3f} [{low:+.3f}, {high:+.3f}], "
        f"p = {two_sided(groups):.2g}, {len(groups[0])} and {len(groups[1])} runs"
    )


def shift_of(groups: Groups, alpha: float = 0.05) -> tuple[float, float, float]:
    """Hodges and Lehmann's shift, the median of all differences better - worse, with its 1 - α interval.

    The interval's ends are the k-th smallest and largest difference, k being the largest number for which so few
    rank-sum wins have a probability of at most α/2 where the groups are alike. It is exact for continuous scores.
    """
    better, worse = (np.asarray(group, np.float64) for group in groups)
    with np.errstate(invalid="ignore"):
        differences = np.sort((better[:, None] - worse[None, :]).ravel())
    k = few_wins(len(better), len(worse), alpha / 2)
    if k == 0:
        return float(np.median(differences)), -math.inf, math.inf
    return float(np.median(differences)), float(differences[k - 1]), float(differences[-k])


def few_wins(m: int, n: int, tail: float) -> int:
    """The largest k with P[U < k] ≤ tail, U the number of pairs in which the first of two like groups is lower."""
    ways = np.zeros((m + 1, m * n + m * (m + 1) // 2 + 1))
    ways[0, 0] = 1
    for rank in range(1, m + n + 1):
        for chosen in range(min(m, rank), 0, -1):
            ways[chosen, rank:] += ways[chosen - 1, :-rank]
    counts = ways[m, m * (m + 1) // 2 :]
    return int(np.searchsorted(np.cumsum(counts) / counts.sum(), tail, side="right"))
