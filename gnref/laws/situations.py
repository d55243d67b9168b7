"""The states of D and x in training: D frozen, in either mode, hooked; x with a history. f̂ is that of a plain call."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gnref.laws.case import Case, Normalize, cotangents, judge
from gnref.laws.expected import exact_gradients, expected_value
from gnref.laws.law import law
from gnref.laws.situation_case import (
    judge_gradients,
    judge_input_gradient,
    judge_values,
    situation,
    weighed,
)
from gnref.laws.wrapped import Hooked, Modal, SpareParameter, Wrapped


@law("normalized-function", fixed=situation, needs=("input gradient",))
def frozen_discriminator(normalize: Normalize, case: Case) -> float:
    """With D frozen, as in the generator's step, f̂ and its gradient in x are right, and D stays frozen.

    Usual cause: D's parameters are made to require gradients, or scores are cut off where none of them does.
    Remedy: Ask for ∇ₓf with torch.autograd.grad(f.sum(), x, create_graph=True); it needs no parameter.
    """
    module, x = case.module().requires_grad_(False), case.x().requires_grad_()
    scores = normalize(module, 1.0 * x)
    (got,) = torch.autograd.grad(weighed(scores, cotangents(len(x))), x)
    held = {"is frozen": not any(p.requires_grad for p in module.parameters())}
    held["has no .grad"] = all(p.grad is None for p in module.parameters())
    for what, holds in held.items():
        judge(f"D {what}", holds, True, 0.0, case.snippet())
    return max(
        judge_values("f̂ of a frozen D", scores, case), judge_input_gradient("∂Σ l_i f̂_i/∂x of a frozen D", got, case)
    )


@law("normalized-function", fixed=situation, needs=("parameter gradient",))
def partly_frozen(normalize: Normalize, case: Case) -> float:
    """With D's first layer frozen, the other layers have their gradients and the frozen one has none.

    Usual cause: all parameters are asked for, or made to require gradients.
    Remedy: Differentiate with respect to those that require gradients.
    """
    module = case.module()
    frozen = list(module.parameters())[:2]
    for parameter in frozen:
        parameter.requires_grad_(False)
    torch.autograd.backward(weighed(normalize(module, case.x()), cotangents(len(case.points))))
    judge("a frozen parameter has a .grad", any(p.grad is not None for p in frozen), False, 0.0, case.snippet())
    expected, bounds = exact_gradients(case, cotangents(len(case.points)))
    found = [p.grad for p in module.parameters()][2:]
    return max(
        judge("∂L/∂θ of the layers that are not frozen", got, true, bound, case.snippet())
        for got, true, bound in zip(found, expected[2:], bounds[2:], strict=True)
    )


@law("normalized-function", fixed=situation, needs=("parameter gradient",))
def spare_parameter(normalize: Normalize, case: Case) -> float:
    """A parameter that f does not use is no mistake: the others have their gradients, it has none or 0.

    Usual cause: autograd.grad without allow_unused, or a check that every parameter has a gradient.
    Remedy: Pass allow_unused=True.
    """
    module = SpareParameter(case.module())
    torch.autograd.backward(weighed(normalize(module, case.x()), cotangents(len(case.points))))
    spare = module.spare.grad
    judge("the unused parameter's gradient", 0.0 if spare is None else spare.abs().sum(), 0.0, 0.0, case.snippet())
    return judge_gradients("∂L/∂θ beside an unused one", [p.grad for p in module.module.parameters()], case)


@law("normalized-function", fixed=situation)
def evaluation_mode(normalize: Normalize, case: Case) -> float:
    """A D in evaluation mode is evaluated in it, and stays in it.

    Usual cause: D.train() is called before the forward pass or after it.
    Remedy: Leave the mode alone.
    """
    module = Modal(case.module(), training=False).eval()
    worst = judge_values("f̂ in evaluation mode", normalize(module, case.x()), case)
    judge("D is in evaluation mode", module.training, False, 0.0, case.snippet())
    return worst


@law("normalized-function", fixed=situation)
def mixed_modes(normalize: Normalize, case: Case) -> float:
    """Submodules in different modes, such as a frozen batch norm in a training D, are each left in theirs.

    Usual cause: D.eval() and then D.train(), which sets every submodule.
    Remedy: Leave the modes alone.
    """
    module = Modal(case.module(), training=True).train()
    module.module.eval()
    worst = judge_values("f̂ in mixed modes", normalize(module, case.x()), case)
    modes = [module.training, module.module.training]
    judge("D and its submodule are in training and in evaluation mode", modes, [True, False], 0.0, case.snippet())
    return worst


@law("normalized-function", fixed=situation)
def without_gradients(normalize: Normalize, case: Case) -> float:
    """Under torch.no_grad() f̂ is the same or the call is refused, and gradients are off afterwards.

    Usual cause: torch.set_grad_enabled(True) and no way back.
    Remedy: Compute ∇ₓf inside `with torch.enable_grad():`.
    """
    with torch.no_grad():
        try:
            worst = judge_values("f̂ under no_grad", normalize(case.module(), case.x()).detach(), case)
        except RuntimeError:
            worst = 0.0  # autograd's own refusal: nothing wrong was returned
        judge("gradients are on after a call under no_grad", torch.is_grad_enabled(), False, 0.0, case.snippet())
    return worst


@law("normalized-function", level="robustness", fixed=situation)
def value_without_gradients(normalize: Normalize, case: Case) -> float:
    """Under torch.no_grad() and torch.inference_mode() f̂ is the same and carries no graph.

    Usual cause: torch.autograd.grad of a graph that no_grad did not record.
    Remedy: Compute ∇ₓf inside `with torch.enable_grad():` and return scores.detach() where gradients were off.
    """
    worst, module, x = 0.0, case.module(), case.x()
    for off in (torch.no_grad, torch.inference_mode):
        try:
            with off():
                scores = normalize(module, x)
                judge(f"f̂ under {off.__name__} requires a gradient", scores.requires_grad, False, 0.0, case.snippet())
                worst = max(worst, judge_values(f"f̂ under {off.__name__}", scores, case))
        except RuntimeError as refused:
            raise AssertionError(f"expected f̂ under {off.__name__}, got {refused}\n{case.snippet()}") from refused
    return worst


@law("normalized-function", fixed=situation, needs=("input gradient",))
def leaf_with_old_gradient(normalize: Normalize, case: Case) -> float:
    """x is a leaf with an old `.grad`: the call leaves it, and backward adds ∂L/∂x to it.

    Usual cause: x.grad is read as ∇ₓf, set to None, or filled by scores.backward().
    Remedy: Take ∇ₓf from torch.autograd.grad, which does not touch `.grad`.
    """
    module, x = case.module(), case.x().requires_grad_()
    x.grad = torch.full_like(x, 5.0)
    scores = normalize(module, x)
    judge("x.grad after the call", x.grad, torch.full_like(x, 5.0), 0.0, case.snippet())
    torch.autograd.backward(weighed(scores, cotangents(len(x))))
    judge("x is a leaf that requires a gradient", x.is_leaf and x.requires_grad, True, 0.0, case.snippet())
    return judge_input_gradient("x.grad after backward, less 5", x.grad, case, already=5.0)


@law("normalized-function", fixed=situation, needs=("parameter gradient",))
def accumulated_gradients(normalize: Normalize, case: Case) -> float:
    """Parameters' old `.grad` is left by the call, and backward adds to it once.

    Usual cause: zero_grad() inside the function, or a backward() that fills `.grad` on the way to ∇ₓf.
    Remedy: Take ∇ₓf from torch.autograd.grad.
    """
    module = case.module()
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, 3.0)
    torch.autograd.backward(weighed(normalize(module, case.x()), cotangents(len(case.points))))
    return judge_gradients("∂L/∂θ beside an old .grad of 3", [p.grad for p in module.parameters()], case, already=3.0)


@law("normalized-function", fixed=situation, needs=("input gradient",))
def other_losses_on_x(normalize: Normalize, case: Case) -> float:
    """Another loss of the same x in the same backward pass adds its own gradient: L = Σ l_i f̂_i + 7 Σ x.

    Usual cause: x is detached in place, or its gradient is replaced instead of added to.
    Remedy: Differentiate D at a view of x, and leave x itself in the caller's graph.
    """
    z = case.x().requires_grad_()
    x = 1.0 * z
    before = 3.0 * x.sum()
    scores = normalize(case.module(), x)
    loss = weighed(scores, cotangents(len(x))) + before + 4.0 * x.sum()
    (got,) = torch.autograd.grad(loss, z)
    return judge_input_gradient("∂(Σ l_i f̂_i + 7 Σ x)/∂x", got, case, already=7.0)


@law("normalized-function", evidence="equality", fixed=situation)
def hooks_stay(normalize: Normalize, case: Case) -> float:
    """D's forward hooks take effect, and no hook is added to D, to its parameters or to x, nor taken away.

    Usual cause: a hook registered to catch activations and never removed, or D.forward called instead of D.
    Remedy: Call D itself, and remove a hook in `finally`.
    """
    module, x = Hooked(case.module()), case.x().requires_grad_()
    module.register_forward_hook(lambda m, args, out: out + 1.0)
    module.register_forward_pre_hook(lambda m, args: (args[0] * 1.0, *args[1:]))
    before = _hooks(module, x)
    expected, bound = expected_value(case, "abs")
    scores = normalize(module, x)
    judge("hooks of D, its parameters and x", _hooks(module, x), before, 0.0, case.snippet())
    judge("f̂ of a D whose hook adds what its forward takes off", scores.flatten(), expected, bound, case.snippet())
    return 0.0


def _hooks(module: nn.Module, x: Tensor) -> list[int]:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    counts = [len(getattr(part, kind) or ()) for part in module.modules() for kind in kinds]
    return counts + [len(tensor._backward_hooks or ()) for tensor in (*module.parameters(), x)]


@law("normalized-function", level="robustness", fixed=situation, needs=("parameter gradient",))
def parameter_hooks(normalize: Normalize, case: Case) -> float:
    """A hook on a parameter's gradient, such as a clipping, is applied once, to the whole gradient: here it doubles.

    Usual cause: the parameter's gradient arrives in two parts, or past autograd.
    Remedy: Let one backward pass deliver it.
    """
    module = case.module()
    calls = dict.fromkeys(module.parameters(), 0)

    def doubling(parameter: nn.Parameter) -> Callable[[Tensor], Tensor]:
        def double(gradient: Tensor) -> Tensor:
            calls[parameter] += 1
            return 2 * gradient

        return double

    for parameter in calls:
        hooked: Any = parameter
        hooked.register_hook(doubling(parameter))
    torch.autograd.backward(weighed(normalize(module, case.x()), cotangents(len(case.points))))
    judge("calls of each hook", list(calls.values()), [1] * len(calls), 0.0, case.snippet())
    return judge_gradients("2 ∂L/∂θ, doubled by hooks", [p.grad for p in module.parameters()], case, factor=2.0)


@law("normalized-function", evidence="equality", fixed=situation)
def after_an_error_in_the_discriminator(normalize: Normalize, case: Case) -> float:
    """Where D raises, its error is what the caller sees, and x, modes and gradient mode are as they were.

    Usual cause: x.requires_grad_(), D.eval() or set_grad_enabled without `finally`.
    Remedy: Do not change what is not yours, or change it back in `finally`.
    """

    class Broken(RuntimeError):
        pass

    def fail(scores: Tensor) -> Tensor:
        raise Broken("an error of the discriminator's own")

    module, x = Wrapped(case.module(), fail), case.x()
    with torch.no_grad():
        try:
            normalize(module, x)
        except Broken:
            pass
        except Exception as other:
            if not isinstance(other.__cause__ or other.__context__, Broken):
                raise
        else:
            judge("an error of D is passed on", False, True, 0.0, case.snippet())
        on = torch.is_grad_enabled()
    kept = [x.requires_grad, module.training, on, all(p.requires_grad for p in module.parameters())]
    return judge(
        "x requires a gradient, D trains, gradients on, parameters'", kept, [False, True, False, True], 0.0, ""
    )
