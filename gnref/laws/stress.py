"""Beyond plain training: autocast, half precision, second derivatives, dropout, NaN, memory."""

import gc
import weakref
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from gnref.exact import ExactNetwork
from gnref.laws.case import Case, Normalize, cotangents, judge
from gnref.laws.edges import Edge
from gnref.laws.expected import expected_value, roundings
from gnref.laws.law import law
from gnref.laws.situation_case import judge_gradients, situation, weighed
from gnref.laws.wrapped import Masked, Wrapped


@law("normalized-function", evidence="equality", fixed=situation)
def nothing_is_kept(normalize: Normalize, case: Case) -> float:
    """After its scores are gone, a call holds neither D nor x nor what D computed: memory does not grow.

    Usual cause: a list or a cache of calls, or a hook that holds its tensors and is never removed.
    Remedy: Keep nothing between calls.
    """
    held: list[weakref.ref[object]] = []

    def note(scores: Tensor) -> Tensor:
        held.append(weakref.ref(scores))
        return scores

    module, x = Wrapped(case.module(), note), case.x()
    held += [weakref.ref(module), weakref.ref(x)]
    scores = normalize(module, x)
    held.append(weakref.ref(scores))
    del scores, module, x
    gc.collect()
    return judge("objects still held", sum(one() is not None for one in held), 0, 0.0, case.snippet())


def half_edges_beyond() -> Iterator[Edge]:
    """|f| hundreds of times ‖∇ₓf‖, and a norm over hundreds of entries."""
    yield Edge(1000.0, (1.0, 2.0))
    yield Edge(-3000.0, (2.0,))
    yield Edge(20.0, (1.0,) * 400)


@law("output-range", level="robustness", fixed=half_edges_beyond, dtypes=(torch.float32,), needs=("no epsilon",))
def half_precision_beyond_256(normalize: Normalize, case: Edge) -> float:
    """In bfloat16 and float16 f̂ is right within 4 roundings for |f| of 256 ‖∇ₓf‖ and more, and for 400 inputs.

    Usual cause: squares are summed in half precision, whose sums stand still at 256.
    Remedy: Compute the norm and the quotient in float32 and round once at the end.
    """
    worst = 0.0
    for dtype in (torch.bfloat16, torch.float16):
        half = case.to(dtype, case.device)
        g, f = float(np.linalg.norm(case.gradient)), case.score
        module = half.module()
        got = normalize(module, torch.zeros_like(module.weight))[:, 0]
        f = float(module.bias.detach().double())
        expected = f / (g + abs(f))
        allowed = 4 * torch.finfo(dtype).eps / 2 * abs(expected)
        worst = max(worst, judge(f"f̂ in {dtype}", got, [expected], allowed, half.snippet()))
    return worst


def affine_case() -> Iterator[Case]:
    """3x - 2y + 5, whose numbers are exact in half precision."""
    yield Case(ExactNetwork((), ((3.0, -2.0), 5.0)), ((1.0, 2.0), (-3.0, 1.0), (4.0, -4.0)))


@law("normalized-function", level="robustness", fixed=affine_case, dtypes=(torch.float32,))
def autocast(normalize: Normalize, case: Case) -> float:
    """Under torch.autocast to bfloat16 f̂ is right within 8 of its roundings, and its gradients are finite.

    Usual cause: g and f + g are rounded to bfloat16 on the way, or D is cast differently in the two passes.
    Remedy: Leave autocast to D, and compute the norm and the quotient in float32.
    """
    module = case.module()
    with torch.autocast(case.device.split(":")[0], torch.bfloat16):
        scores = normalize(module, case.x())
    expected, _ = expected_value(case, "abs")
    found = torch.autograd.grad(scores.float().sum(), list(module.parameters()), allow_unused=True)
    finite = all(g is None or bool(g.isfinite().all()) for g in found)
    judge("gradients under autocast are finite", finite, True, 0.0, case.snippet())
    return judge("f̂ under autocast", scores.flatten(), expected, 8 * 2.0**-8 * np.abs(expected), case.snippet())


