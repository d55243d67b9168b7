"""The replay in the ways in which people run a step: accumulated, retained, with hooks, checkpoints, unrolled."""

import copy
from typing import Any

import pytest
import torch
import torch.utils.checkpoint
from subjects.steps import Step, assert_equal_gradients, gradients, hinge_step, normal, small
from torch import Tensor, nn

import gnref


def accumulated(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    hinge_step(discriminator, x[:2], method).backward()
    return hinge_step(discriminator, x[2:], method)


def retained(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    loss = hinge_step(discriminator, x, method)
    loss.backward(retain_graph=True)
    loss.backward(retain_graph=True)
    return loss


def several_heads(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """Two heads on one body, one with every loss of its own; the third is the map's mean."""

    def heads(x: Tensor) -> tuple[Tensor, Tensor]:
        h = discriminator[:4](x)
        return discriminator[4:](h), (h * discriminator[2].bias[:, None, None]).sum((1, 2, 3))

    first, second = gnref.gradient_normalize(heads, x, method=method)  # type: ignore[arg-type]
    dense = gnref.gradient_normalize(discriminator[:3], x, reduce="mean", method=method)  # type: ignore[arg-type]
    return first.sum() + second.square().sum() + dense.sin().sum()


def with_score_and_norm(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """The plain score, of another forward pass, in the same loss as f̂."""
    return hinge_step(discriminator, x, method) + discriminator(x).square().mean()


def two_discriminators(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """Two networks, one of which shares a layer with the other, evaluated in turn and differentiated together."""
    torch.manual_seed(3)
    other = nn.Sequential(discriminator[0], nn.ReLU(), nn.Flatten(), nn.Linear(256, 1).double())
    a = gnref.gradient_normalize(discriminator, x, method=method)  # type: ignore[arg-type]
    b = gnref.gradient_normalize(other, x, method=method)  # type: ignore[arg-type]
    return (a * b + a).sum()


def penalty_on_the_normalized_score(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """(‖∇f̂‖ - 1)², differentiated."""
    x = x.clone().requires_grad_()
    scores = gnref.gradient_normalize(discriminator, x, method=method)  # type: ignore[arg-type]
    (slope,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return scores.sum() + (slope.flatten(1).norm(dim=1) - 1).square().sum()


def gradient_of_the_gradient(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """‖∂L/∂θ‖², differentiated, as a meta-gradient or an unrolled step has it."""
    loss = hinge_step(discriminator, x, method)
    found = torch.autograd.grad(loss, list(discriminator.parameters()), create_graph=True)
    return loss + sum(g.square().sum() for g in found)


STEPS: list[Step] = [
    accumulated,
    retained,
    several_heads,
    with_score_and_norm,
    two_discriminators,
    penalty_on_the_normalized_score,
    gradient_of_the_gradient,
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_ways_to_run_a_step(step: Step) -> None:
    assert_equal_gradients(small(), normal(4, 3, 8, 8), step)


def test_the_generators_gradient() -> None:
    """x is what G made; D is frozen, so nothing but ∇ₓL = l κ v is computed."""

    def step(generator: nn.Module, z: Tensor, method: Any) -> Tensor:
        discriminator = small().requires_grad_(False)
        return -gnref.gradient_normalize(discriminator, generator(z).view(-1, 3, 8, 8), method=method).mean()

    torch.manual_seed(1)
    assert_equal_gradients(nn.Sequential(nn.Linear(4, 192), nn.Tanh()).double(), normal(4, 4), step)


def test_activation_checkpointing() -> None:
    """The checkpointed part runs again when the plan reads what it saved; nothing else changes."""

    def step(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
        def run(x: Tensor) -> Tensor:
            h = torch.utils.checkpoint.checkpoint(discriminator[:4], x, use_reentrant=False)
            return discriminator[4:](h)  # type: ignore[no-any-return]

        return gnref.gradient_normalize(run, x, method=method).square().sum()  # type: ignore[arg-type, no-any-return]

    assert_equal_gradients(small(), normal(4, 3, 8, 8), step)


def test_a_condition_computed_by_a_trained_encoder() -> None:
    """What the encoder's parameters receive goes through the encoder, which other terms of the loss use too."""

    def step(both: nn.Module, x: Tensor, method: str) -> Tensor:
        discriminator, encoder = both
        y = encoder(x.mean((2, 3)).detach()).tanh()

        def run(x: Tensor, y: Tensor) -> Tensor:
            h = discriminator[:4](x).flatten(1)
            return (h * y).sum(1) + discriminator[5](h)[:, 0]

        return gnref.gradient_normalize(run, x, y, method=method).square().sum() + y.square().sum()  # type: ignore[arg-type, no-any-return]

    torch.manual_seed(1)
    assert_equal_gradients(nn.Sequential(small(), nn.Linear(3, 64).double()), normal(4, 3, 8, 8), step)


@pytest.mark.parametrize("where", ["0.weight", "2.bias"])
def test_a_gradient_hook_runs_once(where: str) -> None:
    """Hooks on leaves that layers meet directly see the one whole gradient; so do post-accumulate hooks."""

    def step(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
        parameter, calls = discriminator.get_parameter(where), []
        parameter.register_hook(lambda g: (calls.append(1), g.clamp(max=1e-3))[1])
        parameter.register_post_accumulate_grad_hook(lambda p: calls.append(2))
        loss = hinge_step(discriminator, x, method)
        loss.backward(retain_graph=True)
        assert calls == [1, 2]
        return loss

    assert_equal_gradients(small(), normal(4, 3, 8, 8), step)


def test_a_gradient_hook_behind_a_parametrization_is_left_to_double_backward() -> None:
    discriminator = small()
    nn.utils.parametrizations.spectral_norm(discriminator[0]).double()
    calls: list[int] = []
    discriminator[0].parametrizations.weight.original.register_hook(lambda g: calls.append(1))
    parts = gnref.normalization_parts(discriminator, normal(4, 3, 8, 8))
    assert parts.method == "double-backward"
    parts.normalized.sum().backward()
    assert calls == [1]


def test_a_weight_changed_before_backward_is_an_error_as_usual() -> None:
    """The first layer's weight and the last one's are not read any more: they have done their part in ∇ₓf."""
    discriminator, x = small(), normal(4, 3, 8, 8)
    for name in ("0.weight", "2.weight", "5.weight", "0.bias", "2.bias", "5.bias"):
        expected, twin = gradients(hinge_step, discriminator, x, "replay"), copy.deepcopy(discriminator)
        loss = hinge_step(twin, x, "replay")
        with torch.no_grad():
            twin.get_parameter(name).mul_(2).add_(1)
        if name in ("0.bias", "2.bias", "2.weight"):
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                loss.backward()
        elif name != "0.weight":
            loss.backward()
            assert all(torch.equal(p.grad, e) for p, e in zip(twin.parameters(), expected, strict=True))


def test_a_second_backward_needs_retain_graph_as_usual() -> None:
    loss = hinge_step(small(), normal(4, 3, 8, 8), "replay")
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


@pytest.mark.parametrize("method", ["replay", "double-backward"])
def test_a_discriminator_that_turns_autocast_off_is_differentiated_without_it(method: Any) -> None:
    """The gradient in x is taken where the call stands, and its products were computed in bfloat16 there."""
    discriminator, x = small().float(), normal(4, 3, 8, 8).float()

    def surrounded(discriminator: nn.Module, x: Tensor, method: Any) -> Tensor:
        def exactly(x: Tensor) -> Tensor:
            with torch.autocast("cpu", enabled=False):
                scores: Tensor = discriminator(x)
            return scores

        with torch.autocast("cpu", torch.bfloat16):
            scores = gnref.gradient_normalize(exactly, x, method=method)
        return scores.square().sum()

    def alone(discriminator: nn.Module, x: Tensor, method: Any) -> Tensor:
        return gnref.gradient_normalize(discriminator, x, method=method).square().sum()

    for found, expected in zip(
        gradients(surrounded, discriminator, x, method), gradients(alone, discriminator, x, method), strict=True
    ):
        assert torch.equal(found, expected)
