"""The mini scale: its hypotheses and their rules."""

import math
from pathlib import Path

from gnref.evidence import Options, Verdict, mini
from gnref.evidence.hypotheses import Registered

REGISTERED = Registered.of(Options(Path(__file__).parent.parent / "reproductions"))


def test_every_hypothesis_has_its_experiments_and_ten_seeds() -> None:
    assert len(REGISTERED.seeds) == len(set(REGISTERED.seeds)) == 10
    stated = [each for artefact in ("figure1", "figure2", "table4") for each in REGISTERED.hypotheses(artefact)]
    assert len(stated) == len(REGISTERED.hypotheses()) == 12
    for each in stated:
        assert REGISTERED.experiment(each.better).size == REGISTERED.experiment(each.worse).size == 16
        assert mini.settings(each.better, REGISTERED) != mini.settings(each.worse, REGISTERED)


def _word(rule: str, trained: mini.Groups, untrained: mini.Groups) -> Verdict:
    return mini.judge(rule, trained, untrained, REGISTERED).verdict


def test_mini_orderings_need_both_feature_spaces() -> None:
    low, high = [float(x) for x in range(10)], [float(x) for x in range(20, 30)]
    assert _word("ordering", (low, high), (low, high)) is Verdict.PASS
    assert _word("ordering", (high, low), (high, low)) is Verdict.FAIL
    assert _word("ordering", (low, high), (high, low)) is Verdict.UNDECIDED
    assert _word("ordering", (low, low), (low, high)) is Verdict.UNDECIDED


def test_mini_failures() -> None:
    fine, half = [1.0] * 10, [1.0] * 5 + [2.5] * 4 + [math.inf]
    assert _word("failures", (fine, half), (fine, half)) is Verdict.PASS
    assert _word("failures", (fine, fine), (fine, fine)) is Verdict.FAIL
    assert _word("failures", (fine, half), (fine, fine)) is Verdict.UNDECIDED
    some = [1.0] * 6 + [2.5] * 3 + [math.inf]
    assert _word("failures", (some, some), (some, some)) is Verdict.UNDECIDED


def test_false_passes_of_the_failure_rule_are_below_three_percent() -> None:
    """max over p of P[≥ many of 10] P[≤ few of 10], both groups failing with the same frequency p."""
    from scipy.stats import binom

    rule = REGISTERED.failures
    worst = max(binom.sf(rule["many"] - 1, 10, p / 1000) * binom.cdf(rule["few"], 10, p / 1000) for p in range(1, 1000))
    assert worst < 0.03
