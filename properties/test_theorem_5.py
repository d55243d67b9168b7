"""Theorem 5: layers that do not expand distances, and residual layers that do."""

import pytest
from hypothesis import Phase, example, given, settings

from gnref.exact import ExactNetwork
from gnref.laws import Line, layers
from gnref.strategies import lines

TWICE = Line(ExactNetwork(((((1.0,), 0.0),),), ((1.0,), 0.0)), (0.0,), (1.0,))
"""x + relu(x)."""


@pytest.mark.claim("theorem-5")
@given(case=lines())
def test_layers_do_not_expand(case, judged):
    """Plain chains."""
    judged(layers.layers_do_not_expand, None, case)


@pytest.mark.claim("theorem-5-residual", refutes=True)
@settings(phases=[Phase.explicit])
@given(case=lines())
@example(case=TWICE).xfail(raises=AssertionError, reason="x + relu(x): 1 becomes 2")
def test_residual_layers_do_not_expand(case, judged):
    """Residual layers."""
    judged(layers.residual_layers_do_not_expand, None, case)
