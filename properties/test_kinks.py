"""Theorem 6 across kinks: everywhere, for equal norms, and on a kink itself."""

import pytest
from hypothesis import Phase, example, given, settings

from gnref.claims.witnesses import AT_A_KINK, CLIFF, EQUAL_NORMS, JUMP, LEAKY
from gnref.laws import Facet, Line, kinks
from gnref.strategies import equal_norm_lines, facets, lines

ACROSS = Line(JUMP, (-1.0,), (1.0,))


@pytest.mark.parametrize("law", [kinks.one_lipschitz_everywhere], ids=str)
@settings(phases=[Phase.explicit])
@given(case=lines())
@example(case=ACROSS).xfail(raises=AssertionError, reason="relu(x) + 1: f̂ jumps from 1 to 1/2 at 0")
@example(case=Line(CLIFF, (-0.5,), (0.5,))).xfail(raises=AssertionError, reason="f̂ falls from 1 to -1 at once")
@example(case=Line(LEAKY, (-3.0, -4.0), (3.0, 4.0))).xfail(raises=AssertionError, reason="leaky: a jump of 1/6")
def test_everywhere(law, case, judged):
    """f̂ of these networks is not Lipschitz: the law must fail at each."""
    judged(law, case)


@pytest.mark.parametrize("law", [kinks.jump], ids=str)
@given(case=facets())
@example(case=Facet(JUMP, (0.0,), (1.0,)))
@example(case=Facet(LEAKY, (4.0, -3.0), (6.0, 8.0)))
def test_jump_at_a_facet(law, method, case, judged):
    """The true form: how far f̂ jumps."""
    judged(law, case, method)


@pytest.mark.parametrize("law", [kinks.jump_bound], ids=str)
@given(case=facets())
@example(case=Facet(JUMP, (0.0,), (1.0,)))
@example(case=Facet(LEAKY, (4.0, -3.0), (6.0, 8.0)))
def test_jump_is_below_1(law, case, judged):
    """And that it never jumps by 1."""
    judged(law, case)


@pytest.mark.parametrize("law", [kinks.one_lipschitz_with_equal_norms], ids=str)
@given(case=equal_norm_lines())
def test_everywhere_with_equal_norms(law, case, judged):
    """The true form: with one ‖∇f‖ for all regions f̂ is 1-Lipschitz everywhere."""
    judged(law, case)


@pytest.mark.parametrize("law", [kinks.jump_exactly_where_norms_differ], ids=str)
@given(case=facets())
@example(case=Facet(JUMP, (0.0,), (1.0,)))
@example(case=Facet(EQUAL_NORMS, (1.0, -1.0), (1.0, 1.0)))
def test_jump_exactly_where_norms_differ(law, case, judged):
    """Both directions of "exactly when"."""
    judged(law, case)


@pytest.mark.parametrize("law", [kinks.jump_exactly_where_norms_differ], ids=str)
@pytest.mark.parametrize("case", [*kinks.silent_facets()], ids=str)
def test_no_jump(law, case, judged):
    """Where f is 0, or ‖∇f‖ does not change."""
    judged(law, case)


@pytest.mark.parametrize("law", [kinks.kink_value_is_a_limit], ids=str)
@settings(phases=[Phase.explicit])
@given(case=facets())
@example(case=Facet(AT_A_KINK, (0.0,), (1.0,))).xfail(raises=AssertionError, reason="x + 1 in two units: 1 for 1/2")
def test_value_on_a_kink(law, case, judged):
    """What automatic differentiation gives on a kink may be neither side's."""
    judged(law, case)


@pytest.mark.parametrize("law", [kinks.kink_value_is_that_of_one_mask], ids=str)
@pytest.mark.parametrize("case", [*kinks.kink_facets()], ids=str)
def test_value_on_a_kink_is_that_of_one_mask(law, case, method, judged):
    """And what it is."""
    judged(law, case, method)
