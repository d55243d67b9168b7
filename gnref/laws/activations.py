"""B.1 and Figure 1: the softplus that approaches ReLU in its values and not in its slopes."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gnref.laws.case import Normalize, judge
from gnref.laws.law import law, law_of_f

_U = 2.0**-53
_LOG2 = math.log(2.0)


@law_of_f("softplus-limit", evidence="derived bound")
def softplus_approaches_relu(case: float) -> float:
    """0 ≤ softplus_β(x) - relu(x) ≤ ln2/β, with equality at 0. `case` is β.

    softplus is a logarithm of at most 1 + e^0 plus a term exact to U|βx|, over β: 8 roundings of ln2/β + |x|.
    """
    x = torch.linspace(-8, 8, 4097, dtype=torch.float64) / case
    # torch's default threshold replaces softplus by x beyond βx = 20; past it lies another function.
    gap = F.softplus(x, beta=case, threshold=1e9) - torch.relu(x)
    allowed = 8 * _U * (_LOG2 / case + x.abs().max().item())
    judge(
        "max(softplus - relu - ln2/β, 0)",
        (gap - _LOG2 / case).clamp_min(0),
        torch.zeros_like(gap),
        allowed,
        f"β = {case}",
    )
    judge("max(relu - softplus, 0)", (-gap).clamp_min(0), torch.zeros_like(gap), allowed, f"β = {case}")
    return judge("softplus_β(0)", gap[2048].item(), _LOG2 / case, allowed, f"β = {case}")


@law_of_f("softplus-limit-gradients", evidence="derived bound", refuted=True)
def softplus_slope_approaches_relu(case: float) -> float:
    """|softplus_β'(x) - relu'(x)| ≤ 1/β for all x ≠ 0, as "similar to ReLU" would have it. `case` is β."""
    x = torch.tensor([2.0**-40 / case], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(F.softplus(x, beta=case, threshold=1e9), x)
    return judge("softplus'(0+) - relu'(0+)", slope.item(), 1.0, 1 / case, f"β = {case}, x = {x.item()}")


def steep() -> Iterator[float]:
    """β of steep softplus units."""
    yield from (20.0, 100.0)


@law("softplus-limit-gradients", level="reference", fixed=steep, needs=("input gradient",))
def softplus_spike(normalize: Normalize, case: float) -> float:
    """The largest slope of f̂ for softplus_β(x) + 1 is at least β/8 in size, near βx = -ln2: it grows with β.

    There s = 1/3 and ∇f̂ = (g² - f h)/(g + f)² with g = s, h = β s(1 - s), f = 1 + ln(3/2)/β, in closed form; 64
    roundings of |f h|, each at most U.
    """
    f, g, h = 1 + math.log(1.5) / case, 1 / 3, case * 2 / 9
    expected = (g * g - f * h) / (g + f) ** 2
    spike = nn.Sequential(nn.Softplus(beta=case, threshold=1e9), _PlusOne())
    x = torch.tensor([[-_LOG2 / case]], dtype=torch.float64, requires_grad=True)
    (got,) = torch.autograd.grad(normalize(spike, x).sum(), x)
    return judge("f̂'(-ln2/β)", got.item(), expected, 64 * _U * abs(f * h), f"β = {case}")


class _PlusOne(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1
