"""The adversarial losses: discriminator and generator forms over scores of any shape, averaged over the batch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Loss:
    """A pair of objectives to minimize: `discriminator(real, fake)` and `generator(fake)`, each a scalar.

    >>> import torch
    >>> hinge.discriminator(real=torch.tensor([0.5]), fake=torch.tensor([-0.5])).item()
    1.0
    """

    name: str
    for_discriminator: Callable[[Tensor, Tensor], Tensor]
    for_generator: Callable[..., Tensor]
    paired: bool = False
    """Whether G's objective compares each fake with a real: it is then `generator(fake, real)`."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """D's objective, a scalar. Raises TypeError for scores that are no tensors."""
        return self.for_discriminator(self._scores(real), self._scores(fake))

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """G's objective, a scalar; `real` where it is paired. Raises TypeError for scores that are no tensors."""
        if self.paired:
            return self.for_generator(self._scores(fake), self._scores(real))
        return self.for_generator(self._scores(fake))

    def _scores(self, given: object) -> Tensor:
        if isinstance(given, Tensor):
            return given
        raise TypeError(f"{self.name}: expected scores as a tensor, got {type(given).__name__}; pass what D returned")


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def _wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    return fake.mean() - real.mean()


def _negative_mean(fake: Tensor) -> Tensor:
    return -fake.mean()


def _non_saturating(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def _non_saturating_generator(fake: Tensor) -> Tensor:
    return F.softplus(-fake).mean()


def _probability(scores: Tensor) -> Tensor:
    return (scores + 1) / 2


def _without_sigmoid(real: Tensor, fake: Tensor) -> Tensor:
    real, fake = _probability(real), _probability(fake)
    one, zero = torch.ones_like(real), torch.zeros_like(fake)
    return F.binary_cross_entropy(real, one) + F.binary_cross_entropy(fake, zero)


def _without_sigmoid_generator(fake: Tensor) -> Tensor:
    return F.binary_cross_entropy(_probability(fake), torch.ones_like(fake))


def _relativistic(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(fake - real).mean()


def _relativistic_generator(fake: Tensor, real: Tensor) -> Tensor:
    return F.softplus(real - fake).mean()


hinge = Loss("hinge", _hinge, _negative_mean)
"""E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))), and -E D(G(z)) [GN, Eq. 15]."""

wasserstein = Loss("wasserstein", _wasserstein, _negative_mean)
"""E D(G(z)) - E D(x), and -E D(G(z)): hinge - 2 wherever every |score| ≤ 1 [GN, Eq. 15]."""

non_saturating = Loss("non-saturating", _non_saturating, _non_saturating_generator)
"""-E log σ(D(x)) - E log(1 - σ(D(G(z)))), and -E log σ(D(G(z))), as softplus of logits [GN, Table 2, NS]."""

non_saturating_without_sigmoid = Loss("non-saturating without sigmoid", _without_sigmoid, _without_sigmoid_generator)
"""The same with p = (D + 1)/2 in place of σ(D): scores must lie in [-1, 1] [GN, Table 2, NS-sigmoid].

log is clamped at -100 as in torch's binary cross entropy, so a score of exactly ±1 on the wrong side costs 100. Scores
outside [-1, 1] raise torch's RuntimeError on CPU: GN's never are.
"""

relativistic = Loss("relativistic pairing", _relativistic, _relativistic_generator, paired=True)
"""-E log σ(D(x) - D(G(z))), and -E log σ(D(G(z)) - D(x)), pair by pair [Jolicoeur-Martineau 2019].

With R1 and R2 it is the objective of R3GAN [Huang et al. 2024].
"""
