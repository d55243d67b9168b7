"""A pair of forms: a normalized discriminator, and a loss-aware shortcut for the generator's step."""

from typing import Any

import torch
from subjects.judged import judged, literal, outcomes, quick
from torch import Tensor

from gnref.conformance import Options, Subject
from gnref.conformance.show import exit_code, text


def shortcut(D: Any, x: Tensor, loss: Any, *args: Any, assume_mean: bool = False, **kwargs: Any) -> Tensor:
    """The generator's closed form for piecewise-linear D: ∂L/∂x = l (g/N²) ∇ₓf, without a second backward pass."""
    inner = x.detach().requires_grad_()
    scores = D(inner, *args, **kwargs)
    (v,) = torch.autograd.grad(scores.sum(), inner)
    f, g = scores.detach(), v.flatten(1).norm(dim=1).view(scores.shape)
    normalized = (f / (g + f.abs())).requires_grad_()
    total = loss(normalized)
    (weights,) = torch.autograd.grad(total, normalized)
    if assume_mean:
        weights = torch.full_like(weights, float(weights.mean()))
    slope = (weights * g / (g + f.abs()) ** 2).view(-1, *[1] * (x.dim() - 1)) * v
    return total.detach() + ((x - x.detach()) * slope).sum()


def test_a_pair_is_judged_by_both_forms() -> None:
    options = Options(capability=("piecewise-linear-only",))
    subject = Subject(literal, shortcut, options)
    findings = quick(subject)
    assert exit_code(findings) == 0, outcomes(findings)
    kept = {f.law for f in findings if f.form == "generator" and f.outcome == "kept"}
    assert {"value", "generator-gradient", "slope-identity", "conditional-value"} <= kept
    assert "value v1 (generator form)" in text(findings, "pair")


def test_a_generator_form_that_assumes_a_mean_loss_is_told() -> None:
    def wrong(D: Any, x: Tensor, loss: Any, *args: Any, **kwargs: Any) -> Tensor:
        return shortcut(D, x, loss, *args, assume_mean=True, **kwargs)

    found = [f for f in judged(Subject(literal, wrong), "generator-gradient") if f.form == "generator"]
    assert {f.outcome for f in found} == {"broken"}


def test_a_generator_form_that_ignores_its_loss_is_told() -> None:
    findings = Subject(literal, lambda D, x, loss: D(x).sum()).findings()
    assert exit_code(findings) == 2
    assert "the generator form never called its loss" in text(findings, "pair")
