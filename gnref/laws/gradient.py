"""The gradients of f̂, in the parameters and in x, and the losses that use them."""

from dataclasses import replace

import numpy as np
import torch

from gnref import losses
from gnref.exact import Array, ExactConditional, ExactNetwork
from gnref.laws.case import Case, Normalize, cotangents, judge, law, parameter_gradients


def _live(case: Case) -> Case:
    """The case without points whose ‖∇ₓf‖ = 0: there f̂ = ±1 is a corner, the subject of `dead_region`."""
    return case.at(case.exact.squared_norm > 0)


def _roundings(case: Case) -> float:
    """Roundings on any path from a loss to one parameter's or input's gradient.

    The coefficients ∂f̂/∂f and ∂f̂/∂v: n/2 + 16. Forward, backward and the backward pass of both: at most four sums
    over each layer's width and over n. The sum over the batch: N.
    """
    network = case.network.network if isinstance(case.network, ExactConditional) else case.network
    widths = sum(len(layer) for layer in network.layers) + 1 + case.array.shape[1]
    return float(4 * widths + case.array.shape[1] / 2 + 16 + len(case.points))


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


def _exact_gradients(case: Case, weights: Array) -> tuple[list[Array], list[Array]]:
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
    return expected, [_roundings(case) * (case.unit + 2.0**-53) * size for size in sizes]


def _judge_parameters(normalize: Normalize, case: Case) -> float:
    case = _live(case)
    if not case.points:
        return 0.0
    weights, module = cotangents(len(case.points)), case.module()
    expected, bounds = _exact_gradients(case, weights)
    found = parameter_gradients(normalize, module, case, weights)
    names = [name for name, _ in module.named_parameters()]
    return max(
        judge(f"∂Σ l_i f̂_i/∂{name}, l = {weights.tolist()}", got, true, bound, case.snippet())
        for name, got, true, bound in zip(names, found, expected, bounds, strict=True)
    )


@law("normalized-function")
def parameter_gradient(normalize: Normalize, case: Case) -> float:
    """∂Σ l_i f̂_i/∂θ is that of Σ [α_i f_i + β_i ⟨∇ₓf_i, u_i⟩], α = l g/N², β = -l f/N², for unequal weights l."""
    return _judge_parameters(normalize, case)


@law("eq-16-conditional", cases="conditional")
def conditional_parameter_gradient(normalize: Normalize, case: Case) -> float:
    """The parameter gradient of D̂_y reaches every layer and every row of the label embedding."""
    return _judge_parameters(normalize, case)


@law("theorem-6-almost-everywhere")
def slope_identity(normalize: Normalize, case: Case) -> float:
    """‖∇ₓf̂‖ = (1 - |f̂|)² inside every region, and so at most 1, within m roundings of it.

    ∂f̂/∂f is right within some of 1/N, and every term of α v is bounded by that of the network of absolute values: m
    roundings of ‖v‖ so bounded over N. (1 - |f̂|)² moves by at most 2|δf̂| ≤ (n + 8)U. N ≥ |f| > 0.
    """
    case = _live(case)
    if not case.points:
        return 0.0
    x = case.x().requires_grad_()
    scores = normalize(case.module(), x, *case.arguments())
    (slope,) = torch.autograd.grad(scores.sum(), x)
    expected = (1 - scores.detach().double().abs().flatten()) ** 2
    got = torch.linalg.vector_norm(slope.double(), dim=1)
    total = case.norm + np.abs(case.exact.score)
    tolerance = case.unit * (_roundings(case) * np.linalg.norm(_largest_gradient(case), axis=1) / total + len(x.T) + 8)
    return judge("‖∇ₓf̂‖", got, expected, tolerance, case.snippet())


def _largest_gradient(case: Case) -> Array:
    """Every entry of ∇ₓf with all its terms taken as positive: what a rounding of one of them is relative to."""
    assert isinstance(case.network, ExactNetwork)
    return case.network.absolute().evaluate(np.abs(case.array)).gradient


