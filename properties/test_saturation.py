"""How strong a gradient f̂ leaves to a loss, and what the range of the pixels has to do with it."""

import pytest
import torch
from hypothesis import example, given

from gnref.laws import saturation
from gnref.strategies import cases, ratios

DTYPES = (torch.float32, torch.float64)


@pytest.mark.parametrize("law", [saturation.loss_slopes], ids=str)
@given(case=ratios())
@example(case=-3.0)
@example(case=3.0)
def test_loss_slopes(law, case, judged):
    """dL/dt in closed form."""
    judged(law, case)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("law", [saturation.pixel_range], ids=str)
@given(case=cases())
def test_pixel_range(law, dtype, device, method, case, judged):
    """The same function of wider pixels."""
    judged(law, case.to(dtype, device), method)
