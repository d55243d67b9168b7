"""Theorem 6 for smooth activations, and Eq. 13."""

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from gnref.laws import smooth
from gnref.laws.smooth import ELU, SOFTSIGN, TANH
from gnref.strategies import quadratics


@pytest.mark.parametrize("law", [smooth.slope_bound], ids=str)
@settings(phases=[Phase.explicit])
@given(case=st.just(SOFTSIGN))
@example(case=SOFTSIGN).xfail(raises=AssertionError, reason="softsign(3x) at 1/3: slope 27/25")
@example(case=ELU).xfail(raises=AssertionError, reason="ELU(3x) at -ln2/3: slope 9/8")
@example(case=TANH).xfail(raises=AssertionError, reason="tanh(3x) at ln2/3: slope 544/441")
def test_smooth_slope_bound(law, case, judged):
    """Smooth activations break the bound."""
    judged(law, case)


@pytest.mark.parametrize("law", [smooth.slope_formula], ids=str)
@pytest.mark.parametrize("case", [SOFTSIGN, ELU, TANH], ids=["softsign", "ELU", "tanh"])
def test_smooth_slope(law, case, judged):
    """The true form: ∇f̂ with its Hessian."""
    judged(law, case)


@pytest.mark.parametrize("law", [smooth.gradient_of_norm, smooth.gradient_of_absolute_value], ids=str)
@given(case=quadratics())
def test_gradients_of_the_norm_and_of_the_absolute_value(law, case, judged):
    """Eq. 13a and 13b."""
    judged(law, case)
