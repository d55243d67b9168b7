"""What normalizing must leave alone: x, every `.grad`, buffers, the mode, the random state; and the shape of scores."""

import random

import numpy as np
import torch
from torch import Tensor, nn

from gnref.laws.case import Case, Normalize, judge
from gnref.laws.examples import network_cases
from gnref.laws.law import law


class _Counting(nn.Module):
    """f, with a buffer that counts forward passes, as a power iteration or a running mean would."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.passes: Tensor
        self.register_buffer("passes", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor, *args: Tensor) -> Tensor:
        if self.training:
            self.passes += 1
        score: Tensor = self.module(x, *args)
        return score


def _random_states() -> tuple[Tensor, str, object]:
    return torch.get_rng_state(), repr(np.random.get_state()), random.getstate()  # noqa: NPY002 - the global state is what is meant


@law("normalized-function", evidence="equality", drawn="cases", fixed=network_cases)
def no_side_effects(normalize: Normalize, case: Case) -> float:
    """x, every parameter, each `requires_grad` and `.grad`, the mode and the random states are as before.

    Usual cause: x.requires_grad_() on the caller's x, scores.backward() instead of torch.autograd.grad, or D.eval().
    Remedy: Work on x.detach().requires_grad_() where x does not require a gradient, and use torch.autograd.grad.
    """
    module, x = case.module(), case.x()
    marks = [torch.full_like(p, 3.0) for p in module.parameters()]
    for parameter, mark in zip(module.parameters(), marks, strict=True):
        parameter.grad = mark.clone()
    before = [p.detach().clone() for p in module.parameters()]
    # Moved on first, so that a subject that reseeds cannot find the state where it would put it.
    torch.rand(1), np.random.random(), random.random()  # noqa: NPY002 - the global state is what is meant
    torch_state, numpy_state, python_state = _random_states()
    normalize(module, x, *case.arguments())
    torch_after, numpy_after, python_after = _random_states()
    judge("x", x, case.x(), 0.0, case.snippet())
    for parameter, value, mark in zip(module.parameters(), before, marks, strict=True):
        judge("a parameter", parameter, value, 0.0, case.snippet())
        judge("a parameter's .grad", parameter.grad, mark, 0.0, case.snippet())
    kept = {
        "x.requires_grad is False": not x.requires_grad,
        "x.grad is None": x.grad is None,
        "parameters require gradients": all(p.requires_grad for p in module.parameters()),
        "the module is in training mode": module.training,
        "PyTorch's random state is as it was": torch.equal(torch_state, torch_after),
        "NumPy's random state is as it was": numpy_state == numpy_after,
        "Python's random state is as it was": python_state == python_after,
    }
    for what, holds in kept.items():
        judge(what, holds, True, 0.0, case.snippet())
    leaf = case.x().requires_grad_()
    normalize(module, leaf, *case.arguments())
    judge("x.grad of a leaf is None", leaf.grad is None, True, 0.0, case.snippet())
    return 0.0


@law(
    "normalized-function",
    level="robustness",
    evidence="count",
    drawn="cases",
    fixed=network_cases,
    needs=("batch", "parameter gradient"),
)
def one_forward_pass(normalize: Normalize, case: Case) -> float:
    """Buffers see exactly one forward pass in training mode, with the backward pass of the scores included.

    Usual cause: D is called once for f and once more for ∇ₓf.
    Remedy: Take f and ∇ₓf from the same forward pass: spectral norm's power iteration and running means advance once.
    """
    module = _Counting(case.module())
    torch.autograd.backward(normalize(module, case.x(), *case.arguments()).sum())
    return judge("forward passes seen by a buffer", module.passes, 1, 0.0, case.snippet())


@law("normalized-function", evidence="equality", drawn="cases", fixed=network_cases, needs=("arguments",))
def keyword_arguments(normalize: Normalize, case: Case) -> float:
    """Further arguments reach the discriminator, by position and by keyword: f + a - b for given a, b.

    Usual cause: The function calls D(x) with x alone, or passes on positions but not keywords.
    Remedy: Accept *args and **kwargs and pass both to D; declare --capability no-conditional where there are none.
    """

    class Shifted(nn.Module):
        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self.module = module

        def forward(self, x: Tensor, up: Tensor, *, down: Tensor) -> Tensor:
            score: Tensor = self.module(x) + up - down
            return score

    if case.labels:
        return 0.0
    module, x = case.module(), case.x()
    shift = torch.arange(len(x), dtype=case.dtype, device=case.device)[:, None]
    got = normalize(Shifted(module), x, shift, down=shift)
    return judge("f̂ of f + a - a", got, normalize(module, x), 0.0, case.snippet())
