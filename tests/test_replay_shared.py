"""Others who use the graph of the forward pass whose activations a replay has let go: they get what they had.

In float64 within 1e-12 of double backward, which lets nothing go: 2^13 roundings, and no sum here has more terms.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from subjects.steps import Step, assert_equal_gradients, hinge_step, normal, small
from torch import Tensor, nn
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks

import gnref
from gnref import work


class Remembering(nn.Module):
    """A discriminator that keeps what a layer has computed, as feature matching does."""

    def __init__(self, layer: int) -> None:
        super().__init__()
        self.body, self.layer = small(), layer

    def forward(self, x: Tensor) -> Tensor:
        for index, module in enumerate(self.body):
            x = module(x)
            if index == self.layer:
                self.features = x
        return x


def features_in_the_loss(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    return hinge_step(discriminator, x, method) + discriminator.features.square().mean()


def features_alone_afterwards(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """Two backward passes, one after the other."""
    hinge_step(discriminator, x, method).backward(retain_graph=True)
    return discriminator.features.square().mean()


def features_first(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    loss = hinge_step(discriminator, x, method)
    discriminator.features.square().mean().backward(retain_graph=True)
    return loss


def penalty_on_features(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """A gradient of the features that is itself differentiated."""
    x = x.clone().requires_grad_()
    loss = hinge_step(discriminator, x, method)
    (slope,) = torch.autograd.grad(discriminator.features.square().sum(), x, create_graph=True)
    return loss + slope.square().sum()


@pytest.mark.parametrize("layer", range(5))
@pytest.mark.parametrize(
    "step",
    [features_in_the_loss, features_alone_afterwards, features_first, penalty_on_features],
    ids=lambda step: step.__name__,
)
def test_features_caught_in_the_forward_pass(step: Step, layer: int) -> None:
    assert_equal_gradients(Remembering(layer), normal(4, 3, 8, 8), step)


def a_smooth_head_beside(discriminator: nn.Module, x: Tensor, method: Any) -> Tensor:
    """Two heads on one body: the first is replayed, the second differentiated twice, through the same graph."""

    def heads(x: Tensor) -> tuple[Tensor, Tensor]:
        h = discriminator[:4](x)
        return discriminator[4:](h), h.tanh().sum((1, 2, 3))

    method = "auto" if method == "replay" else method
    first, second = gnref.normalization_parts(heads, x, method=method)
    assert method != "auto" or (first.method, second.method) == ("replay", "double-backward")
    return first.normalized.sum() + second.normalized.square().sum()


def test_a_head_that_cannot_be_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PAYS", {"cpu": 0})
    assert_equal_gradients(small(), normal(4, 3, 8, 8), a_smooth_head_beside)


def everything_offloaded(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    with save_on_cpu():
        return hinge_step(discriminator, x, method)


def a_part_offloaded(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    def run(x: Tensor) -> Tensor:
        with save_on_cpu():
            h = discriminator[:3](x)
        return discriminator[3:](h)  # type: ignore[index]

    scores = gnref.gradient_normalize(run, x, method=method)  # type: ignore[arg-type]
    return scores.square().sum()


@pytest.mark.parametrize("step", [everything_offloaded, a_part_offloaded], ids=lambda step: step.__name__)
def test_saved_tensor_hooks_of_the_users_own(step: Step) -> None:
    assert_equal_gradients(small(), normal(4, 3, 8, 8), step)


def test_hooks_of_the_users_own_see_every_tensor() -> None:
    packed: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        packed.append(tensor.numel())
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        gnref.gradient_normalize(small(), normal(4, 3, 8, 8), method="replay")
    assert 4 * 4 * 8 * 8 in packed


@pytest.mark.parametrize("change", [lambda delta: None, lambda delta: delta * 2], ids=["seen", "changed"])
def test_hooks_on_tensors_of_the_discriminator(change: Callable[[Tensor], Tensor | None]) -> None:
    """They see ∂f/∂h once in the pass for ∇ₓf, and what they return goes on: into v, and into the norm."""
    found = {}
    for method in ("replay", "double-backward"):
        discriminator, seen = small(), []

        def watch(module: nn.Module, args: Any, output: Tensor, seen: list[Tensor] = seen) -> None:
            output.register_hook(lambda delta: (seen.append(delta.clone()), change(delta))[1])

        for index in (1, 2, 4):
            discriminator[index].register_forward_hook(watch)
        parts = gnref.normalization_parts(discriminator, normal(4, 3, 8, 8), method=method)
        found[method] = [parts.gradient_norm, *seen]
    assert len(found["replay"]) == 4
    # Double backward then looks for coupled samples, which the hooks see too.
    for mine, theirs in zip(found["replay"], found["double-backward"][:4], strict=True):
        assert (mine - theirs).norm() <= 1e-12 * theirs.norm()


def test_a_hook_that_changes_what_is_computed_as_one_is_refused() -> None:
    discriminator = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(64, 1))
    handle = discriminator[0].register_forward_hook(
        lambda module, args, output: output.register_hook(lambda delta: delta * 2) and None
    )
    with pytest.raises(RuntimeError, match=r'between a convolution and its average pooling.*method="double-backward"'):
        gnref.gradient_normalize(discriminator.double(), normal(4, 3, 8, 8), method="replay")
    handle.remove()
    gnref.gradient_normalize(discriminator, normal(4, 3, 8, 8), method="replay").sum().backward()


@pytest.mark.skipif(
    not hasattr(torch._C._autograd, "_top_saved_tensors_default_hooks"),
    reason="this PyTorch does not say whether others' hooks are in force: activations are kept",
)
def test_who_looks_into_the_graph_is_told() -> None:
    kept: list[Any] = []
    discriminator = small()
    discriminator[2].register_forward_hook(lambda module, args, output: kept.append(output.grad_fn))
    gnref.gradient_normalize(discriminator, normal(4, 3, 8, 8), method="replay")
    with pytest.raises(RuntimeError, match='pass method="double-backward"'):
        _ = kept[0]._saved_input
