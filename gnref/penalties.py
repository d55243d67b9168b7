"""What other methods add to D's loss: gradient penalties, consistency, LeCam. Weights are the caller's."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

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
    return (_gradient_norms(discriminator, _between(real, fake, generator), args) - 1).square().mean()


def zero_gradient_penalty(
    discriminator: Discriminator, real: Tensor, fake: Tensor, *args: Any, generator: torch.Generator | None = None
) -> Tensor:
    """0-GP: E ‖∇D(x̃)‖² at the same points x̃ as 1-GP [GN, Figure 3c and reference 11]."""
    return _gradient_norms(discriminator, _between(real, fake, generator), args).square().mean()


def real_gradient_penalty(discriminator: Discriminator, real: Tensor, *args: Any) -> Tensor:
    """R1: ½ E ‖∇D(x)‖² over reals x, times the caller's γ [Mescheder et al. 2018].

    Lazily (StyleGAN2): every k-th update of D only, k times as heavy.
    """
    return _gradient_norms(discriminator, real.detach(), args).square().mean() / 2


def both_gradient_penalty(discriminator: Discriminator, both: Tensor, *args: Any) -> Tensor:
    """R1 + R2: ½ E ‖∇D(x)‖² + ½ E ‖∇D(G(z))‖², `both` being as many reals as fakes [R3GAN, Huang et al. 2024]."""
    return _gradient_norms(discriminator, both.detach(), args).square().mean()


class LeCam(nn.Module):
    """E max(0, D(x) - α_F)² + E max(0, α_R - D(G(z)))²: scores stay near the other side's running mean.

    α_R and α_F are the moving averages of D's mean score of reals and of fakes, `decay` 0.99 [Tseng et al. 2021; the
    maxima are their code's]. They are part of the state of training. With R replicas (`gnref.networks.points`) each has
    its own.
    """

    def __init__(self, replicas: int = 1, decay: float = 0.99) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("anchors", torch.zeros(2, replicas))
        self.anchors: Tensor

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        """The regularizer of scores (N, 1) or (N,), N a multiple of R; in training mode the averages move on first."""
        real, fake = (scores.reshape(-1, self.anchors.shape[1]) for scores in (real, fake))
        if self.training:
            with torch.no_grad():
                means = torch.stack([real.mean(0), fake.mean(0)]).to(self.anchors.dtype)
                self.anchors.lerp_(means, 1 - self.decay)
        of_real, of_fake = self.anchors.clone()
        return relu(real - of_fake).square().mean() + relu(of_real - fake).square().mean()


def consistency(scores: Tensor, augmented: Tensor) -> Tensor:
    """CR: E (D(x) - D(T(x)))² over scores of the same samples before and after augmentation T [GN, Table 3]."""
    return (scores - augmented).square().mean()


def _between(real: Tensor, fake: Tensor, generator: torch.Generator | None) -> Tensor:
    """εx + (1 - ε)x', ε uniform on [0, 1] for each pair of a real and a fake."""
    if real.shape != fake.shape:
        raise ValueError(
            f"gradient_penalty: expected real and fake of one shape, got {tuple(real.shape)} and {tuple(fake.shape)}"
        )
    epsilon = torch.rand(len(real), *[1] * (real.dim() - 1), generator=generator, device=real.device, dtype=real.dtype)
    return (fake + epsilon * (real - fake)).detach()


def _gradient_norms(discriminator: Discriminator, points: Tensor, args: tuple[Any, ...]) -> Tensor:
    """‖∇D‖ at each point, (N,), differentiable in D's parameters; `points` is a leaf of its own."""
    x = points.requires_grad_()
    with torch.enable_grad():
        score = scores_per_sample(discriminator(x, *args), len(x), reduce=None)
        (gradient,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    norms: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    return norms
