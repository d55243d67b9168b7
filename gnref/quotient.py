"""f/(‖v‖ + ζ) and its exact derivatives, right over the whole exponent range of the dtype."""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

Zeta = Literal["abs", "one", "zero"]


def normalize(f: Tensor, v: Tensor, zeta: Zeta) -> tuple[Tensor, Tensor]:
    """(f̂, g): f̂ = f/(g + ζ), differentiable, and g = ‖v‖, not, from f (N,) and v (N, n), both float32 or float64."""
    value, norm = _Normalize.apply(f, v, zeta)  # type: ignore[no-untyped-call]  # torch leaves Function.apply untyped
    return value, norm


class _Normalize(torch.autograd.Function):
    """f̂ = f/N with N = g + ζ, g = ‖v‖, from scores f (N,) and gradients v (N, n), and its exact derivatives

        ∂f̂/∂f = c/N,   ∂f̂/∂v = -(f̂/N) v/g,   c = g/N (GN), 1 (GN_1, GN_0).

    No g², no N², no difference of near-equal terms: each entry loses a few roundings, whatever |f|/g.
    """

    @staticmethod
    def forward(ctx: Any, f: Tensor, v: Tensor, zeta: Zeta) -> tuple[Tensor, Tensor]:
        quotient = _quotient(f, v, zeta)
        ctx.save_for_backward(f, v, *quotient)
        ctx.zeta = zeta
        ctx.mark_non_differentiable(quotient.norm)
        return quotient.value, quotient.norm

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None]:
        # In differentiable operations of f and v: a second derivative of f̂ is autograd's of these lines.
        f, v, *known = ctx.saved_tensors
        quotient = _quotient(f, v, ctx.zeta) if torch.is_grad_enabled() else _Quotient(*known)
        # Half of the power of two before the last product and half after, so that no intermediate leaves the range.
        first = -quotient.exponent >> 1
        scaled = _scale(cotangent * quotient.reciprocal, first)
        alpha = _scale(scaled * quotient.complement, -quotient.exponent - first)
        beta = _scale(-scaled * quotient.value, -quotient.exponent - first)
        return alpha, beta[:, None] * quotient.unit, None


class _Quotient(NamedTuple):
    value: Tensor  # f̂
    complement: Tensor  # c = g/N (GN), 1 otherwise
    unit: Tensor  # v/g, (N, n); 0 where v = 0
    norm: Tensor  # g
    reciprocal: Tensor  # 2^exponent / N; 0 where f̂ is constant by convention
    exponent: Tensor


def _quotient(f: Tensor, v: Tensor, zeta: Zeta) -> _Quotient:
    """f/(g + ζ) with g, f and ζ brought to one power of two per sample, where nothing that matters over- or underflows.

    Two powers are at work: that of max |v|, at which the squares of the norm are safe, and that of the largest term of
    N, at which the sum and both quotients are. Multiplying by a power of two is exact, so both cancel exactly.
    """
    gradient_exponent = torch.frexp(v.detach().abs().amax(1)).exponent
    scaled = _scale(v, -gradient_exponent[:, None])
    live = scaled.detach().ne(0).any(1)
    # A dead row (v = 0) gets a stand-in, so that no derivative divides by its norm.
    scaled_norm = torch.linalg.vector_norm(torch.where(live[:, None], scaled, 1), dim=1)
    unit = torch.where(live[:, None], scaled / scaled_norm[:, None], 0)
    norm = torch.where(live, _scale(scaled_norm, gradient_exponent), 0)

    exponent = gradient_exponent
    if zeta == "abs":
        # frexp calls 0 an exponent of 0, which a smaller v must not be measured by.
        exponent = torch.where(f.detach() == 0, exponent, torch.maximum(exponent, torch.frexp(f.detach()).exponent))
    elif zeta == "one":
        exponent = exponent.clamp(min=1)
    numerator = _scale(f, -exponent)
    gradient_term = torch.where(live, _scale(scaled_norm, gradient_exponent - exponent), 0)
    if zeta == "abs":
        denominator = gradient_term + numerator.abs()
    elif zeta == "one":
        denominator = gradient_term + _scale(torch.ones_like(f), -exponent)
    else:
        denominator = gradient_term

    zero = denominator.detach() == 0
    # The last term is 0, or NaN where an entry of v is infinite: f̂ is never finite there.
    value = torch.where(zero, 0, numerator / torch.where(zero, 1, denominator)) + 0 * scaled_norm
    moving = live if zeta != "one" else torch.ones_like(live)
    safe = torch.where(moving, denominator, 1)
    complement = gradient_term / safe if zeta == "abs" else torch.ones_like(f)
    return _Quotient(value, complement, unit, norm, torch.where(moving, 1 / safe, 0), exponent)


def _scale(values: Tensor, exponent: Tensor) -> Tensor:
    """values · 2^exponent, exactly where it is representable; exponent is int32 and broadcasts.

    Two factors, because one power of two spans less than half of the exponent range; their bits are written directly,
    because a library's 2^k need not be exact. Beyond the clamp the product is 0 for any value met here.
    """
    bias, mantissa_bits, integer = (127, 23, torch.int32) if values.dtype == torch.float32 else (1023, 52, torch.int64)
    exponent = exponent.clamp(min=-2 * (bias - 1)).to(integer)
    first = exponent >> 1
    for part in (first, exponent - first):
        values = values * ((part + bias) << mantissa_bits).view(values.dtype)
    return values
