"""What normalizing leaves alone: x, every `.grad`, buffers, modes, the random state."""

import pytest
import torch
from hypothesis import given

from gnref.laws import contexts
from gnref.strategies import cases


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("law", [contexts.no_side_effects, contexts.keyword_arguments], ids=str)
@given(case=cases())
def test_conduct(law, dtype, device, method, case, judged):
    """In a plain call."""
    judged(law, case.to(dtype, device), method)


@pytest.mark.parametrize("law", [contexts.one_forward_pass], ids=str)
@given(case=cases())
def test_one_forward_pass(law, device, method, case, judged):
    """Buffers advance once."""
    judged(law, case.to(torch.float64, device), method)
