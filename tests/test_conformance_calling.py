"""What is out there is judged as it is: labels by name, module wrappers, images only, .cuda() inside, and so on."""

from typing import Any

import pytest
import torch
from subjects.judged import judged, literal, outcomes, quick
from torch import Tensor, nn

from gnref.conformance import Options, Subject
from gnref.conformance.calling import TakesNoLabel, as_function
from gnref.conformance.options import Capability
from gnref.conformance.show import exit_code, text


def by_keyword(net_D: Any, x: Tensor, **kwargs: Any) -> Tensor:
    """As the original's signature has it."""
    return literal(net_D, x, **kwargs)


def label_named(D: Any, images: Tensor, y: Tensor | None = None) -> Tensor:
    return literal(D, images) if y is None else literal(D, images, y)


class Wrapper(nn.Module):
    def __init__(self, D: nn.Module) -> None:
        super().__init__()
        self.D = D

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return literal(self.D, x, *args, **kwargs)


def wrap(D: nn.Module) -> nn.Module:
    return Wrapper(D)


CONDITIONAL = ("plain-call", "value", "conditional-value", "conditional-parameter-gradient", "no-side-effects")


@pytest.mark.parametrize("form", [by_keyword, Wrapper, wrap])
def test_every_form_of_the_right_formula_keeps_the_required_laws(form: Any) -> None:
    findings = [f for f in quick(Subject(form)) if f.level == "required"]
    assert outcomes(findings).keys() == {"kept"}, [f for f in findings if f.outcome != "kept"]


def test_a_label_with_a_name_of_its_own_goes_by_position() -> None:
    for law in CONDITIONAL:
        assert {f.outcome for f in judged(Subject(label_named), law)} == {"kept"}


def test_a_wrong_label_is_told_in_every_form() -> None:
    def drops(net_D: Any, x: Tensor, **kwargs: Any) -> Tensor:
        return literal(net_D, x, **{name: torch.zeros_like(value) for name, value in kwargs.items()})

    assert {f.outcome for f in judged(Subject(drops), "conditional-value")} == {"broken"}


def test_labels_by_name_take_the_names_of_the_discriminator_or_some_of_their_own() -> None:
    class Named(nn.Module):
        def forward(self, x: Tensor, label: Tensor) -> Tensor:
            return x[:, :1] + label

    class Unnamed(nn.Module):
        def forward(self, x: Tensor, *args: Tensor) -> Tensor:
            return x[:, :1] + args[0] - args[1]

    seen: list[set[str]] = []

    def normalize(D: Any, x: Tensor, **kwargs: Any) -> Tensor:
        seen.append(set(kwargs))
        scores: Tensor = D(x, **kwargs)
        return scores

    call, x = as_function(normalize), torch.ones(2, 3)
    assert call(Named(), x, torch.full((2, 1), 2.0)).flatten().tolist() == [3.0, 3.0]
    assert call(Unnamed(), x, torch.full((2, 1), 5.0), torch.ones(2, 1)).flatten().tolist() == [5.0, 5.0]
    assert seen == [{"label"}, {"argument_0", "argument_1"}]


def test_a_setting_is_no_label() -> None:
    def normalize(D: Any, x: Tensor, eps: float = 1e-30) -> Tensor:
        return literal(D, x)

    with pytest.raises(TakesNoLabel, match="its parameters are"):
        as_function(normalize)(nn.Linear(1, 1), torch.ones(1, 1), torch.zeros(1))
    (found, _) = judged(Subject(normalize), "conditional-value")
    assert found.outcome == "raised"
    assert found.remedy.startswith("declare --capability no-conditional")
    assert "remedy: declare --capability no-conditional" in text([found], "its:name")
    assert exit_code(quick(Subject(normalize, options=Options(("no-conditional",))))) == 0


def on_images(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    x = x if x.requires_grad else x.detach().requires_grad_()
    f = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(f.sum(), x, create_graph=True)
    return f / (v.square().sum(dim=(1, 2, 3)).sqrt().view(f.shape) + f.abs())


def a_class_at_a_time(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """One input gradient for each column of scores, as for a discriminator with a score a class."""
    x = x if x.requires_grad else x.detach().requires_grad_()
    f = D(x, *args, **kwargs)
    columns = []
    for k in range(f.shape[1]):
        (v,) = torch.autograd.grad(f[:, k].sum(), x, create_graph=True)
        columns.append(f[:, k] / (v.flatten(1).norm(dim=1) + f[:, k].abs()))
    return torch.stack(columns, 1)


def on_the_gpu(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(D.cuda() if isinstance(D, nn.Module) else D, x.cuda(), *args, **kwargs)


def alone(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if len(x) != 1:
        raise ValueError("one at a time")
    return literal(D, x, *args, **kwargs)


@pytest.mark.parametrize(
    ("normalize", "capability", "law"),
    [
        (on_images, "images-only", "plain-call"),
        (a_class_at_a_time, "column-scores", "any-rank"),
        (alone, "one-sample", "plain-call"),
        pytest.param(
            on_the_gpu,
            "cuda-inside",
            "plain-call",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="asks what happens without a GPU"),
        ),
    ],
)
def test_a_limit_is_found_told_and_adapted_to(normalize: Any, capability: Capability, law: str) -> None:
    found = next(f for f in Subject(normalize).findings() if f.law == law)
    assert found.outcome == "raised"
    assert f"works with --capability {capability}" in found.remedy
    findings = quick(Subject(normalize, options=Options((capability,))))
    assert exit_code(findings) == 0, [f for f in findings if f.outcome != "kept"]


@pytest.mark.parametrize("capability", ["images-only", "column-scores", "cuda-inside"])
def test_an_adaptation_hides_no_mistake(capability: Capability) -> None:
    def wrong(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return literal(D, x, *args, **kwargs) / 2

    assert {f.outcome for f in judged(Subject(wrong, options=Options((capability,))), "value")} == {"broken"}
