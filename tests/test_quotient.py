"""The quotient f/(g + ζ) and its derivatives: over the exponent range, at 0, at what is not finite, and GraN's form."""

import math
from fractions import Fraction

import pytest
import torch
from torch import nn

import gnref
from gnref import quotient
from gnref.quotient import normalize

EPSILON = Fraction(quotient.EPSILON)
ZETAS = ("abs", "one", "zero")


def exact(f: float, v: float, zeta: str) -> tuple[Fraction, Fraction, Fraction]:
    """f̂, ∂f̂/∂f and ∂f̂/∂v at n = 1 in rational arithmetic: g = |v|."""
    F, V = Fraction(f), Fraction(v)
    g = abs(V)
    if zeta == "gran":
        square = g**2 + EPSILON
        return F * g / square, g / square, F * (EPSILON - g**2) / square**2 * (0 if V == 0 else V / g)
    N = g + {"abs": abs(F), "one": Fraction(1), "zero": Fraction(0)}[zeta]
    if N == 0 or (zeta == "zero" and g == 0):
        return Fraction(0), Fraction(0), Fraction(0)
    sign = 0 if V == 0 else V / g
    df = g / N**2 if zeta == "abs" else 1 / N
    if zeta == "abs" and g == 0:
        df = Fraction(0)
    return F / N, df, -F / N**2 * sign


EXPONENTS = {
    torch.float32: [-149, -140, -126, -120, -75, -64, -24, -3, 0, 2, 24, 63, 75, 120, 127],
    torch.float64: [-1074, -1040, -1022, -900, -538, -512, -53, -3, 0, 2, 53, 511, 538, 900, 1023],
}


@pytest.mark.parametrize("dtype", list(EXPONENTS))
@pytest.mark.parametrize("zeta", [*ZETAS, "gran"])
def test_values_and_derivatives_are_right_over_the_exponent_range(dtype: torch.dtype, zeta: str) -> None:
    """f = ±1.25·2^a, v = 1.5·2^b for all pairs (a, b), and f = 0, v = 0.

    Each of f̂, c/N and f̂/N is a chain of at most 6 roundings (norm 2, sum, quotients, products), so 6 units in the last
    place bound a normal result. Subnormal ones lose quanta instead: half a quantum at each of 6 steps, and that of f̂ is
    divided by N in its derivative. Where the truth exceeds the largest number, inf is asked for. float32 has its whole
    range; float64, in which everything is computed, wherever v has a normal entry or is 0 and N is a normal number.
    """
    info = torch.finfo(dtype)
    quantum = Fraction(info.smallest_normal) * Fraction(info.eps)
    values = [math.ldexp(1.25, a) for a in EXPONENTS[dtype]]
    cases = [(s * f, math.ldexp(1.5, b)) for s in (1, -1) for f in [0.0, *values] for b in EXPONENTS[dtype]]
    cases += [(f, 0.0) for f in [0.0, *values]]
    table = torch.tensor(cases, dtype=dtype)
    f, v = table[:, 0].clone().requires_grad_(), table[:, 1:].clone().requires_grad_()
    value, _ = normalize(f, v, zeta)  # type: ignore[arg-type]
    value.sum().backward()
    assert f.grad is not None
    assert v.grad is not None
    found = torch.stack([value.detach(), f.grad, v.grad[:, 0]], 1)
    for row, (case_f, case_v) in zip(found.tolist(), table.tolist(), strict=True):
        total = abs(Fraction(case_v)) + {"abs": abs(Fraction(case_f)), "one": 1, "zero": 0, "gran": EPSILON}[zeta]
        if dtype == torch.float64 and (0 < abs(case_v) < info.smallest_normal or total > info.max):
            continue
        if dtype == torch.float64 and 0 < total < info.smallest_normal:
            continue
        denominator = max(quantum, total)
        for name, got, want in zip(("f̂", "∂f̂/∂f", "∂f̂/∂v"), row, exact(case_f, case_v, zeta), strict=True):
            if abs(want) > Fraction(info.max):
                assert abs(got) == math.inf, (name, case_f, case_v, got, float("inf"))
                continue
            assert math.isfinite(got), (name, case_f, case_v, got)
            slack = 6 * abs(want) * Fraction(info.eps) / 2 + 3 * quantum * max(1, 1 / denominator)
            assert abs(Fraction(got) - want) <= slack, (name, case_f, case_v, got, float(want))