def _judge_input(normalize: Normalize, case: Case, alpha: Array, size: Array) -> float:
    """∂f̂/∂z of x = 2z - 1 is 2α v; α = ∂f̂/∂f is right within some roundings of `size`, each term of α v within m."""
    z = ((case.x() + 1) / 2).requires_grad_()
    weights, v = cotangents(len(case.points)), case.exact.gradient
    scores = normalize(case.module(), 2 * z - 1, *case.arguments()).flatten()
    loss = (scores * torch.tensor(weights, dtype=scores.dtype, device=scores.device)).sum()
    (got,) = torch.autograd.grad(loss, z)
    roundings = _roundings(case) * (case.unit + 2.0**-53)
    bound = roundings * 2 * (np.abs(weights) * size)[:, None] * _largest_gradient(case)
    return judge("∂Σ l_i f̂(2z_i - 1)/∂z", got, 2 * (weights * alpha)[:, None] * v, bound, case.snippet())


@law("theorem-6-almost-everywhere")
def generator_gradient(normalize: Normalize, case: Case) -> float:
    """A generator's step: for x = 2z - 1, ∂f̂/∂z = 2 (g/N²) ∇ₓf; x is not a leaf, and the gradient flows through it."""
    case = _live(case)
    if not case.points:
        return 0.0
    total = case.norm + np.abs(case.exact.score)
    return _judge_input(normalize, case, case.norm / total**2, 1 / total)


@law("gn-1", zeta="one")
def slope_gn_1(normalize: Normalize, case: Case) -> float:
    """GN_1: ∇ₓf̂ = ∇ₓf/(g + 1) inside every region, so its norm is g/(1 + g) < 1."""
    case = _live(case)
    if not case.points:
        return 0.0
    alpha = 1 / (case.norm + 1)
    return _judge_input(normalize, case, alpha, alpha)


@law("gn-0", zeta="zero")
def slope_gn_0(normalize: Normalize, case: Case) -> float:
    """GN_0: ∇ₓf̂ = ∇ₓf/g inside every region where g > 0, so its norm is exactly 1."""
    case = _live(case)
    if not case.points:
        return 0.0
    alpha = 1 / case.norm
    return _judge_input(normalize, case, alpha, alpha)


@law("normalized-function")
def scale_invariance(normalize: Normalize, case: Case) -> float:
    """d/ds f̂[s f] = 0 at s = 1: ⟨∂f̂/∂(W, b), (W, b)⟩ = 0 for the last layer, with as many roundings as its gradient."""
    case = _live(case)
    if not case.points or not isinstance(case.network, ExactNetwork):
        return 0.0
    weights, module = cotangents(len(case.points)), case.module()
    bounds = _exact_gradients(case, weights)[1]
    found = parameter_gradients(normalize, module, case, weights)
    last = list(module.parameters())[-2:]
    got = sum(float((g.double() * p.detach().double()).sum()) for g, p in zip(found[-2:], last, strict=True))
    bound = sum(
        float((b * p.detach().double().abs().cpu().numpy()).sum()) for b, p in zip(bounds[-2:], last, strict=True)
    )
    return judge("d/ds Σ l_i f̂_i[s f] at s = 1", got, 0.0, bound, case.snippet())


@law("eq-15-other-zetas", level="refuted", evidence="equality", zeta="one")
def hinge_is_wasserstein_gn_1(normalize: Normalize, case: Case) -> float:
    """GN_1: the hinge and the Wasserstein loss have bitwise equal parameter gradients."""
    return _judge_losses(normalize, case)


@law("eq-15-other-zetas", level="refuted", evidence="equality", zeta="zero")
def hinge_is_wasserstein_gn_0(normalize: Normalize, case: Case) -> float:
    """GN_0: the hinge and the Wasserstein loss have bitwise equal parameter gradients."""
    return _judge_losses(normalize, case)


@law("eq-15-hinge-wasserstein", evidence="equality")
def hinge_is_wasserstein(normalize: Normalize, case: Case) -> float:
    """Where every computed |f̂| < 1 the hinge and the Wasserstein loss have bitwise equal gradients; values differ by 2.

    The hinge's gradients are those of 1 ± f̂ there, and the constant has none. The values: f̂ and 1 ± f̂ are at most 2,
    and each of N + 4 roundings costs at most 2U on each side.
    """
    module = case.module()
    inside = (normalize(module, case.x(), *case.arguments()).detach().abs().flatten() < 1).cpu().numpy()
    case = case.at(inside)
    return _judge_losses(normalize, case) if len(case.points) > 1 else 0.0


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
