"""A training step by either method, the distance of two gradients, and the paper's networks at a small width.

Two yardsticks. In float64: double backward, within 1e-12 of the gradient's norm, which is 2^13 roundings, and no sum
here has more terms. In a lower precision both methods round differently, so the replay may be at most four times as far
from the float64 gradient as double backward is.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import gnref
from gnref import losses, networks

Step = Callable[[nn.Module, Tensor, str], Tensor]


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def hinge_step(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """Reals first, fakes after, in one batch."""
    scores = gnref.gradient_normalize(discriminator, x, method=method)
    return losses.hinge.discriminator(scores[: len(x) // 2], scores[len(x) // 2 :])


def gradients(step: Step, discriminator: nn.Module, x: Tensor, method: str) -> list[Tensor]:
    """Every parameter's gradient after `step(...).backward()` on a copy; all must have one."""
    twin = copy.deepcopy(discriminator)
    step(twin, x, method).backward()
    missing = [name for name, p in twin.named_parameters() if p.requires_grad and p.grad is None]
    assert not missing
    return [p.grad for p in twin.parameters() if p.grad is not None]


def distance(found: list[Tensor], expected: list[Tensor]) -> float:
    """‖found - expected‖ / ‖expected‖ over all parameters."""
    gap = torch.stack([(a.double() - b.double()).norm() for a, b in zip(found, expected, strict=True)]).norm()
    return float(gap / torch.stack([b.double().norm() for b in expected]).norm())


def assert_equal_gradients(discriminator: nn.Module, x: Tensor, step: Step = hinge_step) -> None:
    expected = gradients(step, discriminator, x, "double-backward")
    assert distance(gradients(step, discriminator, x, "replay"), expected) <= 1e-12


def small() -> nn.Module:
    torch.manual_seed(0)
    body = (nn.Conv2d(3, 4, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(4, 4, 4, 2, 1), nn.ReLU())
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(64, 1)).double()


PAPERS: dict[str, Callable[[], nn.Module]] = {
    "CNN-32": lambda: networks.CNNDiscriminator(32, width=4),
    "CNN-48": lambda: networks.CNNDiscriminator(48, width=4),
    "ResNet-32": lambda: networks.ResNetDiscriminator(32, width=8),
    "ResNet-48": lambda: networks.ResNetDiscriminator(48, width=4),
    "ResNet-128": lambda: networks.ResNetDiscriminator(128, width=4),
    "BigGAN-32": lambda: networks.BigGANDiscriminator(32, width=4),
    "StyleGAN-8": lambda: networks.StyleGANDiscriminator(8, width=1),
}


def paper_step(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """Labels for BigGAN, and StyleGAN while a resolution fades in, so that every parameter is used."""
    condition: tuple[Any, ...] = ()
    if isinstance(discriminator, networks.BigGANDiscriminator):
        condition = (torch.arange(len(x)) % 10,)
    if isinstance(discriminator, networks.StyleGANDiscriminator):
        condition = (0.25,)
    scores = gnref.gradient_normalize(discriminator, x, *condition, method=method)  # type: ignore[arg-type]
    return losses.hinge.discriminator(scores[: len(x) // 2], scores[len(x) // 2 :])
