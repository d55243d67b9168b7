"""B.3: what a value and a step cost."""

import pytest
from hypothesis import given

from gnref.laws import cost
from gnref.strategies import widths


@pytest.mark.parametrize("law", [cost.evaluation_cost], ids=str)
@given(case=widths())
def test_evaluation_cost(law, case, judged):
    """A value of f̂: two passes."""
    judged(law, case)


@pytest.mark.parametrize("law", [cost.step_cost], ids=str)
@given(case=widths())
def test_step_cost(law, case, method, judged):
    """A step: at most six passes."""
    judged(law, case, method)
