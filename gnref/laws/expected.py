"""What f̂ and its gradients are on an exact network, and how far rounding may move them."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gnref.exact import Array, ExactConditional, ExactNetwork
from gnref.laws.case import Case, Normalize, cotangents, judge, parameter_gradients
from gnref.quotient import EPSILON


def scores_of(normalize: Normalize, case: Case) -> Tensor:
    """f̂ at the case's points, in D's shape (N, 1)."""
    return normalize(case.module(), case.x(), *case.arguments())


def expected_value(case: Case, zeta: str) -> tuple[np.ndarray, np.ndarray]:
    """f̂ in float64 from exact f and g², and its tolerance.

    f and v are exact in the dtype. For any order of summation ‖v‖ has a relative error of at most (n/2 + 1)U; the
    addition, the division and the branches of an equivalent formula add at most three roundings. In log space,
    σ(log|f| - log g), it is |log|f|| + |log g| roundings, below 12 each for the numbers of these networks. Together
    (n/2 + 28)U. The expected value here is itself three float64 roundings off.
    """
    f, g = case.exact.score, case.norm
    value = f * gran_slope(g) if zeta == "gran" else f / (g + (np.abs(f) if zeta == "abs" else float(zeta == "one")))
    return value, np.abs(value) * ((case.array.shape[1] / 2 + 28) * case.unit + 3 * 2.0**-53)


def gran_slope(g: Array) -> Array:
    """∂f̂/∂f of GraN, g/(g² + ε), which is 0 where g = 0."""
    slope: Array = g / (np.square(g) + EPSILON)
    return slope


def live(case: Case) -> Case:
    """The case without points whose ‖∇ₓf‖ = 0: there f̂ = ±1 is a corner, the subject of `dead_region`."""
    return case.at(case.exact.squared_norm > 0)


def roundings(case: Case) -> float:
    """Roundings on any path from a loss to one parameter's or input's gradient.

    The coefficients ∂f̂/∂f and ∂f̂/∂v: n/2 + 40, as in `expected_value`.
    Forward, backward and the backward pass of both: at most four sums
    over each layer's width and over n. The sum over the batch: N.
    """
    network = case.network.network if isinstance(case.network, ExactConditional) else case.network
    widths = sum(len(layer) for layer in network.layers) + 1 + case.array.shape[1]
    return float(4 * widths + case.array.shape[1] / 2 + 40 + len(case.points))


def _pullback(network: ExactNetwork | ExactConditional, case: Case, alpha: Array, directions: Array) -> list[Array]:
    """`ExactNetwork.pullback` at the case's points, summed over labels if there are any, an embedding's rows last."""
    points = case.array
    if isinstance(network, ExactNetwork):
        return network.pullback(points, alpha, directions)
    parts = []
    for label in range(len(network.embedding)):
        own = np.array(case.labels) == label
        parts.append(network.at(label).pullback(points[own], alpha[own], directions[own]))
    return [*(sum(p) for p in zip(*parts, strict=True)), np.concatenate([p[-2] for p in parts])]


def exact_gradients(case: Case, weights: Array) -> tuple[list[Array], list[Array]]:
    """∇_θ Σ l_i f̂_i = ∇_θ Σ [α_i f_i + β_i⟨v_i, u_i⟩] with α = l g/N², β = -l f/N², and its tolerance.

    With |W|, |b|, |x| and the identity for φ the same formula bounds every term by T; |∂f̂/∂f| counts as 1/N, for
    f/(g + |f|) differentiated literally forms 1/N - |f|/N². Each of m roundings costs at most U·T: (mU + m·2^-53)·T,
    the second term for the oracle's own float64.
    """
    (f, v, _), g = case.exact, case.norm
    total = g + np.abs(f)
    direction = (-weights * f / total**2 / g)[:, None] * v
    expected = _pullback(case.network, case, weights * g / total**2, direction)
    absolute = replace(case, points=tuple(tuple(map(abs, point)) for point in case.points))
    sizes = _pullback(case.network.absolute(), absolute, np.abs(weights) / total, np.abs(direction))
    return expected, [roundings(case) * (case.unit + 2.0**-53) * size for size in sizes]


def judge_parameters(normalize: Normalize, case: Case) -> float:
    """∇_θ Σ l_i f̂_i for unequal weights l, parameter by parameter, at the points where ‖∇ₓf‖ > 0."""
    case = live(case)
    if not case.points:
        return 0.0
    weights, module = cotangents(len(case.points)), case.module()
    expected, bounds = exact_gradients(case, weights)
    found = parameter_gradients(normalize, module, case, weights)
    names = [name for name, _ in module.named_parameters()]
    return max(
        judge(f"∂Σ l_i f̂_i/∂{name}, l = {weights.tolist()}", got, true, bound, case.snippet())
        for name, got, true, bound in zip(names, found, expected, bounds, strict=True)
    )


def largest_gradient(case: Case) -> Array:
    """Every entry of ∇ₓf with all its terms taken as positive: what a rounding of one of them is relative to."""
    assert isinstance(case.network, ExactNetwork)
    return case.network.absolute().evaluate(np.abs(case.array)).gradient


def judge_input(normalize: Normalize, case: Case, alpha: Array, size: Array) -> float:
    """∂f̂/∂z of x = 2z - 1 is 2α v; α = ∂f̂/∂f is right within some roundings of `size`, each term of α v within m."""
    z = ((case.x() + 1) / 2).requires_grad_()
    weights, v = cotangents(len(case.points)), case.exact.gradient
    scores = normalize(case.module(), 2 * z - 1, *case.arguments()).flatten()
    loss = (scores * torch.tensor(weights, dtype=scores.dtype, device=scores.device)).sum()
    (got,) = torch.autograd.grad(loss, z)
    relative = roundings(case) * (case.unit + 2.0**-53)
    bound = relative * 2 * (np.abs(weights) * size)[:, None] * largest_gradient(case)
    return judge("∂Σ l_i f̂(2z_i - 1)/∂z", got, 2 * (weights * alpha)[:, None] * v, bound, case.snippet())


def expected_input_gradient(case: Case, weights: Array) -> tuple[Array, Array]:
    """∂Σ l_i f̂_i/∂x = l (g/N²) ∇ₓf, (N, n), and its tolerance: m roundings of every term, α counted as 1/N."""
    g, total = case.norm, case.norm + np.abs(case.exact.score)
    relative = roundings(case) * (case.unit + 2.0**-53)
    bound = relative * (np.abs(weights) / total)[:, None] * largest_gradient(case)
    return (weights * g / total**2)[:, None] * case.exact.gradient, bound