@pytest.mark.parametrize("zeta", [*ZETAS, "gran"])
def test_the_value_may_be_changed_in_place_before_the_backward_pass(zeta: str) -> None:
    f, v = (torch.tensor([2.0], dtype=torch.float64, requires_grad=True) for _ in range(2))
    value, _ = normalize(f, v[:, None], zeta)  # type: ignore[arg-type]
    expected = torch.autograd.grad(normalize(f, v[:, None], zeta)[0].sum(), (f, v))  # type: ignore[arg-type]
    found = torch.autograd.grad(value.mul_(2).sum(), (f, v))
    assert [2 * g.item() for g in expected] == [g.item() for g in found]


@pytest.mark.parametrize("zeta", ZETAS)
def test_the_second_derivative_is_finite_where_the_gradient_is_0_and_right_where_it_is_1(zeta: str) -> None:
    """f = 1, and v = 0 or 1: in v it is 2/N³ and the first one is -1/N², each of at most 8 roundings below 2."""
    f = torch.ones(2, dtype=torch.float64)
    v = torch.tensor([[0.0], [1.0]], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(normalize(f, v, zeta)[0].sum(), v, create_graph=True)  # type: ignore[arg-type]
    (second,) = torch.autograd.grad(first.sum(), v)
    N = {"abs": 2, "one": 2, "zero": 1}[zeta]
    assert first[0].item() == second[0].item() == 0
    assert abs(first[1].item() + 1 / N**2) <= 8 * 2**-52
    assert abs(second[1].item() - 2 / N**3) <= 8 * 2**-52


@pytest.mark.parametrize("zeta", ZETAS)
def test_a_norm_beyond_the_range_does_not_overflow_into_the_value(zeta: str) -> None:
    v = torch.full((1, 64), 2.0**126)  # ‖v‖ = 2^129 > 2^128
    f = torch.tensor([2.0**127])
    value, norm = normalize(f, v, zeta)  # type: ignore[arg-type]
    assert norm.item() == 2.0**129  # in float64
    assert value.item() == pytest.approx(1 / 5 if zeta == "abs" else 1 / 4, rel=4 * 2**-24)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["f", "v"])
@pytest.mark.parametrize("zeta", ZETAS)
def test_a_value_that_is_not_finite_never_turns_finite(bad: float, place: str, zeta: str) -> None:
    f, v = torch.ones(1), torch.ones(1, 3)
    (f if place == "f" else v).flatten()[0] = bad
    value, _ = normalize(f, v, zeta)  # type: ignore[arg-type]
    assert not value.isfinite().any()


@pytest.mark.parametrize("method", ["double-backward", "replay"])
@pytest.mark.parametrize("zeta", ZETAS)
def test_dead_samples_have_a_documented_value_and_zero_gradient(method: str, zeta: str) -> None:
    """relu(x)·w + b at x < 0: g = 0, f = b. GN gives sign(b), GN_1 b, GN_0 0; b's gradient is 0, 1 and 0."""
    for b, expected in ((0.0, {"abs": 0, "one": 0, "zero": 0}), (-3.0, {"abs": -1, "one": -3, "zero": 0})):
        D = nn.Sequential(nn.ReLU(), nn.Linear(1, 1)).double()
        D[1].bias.data.fill_(b)
        parts = gnref.normalization_parts(D, -torch.ones(2, 1, dtype=torch.float64), zeta=zeta, method=method)
        assert parts.gradient_norm.tolist() == [0, 0]
        result = parts.normalized
        assert result.flatten().tolist() == [expected[zeta]] * 2
        result.sum().backward()
        assert D[1].weight.grad.tolist() == [[0]]
        assert D[1].bias.grad.tolist() == [2.0 if zeta == "one" else 0.0]


