"""Eq. 16, the conditional form."""

import pytest
import torch
from hypothesis import given

from gnref.laws import conditional
from gnref.strategies import conditional_cases


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("law", [conditional.conditional_value, conditional.conditional_parameter_gradient], ids=str)
@given(case=conditional_cases())
def test_conditional(law, dtype, device, method, case, judged):
    """Each sample under its own label, and gradients that reach the embedding."""
    judged(law, case.to(dtype, device), method)
