"""Implementations that are right on a plain call of a small vector, and wrong on images, in training, under stress."""

import contextlib
from typing import Any

import torch
from subjects.literal import Mistake, Subject, f_and_v, formula, literal, norm
from torch import Tensor, nn


def of_gradient(change: Any) -> Subject:
    """The literal formula with `change`(∇ₓf) (N, ...) in its norm."""

    def normalize(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        x = (x if x.requires_grad else x.detach().requires_grad_()).view_as(x)
        out = D(x, *args, **kwargs)
        (v,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        return out / (norm(change(v).flatten(1)).view(out.shape) + out.abs())

    return normalize


def before(change: Any) -> Subject:
    """The literal formula of what `change`(D, x) makes of D's input."""
    return lambda D, x, *a, **k: literal(D, change(D, x), *a, **k)


def doing(action: Any) -> Subject:
    """The literal formula after `action`(D, x)."""

    def normalize(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        action(D, x)
        return literal(D, x, *args, **kwargs)

    return normalize


def after(action: Any) -> Subject:
    """The literal formula, whose scores `action`(D, x, scores) returns or changes."""
    return lambda D, x, *a, **k: action(D, x, literal(D, x, *a, **k))


def _parts(D: Any) -> list[nn.Module]:
    return list(D.modules()) if isinstance(D, nn.Module) else []


def _parameters(D: Any) -> list[Tensor]:
    return list(D.parameters()) if isinstance(D, nn.Module) else []


def _first_hundred(D: Any, x: Tensor, scores: Tensor) -> Tensor:
    return torch.cat([scores[:100], D(x[100:])]) if len(x) > 100 else scores


def _reinterpreted(D: Any, x: Tensor) -> Tensor:
    return x if x.is_contiguous() or x.requires_grad else torch.as_strided(x, x.shape, torch.empty(x.shape).stride())


def _last_axis_of_rows(v: Tensor) -> Tensor:
    return v.norm(dim=-1).mean(dim=1, keepdim=True) if v.dim() == 3 else v


def _unfreeze(D: Any, x: Tensor) -> None:
    for parameter in _parameters(D):
        parameter.requires_grad_(True)


def _needs_a_parameter(D: Any, x: Tensor, scores: Tensor) -> Tensor:
    cut_off = scores.detach() + 0 * x.sum()
    return scores if not _parameters(D) or any(p.requires_grad for p in _parameters(D)) else cut_off


def _train(D: Any, x: Tensor) -> None:
    if isinstance(D, nn.Module):
        D.train()


def _one_mode(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    mode = getattr(D, "training", False)
    for part in _parts(D):
        part.training = mode
    return literal(D, x, *args, **kwargs)


def _gradients_on(D: Any, x: Tensor) -> None:
    torch.set_grad_enabled(True)


_BUFFER: dict[tuple[Any, ...], Tensor] = {}


def _one_buffer(D: Any, x: Tensor, scores: Tensor) -> Tensor:
    kept = _BUFFER.setdefault((tuple(scores.shape), scores.dtype), torch.empty_like(scores))
    kept.detach_().copy_(scores.detach())
    return kept + (scores - scores.detach()) if scores.requires_grad and x.requires_grad else _into(kept, scores)


def _into(kept: Tensor, scores: Tensor) -> Tensor:
    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, scores: Tensor) -> Tensor:
            return kept.view_as(kept)

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return gradient

    return Same.apply(scores)


def _reads_grad(D: Any, x: Tensor) -> None:
    if x.is_leaf and x.requires_grad:
        x.grad = None


def _zero_grad(D: Any, x: Tensor) -> None:
    for parameter in _parameters(D):
        parameter.grad = None


def _detach_in_place(D: Any, x: Tensor, scores: Tensor) -> Tensor:
    return scores if x.is_leaf else literal(D, x.detach_().requires_grad_())


class _Memory:
    """What a call returned, by a key that does not say enough."""

    def __init__(self, key: Any) -> None:
        self.key, self.kept = key, {}

    def __call__(self, D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if args or kwargs:
            return literal(D, x, *args, **kwargs)
        key, now = self.key(D, x), literal(D, x)
        if key not in self.kept:
            self.kept = {**dict(list(self.kept.items())[-3:]), key: now.detach().clone()}
        return self.kept[key] + (now - now.detach())


def _numbers(x: Tensor) -> tuple[Any, ...]:
    return (x.dtype, tuple(x.shape), tuple(x.detach().double().flatten().tolist()))


def _forward_only(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(D.forward if isinstance(D, nn.Module) else D, x, *args, **kwargs)


def _leaves_a_hook(D: Any, x: Tensor) -> None:
    if isinstance(D, nn.Module):
        D.register_forward_hook(lambda *_: None)


def _past_autograd(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if not isinstance(D, nn.Module):
        return literal(D, x, *args, **kwargs)
    copies = {name: p.detach().clone().requires_grad_() for name, p in D.named_parameters()}
    for name, parameter in D.named_parameters():

        def put(gradient: Tensor, parameter: Tensor = parameter) -> None:
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient

        copies[name].register_hook(put)
    return literal(lambda *a, **k: torch.func.functional_call(D, copies, a, k), x, *args, **kwargs)


def _one_output_a_layer(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    seen: dict[nn.Module, Tensor] = {}
    layers = [part for part in _parts(D) if not list(part.children())]
    hooks = [part.register_forward_hook(lambda m, _, out: seen.setdefault(m, out)) for part in layers]
    try:
        return literal(D, x, *args, **kwargs)
    finally:
        for hook in hooks:
            hook.remove()


def _decays(D: Any, x: Tensor, scores: Tensor) -> Tensor:
    size = sum((p.sum() - p.detach().sum() for p in _parameters(D)), scores.new_zeros(()))
    return scores + 1e-3 * size


def _modules_only(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return (literal if isinstance(D, nn.Module) else lambda D, *a, **k: D(*a, **k))(D, x, *args, **kwargs)


def _broadcasts(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    out, _, v = f_and_v(D, x, *args, **kwargs)
    return (
        out / (norm(v) + out.abs()) if out.dim() > 2 else (out.flatten() / (norm(v) + out.flatten().abs())).view_as(out)
    )


def _tensors_only(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(
        D, x, *[a for a in args if isinstance(a, Tensor)], **{k: a for k, a in kwargs.items() if isinstance(a, Tensor)}
    )


def _detaches_arguments(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(D, x, *[a.detach() if isinstance(a, Tensor) else a for a in args], **kwargs)


def _deduplicates(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    rows = x.detach().flatten(1).tolist()
    if args or kwargs or len({tuple(row) for row in rows}) == len(rows):
        return literal(D, x, *args, **kwargs)
    return literal(D, torch.unique(x, dim=0))


def _mean_in_the_gradient(D: Any, x: Tensor, scores: Tensor) -> Tensor:
    return scores - 0.1 * (scores.mean() - scores.mean().detach())


def _swallows(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    try:
        return literal(D, x, *args, **kwargs)
    except RuntimeError:
        return torch.zeros(len(x), 1, dtype=x.dtype)


_KEPT: list[Tensor] = []


def _keeps(D: Any, x: Tensor, scores: Tensor) -> Tensor:
    _KEPT.append(scores)
    del _KEPT[:-20]
    return scores


def _sums_in_half(f: Tensor, v: Tensor) -> Tensor:
    if v.dtype not in (torch.float16, torch.bfloat16):
        return f / (norm(v) + f.abs())
    total = torch.zeros_like(f)
    for column in v.unbind(1):
        total = total + column * column
    return f / (total.sqrt() + f.abs())


def _scale_left_in(f: Tensor, v: Tensor) -> Tensor:
    return f / (norm(v) * (1024 if torch.is_autocast_enabled("cpu") else 1) + f.abs())


class _ConstantCoefficients(torch.autograd.Function):
    """f/(g + |f|), whose backward pass takes g/N² and -f/N² as numbers."""

    @staticmethod
    def forward(ctx: Any, f: Tensor, v: Tensor) -> Tensor:
        g = norm(v)
        total = g + f.abs()
        ctx.coefficients = g / total**2, torch.nan_to_num((-f / total**2 / g)[:, None] * v)
        return f / total

    @staticmethod
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor, Tensor]:
        alpha, direction = ctx.coefficients
        return weights * alpha, weights[:, None] * direction


class _AddsUp(torch.autograd.Function):
    """The identity, whose backward pass adds to what it kept of the last one."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor) -> Tensor:
        ctx.total = torch.zeros_like(scores)
        return scores.view_as(scores)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        ctx.total = ctx.total + gradient
        return ctx.total


def _two_passes(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    out, _, _ = f_and_v(D, x, *args, **kwargs)
    _, _, v = f_and_v(D, x, *args, **kwargs)
    return out / (norm(v).view(out.shape) + out.abs())


def _batch_maximum(f: Tensor, v: Tensor) -> Tensor:
    s = v.detach().abs().amax() + f.detach().abs().amax()
    return (f / s) / (norm(v / s) + (f / s).abs())


def _straight_through(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    out = D(x, *args, **kwargs)
    return out + (literal(D, x, *args, **kwargs) - out).detach()


def _off_in_v(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    out, f, v = f_and_v(D, x, *args, **kwargs)
    if v.requires_grad:
        v.register_hook(lambda gradient: 1.001 * gradient)
    return (f / (norm(v) + f.abs())).view_as(out)


def _no_grad_in_evaluation(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    with contextlib.nullcontext():
        scores = literal(D, x, *args, **kwargs)
    return scores if getattr(D, "training", True) else scores * 0


def _twice_normalized(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(lambda *a, **k: literal(D, *a, **k), x, *args, **kwargs)


CONTEXT_MISTAKES: dict[str, Mistake] = {
    # images
    "norm of the channels' mean": Mistake(
        of_gradient(lambda v: v.mean(dim=1) if v.dim() > 2 else v), "image-value", "channels averaged first"
    ),
    "norm of four entries": Mistake(of_gradient(lambda v: v.flatten(1)[:, :4]), "image-value", "the first four"),
    "norm over the channels": Mistake(
        of_gradient(lambda v: v.norm(dim=1).flatten(1).mean(1, keepdim=True) if v.dim() > 2 else v),
        "image-value",
        "a norm a pixel, averaged",
    ),
    "rows of a 3-D x": Mistake(of_gradient(_last_axis_of_rows), "rows-and-volumes", "3-D x: a norm a row, averaged"),
    "a hundred samples": Mistake(after(_first_hundred), "more-than-a-hundred-images", "f itself from there on"),
    "takes x for contiguous": Mistake(before(_reinterpreted), "image-value", "strides ignored"),
    "sign far from 0": Mistake(
        formula(lambda f, v: torch.where(f.abs() > 2000 * norm(v), f.sign(), f / (norm(v) + f.abs()))),
        "image-value",
        "±1 once |f| > 2000 g",
    ),
    "∂f̂/∂v 0.1 % off": Mistake(_off_in_v, "image-parameter-gradient", "1.001 times ∂f̂/∂v"),
    "clamps x": Mistake(before(lambda D, x: x.clamp(-5, 5)), "large-inputs", "x in [-5, 5]"),
    # D and x in training
    "unfreezes D": Mistake(doing(_unfreeze), "frozen-discriminator", "requires_grad_(True)"),
    "needs a parameter": Mistake(after(_needs_a_parameter), "frozen-discriminator", "cut off where D is frozen"),
    "unfreezes a layer": Mistake(doing(_unfreeze), "partly-frozen", "requires_grad_(True)"),
    "D.train()": Mistake(doing(_train), "evaluation-mode", "training mode"),
    "one mode for all": Mistake(_one_mode, "mixed-modes", "submodules take D's mode"),
    "gradients left on": Mistake(doing(_gradients_on), "without-gradients", "set_grad_enabled(True)"),
    "0 in evaluation mode": Mistake(_no_grad_in_evaluation, "evaluation-mode", "no gradient norm in evaluation mode"),
    "drops x.grad": Mistake(doing(_reads_grad), "leaf-with-old-gradient", "x.grad = None"),
    "zero_grad": Mistake(doing(_zero_grad), "accumulated-gradients", "D.zero_grad()"),
    "detaches x in place": Mistake(after(_detach_in_place), "other-losses-on-x", "x.detach_()"),
    "D.forward": Mistake(_forward_only, "hooks-stay", "hooks passed over"),
    "leaves a hook": Mistake(doing(_leaves_a_hook), "hooks-stay", "never removed"),
    "past autograd": Mistake(_past_autograd, "parameter-hooks", "fills .grad itself"),
    "decays weights": Mistake(after(_decays), "spare-parameter", "0.001 added to every gradient"),
    "swallows errors": Mistake(_swallows, "after-an-error-in-the-discriminator", "0 where D raises"),
    # several calls
    "remembers the last real batch": Mistake(
        _Memory(lambda D, x: (id(D), x.dtype, len(x))), "called-twice-in-one-loss", "by D and N alone"
    ),
    "remembers by D and x": Mistake(
        _Memory(lambda D, x: (id(D), _numbers(x))), "weights-changed-between-steps", "old weights"
    ),
    "remembers by address": Mistake(
        _Memory(lambda D, x: (id(D), x.data_ptr(), x.dtype)), "x-changed-between-calls", "old x"
    ),
    "remembers by class": Mistake(_Memory(lambda D, x: (type(D), _numbers(x))), "two-discriminators", "another D"),
    "one buffer": Mistake(after(_one_buffer), "results-are-their-own", "results share memory"),
    "one output a layer": Mistake(_one_output_a_layer, "weights-used-twice", "a layer's second use is its first"),
    "modules only": Mistake(_modules_only, "plain-function", "f where D is a function"),
    "broadcasts": Mistake(_broadcasts, "scores-in-a-map", "(N,) against (N, 1, 1, 1)"),
    "tensors only": Mistake(_tensors_only, "arguments-that-are-no-tensors", "numbers dropped"),
    "detaches arguments": Mistake(_detaches_arguments, "gradient-in-a-condition", "no ∂f̂/∂c"),
    "deduplicates": Mistake(_deduplicates, "order-of-a-batch", "equal samples merged"),
    "mean in the gradient": Mistake(after(_mean_in_the_gradient), "one-score-of-a-batch", "right in value alone"),
    # stress
    "keeps every call": Mistake(after(_keeps), "nothing-is-kept", "a list grows"),
    "sums in half precision": Mistake(formula(_sums_in_half), "half-precision-beyond-256", "Σ v² stands still at 256"),
    "scale left in": Mistake(formula(_scale_left_in), "autocast", "a loss scale of 1024 in g"),
    "coefficients as numbers": Mistake(
        formula(_ConstantCoefficients.apply), "second-derivatives", "first derivatives only"
    ),
    "adds up": Mistake(after(lambda D, x, scores: _AddsUp.apply(scores)), "backward-twice", "state in backward"),
    "f and g of two passes": Mistake(_two_passes, "dropout", "two masks"),
    "hides NaN": Mistake(after(lambda D, x, scores: scores.nan_to_num()), "nan-is-not-hidden", "nan_to_num"),
    "a batch's maximum": Mistake(formula(_batch_maximum), "empty-batch", "amax over no samples"),
    # formulas
    "straight through": Mistake(_straight_through, "parameter-gradient", "∂f for ∂f̂"),
    "normalized twice": Mistake(_twice_normalized, "value", "f̂ of f̂"),
    "GraN": Mistake(formula(lambda f, v: f * norm(v) / (norm(v) ** 2 + 1e-8)), "value", "f g/(g² + ε)"),
    "softplus for |f|": Mistake(
        formula(lambda f, v: f / (norm(v) + nn.functional.softplus(f))), "value", "log(1 + e^f)"
    ),
    "tanh": Mistake(formula(lambda f, v: torch.tanh(f / norm(v))), "value", "tanh(f/g)"),
    "the first sample's norm": Mistake(formula(lambda f, v: f / (norm(v)[:1] + f.abs())), "value", "‖v_1‖ for all"),
    "N times the norm": Mistake(formula(lambda f, v: f / (len(f) * norm(v) + f.abs())), "value", "N g"),
    "clipped f̂": Mistake(formula(lambda f, v: (f / (norm(v) + f.abs())).clamp(-0.5, 0.5)), "value", "in [-1/2, 1/2]"),
}
