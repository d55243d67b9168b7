"""The replay leaves nothing behind, whatever goes wrong, and a whole step of it can be captured as one graph."""

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import torch
from subjects.steps import PAPERS, distance, gradients, hinge_step, normal, small
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

import gnref
from gnref import losses

# No state left behind


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("backward", [True, False])
def test_a_steps_memory_goes_with_its_result(backward: bool) -> None:
    """No reference cycle keeps anything alive until the garbage collector comes: an adjoint is watched."""
    kept: list[weakref.ref[torch.UntypedStorage]] = []
    discriminator = small()

    def watch(module: nn.Module, args: Any, output: Tensor) -> None:
        output.register_hook(lambda delta: kept.append(weakref.ref(delta.untyped_storage())))

    discriminator[2].register_forward_hook(watch)
    scores = gnref.gradient_normalize(discriminator, normal(4, 3, 8, 8), method="replay")
    assert kept[0]() is not None
    if backward:
        scores.sum().backward()
    del scores
    assert kept[0]() is None


@pytest.mark.skipif(
    not hasattr(torch._C._autograd, "_top_saved_tensors_default_hooks"),
    reason="this PyTorch does not say whether others' hooks are in force: activations are kept",
)
@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(("method", "stays"), [("replay", False), ("double-backward", True)])
def test_activations_are_gone_before_the_backward_pass(method: Any, stays: bool) -> None:
    kept: list[weakref.ref[torch.UntypedStorage]] = []
    discriminator = small()
    discriminator[1].register_forward_hook(
        lambda module, args, output: kept.append(weakref.ref(output.untyped_storage()))
    )
    scores = gnref.gradient_normalize(discriminator, normal(4, 3, 8, 8), method=method)
    assert (kept[0]() is not None) == stays
    scores.sum().backward()


def ends_in_an_error(score: Tensor) -> Tensor:
    raise RuntimeError("of the discriminator's own")


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("end", [ends_in_an_error, torch.tanh], ids=["error", "not piecewise linear"])
def test_a_forward_pass_that_is_not_replayed_holds_nothing(end: Callable[[Tensor], Tensor]) -> None:
    """A rectifier's result is watched: autograd saves it in the node that made it, which its graph refers to."""
    kept: list[weakref.ref[torch.UntypedStorage]] = []
    body = nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.ReLU()).double()
    body[2].register_forward_hook(lambda module, args, output: kept.append(weakref.ref(output.untyped_storage())))
    with suppress(RuntimeError):
        gnref.gradient_normalize(lambda x: end(body(x)).sum(1), normal(4, 3, 8, 8))
    assert kept[0]() is None


def test_an_exception_inside_the_discriminator_leaves_nothing_behind() -> None:
    discriminator, x = small(), normal(4, 3, 8, 8)
    expected = gradients(hinge_step, discriminator, x, "replay")

    class Broken(nn.Module):
        def forward(self, h: Tensor) -> Tensor:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        gnref.gradient_normalize(nn.Sequential(discriminator[:3], Broken()), x, method="replay")
    for a, b in zip(gradients(hinge_step, discriminator, x, "replay"), expected, strict=True):
        assert torch.equal(a, b)


def test_an_exception_inside_the_backward_pass_leaves_nothing_behind() -> None:
    discriminator, x = small(), normal(4, 3, 8, 8)
    expected = gradients(hinge_step, discriminator, x, "replay")
    loss = hinge_step(discriminator, x, "replay")
    handle = discriminator[0].weight.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        loss.backward()
    handle.remove()
    discriminator.zero_grad()
    for a, b in zip(gradients(hinge_step, discriminator, x, "replay"), expected, strict=True):
        assert torch.equal(a, b)


# Capture


@pytest.mark.parametrize(("network", "compiled"), [("small", False), ("small", True), ("BigGAN-32", False)])
def test_a_whole_step_captured_as_one_graph(network: str, compiled: bool) -> None:
    """make_fx records the step, gradients included; `torch.compile` takes the recording like any other function."""
    torch.manual_seed(0)
    discriminator = small() if network == "small" else PAPERS[network]().double()
    labels = () if network == "small" else (torch.arange(4),)
    parameters = dict(discriminator.named_parameters())

    def step(parameters: dict[str, Tensor], x: Tensor) -> tuple[Tensor, ...]:
        def run(x: Tensor) -> Tensor:
            result: Tensor = torch.func.functional_call(discriminator, parameters, (x, *labels))
            return result

        scores = gnref.gradient_normalize(run, x, method="replay")
        loss = losses.hinge.discriminator(scores[:2], scores[2:])
        return torch.autograd.grad(loss, list(parameters.values()))

    size = 8 if network == "small" else 32
    first, second = normal(4, 3, size, size, seed=1), normal(4, 3, size, size, seed=2)
    captured: Any = make_fx(step)(parameters, first)
    if compiled:
        captured = torch.compile(captured, backend="aot_eager")
    with torch.no_grad():
        found = captured(parameters, second)
    assert distance(list(found), list(step(parameters, second))) <= 1e-12
