"""The rule for one printed score."""

import math
from itertools import islice, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnref.evidence import equivalence
from gnref.evidence.equivalence import READINGS, Reading, holm, judge_cells, margin, sample, swap_test
from gnref.evidence.simulation import comparison_power, ordering_shares, shares
from gnref.evidence.verdict import Verdict

FID = st.floats(3, 40)
SESSIONS = st.lists(st.floats(1, 60), min_size=1, max_size=6)


def test_hand_computed_interval() -> None:
    """m = 10, sessions 10 and 11, n = 3: s² = (16·0.26² + 0.5) / 17 and SE² = s²(1/2 + 1/3), so SE = 0.2784.

    δ = 1, and t of 17 degrees of freedom at 95 % is 1.740: 0.5 + 1.740 SE = 0.984 lies inside,
    0.55 + 1.740 SE does not.
    """
    s = sample("fid", 10.0, [10.0, 11.0], Reading(3))
    assert (s.difference, s.margin, s.freedom) == (0.5, 1.0, 17)
    assert s.error == pytest.approx(math.sqrt((16 * 0.26**2 + 0.5) / 17 * (1 / 2 + 1 / 3)), rel=1e-15)
    assert s.reproduced()
    assert not sample("fid", 10.0, [10.05, 11.05], Reading(3)).reproduced()


def test_a_deviation_over_n_is_read_as_larger() -> None:
    """The sum of squares over n = 3 is two thirds of that over n - 1: s² is 3/2 of the printed one."""
    by_n_minus_1, by_n = sample("fid", 10.0, [10.5], Reading(1)), sample("fid", 10.0, [10.5], Reading(1, ddof=0))
    assert by_n.error / by_n_minus_1.error == pytest.approx(math.sqrt(3 / 2), rel=1e-12)


@given(value=FID, ours=SESSIONS)
def test_reproduced_and_not_reproduced_exclude_each_other(value: float, ours: list[float]) -> None:
    for reading in READINGS:
        s = sample("fid", value, ours, reading)
        assert not (s.reproduced() and s.p_outside() < equivalence.ALPHA)


@given(value=FID, ours=SESSIONS, further=st.floats(0, 20))
def test_moving_away_never_helps(value: float, ours: list[float], further: float) -> None:
    mean = sum(ours) / len(ours)
    away = [x + math.copysign(further, mean - value) for x in ours]
    for reading in READINGS:
        near, far = sample("fid", value, ours, reading), sample("fid", value, away, reading)
        slack = 1e-9 * (value + abs(far.difference))  # rounding of the shifted mean and variance
        assert abs(far.difference) >= abs(near.difference) - slack
        if not near.reproduced() and abs(near.difference) + near.error > near.margin + slack:
            assert not far.reproduced() or near.error != pytest.approx(far.error, rel=1e-6)


@given(value=FID, ours=SESSIONS)
def test_order_of_sessions_does_not_matter(value: float, ours: list[float]) -> None:
    words = {judge_cells([("fid", value, list(p))])[0].verdict for p in islice(permutations(ours), 6)}
    assert len(words) == 1


@given(value=FID, ours=st.lists(st.floats(1, 60), max_size=4), bad=st.sampled_from([math.inf, math.nan, -math.inf]))
def test_a_diverged_session_is_never_forgiven(value: float, ours: list[float], bad: float) -> None:
    (found,) = judge_cells([("fid", value, [*ours, bad])])
    assert found.verdict is Verdict.NOT_REPRODUCED
    assert "1 of" in found.reason