@law("normalized-function", level="robustness", fixed=situation, needs=("parameter gradient", "input gradient"))
def second_derivatives(normalize: Normalize, case: Case) -> float:
    """A penalty on f̂ itself: ∂ Σ l_i ‖∇ₓf̂_i‖²/∂θ, where ‖∇ₓf̂‖² = (g/N)⁴ inside regions.

    ∂(g/N)⁴/∂f = -4 g⁴ sign(f)/N⁵ and ∂(g/N)⁴/∂v = 4 g³|f|/N⁵ · v/g; twice the roundings of a first derivative, and
    8 times as large coefficients.

    Usual cause: a custom backward pass that cannot be differentiated, or is detached.
    Remedy: Write the backward pass in differentiable operations, or leave it to autograd.
    """
    module, x, weights = case.module(), case.x().requires_grad_(), cotangents(len(case.points))
    (slope,) = torch.autograd.grad(normalize(module, x).sum(), x, create_graph=True)
    penalty = weighed((slope**2).sum(dim=1), weights)
    found = torch.autograd.grad(penalty, list(module.parameters()), allow_unused=True)
    (f, v, _), g, network = case.exact, case.norm, case.network
    assert isinstance(network, ExactNetwork)
    total = g + np.abs(f)
    alpha = -4 * weights * g**4 * np.sign(f) / total**5
    direction = (4 * weights * g**2 * np.abs(f) / total**5)[:, None] * v
    expected = network.pullback(case.array, alpha, direction)
    size, sizes = (
        8 * np.abs(weights) / total,
        8 * np.abs(direction) + 8 * (np.abs(weights) / total)[:, None] * np.abs(v),
    )
    largest = network.absolute().pullback(np.abs(case.array), size, sizes)
    allowed = 2 * roundings(case) * (case.unit + 2.0**-53)
    worst = 0.0
    for got, true, bound in zip(found, expected, largest, strict=True):
        got = torch.zeros(true.shape) if got is None else got
        worst = max(worst, judge("∂ Σ l_i ‖∇ₓf̂_i‖²/∂θ", got, true, allowed * bound, case.snippet()))
    return worst


@law("normalized-function", level="robustness", fixed=situation)
def dropout(normalize: Normalize, case: Case) -> float:
    """With dropout f̂ is the value of one forward pass: f and ∇ₓf belong to one mask.

    Usual cause: f of one forward pass is divided by ‖∇ₓf‖ of another.
    Remedy: Run D once, and take ∇ₓf from that pass's graph.
    """
    module, network = Masked(case.module()), case.network
    assert isinstance(network, ExactNetwork)
    torch.manual_seed(len(case.points))
    got = normalize(module, case.x()).detach().double().flatten().cpu().numpy()
    errors = []
    for mask in module.masks:
        f, v, _ = network.evaluate(case.array * mask)
        g = np.linalg.norm(v * mask, axis=1)
        errors.append(np.abs(got - f / np.where(g + np.abs(f) > 0, g + np.abs(f), 1.0)))
    error = np.min([one.max() for one in errors]) if errors else np.inf
    return judge("the distance from f̂ of each mask that was drawn", error, 0.0, 64 * case.unit, case.snippet())


@law("normalized-function", level="robustness", evidence="equality", fixed=situation)
def nan_is_not_hidden(normalize: Normalize, case: Case) -> float:
    """Where D gives NaN for a sample, the call raises, or that sample's f̂, and no other's, is NaN.

    Usual cause: nan_to_num, clamp or torch.where covers it, or one norm of the batch spreads it.
    Remedy: Let NaN through, or raise.
    """

    def spoil(scores: Tensor) -> Tensor:
        return scores + torch.tensor([[0.0], [float("nan")], [0.0], [0.0]], dtype=scores.dtype, device=scores.device)

    try:
        scores = normalize(Wrapped(case.module(), spoil), case.x())
    except (ValueError, ArithmeticError, RuntimeError):
        return 0.0
    found = scores.flatten().isnan().tolist()
    return judge("f̂ is NaN", found, [False, True, False, False], 0.0, case.snippet())


@law("normalized-function", level="robustness", evidence="equality", fixed=situation)
def empty_batch(normalize: Normalize, case: Case) -> float:
    """A batch of no samples has no scores: shape (0, 1), and gradients of 0.

    Usual cause: a maximum or a mean over the batch.
    Remedy: Take every norm and mean over one sample's own entries.
    """
    module = case.module()
    try:
        scores = normalize(module, case.x()[:0])
    except (RuntimeError, ValueError, IndexError) as refused:
        raise AssertionError(f"expected scores of shape (0, 1), got {type(refused).__name__}: {refused}") from refused
    return judge("the shape of f̂", list(scores.shape), [0, 1], 0.0, case.snippet())


@law("normalized-function", level="robustness", fixed=situation, needs=("parameter gradient",))
def backward_twice(normalize: Normalize, case: Case) -> float:
    """With retain_graph=True a second backward pass gives the same gradients once more.

    Usual cause: what the backward pass needs is freed or overwritten by the first.
    Remedy: Keep it in ctx.save_for_backward.
    """
    module = case.module()
    loss = weighed(normalize(module, case.x()), cotangents(len(case.points)))
    torch.autograd.backward(loss, retain_graph=True)
    torch.autograd.backward(loss)
    return judge_gradients("twice ∂L/∂θ", [p.grad for p in module.parameters()], case, factor=2.0)