@pytest.mark.parametrize("zeta", ZETAS)
def test_the_second_derivative_of_the_quotient(zeta: str) -> None:
    """torch's numeric second derivative of the closed-form first one, which is the same when it is recorded."""
    generator = torch.Generator().manual_seed(3)
    f = torch.randn(4, dtype=torch.float64, generator=generator, requires_grad=True)
    v = torch.randn(4, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    plain, recorded = (
        torch.autograd.grad(normalize(f, v, zeta)[0].sum(), (f, v), create_graph=c) for c in (False, True)
    )
    assert all(torch.equal(a, b) for a, b in zip(plain, recorded, strict=True))
    assert torch.autograd.gradcheck(lambda f, v: normalize(f, v, zeta)[0], (f, v))
    assert torch.autograd.gradgradcheck(lambda f, v: normalize(f, v, zeta)[0], (f, v))


# GraN's form, f g/(g² + ε) with ε = 0.1


def test_gran_of_a_linear_discriminator_is_known() -> None:
    """f = ⟨w, x⟩ + b, g = ‖w‖: f̂ = f g/(g² + ε), ∂f̂/∂b = g/(g² + ε), ∂f̂/∂w = that x + f (ε - g²)/(g² + ε)² w/g."""
    x = torch.tensor([[2.0, 1.0]], dtype=torch.float64)
    for w, b in (((3.0, 4.0), 0.0), ((0.03, 0.04), 5.0), ((0.0, 1e-9), -1.0)):
        D = nn.Linear(2, 1).double()
        D.weight.data.copy_(torch.tensor([w], dtype=torch.float64))
        D.bias.data.fill_(b)
        f, g, e = w[0] * 2 + w[1] + b, math.hypot(*w), 0.1
        for method in ("double-backward", "replay"):
            D.zero_grad()
            found = gnref.gradient_normalize(D, x, zeta="gran", method=method)
            found.backward()
            assert found.item() == pytest.approx(f * g / (g * g + e), rel=1e-15)
            assert D.bias.grad.item() == pytest.approx(g / (g * g + e), rel=1e-15)
            slope = f * (e - g * g) / (g * g + e) ** 2
            expected = [g / (g * g + e) * a + slope * c / g for a, c in zip((2.0, 1.0), w, strict=True)]
            assert D.weight.grad.flatten().tolist() == pytest.approx(expected, rel=4e-15)


def test_gran_differentiates_twice_and_is_zero_where_the_gradient_is() -> None:
    generator = torch.Generator().manual_seed(3)
    f = torch.randn(4, dtype=torch.float64, generator=generator, requires_grad=True)
    v = torch.randn(4, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f, v: normalize(f, v, "gran")[0], (f, v))
    assert torch.autograd.gradgradcheck(lambda f, v: normalize(f, v, "gran")[0], (f, v))
    f, v = torch.full((1,), 2.0, requires_grad=True), torch.zeros(1, 3, requires_grad=True)
    value, _ = normalize(f, v, "gran")
    first = torch.autograd.grad(value.sum(), (f, v), create_graph=True)
    second = torch.autograd.grad(sum(g.sum() for g in first), (f, v))
    assert [value.item(), *first[0].tolist(), *first[1][0].tolist()] == [0] * 5
    assert all(not g.isnan().any() and not g.any() for g in second)


@pytest.mark.parametrize("exponent", [-120, -60, 0, 60, 120])
def test_gran_over_the_range_of_float32(exponent: int) -> None:
    g = 1.5 * 2.0**exponent
    value, _ = normalize(torch.ones(1), torch.tensor([[g]]), "gran")
    assert value.item() == pytest.approx(g / (g * g + 0.1), rel=2**-23)
