"""The definition, f̂ = f/(‖∇ₓf‖ + |f|): value, parameter gradient, invariances."""

import pytest
import torch
from hypothesis import example, given

from gnref.exact import ExactNetwork
from gnref.laws import LAWS, Case, normalized_function
from gnref.strategies import cases

DTYPES = (torch.float32, torch.float64)
DEAD = Case(ExactNetwork(((((1.0,), 0.5),),), ((1.0,), 0.25)), ((-3.0,), (2.0,)))
"""relu(x + 1/2) + 1/4: a point in its dead region and one outside."""


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("law", [law for law in LAWS if law.file == "normalized_function"], ids=str)
@given(case=cases())
@example(case=DEAD)
def test_definition(law, dtype, device, method, case, judged):
    """Every law of the definition, on exact networks."""
    judged(law, case.to(dtype, device), method)


@pytest.mark.parametrize("law", [normalized_function.scaling, normalized_function.negation], ids=str)
@given(case=cases())
def test_symmetries_in_half_precision(law, device, method, case, judged):
    """Powers of two and signs round nothing, so these laws are bitwise where f and ∇ₓf are rounded."""
    judged(law, case.to(torch.bfloat16, device), method)
