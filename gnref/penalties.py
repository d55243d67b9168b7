"""What other methods add to D's loss: gradient penalties and consistency regularization. Weights are the caller's."""

from typing import Any

import torch
from torch import Tensor

from gnref.admissible import Discriminator, scores_per_sample


def gradient_penalty(
    discriminator: Discriminator, real: Tensor, fake: Tensor, *args: Any, generator: torch.Generator | None = None
) -> Tensor:
    """1-GP: E (‖∇D(x̃)‖ - 1)² at x̃ = εx + (1 - ε)x', ε uniform on [0, 1] per pair of a real x and a fake x'.

    Scalar, differentiable in D's parameters; real and fake are constants here. `generator` draws ε on real's device.
    Source: the 1-GP rows of [GN, Table 1 and Figure 1].

    >>> import torch
    >>> D = torch.nn.Linear(2, 1)
    >>> _ = D.weight.data.copy_(torch.tensor([[3.0, 4.0]]))
    >>> gradient_penalty(D, torch.zeros(5, 2), torch.ones(5, 2)).item()  # (5 - 1)²
    16.0
    """
    return (_gradient_norms(discriminator, real, fake, args, generator) - 1).square().mean()


def zero_gradient_penalty(
    discriminator: Discriminator, real: Tensor, fake: Tensor, *args: Any, generator: torch.Generator | None = None
) -> Tensor:
    """0-GP: E ‖∇D(x̃)‖² at the same points x̃ as 1-GP [GN, Figure 3c and reference 11]."""
    return _gradient_norms(discriminator, real, fake, args, generator).square().mean()


def consistency(scores: Tensor, augmented: Tensor) -> Tensor:
    """CR: E (D(x) - D(T(x)))² over scores of the same samples before and after augmentation T [GN, Table 3]."""
    return (scores - augmented).square().mean()


def _gradient_norms(
    discriminator: Discriminator, real: Tensor, fake: Tensor, args: tuple[Any, ...], generator: torch.Generator | None
) -> Tensor:
    if real.shape != fake.shape:
        raise ValueError(
            f"gradient_penalty: expected real and fake of one shape, got {tuple(real.shape)} and {tuple(fake.shape)}"
        )
    epsilon = torch.rand(len(real), *[1] * (real.dim() - 1), generator=generator, device=real.device, dtype=real.dtype)
    x = (fake + epsilon * (real - fake)).detach().requires_grad_()
    with torch.enable_grad():
        score = scores_per_sample(discriminator(x, *args), len(x), reduce=None)
        (gradient,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    norms: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    return norms
