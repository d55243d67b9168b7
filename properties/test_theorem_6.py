"""Theorem 6: as printed, and inside regions."""

import pytest
import torch
from hypothesis import example, given

from gnref.claims.witnesses import JUMP
from gnref.laws import Line, theorem_6
from gnref.strategies import cases, lines

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
