"""The rule for an ordering of rows over seeds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnref.evidence import orderings
from gnref.evidence.verdict import Verdict


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_rank_test_counts_every_choice(better: list[int], worse: list[int]) -> None:
    """The dynamic programme against going through all choices of the pooled values; ties and infinity included."""
    from itertools import combinations

    a, b = [math.inf if x == 5 else float(x) for x in better], [math.inf if x == 5 else float(x) for x in worse]
    pooled = [*a, *b]
    rank = [sum((y < x) + (y == x) / 2 for y in pooled) + 0.5 for x in pooled]
    observed = sum(rank[: len(a)])
    sums = [sum(rank[i] for i in chosen) for chosen in combinations(range(len(pooled)), len(a))]
    assert orderings.p_ordering(a, b) == sum(s <= observed for s in sums) / len(sums)


def test_rank_test_agrees_with_scipy_and_reaches_one_in_twenty_with_three_seeds() -> None:
    from scipy.stats import mannwhitneyu

    better, worse = [float(x) for x in range(10)], [x + 1.5 for x in range(10)]
    p = mannwhitneyu(better, worse, alternative="less", method="exact").pvalue
    assert orderings.p_ordering(better, worse) == pytest.approx(p, rel=1e-12)
    found = orderings.judge_ordering([("a", [1.0, 2, 3]), ("b", [4.0, 5, 6])])
    assert found.verdict is Verdict.REPRODUCED
    assert orderings.judge_ordering([("b", [4.0, 5, 6]), ("a", [1.0, 2, 3])]).verdict is Verdict.NOT_REPRODUCED
    undecided = orderings.judge_ordering([("a", [1.0, 2, 5]), ("b", [4.0, 3, 6])])
    assert undecided.verdict is Verdict.INCONCLUSIVE
    assert undecided.further
    assert orderings.judge_ordering([("a", []), ("b", [1.0])]).verdict is Verdict.NOT_RUN
