"""Theorem 6: as printed, inside regions, everywhere, for equal norms, for smooth activations."""

import pytest
import torch
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from gnref.claims.witnesses import AT_A_KINK, CLIFF, EQUAL_NORMS, JUMP, LEAKY
from gnref.laws import Facet, Line, theorem_6
from gnref.laws.smooth import ELU, SOFTSIGN, TANH
from gnref.strategies import cases, equal_norm_lines, facets, lines, quadratics

DTYPES = (torch.float32, torch.float64)
ACROSS = Line(JUMP, (-1.0,), (1.0,))


@pytest.mark.parametrize("law", [theorem_6.continuous_gradient_means_affine, theorem_6.affine_is_lipschitz], ids=str)
@given(case=lines())
def test_as_printed(law, case, judged):
    """The hypotheses leave nothing but affine f, for which it is true."""
    judged(law, case)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("law", [theorem_6.slope_identity, theorem_6.generator_gradient], ids=str)
@given(case=cases())
def test_slope_inside_regions(law, dtype, device, method, case, judged):
    """‖∇f̂‖ = (1 - |f̂|)² ≤ 1."""
    judged(law, case.to(dtype, device), method)


@pytest.mark.parametrize("law", [theorem_6.one_lipschitz_in_a_region], ids=str)
@given(case=lines())
@example(case=ACROSS)
def test_slope_on_every_piece_of_a_segment(law, case, judged):
    """At most 1 on every piece, none sampled."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_6.one_lipschitz_everywhere], ids=str)
@settings(phases=[Phase.explicit])
@given(case=lines())
@example(case=ACROSS).xfail(raises=AssertionError, reason="relu(x) + 1: f̂ jumps from 1 to 1/2 at 0")
@example(case=Line(CLIFF, (-0.5,), (0.5,))).xfail(raises=AssertionError, reason="f̂ falls from 1 to -1 at once")
@example(case=Line(LEAKY, (-3.0, -4.0), (3.0, 4.0))).xfail(raises=AssertionError, reason="leaky: a jump of 1/6")
def test_everywhere(law, case, judged):
    """f̂ of these networks is not Lipschitz: the law must fail at each."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_6.jump], ids=str)
@given(case=facets())
@example(case=Facet(JUMP, (0.0,), (1.0,)))
@example(case=Facet(LEAKY, (4.0, -3.0), (6.0, 8.0)))
def test_jump_at_a_facet(law, method, case, judged):
    """The true form: how far f̂ jumps."""
    judged(law, case, method)


@pytest.mark.parametrize("law", [theorem_6.jump_bound], ids=str)
@given(case=facets())
@example(case=Facet(JUMP, (0.0,), (1.0,)))
@example(case=Facet(LEAKY, (4.0, -3.0), (6.0, 8.0)))
def test_jump_is_below_1(law, case, judged):
    """And that it never jumps by 1."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_6.one_lipschitz_with_equal_norms], ids=str)
@given(case=equal_norm_lines())
def test_everywhere_with_equal_norms(law, case, judged):
    """The true form: with one ‖∇f‖ for all regions f̂ is 1-Lipschitz everywhere."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_6.jump_exactly_where_norms_differ], ids=str)
@given(case=facets())
@example(case=Facet(JUMP, (0.0,), (1.0,)))
@example(case=Facet(EQUAL_NORMS, (1.0, -1.0), (1.0, 1.0)))
def test_jump_exactly_where_norms_differ(law, case, judged):
    """Both directions of "exactly when"."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_6.jump_exactly_where_norms_differ], ids=str)
@pytest.mark.parametrize("case", [*theorem_6.silent_facets()], ids=str)
def test_no_jump(law, case, judged):
    """Where f is 0, or ‖∇f‖ does not change."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_6.kink_value_is_a_limit], ids=str)
@settings(phases=[Phase.explicit])
@given(case=facets())
@example(case=Facet(AT_A_KINK, (0.0,), (1.0,))).xfail(raises=AssertionError, reason="x + 1 in two units: 1 for 1/2")
def test_value_on_a_kink(law, case, judged):
    """What automatic differentiation gives on a kink may be neither side's."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_6.kink_value_is_that_of_one_mask], ids=str)
@pytest.mark.parametrize("case", [*theorem_6.kink_facets()], ids=str)
def test_value_on_a_kink_is_that_of_one_mask(law, case, method, judged):
    """And what it is."""
    judged(law, case, method)


@pytest.mark.parametrize("law", [theorem_6.slope_bound], ids=str)
@settings(phases=[Phase.explicit])
@given(case=st.just(SOFTSIGN))
@example(case=SOFTSIGN).xfail(raises=AssertionError, reason="softsign(3x) at 1/3: slope 27/25")
@example(case=ELU).xfail(raises=AssertionError, reason="ELU(3x) at -ln2/3: slope 9/8")
@example(case=TANH).xfail(raises=AssertionError, reason="tanh(3x) at ln2/3: slope 544/441")
def test_smooth_slope_bound(law, case, judged):
    """Smooth activations break the bound."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_6.slope_formula], ids=str)
@pytest.mark.parametrize("case", [SOFTSIGN, ELU, TANH], ids=["softsign", "ELU", "tanh"])
def test_smooth_slope(law, case, judged):
    """The true form: ∇f̂ with its Hessian."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_6.gradient_of_norm, theorem_6.gradient_of_absolute_value], ids=str)
@given(case=quadratics())
def test_gradients_of_the_norm_and_of_the_absolute_value(law, case, judged):
    """Eq. 13a and 13b."""
    judged(law, case)
