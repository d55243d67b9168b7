"""The rule for an ordering: does one row score lower than the next, over training seeds? Pure functions."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from gnref.evidence.verdict import Finding, Verdict

ALPHA = 0.05
MOST_FURTHER_SEEDS = 50


def superiority(better: Sequence[float], worse: Sequence[float]) -> float:
    """P[a random value of `better` is below one of `worse`], ties counting half: 1 is a clean separation."""
    wins = sum((x < y) + (x == y) / 2 for x in better for y in worse)
    return wins / (len(better) * len(worse))


def p_ordering(better: Sequence[float], worse: Sequence[float]) -> float:
    """Exact one-sided p of the rank-sum test against "`better` is not below `worse`".

    Every choice of len(better) of all values is equally likely under the hypothesis; the p is the share of choices
    whose rank sum is at most the observed one, counted by dynamic programming. Ties get midranks; a diverged run is
    inf and ranks last.
    """
    values = sorted([*better, *worse])
    doubled = {v: 2 * values.index(v) + values.count(v) + 1 for v in values}
    # ways[k, s]: in how many ways k of the values so far have doubled ranks that sum to s.
    ways = np.zeros((len(better) + 1, sum(doubled[x] for x in values) + 1))
    ways[0, 0] = 1
    for value in values:
        rank = doubled[value]
        ways[1:, rank:] += ways[:-1, :-rank].copy()
    observed = sum(doubled[x] for x in better)
    return float(ways[-1, : observed + 1].sum() / ways[-1].sum())


def judge_ordering(groups: Sequence[tuple[str, Sequence[float]]]) -> Finding:
    """Judge "each group scores lower than the next", a rank test for every neighbouring pair over training seeds."""
    missing = [name for name, values in groups if not values]
    if missing:
        return Finding(Verdict.NOT_RUN, f"no training session of {', '.join(missing)} is at hand")
    reasons, reached, refuted, more = [], True, False, 0
    for (name, values), (next_name, next_values) in pairwise(groups):
        p = p_ordering(values, next_values)
        reasons.append(f"{name} below {next_name}: p = {p:.3g} ({len(values)} and {len(next_values)} runs)")
        reached &= p <= ALPHA
        refuted |= p_ordering(next_values, values) <= ALPHA
        more = max(more, _further_seeds(values, next_values))
    if refuted:
        return Finding(Verdict.NOT_REPRODUCED, "; ".join(reasons))
    if reached:
        return Finding(Verdict.REPRODUCED, "; ".join(reasons))
    return Finding(Verdict.INCONCLUSIVE, "; ".join(reasons), more if more <= MOST_FURTHER_SEEDS else None)


def _further_seeds(better: Sequence[float], worse: Sequence[float]) -> int:
    """Further seeds a side until the observed share of wins would be significant (the rank sum's normal limit)."""
    lead = abs(superiority(better, worse) - 0.5)
    fewest = min(len(better), len(worse))
    for k in range(max(3, fewest), fewest + MOST_FURTHER_SEEDS + 1):
        if lead >= 1.645 * math.sqrt((2 * k + 1) / (12 * k * k)):
            return k - fewest
    return MOST_FURTHER_SEEDS + 1
