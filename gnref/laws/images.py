"""The definition on images: several channels, strides, padding, pooling, residual sums, every memory layout and rank.

f and ∇ₓf are exact there, so that what is judged is rounded only where f̂ and its derivatives are formed.
"""

from collections.abc import Iterator

import numpy as np
import torch

from gnref.exact import Array
from gnref.laws.case import Normalize, cotangents, judge
from gnref.laws.image_case import ImageCase
from gnref.laws.law import law
from gnref.laws.network_case import NetworkCase

FLOAT32_SHARE = 1e-4
"""Gradients are judged in float32 only where roundings may add up to no more than this share of them."""


def image_cases() -> Iterator[ImageCase]:
    """Each kind of layer, layout and score once."""
    yield ImageCase()
    yield ImageCase(shape=(3, 5, 4), kernel=3, stride=2, pool="none", slope=0.25, layout="channels_last", seed=1)
    yield ImageCase(shape=(1, 6, 6), kernel=2, padding=0, pool="largest", layout="strided", seed=2)
    yield ImageCase(shape=(2, 4, 4), pool="average", slope=-1.0, score="zero", layout="transposed", seed=3)
    yield ImageCase(shape=(2, 3, 5), pool="total", blocks=0, samples=1, layout="rows", seed=4)
    yield ImageCase(shape=(2, 2, 3), kernel=1, padding=0, score="far above", samples=2, layout="volume", seed=5)
    yield ImageCase(shape=(2, 3, 3), slope=0.25, score="far below", seed=6)
    yield ImageCase(shape=(2, 3, 3), width=2, kernel=2, samples=2, positive=True, seed=8)
    yield ImageCase(shape=(2, 3, 4), width=2, kernel=2, samples=2, positive=True, pool="total", score="zero", seed=9)


def many_images() -> Iterator[ImageCase]:
    """More than a hundred images in one call."""
    yield ImageCase(shape=(2, 3, 3), width=2, samples=130, pool="average", seed=7)


def other_ranks() -> Iterator[ImageCase]:
    """x of shape (N, C·H, W) and (N, C, 1, H, W)."""
    yield ImageCase(shape=(2, 4, 3), layout="rows", seed=1)
    yield ImageCase(shape=(3, 3, 4), layout="volume", slope=0.25, seed=2)


@law("normalized-function", drawn="image_cases", fixed=image_cases)
def image_value(normalize: Normalize, case: ImageCase) -> float:
    """f̂ = f/(‖∇ₓf‖₂ + |f|) of images, ‖·‖ over all channels and pixels of a sample, within (n/2 + 28) roundings.

    Usual cause: A norm over channels or pixels only, or over a gradient of another memory layout taken as flat.
    Remedy: Use gradient.flatten(1).norm(dim=1): flatten copes with channels_last, where view does not.
    """
    f, g = case.exact.score, case.norm
    expected = f / (g + np.abs(f))
    bound = np.abs(expected) * ((np.prod(case.shape) / 2 + 28) * case.unit + 3 * 2.0**-53)
    scores = normalize(case.module(), case.x(), *case.arguments())
    return judge("f̂", scores[:, 0], expected, bound, case.snippet())


@law("normalized-function", fixed=many_images, needs=("batch",))
def more_than_a_hundred_images(normalize: Normalize, case: ImageCase) -> float:
    """The same for a batch of 130 images.

    Usual cause: A batch is cut, or a buffer has a fixed size.
    Remedy: Take N from x in every call.
    """
    return image_value(normalize, case)


@law("normalized-function", fixed=other_ranks)
def rows_and_volumes(normalize: Normalize, case: ImageCase) -> float:
    """The same for x of shape (N, C·H, W), as sound has it, and (N, C, 1, H, W), as volumes have it.

    Usual cause: The norm is taken over axes that are named for images.
    Remedy: Use gradient.flatten(1).norm(dim=1).
    """
    return image_value(normalize, case)


def coefficients(case: ImageCase | NetworkCase, weights: Array) -> tuple[Array, Array, Array]:
    """α = ∂L/∂f (N,), w = ∂L/∂∇ₓf (N, C, H, W) of L = Σ l_i f̂_i, and what α is rounded relative to, |l|/N."""
    (f, v, _), g = case.exact, case.norm
    total = g + np.abs(f)
    return weights * g / total**2, (-weights * f / total**2 / g)[:, None, None, None] * v, np.abs(weights) / total


def roundings(case: ImageCase | NetworkCase) -> float:
    """Roundings on a path from a loss to a gradient: n/2 + 40 of the coefficients, and all sums of two passes."""
    return float(np.prod(case.shape) / 2 + 40 + case.network.roundings(case.array))


def gradient_bounds(
    case: ImageCase | NetworkCase, weights: Array, literal: bool = True
) -> tuple[list[Array], list[Array]]:
    """∇_θ Σ l_i f̂_i and what is allowed beside it.

    `literal`: ∂f̂/∂f counts as 1/N, for f/(g + |f|) differentiated literally forms 1/N - |f|/N².
    With all numbers of the same linear piece taken as positive the same formula bounds every term by T, and each of m
    roundings costs at most U T; the oracle's own cost 2^-53 each.
    """
    alpha, direction, size = coefficients(case, weights)
    expected = case.network.pullback(case.array, alpha, direction, case.chosen)
    largest = case.network.pullback(case.array, size if literal else alpha, direction, case.chosen, absolute=True)
    return expected, [roundings(case) * (case.unit + 2.0**-53) * one for one in largest]


