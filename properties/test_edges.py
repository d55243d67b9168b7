"""The edges of the number range, and regions where the gradient is 0."""

import pytest
import torch
from hypothesis import example, given

from gnref.exact import ExactNetwork
from gnref.laws import Case, Edge, edges
from gnref.strategies import cases, edge_cases

DTYPES = (torch.float32, torch.float64)
DEAD = Case(ExactNetwork(((((1.0,), 0.5),),), ((1.0,), 0.25)), ((-3.0,), (2.0,)))
"""relu(x + 1/2) + 1/4: a point in its dead region and one outside."""


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("law", [edges.dead_region], ids=str)
@given(case=cases())
@example(case=DEAD)
def test_dead_region(law, dtype, device, method, case, judged):
    """Where ∇ₓf = 0."""
    judged(law, case.to(dtype, device), method)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("inputs", [1, 2, 5])
@pytest.mark.parametrize("law", [edges.zero_over_zero], ids=str)
def test_zero_over_zero(law, inputs, dtype, device, method, judged):
    """Where f = 0 too."""
    judged(law, Edge(0.0, (0.0,) * inputs, dtype, device), method)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("law", [edges.exponent_range, edges.gradient_range], ids=str)
@given(case=edge_cases())
def test_number_range(law, dtype, device, method, case, judged):
    """From underflow to overflow, and for every |f|/‖∇f‖."""
    judged(law, case.to(dtype, device), method)


@pytest.mark.parametrize("law", [edges.exponent_range, edges.gradient_range], ids=str)
def test_number_range_on_a_grid(law, device, method, judged):
    """The same on a fixed grid of magnitudes."""
    for case in edges.edges():
        judged(law, case.to(torch.float32, device), method)
