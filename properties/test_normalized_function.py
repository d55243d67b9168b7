"""The definition, f̂ = f/(‖∇ₓf‖ + |f|): value, gradients, invariances, conduct, and the edges of the number range."""

import pytest
import torch
from hypothesis import example, given

from gnref.exact import ExactNetwork
from gnref.laws import LAWS, Case, Edge
from gnref.laws.conduct import one_forward_pass
from gnref.laws.edges import dead_region, edges, exponent_range, gradient_range, zero_over_zero
from gnref.strategies import cases, edge_cases

DTYPES = (torch.float32, torch.float64)
REQUIRED = [law for law in LAWS if law.claim == "normalized-function" and law.level == "required"]
DEAD = Case(ExactNetwork(((((1.0,), 0.5),),), ((1.0,), 0.25)), ((-3.0,), (2.0,)))
"""relu(x + 1/2) + 1/4: a point in its dead region and one outside."""

pytestmark = pytest.mark.claim("normalized-function")


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("law", REQUIRED, ids=lambda law: law.id)
@given(case=cases())
@example(case=DEAD)
def test_definition(law, dtype, device, method, case, normalize, judged):
    """Every required law of the definition, on exact networks."""
    judged(law, normalize(law, method), case.to(dtype, device))


@pytest.mark.parametrize("law", [law for law in REQUIRED if law.id in ("scaling", "negation")], ids=lambda law: law.id)
@given(case=cases())
def test_symmetries_in_half_precision(law, device, method, case, normalize, judged):
    """Powers of two and signs round nothing, so these laws are bitwise where f and ∇ₓf are rounded."""
    judged(law, normalize(law, method), case.to(torch.bfloat16, device))


@given(case=cases())
def test_one_forward_pass(device, method, case, normalize, judged):
    """Buffers advance once."""
    judged(one_forward_pass, normalize(one_forward_pass, method), case.to(torch.float64, device))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@given(case=cases())
@example(case=DEAD)
def test_dead_region(dtype, device, method, case, normalize, judged):
    """Where ∇ₓf = 0."""
    judged(dead_region, normalize(dead_region, method), case.to(dtype, device))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("inputs", [1, 2, 5])
def test_zero_over_zero(inputs, dtype, device, method, normalize, judged):
    """Where f = 0 too."""
    judged(zero_over_zero, normalize(zero_over_zero, method), Edge(0.0, (0.0,) * inputs, dtype, device))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("law", [exponent_range, gradient_range], ids=lambda law: law.id)
@given(case=edge_cases())
def test_number_range(law, dtype, device, method, case, normalize, judged):
    """From underflow to overflow, and for every |f|/‖∇f‖."""
    judged(law, normalize(law, method), case.to(dtype, device))


@pytest.mark.parametrize("law", [exponent_range, gradient_range], ids=lambda law: law.id)
def test_number_range_on_a_grid(law, device, method, normalize, judged):
    """The same on a fixed grid of magnitudes."""
    for case in edges():
        judged(law, normalize(law, method), case.to(torch.float32, device))