def input_gradient_bounds(case: ImageCase | NetworkCase, weights: Array) -> tuple[Array, Array]:
    """∂Σ l_i f̂_i/∂x (N, C, H, W), and m roundings of every term, with ∂f̂/∂f counted as 1/N."""
    alpha, _, size = coefficients(case, weights)
    largest = size[:, None, None, None] * case.network.sizes(case.array, case.chosen)
    bound = roundings(case) * (case.unit + 2.0**-53) * largest
    return alpha[:, None, None, None] * case.exact.gradient, bound


def _live(case: ImageCase) -> ImageCase:
    return case.at(case.exact.squared_norm > 0)


@law("normalized-function", drawn="image_cases", fixed=image_cases, needs=("parameter gradient",))
def image_parameter_gradient(normalize: Normalize, case: ImageCase) -> float:
    """∂Σ l_i f̂_i/∂θ = ∂Σ[α_i f_i + ⟨∇ₓf_i, w_i⟩]/∂θ for every convolution, bias and head, unequal weights l.

    Usual cause: A convolution's part of the second derivative is dropped, or the norm is detached.
    Remedy: Pass create_graph=True, and give a backward pass of your own a test of its second derivative.
    """
    return (
        0.0
        if case.score.startswith("far") or (case.dtype == torch.float32 and not case.positive)
        else _judge_parameters(normalize, case, literal=True)
    )


@law(
    "normalized-function",
    level="robustness",
    drawn="image_cases",
    fixed=image_cases,
    needs=("parameter gradient", "no epsilon"),
)
def image_parameter_gradient_far_from_zero(normalize: Normalize, case: ImageCase) -> float:
    """The same where |f| is thousands of times ‖∇ₓf‖: ∂f̂/∂f = g/N² is right in itself, not beside 1/N.

    Usual cause: 1/N - |f|/N² cancels where |f| is much larger than g.
    Remedy: Give the quotient its closed-form derivative g/N², or compute it in float64.
    """
    return _judge_parameters(normalize, case, literal=False)


def _judge_parameters(normalize: Normalize, case: ImageCase, literal: bool) -> float:
    case = _live(case)
    if not len(case.array):
        return 0.0
    weights, module = cotangents(len(case.array)), case.module()
    expected, bounds = gradient_bounds(case, weights, literal)
    whole, allowed = (np.concatenate([one.ravel() for one in all_of]) for all_of in (expected, bounds))
    if case.dtype == torch.float32 and np.linalg.norm(allowed) > FLOAT32_SHARE * np.linalg.norm(whole):
        return 0.0
    scores = normalize(module, case.x(), *case.arguments()).flatten()
    loss = (scores * torch.tensor(weights, dtype=scores.dtype, device=scores.device)).sum()
    parameters = list(module.parameters())
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    got = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]
    together = torch.cat([one.flatten() for one in got])
    return judge(f"∂Σ l_i f̂_i/∂θ, l = {weights.tolist()}", together, whole, allowed, case.snippet())


@law("theorem-6-almost-everywhere", drawn="image_cases", fixed=image_cases, needs=("input gradient",))
def image_input_gradient(normalize: Normalize, case: ImageCase) -> float:
    """∂Σ l_i f̂_i/∂x = l_i (g/N²) ∇ₓf_i for images x, in x's own layout.

    Usual cause: X is detached, or its gradient comes back in another layout or shape than x.
    Remedy: Differentiate with x itself, and reshape with reshape, not view.
    """
    case = _live(case)
    if not len(case.array):
        return 0.0
    weights, x = cotangents(len(case.array)), case.x().requires_grad_()
    scores = normalize(case.module(), x, *case.arguments()).flatten()
    loss = (scores * torch.tensor(weights, dtype=scores.dtype, device=scores.device)).sum()
    (got,) = torch.autograd.grad(loss, x)
    expected, bound = input_gradient_bounds(case, weights)
    return judge("∂Σ l_i f̂_i/∂x", got.reshape(expected.shape), expected, bound, case.snippet())


@law("normalized-function", drawn="image_cases", fixed=image_cases, needs=("batch",))
def image_batch_is_stack(normalize: Normalize, case: ImageCase) -> float:
    """A batch of images is the stack of its samples, within (n + 8) roundings of 1.

    Usual cause: A statistic over the batch, a norm over all of it, or a buffer that later samples overwrite.
    Remedy: Reduce over the dimensions of one sample only, and return tensors of their own.
    """
    module, x, arguments = case.module(), case.x(), case.arguments()
    step = 1 + len(x) // 8
    whole = normalize(module, x, *arguments)[::step]
    parts = [normalize(module, x[i : i + 1], *(a[i : i + 1] for a in arguments)) for i in range(0, len(x), step)]
    return judge("f̂ of the batch", whole, torch.cat(parts), (np.prod(case.shape) + 8) * case.unit, case.snippet())
