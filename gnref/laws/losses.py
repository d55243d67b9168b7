"""B.4: scores in [-1, 1], the loss without a sigmoid, and Eq. 15, by which the hinge is the Wasserstein loss."""

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from gnref import losses
from gnref.exact import ExactNetwork, normalized
from gnref.laws.case import Case, Normalize, judge
from gnref.laws.edges import Edge, edge_roundings, exact_edge
from gnref.laws.examples import network_cases
from gnref.laws.expected import scores_of
from gnref.laws.law import law, law_of_f


@law("output-range", evidence="equality", drawn="cases", fixed=network_cases)
def bound(normalize: Normalize, case: Case) -> float:
    """|f̂| ≤ 1 with no tolerance, in every floating dtype: fl(g + |f|) ≥ |f| and division is monotone.

    Usual cause: The denominator is smaller than |f|: f in place of |f|, or |f| left out.
    Remedy: Divide by g + |f| computed in one dtype; that is at least |f| in floating point too.
    """
    scores = scores_of(normalize, case)
    judge("the share of scores with |f̂| ≤ 1", (scores.abs() <= 1).double().mean(), 1.0, 0.0, case.snippet())
    return 0.0


def half_edges() -> Iterator[Edge]:
    """f and ∇ₓf of moderate size, exact in half precision."""
    yield from (Edge(f, v) for f, v in ((1.5, (1.0, 2.0)), (0.25, (3.0, -1.0)), (-9.0, (2.0,))))


@law(
    "output-range",
    level="robustness",
    drawn="half_edges",
    fixed=half_edges,
    dtypes=(torch.float32,),  # the law itself turns to half precision
    needs=("no epsilon",),
)
def half_precision(normalize: Normalize, case: Edge) -> float:
    """In bfloat16 and float16 f̂ is right within n/2 + 8 roundings, and |f̂| ≤ 1 without tolerance.

    Usual cause: The norm is computed in half precision, whose squares overflow at 256.
    Remedy: Convert f and ∇ₓf to float32 before the quotient.
    """
    worst = 0.0
    for dtype in (torch.bfloat16, torch.float16):
        half = case.to(dtype, case.device)
        f, squared = exact_edge(half)
        module = half.module()
        got = normalize(module, torch.zeros_like(module.weight))[:, 0]
        judge("|f̂| ≤ 1", bool((got.abs() <= 1).all()), True, 0.0, half.snippet())
        expected = float(normalized(f, squared))
        tolerance = edge_roundings(half) * abs(expected) + torch.finfo(dtype).smallest_normal
        worst = max(worst, judge(f"f̂ in {dtype}", got, [expected], tolerance, half.snippet()))
    return worst


@law("ns-without-sigmoid", evidence="equality", drawn="cases", fixed=network_cases)
def probability_without_sigmoid(normalize: Normalize, case: Case) -> float:
    """(1 + f̂)/2 is a probability, in [0, 1] with no tolerance, and the loss made of it is finite even at f̂ = ±1.

    Usual cause: f̂ leaves [-1, 1], or is NaN.
    Remedy: Divide by g + |f|, and treat f = g = 0.
    """
    scores = normalize(case.module(), case.x(), *case.arguments())
    probability = (1 + scores) / 2
    judge("0 ≤ (1 + f̂)/2 ≤ 1", bool(((probability >= 0) & (probability <= 1)).all()), True, 0.0, case.snippet())
    loss = losses.non_saturating_without_sigmoid
    values = torch.stack([loss.discriminator(scores, scores), loss.generator(scores)])
    return judge("the loss is finite", bool(values.isfinite().all()), True, 0.0, case.snippet())


def extreme_ratios() -> Iterator[float]:
    """t at which f̂ rounds to ±1 in float32 or float64, and 0, where the two branches meet."""
    yield from (0.0, -4e7, 4e7, -1e15, 1e15)


@law_of_f("ns-without-sigmoid", evidence="derived bound", drawn="ratios", fixed=extreme_ratios)
def log_form(case: float) -> float:
    """-log((1 + f̂)/2) and its slope in t = f/‖∇f‖, in the log form, in float32 and float64; `case` is t.

    The closed forms are those of f̂ = t/(1 + |t|) in the rational t that the dtype holds: the value by the logarithm of
    1/(2(1 + |t|)) or (1 + 2t)/(2(1 + t)), the slope -1/(1 + |t|) or -1/((1 + t)(1 + 2t)). At most 12 roundings each:
    of 1 + 2t, its reciprocal, the sum within log1p and twice 2 for a logarithm, and a sum of two positive values.
    """
    worst = 0.0
    for dtype in (torch.float32, torch.float64):
        t = torch.tensor([case], dtype=dtype, requires_grad=True)
        exact = Fraction(t.item())
        size = 1 + abs(exact)
        share, slope = 1 / (2 * size), -1 / size
        if exact >= 0:
            share, slope = (1 + 2 * exact) / (2 * size), slope / (1 + 2 * exact)
        # 1 - p is exact, so that log1p keeps what p has rounded away.
        value = -math.log1p(-float(1 - share)) if share > Fraction(1, 2) else -math.log(share)
        bound = 12 * torch.finfo(dtype).eps / 2
        loss = losses.non_saturating_of_ratio
        # A real sample at t and a fake one at -t cost the same.
        for name, got in (("generator", loss.generator(t)), ("discriminator", loss.discriminator(t, -t) / 2)):
            (gradient,) = torch.autograd.grad(got, t)
            worst = max(worst, judge(f"{name} at t = {case}", got.item(), value, bound * value, f"in {dtype}"))
            allowed = bound * abs(float(slope)) + torch.finfo(dtype).smallest_normal
            worst = max(worst, judge(f"d {name}/dt at {case}", gradient.item(), float(slope), allowed, f"in {dtype}"))
    return worst