@given(value=FID, ours=SESSIONS, others=st.lists(st.tuples(FID, SESSIONS), max_size=4))
def test_other_cells_can_only_soften_a_failure(
    value: float, ours: list[float], others: list[tuple[float, list[float]]]
) -> None:
    """Holm's correction: with more cells in the table, a cell fails less easily, and never passes more easily."""
    alone = judge_cells([("fid", value, ours)])[0].verdict
    among = judge_cells([("fid", value, ours), *(("fid", v, xs) for v, xs in others)])[0].verdict
    assert (
        among
        in {
            Verdict.REPRODUCED: {Verdict.REPRODUCED},
            Verdict.INCONCLUSIVE: {Verdict.INCONCLUSIVE},
            Verdict.NOT_REPRODUCED: {Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE},
        }[alone]
    )


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_rejects_between_bonferroni_and_none(p_values: list[float]) -> None:
    rejected = holm(p_values)
    for p, out in zip(p_values, rejected, strict=True):
        assert out or p >= equivalence.ALPHA / len(p_values)
        assert not out or p < equivalence.ALPHA
    assert holm(p_values + [1.0] * 8).count(True) <= rejected.count(True)


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == [False, True, False]  # 0.01 < .05/3; 0.03 >= .05/2 stops
    assert holm([0.02, 0.01, 0.03]) == [True, True, True]


def test_nothing_run_is_not_run_and_the_assumed_sessions_must_agree() -> None:
    assert judge_cells([("fid", 11.0, [])])[0].verdict is Verdict.NOT_RUN
    (found,) = judge_cells([("is", 8.49, [8.4, 8.5, 8.45])])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "n=1: INCONCLUSIVE; n=3: REPRODUCED" in found.reason
    assert found.further is not None


@given(value=FID, ours=SESSIONS)
def test_the_number_of_further_runs_would_decide(value: float, ours: list[float]) -> None:
    (found,) = judge_cells([("fid", value, ours)])
    if found.further is None or len(ours) < 2:
        return
    mean = sum(ours) / len(ours)
    spread = math.sqrt(sum((x - mean) ** 2 for x in ours) / (len(ours) - 1))
    longer = equivalence._sessions(mean, spread, len(ours) + found.further)
    assert judge_cells([("fid", value, longer)])[0].verdict is not Verdict.INCONCLUSIVE


@given(mean=st.floats(-5, 5), spread=st.floats(0, 3), k=st.integers(2, 9))
def test_imagined_sessions_have_the_given_mean_and_deviation(mean: float, spread: float, k: int) -> None:
    made = equivalence._sessions(mean, spread, k)
    assert len(made) == k
    assert sum(made) / k == pytest.approx(mean, abs=1e-12 * (1 + abs(mean) + spread))
    deviation = math.sqrt(sum((x - sum(made) / k) ** 2 for x in made) / (k - 1))
    assert deviation == pytest.approx(spread, abs=1e-12 * (1 + abs(mean) + spread))


def test_swap_test_names_the_rival() -> None:
    ours = [11.1, 11.0, 11.2]
    (found,) = judge_cells([("fid", 11.13, ours)])
    assert found.verdict is Verdict.REPRODUCED
    swapped = swap_test(found, "fid", ours, {"NS": 10.97, "CNN": 18.20})
    assert swapped.verdict is Verdict.NOT_DISCRIMINATING
    assert "NS" in swapped.reason
    assert "CNN" not in swapped.reason
    assert swap_test(found, "fid", ours, {"CNN": 18.20}) == found


def test_margins() -> None:
    assert [margin("fid", 4.0), margin("fid", 20.0), margin("is", 4.0), margin("is", 9.0)] == [0.5, 2.0, 0.15, 0.27]


def test_false_verdicts_of_the_rule_stay_below_five_percent() -> None:
    """Seeded simulation: a truth at the margin passes, and a truth of 0 fails, in at most 5 % of tables."""
    at_margin, true = shares(0.10, 3, 0.026, 300), shares(0.0, 3, 0.026, 300)
    assert at_margin[0] <= equivalence.ALPHA
    assert true[2] <= equivalence.ALPHA
    assert true[0] > 0.9
    assert sum(ordering_shares(0.0, 5, 100)) == pytest.approx(1, abs=1e-12)


def test_power_of_the_study_s_rule_is_as_registered() -> None:
    """4000 trials: a standard error below .008. With no effect one direction comes up in at most α / hypotheses / 2."""
    assert comparison_power(1.0, 32, 14, 4000) == pytest.approx(0.80, abs=0.03)
    assert comparison_power(1.5, 16, 10, 4000) == pytest.approx(0.84, abs=0.03)
    assert comparison_power(0.0, 16, 1, 4000) <= 0.025 + 0.008
