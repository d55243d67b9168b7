"""Every ζ and loss on exact networks against NumPy's `pullback`, within n roundings of the terms' absolute values."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import gnref
from gnref import losses
from gnref.exact import ExactNetwork, off_kinks
from gnref.penalties import consistency
from gnref.quotient import normalize

LOSSES = (losses.hinge, losses.wasserstein, losses.non_saturating, losses.non_saturating_without_sigmoid)
ZETAS = ("abs", "one", "zero")
EXACT = [
    off_kinks([[([2, -1], 1), ([1, 3], -3), ([-2, 1], 5)], [([1, -1, 2], 1), ([3, 1, -1], -5)]], ([2, -3], 1), slope)
    for slope in (0.0, 0.25, -1.0)
]


def pullback_of(
    network: ExactNetwork, x: Tensor, zeta: Any, loss: Callable[[Tensor], Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """The gradients by NumPy from (α, w) = dL/d(f, v), and what 2n roundings of their terms amount to.

    A term is a product along one path through the layers, and an entry the sum over paths and samples: n = (batch + Σ
    (width + 2)) bounds the roundings that any term goes through, once in each of the two computations.
    """
    at = network.evaluate(x.numpy())
    f, v = (torch.from_numpy(array.copy()).requires_grad_() for array in (at.score, at.gradient))
    alpha, w = torch.autograd.grad(loss(normalize(f, v, zeta)[0]), [f, v])
    found = network.pullback(x.numpy(), alpha.numpy(), w.numpy())
    terms = network.absolute().pullback(x.abs().numpy(), alpha.abs().numpy(), w.abs().numpy())
    roundings = len(x) + sum(weight.shape[1] + 2 for weight, _ in network.matrices())
    bounds = [2 * roundings * 2.0**-53 * torch.from_numpy(term.copy()) for term in terms]
    return [torch.from_numpy(array.copy()) for array in found], bounds


@pytest.mark.parametrize("method", ["replay", "double-backward"])
@pytest.mark.parametrize("zeta", ZETAS)
@pytest.mark.parametrize("network", EXACT, ids=["relu", "leaky", "abs"])
@pytest.mark.parametrize("loss", [*LOSSES, "consistency"], ids=lambda loss: getattr(loss, "name", loss))
def test_every_zeta_and_loss_against_numpy(network: ExactNetwork, loss: Any, zeta: Any, method: Any) -> None:
    """Consistency regularization couples samples; the NS loss without sigmoid needs GN's |f̂| ≤ 1."""
    if loss is losses.non_saturating_without_sigmoid and zeta != "abs":
        pytest.skip("scores outside [-1, 1]")
    x = torch.randint(-4, 5, (8, 2), generator=torch.Generator().manual_seed(0)).double()

    def objective(scores: Tensor) -> Tensor:
        if loss == "consistency":
            return 10 * consistency(scores[:4], scores[4:])
        return loss.discriminator(scores[:4], scores[4:])

    discriminator = network.to_torch()
    objective(gnref.gradient_normalize(discriminator, x, zeta=zeta, method=method)[:, 0]).backward()
    expected, bounds = pullback_of(network, x, zeta, objective)
    for parameter, value, bound in zip(discriminator.parameters(), expected, bounds, strict=True):
        assert parameter.grad is not None
        assert ((parameter.grad - value).abs() <= bound).all()


@pytest.mark.parametrize("zeta", ZETAS)
@pytest.mark.parametrize("network", EXACT, ids=["relu", "leaky", "abs"])
def test_the_free_checksum(network: ExactNetwork, zeta: Any) -> None:
    """Scaling the last layer leaves f̂ of GN and GN_0 as it is, so ⟨θ, ∂L/∂θ⟩ = 0 there; for GN_1 it is Σ l f/(g+1)².

    Left of the equality stands Σ (αf + ⟨v, w⟩), whose terms are bounded as in `pullback_of`.
    """
    x = torch.randint(-4, 5, (8, 2), generator=torch.Generator().manual_seed(0)).double()
    discriminator = network.to_torch()
    losses.wasserstein.generator(gnref.gradient_normalize(discriminator, x, zeta=zeta, method="replay")).backward()
    head = list(discriminator.parameters())[-2:]
    _, bounds = pullback_of(network, x, zeta, losses.wasserstein.generator)
    found = sum((p.detach() * p.grad).sum() for p in head)
    at = network.evaluate(x.numpy())
    f, g = torch.from_numpy(at.score), torch.from_numpy(at.squared_norm).sqrt()
    expected = (-f / (g + 1) ** 2 / len(x)).sum() if zeta == "one" else torch.zeros(())
    assert abs(found - expected) <= 2 * sum(
        (p.detach().abs() * b).sum() for p, b in zip(head, bounds[-2:], strict=True)
    )
