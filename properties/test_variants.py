"""Eq. 16, the conditional form, and Figure 2's GN_1 and GN_0."""

import pytest
import torch
from hypothesis import given

from gnref.laws import gradient, score
from gnref.strategies import cases, conditional_cases

DTYPES = (torch.float32, torch.float64)


@pytest.mark.claim("eq-16-conditional")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    "law", [score.conditional_value, gradient.conditional_parameter_gradient], ids=lambda law: law.id
)
@given(case=conditional_cases())
def test_conditional(law, dtype, device, method, case, normalize, judged):
    """Each sample under its own label, and gradients that reach the embedding."""
    judged(law, normalize(law, method), case.to(dtype, device))


@pytest.mark.claim("gn-1")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("law", [score.value_gn_1, gradient.slope_gn_1], ids=lambda law: law.id)
@given(case=cases())
def test_gn_1(law, dtype, device, method, case, normalize, judged):
    """ζ = 1."""
    judged(law, normalize(law, method), case.to(dtype, device))


@pytest.mark.claim("gn-0")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("law", [score.value_gn_0, gradient.slope_gn_0], ids=lambda law: law.id)
@given(case=cases())
def test_gn_0(law, dtype, device, method, case, normalize, judged):
    """ζ = 0."""
    judged(law, normalize(law, method), case.to(dtype, device))
