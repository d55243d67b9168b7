"""Figure 3: D*, the best discriminator, and how steep it is."""

from fractions import Fraction

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from gnref.laws import surfaces
from gnref.strategies import densities


@pytest.mark.parametrize("law", [surfaces.best_discriminator], ids=str)
@given(case=densities())
def test_best_discriminator(law, case, judged):
    """D* maximizes the log loss pointwise."""
    judged(law, case)


@pytest.mark.parametrize("law", [surfaces.best_discriminator_is_lipschitz], ids=str)
@settings(phases=[Phase.explicit])
@given(case=st.fractions())
@example(case=Fraction(4)).xfail(raises=AssertionError, reason="‖∇D*(4, 4)‖² = 9/8")
def test_best_discriminator_is_lipschitz(law, case, judged):
    """D* of unequal Gaussians is steep."""
    judged(law, case)
