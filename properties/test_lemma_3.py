"""Lemma 3: a Lipschitz constant and a bound of ‖∇f‖ are the same for a continuous piecewise-linear f."""

import pytest
from hypothesis import Phase, example, given, settings

from gnref.claims.lipschitz import REFLECTION
from gnref.laws import Line
from gnref.laws import line as along
from gnref.strategies import lines


@pytest.mark.claim("lemma-3-forward")
@pytest.mark.parametrize("law", [along.constant_bounds_gradient, along.directional_derivative], ids=lambda law: law.id)
@given(case=lines())
def test_constant_bounds_gradient(law, case, judged):
    """(1) ⇒ (2)."""
    judged(law, None, case)


@pytest.mark.claim("lemma-3-backward")
@given(case=lines())
def test_gradient_bounds_constant(case, judged):
    """(2) ⇒ (1)."""
    judged(along.gradient_bounds_constant, None, case)


@pytest.mark.claim("equation-4", refutes=True)
@settings(phases=[Phase.explicit])
@given(case=lines())
@example(case=Line(REFLECTION, (0.0,), (1.0,))).xfail(
    raises=AssertionError, reason="-x: -1 on the left, 1 on the right"
)
def test_equation_4(case, judged):
    """Eq. 4 as printed."""
    judged(along.equation_4_as_printed, None, case)
