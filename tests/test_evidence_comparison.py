"""The rule that compares methods over independent runs."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from gnref.evidence.comparison import Comparison, Groups, few_wins, judge, shift_of, two_sided
from gnref.evidence.verdict import Verdict

LOW, HIGH = [float(x) for x in range(12)], [x + 20.0 for x in range(12)]
MIXED = [x * 2 + 0.5 for x in range(12)]
CONTROL = Comparison("control", {"first": (LOW, HIGH), "second": (LOW, HIGH)}, control=True)
BLIND = Comparison("control", {"first": (LOW, LOW), "second": (LOW, LOW)}, control=True)


def _word(first: Groups, second: Groups, control: Comparison = CONTROL) -> Verdict:
    return judge([control, Comparison("x", {"first": first, "second": second})])[1].verdict


def test_words() -> None:
    assert _word((LOW, HIGH), (LOW, HIGH)) is Verdict.PASS
    assert _word((LOW, HIGH), (LOW, LOW)) is Verdict.PASS  # the other instrument sees nothing
    assert _word((LOW, HIGH), (HIGH, LOW)) is Verdict.CONFLICT
    assert _word((HIGH, LOW), (LOW, HIGH)) is Verdict.CONFLICT
    assert _word((HIGH, LOW), (HIGH, LOW)) is Verdict.FAIL
    assert _word((LOW, LOW), (LOW, HIGH)) is Verdict.UNDECIDED


def test_no_failure_is_called_where_the_control_could_not_see_one() -> None:
    assert _word((HIGH, LOW), (HIGH, LOW), BLIND) is Verdict.UNDECIDED
    assert _word((LOW, HIGH), (LOW, HIGH), BLIND) is Verdict.PASS
    alone = judge([Comparison("x", {"first": (HIGH, LOW)})])
    assert alone[0].verdict is Verdict.UNDECIDED


def test_a_failure_says_where_an_instrument_contradicts_the_control() -> None:
    disputed = Comparison("control", {"first": (LOW, HIGH), "second": (HIGH, LOW)}, control=True)
    found = judge([disputed, Comparison("x", {"first": (HIGH, LOW), "second": (LOW, LOW)})])
    assert [each.verdict for each in found] == [Verdict.CONFLICT, Verdict.FAIL]
    assert found[1].reason.endswith("by first alone, for second contradicts the control")


def test_a_diverged_run_counts_as_the_worst() -> None:
    assert _word((LOW, [math.inf] * 12), (LOW, HIGH)) is Verdict.PASS
    assert two_sided((LOW, [*LOW[:-3], *[math.inf] * 3])) < 1


def test_holm_over_the_table() -> None:
    """One p of about .02 is rejected alone, and not among ten that are no better."""
    weak: Groups = ([float(x) for x in range(8)], [x + 3.5 for x in range(8)])
    assert 0.005 < two_sided(weak) < 0.025
    table = [Comparison(str(i), {"first": weak if i == 0 else (MIXED, MIXED)}) for i in range(10)]
    assert judge(table[:1])[0].verdict is Verdict.PASS
    assert judge(table)[0].verdict is Verdict.UNDECIDED


def test_two_sided_p_is_scipy_s() -> None:
    draw = np.random.default_rng(0)
    for shift in (0.0, 0.5, 1.0):
        groups = draw.normal(0, 1, 32).tolist(), draw.normal(shift, 1, 32).tolist()
        expected = mannwhitneyu(*groups, alternative="two-sided", method="exact").pvalue
        assert two_sided(groups) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("m", "n"), [(3, 4), (5, 5), (2, 7)])
def test_the_interval_s_rank_is_the_largest_with_so_small_a_tail(m: int, n: int) -> None:
    """Against all orders of m and n values: P[U < k] ≤ tail < P[U < k + 1]."""
    orders = [order for order in product((0, 1), repeat=m + n) if sum(order) == m]
    wins = [sum(1 for i, a in enumerate(order) if a for b in order[i + 1 :] if not b) for order in orders]
    for tail in (0.025, 0.1, 0.25):
        k = few_wins(m, n, tail)
        below = [sum(w < bound for w in wins) / len(wins) for bound in (k, k + 1)]
        assert below[0] <= tail < below[1]


def test_the_interval_covers_a_known_shift() -> None:
    """Nominal 95 %: of 400 seeded samples of 10 against 10 at least 93 % cover (2 standard errors below 95 %)."""
    draw, covered = np.random.default_rng(1), 0
    for _ in range(400):
        _, low, high = shift_of((draw.normal(0, 1, 10), draw.normal(0.7, 1, 10)))
        covered += low <= -0.7 <= high
    assert covered / 400 >= 0.928
    assert shift_of(([1.0], [3.0])) == (-2.0, -math.inf, math.inf)
