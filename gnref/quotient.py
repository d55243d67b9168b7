"""f/(‖v‖ + ζ) and its derivatives in closed form.

Autograd of the literal quotient loses ∂f̂/∂f to cancellation where |f| is much larger than ‖v‖, and its squares leave
the exponent range. Here everything is computed in float64, where the squares of all float32 numbers are normal.
"""

from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor

Zeta = Literal["abs", "one", "zero", "gran"]
EPSILON = 0.1
"""GraN's ε. Its constant factor K is 1 here: multiply f̂ by yours."""


def normalize(f: Tensor, v: Tensor, zeta: Zeta) -> tuple[Tensor, Tensor]:
    """f̂ = f/N with N = g + ζ and g = ‖v‖, for each sample; f̂ is differentiable, g is not.

        ∂f̂/∂f = c/N,   ∂f̂/∂v = -(f̂/N)(dN/dg) v/g,   c = g/N for ζ = |f|, 1 otherwise.

    ζ is |f|, 1, 0, or ε/g, with which f̂ = f g/(g² + ε), the form of GraN (Bhaskara et al., WACV 2022); dN/dg is 1 but
    for the last, where it is 1 - ε/g². Where N = 0, and for ζ = 0 and ε/g where g = 0, f̂ is 0 with derivatives 0.

    Args:
        f: N scores of any shape and floating dtype.
        v: input gradients (N, n) of any floating dtype.
        zeta: "abs", "one", "zero" or "gran".

    Returns:
        f̂ and g in f's shape; f̂ in the wider dtype of f and v, g in float64, or float32 on a device without float64.
        From float32 and narrower inputs f̂ and its derivatives are those in float64 rounded once, over the whole range.
        From float64, and in float32 on a device without float64, they lose a few roundings wherever v has a normal
        entry or is 0, and N, c and the result are 0 or normal numbers.
    """
    value, norm = _Quotient.apply(f, v, zeta)  # type: ignore[no-untyped-call]  # torch leaves Function.apply untyped
    return value, norm


class _Quotient(torch.autograd.Function):
    """f̂ and g of (f, v, ζ), with the derivatives of `normalize`'s docstring."""

    @staticmethod
    def forward(ctx: Any, f: Tensor, v: Tensor, zeta: Zeta) -> tuple[Tensor, Tensor]:
        wide = _widest(f.device)
        norm = _norm(v, wide).view(f.shape)
        value, complement, total = _terms(f.to(wide), norm, zeta)
        ctx.save_for_backward(f, v, value, complement, norm, total)
        ctx.zeta = zeta
        ctx.mark_non_differentiable(norm)
        return value.to(torch.promote_types(f.dtype, v.dtype), copy=True), norm

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None]:
        f, v, value, complement, norm, total = ctx.saved_tensors
        wide, tiny = norm.dtype, torch.finfo(norm.dtype).smallest_normal
        recorded = torch.is_grad_enabled()
        if recorded:
            # Again, for a derivative of these lines; a root has none at 0, so rows v = 0 are replaced and masked.
            dead = norm == 0
            norm = _norm(v + dead.view(-1, 1), wide).view(f.shape).masked_fill(dead, 0)
            value, complement, total = _terms(f.to(wide), norm, ctx.zeta)
        slope = cotangent / total
        alpha, beta = slope * complement, -slope * value
        if ctx.zeta == "gran":
            # f/(g² + ε) times (ε - g²)/(g² + ε), with each g beside what it divides: g² alone would leave the range.
            g, at_least_1 = norm.clamp_min(tiny), norm.clamp_min(1)
            share = (EPSILON / g - g) / total
            beta = cotangent * share * (f.to(wide) / at_least_1 / (total * (g / at_least_1)))
        if recorded:
            beta = beta.masked_fill(dead, 0)
        direction = v / norm.clamp_min(tiny).view(-1, 1)
        return alpha.to(f.dtype), (beta.view(-1, 1) * direction).to(v.dtype), None


def _norm(v: Tensor, wide: torch.dtype) -> Tensor:
    """‖v‖ for each row in the wide dtype."""
    if v.dtype != wide:
        norm: Tensor = torch.linalg.vector_norm(v, dim=1, dtype=wide)  # the squares of all narrower numbers are normal
        return norm
    # Divided by its largest entry, v has a norm from 1 to √n: its squares neither overflow nor all underflow.
    largest = v.detach().abs().amax(1)
    norm = torch.linalg.vector_norm(v / (largest + (largest == 0))[:, None], dim=1)
    return largest * norm


def _terms(f: Tensor, norm: Tensor, zeta: Zeta) -> tuple[Tensor, Tensor, Tensor]:
    """f̂, c and N, where the smallest normal number stands for N = 0, and infinity for N where only g = 0 makes f̂ 0."""
    if zeta == "abs":
        total = (norm + f.abs()).clamp_min(torch.finfo(norm.dtype).smallest_normal)
        complement = norm / total
    else:
        if zeta == "one":
            total = norm + 1
        else:
            least = torch.finfo(norm.dtype).smallest_normal
            total = norm if zeta == "zero" else norm + EPSILON / norm.clamp_min(least)
            total = total.masked_fill(norm == 0, torch.inf)
        complement = torch.ones_like(f)
    # 0·g is 0, or NaN where an entry of v is infinite: f̂ is never finite there.
    return torch.add(f / total, norm, alpha=0), complement, total


@cache
def _widest(device: torch.device) -> torch.dtype:
    """float64, or float32 on a device that has no float64."""
    try:
        torch.empty((), dtype=torch.float64, device=device)
    except (TypeError, RuntimeError):
        return torch.float32
    return torch.float64