@law("eq-15-hinge-wasserstein", evidence="equality", drawn="cases", fixed=network_cases, needs=("parameter gradient",))
def hinge_is_wasserstein(normalize: Normalize, case: Case) -> float:
    """Where every computed |f̂| < 1 the hinge and the Wasserstein loss have bitwise equal gradients; values differ by 2.

    The hinge's gradients are those of 1 ± f̂ there, and the constant has none. The values: f̂ and 1 ± f̂ are at most 2,
    and each of N + 4 roundings costs at most 2U on each side.

    Usual cause: f̂ leaves (-1, 1), or its backward pass depends on the loss's value.
    Remedy: Make f̂ the same differentiable function for every loss.
    """
    module = case.module()
    inside = (normalize(module, case.x(), *case.arguments()).detach().abs().flatten() < 1).cpu().numpy()
    case = case.at(inside)
    return _judge_losses(normalize, case) if len(case.points) > 1 else 0.0


@law("eq-15-hinge-wasserstein", level="robustness", drawn="cases", fixed=network_cases, needs=("parameter gradient",))
def saturated_hinge(normalize: Normalize, case: Case) -> float:
    """Where |f̂| = 1 on a dead region the two losses' gradients agree within the rounding of 1/N - |f|/N².

    Usual cause: f̂ passes ±1 by a rounding, where the hinge's gradient is 0.
    Remedy: Divide by g + |f| computed in one dtype.
    """
    dead = case.at(case.exact.squared_norm == 0)
    if not dead.points or not isinstance(dead.network, ExactNetwork):
        return 0.0
    module = dead.module()
    found: list[list[Tensor]] = []
    for loss in (losses.hinge, losses.wasserstein):
        scores = normalize(module, dead.x())
        value = loss.discriminator(scores, scores)
        parameters = list(module.parameters())
        gradients = torch.autograd.grad(value, parameters, allow_unused=True)
        found.append([torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)])
    alpha = 2 * (8 + len(dead.points)) * dead.unit / np.abs(dead.exact.score)
    sizes = dead.network.absolute().pullback(np.abs(dead.array), alpha, 0 * dead.array)
    return max(
        judge("∂hinge - ∂Wasserstein where |f̂| = 1", a, b, size, dead.snippet())
        for a, b, size in zip(*found, sizes, strict=True)
    )


@law("eq-15-other-zetas", level="refuted", evidence="equality", drawn="cases", zeta="one")
def hinge_is_wasserstein_gn_1(normalize: Normalize, case: Case) -> float:
    """GN_1: the hinge and the Wasserstein loss have bitwise equal parameter gradients."""
    return _judge_losses(normalize, case)


@law("eq-15-other-zetas", level="refuted", evidence="equality", drawn="cases", zeta="zero")
def hinge_is_wasserstein_gn_0(normalize: Normalize, case: Case) -> float:
    """GN_0: the hinge and the Wasserstein loss have bitwise equal parameter gradients."""
    return _judge_losses(normalize, case)


def _judge_losses(normalize: Normalize, case: Case) -> float:
    module, half = case.module(), len(case.points) // 2
    found = []
    for loss in (losses.hinge, losses.wasserstein):
        scores = normalize(module, case.x(), *case.arguments())
        value = loss.discriminator(scores[:half], scores[half:])
        found.append((value, torch.autograd.grad(value, list(module.parameters()), allow_unused=True)))
    (hinge, by_hinge), (wasserstein, by_wasserstein) = found
    for (name, parameter), a, b in zip(module.named_parameters(), by_hinge, by_wasserstein, strict=True):
        zeros = torch.zeros_like(parameter)
        judge(f"∂hinge/∂{name}", zeros if a is None else a, zeros if b is None else b, 0.0, case.snippet())
    tolerance = 4 * (len(case.points) + 4) * case.unit
    return judge("hinge - Wasserstein - 2", hinge.double() - wasserstein.double(), 2.0, tolerance, case.snippet())
