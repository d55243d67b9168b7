"""Several calls, and unusual ones: nothing of one call is left for the next. f̂ is that of a plain call."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from gnref.laws.case import Case, Normalize, cotangents, judge
from gnref.laws.law import law
from gnref.laws.situation_case import (
    FIRST,
    POINTS,
    another,
    judge_call,
    judge_gradients,
    judge_values,
    situation,
    weighed,
)
from gnref.laws.wrapped import Hooked, Shifted, TwiceUsed, Wrapped


@law("normalized-function", fixed=situation, needs=("parameter gradient",))
def called_twice_in_one_loss(normalize: Normalize, case: Case) -> float:
    """D is called on real and on fake samples, and one backward pass gives the sum of both calls' gradients.

    Usual cause: state of the first call, a saved gradient or a hook, is overwritten by the second.
    Remedy: Keep nothing between calls.
    """
    module, weights = case.module(), cotangents(len(case.points))
    half = len(weights) // 2
    real, fake = normalize(module, case.x()[:half]), normalize(module, case.x()[half:])
    loss = weighed(real, weights[:half]) + weighed(fake, weights[half:])
    found = torch.autograd.grad(loss, list(module.parameters()), allow_unused=True)
    worst = judge_values("f̂ of two calls", torch.cat([real, fake]), case)
    return max(worst, judge_gradients("the gradient of two calls", list(found), case))


@law("normalized-function", fixed=situation, needs=("parameter gradient",))
def weights_changed_between_steps(normalize: Normalize, case: Case) -> float:
    """After an optimizer has changed D's weights in place, f̂ and its gradients are those of the new weights.

    Usual cause: a cache by the discriminator's identity: a compiled graph, a captured weight, a stored norm.
    Remedy: Compute f and ∇ₓf anew in every call.
    """
    module, other = case.module(), another(case)
    torch.autograd.backward(weighed(normalize(module, case.x()), cotangents(len(case.points))))
    with torch.no_grad():
        for parameter, new in zip(module.parameters(), other.module().parameters(), strict=True):
            parameter.copy_(new)
            parameter.grad = None
    return judge_call(normalize, other, module)


@law("normalized-function", fixed=situation)
def x_changed_between_calls(normalize: Normalize, case: Case) -> float:
    """The same tensor x with other numbers in it, as a reused buffer has, gives the scores of those numbers.

    Usual cause: a cache by x's identity or address.
    Remedy: Compute f and ∇ₓf anew in every call.
    """
    module, x = case.module(), case.x()
    normalize(module, x.clone())
    buffer = torch.zeros_like(x)
    normalize(module, buffer)
    buffer.copy_(x)
    return judge_values("f̂ of a reused x", normalize(module, buffer), case)


@law("normalized-function", fixed=situation)
def two_discriminators(normalize: Normalize, case: Case) -> float:
    """Two discriminators called by turns, D and its moving average, do not see each other.

    Usual cause: a cache by shape or by class.
    Remedy: Keep nothing between calls.
    """
    other, first = another(case), case.module()
    second = other.module()
    pairs = [(first, case), (second, other), (first, case), (second, other)]
    return max(judge_values("f̂ by turns", normalize(module, own.x()), own) for module, own in pairs)


@law("normalized-function", fixed=situation)
def results_are_their_own(normalize: Normalize, case: Case) -> float:
    """A later call does not change what an earlier one returned, with gradients on and off.

    Usual cause: results are views of one buffer that is filled again.
    Remedy: Return a new tensor.
    """
    module, x = case.module(), case.x()
    found = [normalize(module, x)]
    normalize(module, 2 * x + 1)
    with torch.no_grad():
        try:
            found.append(normalize(module, x))
            normalize(module, 2 * x + 1)
        except RuntimeError:
            pass  # refused under no_grad: there is nothing to overwrite
    return max(judge_values("f̂ after another call", scores.detach(), case) for scores in found)


@law("normalized-function", fixed=situation, needs=("parameter gradient",))
def weights_used_twice(normalize: Normalize, case: Case) -> float:
    """A D that uses its weights twice, f(x) = h(x) + h(x + 1), has the gradients of both uses.

    Usual cause: one recorded input for each layer, where there are two.
    Remedy: Record a use, not a layer.
    """
    expected, weights = TwiceUsed.expected(case), cotangents(len(case.points))
    module = TwiceUsed(case.module())
    scores = normalize(module, case.x())
    found = torch.autograd.grad(weighed(scores, weights), list(module.parameters()), allow_unused=True)
    value, gradients = expected
    worst = judge("f̂ of h(x) + h(x + 1)", scores.flatten(), value, 64 * case.unit, case.snippet())
    for got, (true, bound) in zip(found, gradients, strict=True):
        got = torch.zeros(true.shape) if got is None else got
        worst = max(worst, judge("the gradient of h(x) + h(x + 1)", got, true, bound, case.snippet()))
    return worst


@law("normalized-function", fixed=situation, needs=("parameter gradient",))
def plain_function(normalize: Normalize, case: Case) -> float:
    """A discriminator may be any callable: a lambda, a bound method, a partial.

    Usual cause: D.parameters(), D.training or D.eval() is asked of it.
    Remedy: Call it; what has no modes and no parameters needs none.
    """
    module = case.module()
    calls: list[Callable[..., Tensor]] = [lambda x: module(x), Wrapped(module).forward]
    weights = cotangents(len(case.points))
    worst = 0.0
    for call in calls:
        scores = normalize(call, case.x())
        found = torch.autograd.grad(weighed(scores, weights), list(module.parameters()), allow_unused=True)
        worst = max(worst, judge_values("f̂ of a function", scores, case), judge_gradients("∂L/∂θ", list(found), case))
    return worst


@law("normalized-function", fixed=situation)
def scores_in_a_map(normalize: Normalize, case: Case) -> float:
    """Scores of shape (N, 1, 1, 1), as a convolution at the end gives them, are scores; f̂ has their shape.

    Usual cause: g of shape (N,) against f of shape (N, 1, 1, 1) broadcasts to (N, 1, 1, N).
    Remedy: Give the norm D's own shape: g.view(f.shape).
    """
    module = Wrapped(case.module(), lambda scores: scores[:, :, None, None])
    scores = normalize(module, case.x())
    shape = (len(case.points), 1, 1, 1)
    judge("the shape of f̂", list(scores.shape), list(shape), 0.0, case.snippet())
    return judge_values("f̂ of scores (N, 1, 1, 1)", scores, case)


@law("normalized-function", level="robustness", fixed=situation, needs=("arguments",))
def arguments_that_are_no_tensors(normalize: Normalize, case: Case) -> float:
    """Arguments of D that are no tensors, a number, a string, None, reach it as they are.

    Usual cause: every argument is detached, moved or indexed as a tensor.
    Remedy: Pass *args and **kwargs on.
    """
    module = Shifted(Hooked(case.module()))
    scores = normalize(module, case.x(), 1.0, 2, scale=0.5, note="as it is", nothing=None)
    return judge_values("f̂ of 2 · 0.5 · (f - 1) + 1", scores, case)


@law("normalized-function", fixed=situation, needs=("arguments", "parameter gradient"))
def gradient_in_a_condition(normalize: Normalize, case: Case) -> float:
    """A condition that requires a gradient, such as an embedding c in f(x) + c, has its own: ∂f̂/∂c = g/N².

    Usual cause: arguments are detached.
    Remedy: Pass *args and **kwargs on.
    """
    weights = cotangents(len(case.points))
    condition = torch.zeros(len(weights), 1, dtype=case.dtype, device=case.device, requires_grad=True)
    scores = normalize(Shifted(case.module()), case.x(), condition)
    (found,) = torch.autograd.grad(weighed(scores, weights), condition, allow_unused=True)
    got = torch.zeros_like(condition) if found is None else found
    g, total = case.norm, case.norm + np.abs(case.exact.score)
    bound = 32 * case.unit * np.abs(weights) / total
    return judge("∂Σ l_i f̂_i/∂c of f + c", got.flatten(), weights * g / total**2, bound, case.snippet())


def far_away() -> Iterator[Case]:
    """The network at points a thousand times as large."""
    yield Case(FIRST, tuple((1024 * a, 1024 * b) for a, b in POINTS))


@law("normalized-function", fixed=far_away, dtypes=(torch.float64,))
def large_inputs(normalize: Normalize, case: Case) -> float:
    """Inputs beyond a pixel's range, here up to 4096, are taken as they are.

    Usual cause: x is clamped or rescaled.
    Remedy: Leave x to the discriminator.
    """
    return judge_values("f̂ of large inputs", normalize(case.module(), case.x()), case)


@law("normalized-function", fixed=situation, needs=("batch",))
def order_of_a_batch(normalize: Normalize, case: Case) -> float:
    """Another order of the samples gives the same scores in that order; a sample given twice has its score twice.

    Usual cause: something of a sample's neighbours enters its score.
    Remedy: Take every norm and mean over one sample's own entries.
    """
    order = [3, 0, 2, 1, 0, 0, 3, 2]
    mixed = Case(case.network, tuple(case.points[i] for i in order), dtype=case.dtype, device=case.device)
    return judge_values("f̂ of samples in another order", normalize(mixed.module(), mixed.x()), mixed)


@law("normalized-function", fixed=situation, needs=("parameter gradient", "batch"))
def one_score_of_a_batch(normalize: Normalize, case: Case) -> float:
    """The gradient of one sample's score is that sample's alone: the others of the batch add nothing.

    Usual cause: a batch's mean or one summed norm, whose value hides it and whose gradient does not.
    Remedy: Take every norm and mean over one sample's own entries.
    """
    module, alone = case.module(), case.at(np.arange(len(case.points)) == 2)
    x = case.x().requires_grad_()
    scores = normalize(module, x).flatten()
    wanted = [*module.parameters(), x]
    *found, of_x = torch.autograd.grad(scores[2], wanted, allow_unused=True)
    others = torch.zeros(1) if of_x is None else of_x[torch.arange(len(x)) != 2]
    judge("∂f̂_2/∂x of the other samples", others, torch.zeros_like(others), 0.0, case.snippet())
    return judge_gradients("∂f̂_2/∂θ in a batch", list(found), alone)
