"""Theorem 6: as printed, inside regions, everywhere, for equal norms, for smooth activations."""

import pytest
import torch
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from gnref.claims.lipschitz import CLIFF, JUMP, LEAKY
from gnref.laws import Facet, Line, gradient, smooth
from gnref.laws import line as along
from gnref.strategies import cases, equal_norm_lines, facets, lines, quadratics

DTYPES = (torch.float32, torch.float64)
ACROSS = Line(JUMP, (-1.0,), (1.0,))
SHORT = Line(JUMP, (0.0,), (2.0**-10,))


@pytest.mark.claim("theorem-6")
@given(case=lines())
def test_smooth_and_piecewise_linear_is_affine(case, judged):
    """The hypotheses leave nothing but affine f."""
    judged(along.smooth_and_piecewise_linear_is_affine, None, case)


@pytest.mark.claim("theorem-6")
@given(case=lines())
def test_affine_is_lipschitz(case, judged):
    """For which it is true."""
    judged(along.affine_is_lipschitz, None, case)


@pytest.mark.claim("theorem-6-almost-everywhere")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("law", [gradient.slope_identity, gradient.generator_gradient], ids=lambda law: law.id)
@given(case=cases())
def test_slope_inside_regions(law, dtype, device, method, case, normalize, judged):
    """‖∇f̂‖ = (1 - |f̂|)² ≤ 1."""
    judged(law, normalize(law, method), case.to(dtype, device))


@pytest.mark.claim("theorem-6-almost-everywhere")
@given(case=lines())
@example(case=ACROSS)
def test_slope_on_every_piece_of_a_segment(case, judged):
    """At most 1 on every piece, none sampled."""
    judged(along.one_lipschitz_in_a_region, None, case)


@pytest.mark.claim("theorem-6-global", refutes=True)
@settings(phases=[Phase.explicit])
@given(case=lines())
@example(case=ACROSS).xfail(raises=AssertionError, reason="relu(x) + 1: f̂ jumps from 1 to 1/2 at 0")
@example(case=Line(CLIFF, (-0.5,), (0.5,))).xfail(raises=AssertionError, reason="f̂ falls from 1 to -1 at once")
@example(case=Line(LEAKY, (-3.0, -4.0), (3.0, 4.0))).xfail(raises=AssertionError, reason="leaky: a jump of 1/6")
def test_everywhere(case, judged):
    """f̂ of these networks is not Lipschitz: the law must fail at each."""
    judged(along.one_lipschitz_everywhere, None, case)


@pytest.mark.claim("lemma-3-almost-everywhere", refutes=True)
@settings(phases=[Phase.explicit])
@given(case=lines())
@example(case=SHORT).xfail(raises=AssertionError, reason="slope at most 1 on both pieces, yet a difference of 1/2")
def test_almost_everywhere_is_enough(case, judged):
    """A bound of the slope on both pieces bounds nothing across the kink."""
    judged(along.almost_everywhere_is_enough, None, case)


@pytest.mark.claim("theorem-6-global")
@pytest.mark.parametrize("law", [along.jump, along.jump_bound], ids=lambda law: law.id)
@given(case=facets())
@example(case=Facet(JUMP, (0.0,), (1.0,)))
@example(case=Facet(LEAKY, (4.0, -3.0), (6.0, 8.0)))
def test_jump_at_a_facet(law, method, case, normalize, judged):
    """The true form: how far f̂ jumps, and that it never jumps by 1."""
    judged(law, normalize(law, method), case)


@pytest.mark.claim("theorem-6-equal-norms")
@given(case=equal_norm_lines())
def test_everywhere_with_equal_norms(case, judged):
    """The true form: with one ‖∇f‖ for all regions f̂ is 1-Lipschitz everywhere."""
    judged(along.one_lipschitz_with_equal_norms, None, case)


@pytest.mark.claim("theorem-6-smooth", refutes=True)
@settings(phases=[Phase.explicit])
@given(case=st.just(smooth.SOFTSIGN))
@example(case=smooth.SOFTSIGN).xfail(raises=AssertionError, reason="softsign(3x) at 1/3: slope 27/25")
@example(case=smooth.ELU).xfail(raises=AssertionError, reason="ELU(3x) at -ln2/3: slope 9/8")
@example(case=smooth.TANH).xfail(raises=AssertionError, reason="tanh(3x) at ln2/3: slope 544/441")
def test_smooth_slope_bound(case, normalize, judged):
    """Smooth activations break the bound."""
    judged(smooth.slope_bound, normalize(smooth.slope_bound), case)


@pytest.mark.claim("theorem-6-smooth")
@pytest.mark.parametrize("case", [smooth.SOFTSIGN, smooth.ELU, smooth.TANH], ids=["softsign", "ELU", "tanh"])
def test_smooth_slope(case, normalize, judged):
    """The true form: ∇f̂ with its Hessian."""
    judged(smooth.slope_formula, normalize(smooth.slope_formula), case)


@pytest.mark.claim("equation-13")
@given(case=quadratics())
def test_gradient_of_the_norm(case, judged):
    """∇‖∇f‖² = 2H∇f."""
    judged(smooth.gradient_of_norm, None, case)
