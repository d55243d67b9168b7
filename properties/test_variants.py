"""GN's relatives: Figure 2's ablations, GN_1 and GN_0, and GraN."""

import pytest
import torch
from hypothesis import given

from gnref.laws import variants
from gnref.strategies import cases


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    "law",
    [
        variants.value_gn_1,
        variants.slope_gn_1,
        variants.value_gn_0,
        variants.slope_gn_0,
        variants.value_gran,
        variants.slope_gran,
    ],
    ids=str,
)
@given(case=cases())
def test_variants(law, dtype, device, method, case, judged):
    """ζ = 1, ζ = 0 and ζ = ε/g."""
    judged(law, case.to(dtype, device), method)
