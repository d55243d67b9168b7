"""The segment law: what f̂ changes is slope, at most the distance, and jumps, at most tanh(|Δ log ‖∇f‖|/4) each."""

import pytest
from hypothesis import given

from gnref.laws import segments
from gnref.strategies import kinks, lines


@pytest.mark.parametrize("law", [segments.slope_and_jumps, segments.jump_bound_on_segments], ids=str)
@given(case=lines())
def test_on_segments(law, case, judged):
    """Every piece and every kink of a segment."""
    judged(law, case)


@pytest.mark.parametrize("law", [segments.slope_and_jumps, segments.jump_bound_on_segments], ids=str)
@pytest.mark.parametrize("case", [*segments.kinked_lines()], ids=str)
def test_on_the_worked_examples(law, case, judged):
    """The kinks that the claims speak of."""
    judged(law, case)


@pytest.mark.parametrize("law", [segments.jump_is_largest_at_the_geometric_mean], ids=str)
@given(case=kinks())
def test_largest_jump(law, case, judged):
    """Where the bound is attained."""
    judged(law, case)
