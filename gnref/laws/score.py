"""The score f̂ itself: its value, its bound, and what it does not depend on."""

import numpy as np
import torch
from torch import Tensor, nn

from gnref.exact import ExactNetwork
from gnref.laws.case import Case, Normalize, judge, law


def _scores(normalize: Normalize, case: Case) -> Tensor:
    return normalize(case.module(), case.x(), *case.arguments())


def _expected(case: Case, zeta: str) -> tuple[np.ndarray, np.ndarray]:
    """f̂ in float64 from exact f and g², and its tolerance.

    f and v are exact in the dtype. For any order of summation ‖v‖ has a relative error of at most (n/2 + 1)U; the
    addition, the division and the branches of an equivalent formula add at most three roundings: (n/2 + 4)U. The
    expected value here is itself three float64 roundings off.
    """
    f, g = case.exact.score, case.norm
    value = f / (g + (np.abs(f) if zeta == "abs" else float(zeta == "one")))
    return value, np.abs(value) * ((case.array.shape[1] / 2 + 4) * case.unit + 3 * 2.0**-53)


@law("normalized-function")
def value(normalize: Normalize, case: Case) -> float:
    """f̂ = f / (‖∇ₓf‖₂ + |f|) within (n/2 + 4) roundings, f and ∇ₓf being exact."""
    expected, bound = _expected(case, "abs")
    return judge("f̂", _scores(normalize, case)[:, 0], expected, bound, case.snippet())


@law("gn-1", zeta="one")
def value_gn_1(normalize: Normalize, case: Case) -> float:
    """GN_1: f̂ = f / (‖∇ₓf‖₂ + 1) within (n/2 + 4) roundings."""
    expected, bound = _expected(case, "one")
    return judge("GN_1", _scores(normalize, case)[:, 0], expected, bound, case.snippet())


@law("gn-0", zeta="zero")
def value_gn_0(normalize: Normalize, case: Case) -> float:
    """GN_0: f̂ = f / ‖∇ₓf‖₂ where ‖∇ₓf‖ > 0, within (n/2 + 4) roundings."""
    live = case.at(case.exact.squared_norm > 0)
    if not live.points:
        return 0.0
    expected, bound = _expected(live, "zero")
    return judge("GN_0", _scores(normalize, live)[:, 0], expected, bound, live.snippet())


@law("eq-16-conditional", cases="conditional")
def conditional_value(normalize: Normalize, case: Case) -> float:
    """D̂_y(x) = D_y(x) / (‖∇ₓD_y(x)‖₂ + |D_y(x)|) for each sample's own label y, within (n/2 + 4) roundings."""
    expected, bound = _expected(case, "abs")
    return judge("D̂_y", _scores(normalize, case)[:, 0], expected, bound, case.snippet())


@law("output-range", evidence="equality")
def bound(normalize: Normalize, case: Case) -> float:
    """|f̂| ≤ 1 with no tolerance, in every floating dtype: fl(g + |f|) ≥ |f| and division is monotone."""
    scores = _scores(normalize, case)
    judge("the share of scores with |f̂| ≤ 1", (scores.abs() <= 1).double().mean(), 1.0, 0.0, case.snippet())
    return 0.0


@law("normalized-function")
def batch_is_stack(normalize: Normalize, case: Case) -> float:
    """A batch is the stack of its samples, within (n + 8) roundings of 1: no sample sees another."""
    whole = _scores(normalize, case)
    module, x, arguments = case.module(), case.x(), case.arguments()
    parts = [
        normalize(module, x[i : i + 1], *(a[i : i + 1] for a in arguments)) for i in range(0, len(x), 1 + len(x) // 8)
    ]
    chosen = whole[:: 1 + len(x) // 8]
    return judge("f̂ of the batch", chosen, torch.cat(parts), (case.array.shape[1] + 8) * case.unit, case.snippet())


@law("normalized-function", evidence="equality")
def scaling(normalize: Normalize, case: Case) -> float:
    """f̂[2^k f] = f̂[f] bitwise, k = 7 and -5: GN is homogeneous of degree 0, and 2^k rounds nothing."""
    plain = _scores(normalize, case)
    for factor in (128.0, -(2.0**-5)):
        module = _Times(case.module(), abs(factor))
        judge(f"f̂[{abs(factor)} f]", normalize(module, case.x(), *case.arguments()), plain, 0.0, case.snippet())
    return 0.0


@law("normalized-function", evidence="equality")
def negation(normalize: Normalize, case: Case) -> float:
    """f̂[-f] = -f̂[f] bitwise."""
    negated = normalize(_Times(case.module(), -1.0), case.x(), *case.arguments())
    return judge("f̂[-f]", negated, -_scores(normalize, case), 0.0, case.snippet())


@law("normalized-function", evidence="equality")
def hidden_permutation(normalize: Normalize, case: Case) -> float:
    """Reversing the order of the first layer's units changes no score: on exact numbers, bitwise."""
    network = case.network
    if not isinstance(network, ExactNetwork) or not network.layers:
        return 0.0
    first, *rest = network.layers
    following = [*rest, (network.head,)]
    following[0] = tuple((row[::-1], offset) for row, offset in following[0])
    permuted = ExactNetwork((first[::-1], *following[:-1]), following[-1][0], network.slope)
    got = normalize(permuted.to_torch(case.dtype, case.device), case.x())
    return judge("f̂ of permuted units", got, _scores(normalize, case), 0.0, case.snippet())


@law("normalized-function", evidence="equality")
def any_rank(normalize: Normalize, case: Case) -> float:
    """x of shape (N, 1, n, 1) or (N, n) and scores of shape (N,) or (N, 1) make no difference: bitwise."""
    shaped = normalize(_Shaped(case.module()), case.x()[:, None, :, None], *case.arguments())
    return judge("f̂ of x (N, 1, n, 1)", shaped, _scores(normalize, case)[:, 0], 0.0, case.snippet())


class _Times(nn.Module):
    """s·f for a fixed power of two s."""

    def __init__(self, module: nn.Module, factor: float) -> None:
        super().__init__()
        self.module, self.factor = module, factor

    def forward(self, x: Tensor, *args: Tensor) -> Tensor:
        scaled: Tensor = self.factor * self.module(x, *args)
        return scaled


class _Shaped(nn.Module):
    """The same f of x (N, ...), with scores (N,)."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, *args: Tensor) -> Tensor:
        score: Tensor = self.module(x.flatten(1), *args)[:, 0]
        return score
