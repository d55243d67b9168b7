"""Theorem 5: layers that do not expand distances, and residual layers that do."""

import pytest
from hypothesis import Phase, example, given, settings

from gnref.claims.witnesses import HALF
from gnref.exact import ExactNetwork
from gnref.laws import Line, theorem_5
from gnref.strategies import kernels, lines

TWICE = Line(ExactNetwork(((((1.0,), 0.0),),), ((1.0,), 0.0)), (0.0,), (1.0,))
"""x + relu(x)."""
ONES = ((1, 1, 1), (1, 1, 1), (1, 1, 1))


@pytest.mark.parametrize("law", [theorem_5.layers_do_not_expand], ids=str)
@given(case=lines())
def test_layers_do_not_expand(law, case, judged):
    """Plain chains."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_5.layers_keep_distances], ids=str)
@settings(phases=[Phase.explicit])
@given(case=lines())
@example(case=Line(HALF, (0.0,), (2.0,))).xfail(raises=AssertionError, reason="x/2: 2 becomes 1")
def test_last_sign_of_equation_9(law, case, judged):
    """Eq. 9's last sign as printed."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_5.reshaped_norm_bounds_a_convolution], ids=str)
@settings(phases=[Phase.explicit])
@given(case=kernels())
@example(case=ONES).xfail(raises=AssertionError, reason="a kernel of ones: 81 for 9, 3 times its norm")
def test_reshaped_norm(law, case, judged):
    """Spectral normalization of a reshaped kernel."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_5.kernel_size_bounds_a_convolution], ids=str)
@given(case=kernels())
@example(case=ONES)
def test_kernel_size(law, case, judged):
    """What its norm does bound."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_5.residual_layers_do_not_expand], ids=str)
@settings(phases=[Phase.explicit])
@given(case=lines())
@example(case=TWICE).xfail(raises=AssertionError, reason="x + relu(x): 1 becomes 2")
def test_residual_layers_do_not_expand(law, case, judged):
    """Residual layers."""
    judged(law, case)
