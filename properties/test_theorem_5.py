"""Theorem 5: layers that do not expand distances, and residual layers that do."""

import pytest
from hypothesis import Phase, example, given, settings

from gnref.exact import ExactNetwork
from gnref.laws import Line, theorem_5
from gnref.strategies import lines

TWICE = Line(ExactNetwork(((((1.0,), 0.0),),), ((1.0,), 0.0)), (0.0,), (1.0,))
"""x + relu(x)."""


@pytest.mark.parametrize("law", [theorem_5.layers_do_not_expand], ids=str)
@given(case=lines())
def test_layers_do_not_expand(law, case, judged):
    """Plain chains."""
    judged(law, case)


@pytest.mark.parametrize("law", [theorem_5.residual_layers_do_not_expand], ids=str)
@settings(phases=[Phase.explicit])
@given(case=lines())
@example(case=TWICE).xfail(raises=AssertionError, reason="x + relu(x): 1 becomes 2")
def test_residual_layers_do_not_expand(law, case, judged):
    """Residual layers."""
    judged(law, case)
