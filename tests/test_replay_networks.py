"""The replay on the paper's networks: in both layouts, in lower precisions, and with weights that are computed."""

import copy
from collections.abc import Callable

import pytest
import torch
from subjects.steps import PAPERS, assert_equal_gradients, distance, gradients, hinge_step, normal, paper_step, small
from torch import Tensor, nn

import gnref
from gnref import networks


@pytest.mark.parametrize("name", PAPERS)
def test_the_papers_discriminators(name: str) -> None:
    torch.manual_seed(0)
    discriminator = PAPERS[name]()
    size = int(name.split("-")[1])
    x = normal(4, 3, size, size).clamp(-1, 1)
    expected = gradients(paper_step, discriminator.double(), x, "double-backward")
    assert distance(gradients(paper_step, discriminator, x, "replay"), expected) <= 1e-12
    single = [gradients(paper_step, discriminator.float(), x.float(), m) for m in ("replay", "double-backward")]
    assert distance(single[0], expected) <= 4 * distance(single[1], expected)


@pytest.mark.parametrize("fuse", [False, True])
def test_fused_and_channels_last(fuse: bool) -> None:
    torch.manual_seed(0)
    discriminator = networks.ResNetDiscriminator(32, width=4, fuse=fuse).double().to(memory_format=torch.channels_last)
    assert_equal_gradients(discriminator, normal(4, 3, 32, 32).contiguous(memory_format=torch.channels_last))


def test_autocast_bfloat16() -> None:
    """D runs in bfloat16, the normalization in float32; the parameters' gradients are float32."""
    torch.manual_seed(0)
    discriminator, x = networks.ResNetDiscriminator(32, width=8), normal(8, 3, 32, 32, dtype=torch.float32)
    exact = gradients(hinge_step, copy.deepcopy(discriminator).double(), x.double(), "double-backward")

    def step(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return hinge_step(discriminator, x, method)

    found = {method: gradients(step, discriminator, x, method) for method in ("replay", "double-backward")}
    assert all(g.dtype == torch.float32 for g in found["replay"])
    assert distance(found["replay"], exact) <= 4 * distance(found["double-backward"], exact)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_a_discriminator_in_half_precision(precision: torch.dtype) -> None:
    discriminator, x = small(), normal(4, 3, 8, 8)
    exact = gradients(hinge_step, discriminator, x, "double-backward")
    discriminator.to(precision)
    found = {m: gradients(hinge_step, discriminator, x.to(precision), m) for m in ("replay", "double-backward")}
    assert distance(found["replay"], exact) <= 4 * distance(found["double-backward"], exact)


# Weights that are computed

NORMALIZED_WEIGHTS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "spectral norm": lambda m: nn.utils.parametrizations.spectral_norm(m),
    "spectral norm by hook": lambda m: nn.utils.spectral_norm(m),
    "weight norm": lambda m: nn.utils.parametrizations.weight_norm(m),
    "orthogonal": lambda m: nn.utils.parametrizations.orthogonal(m),
}


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("kind", NORMALIZED_WEIGHTS)
def test_weights_that_are_computed(kind: str, training: bool) -> None:
    discriminator = small().train(training)
    for module in discriminator:
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            NORMALIZED_WEIGHTS[kind](module)
    assert_equal_gradients(discriminator.double(), normal(4, 3, 8, 8))


@pytest.mark.parametrize("kind", ["spectral norm", "spectral norm by hook"])
def test_the_power_iteration_advances_once_a_step(kind: str) -> None:
    layer = NORMALIZED_WEIGHTS[kind](nn.Linear(6, 4)).double()
    discriminator, other = nn.Sequential(layer, nn.ReLU(), nn.Linear(4, 1).double()), copy.deepcopy(layer)
    before = {name: buffer.clone() for name, buffer in layer.named_buffers()}
    gnref.gradient_normalize(discriminator, normal(3, 6), method="replay").sum().backward()
    other(normal(3, 6))
    for (name, mine), theirs in zip(layer.named_buffers(), other.buffers(), strict=True):
        assert torch.equal(mine, theirs)
        assert not torch.equal(mine, before[name])
