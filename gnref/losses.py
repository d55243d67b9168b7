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


def _log_form(t: Tensor) -> Tensor:
    """-log((1 + f̂)/2) of f̂ = t/(1 + |t|): log(1 + 1/(1 + 2t)) for t ≥ 0, log 2 + log(1 - t) for t < 0."""
    # One of the two summands is constant. At t = 0 a clamp has slope 1 and relu 0, which together is the slope, -1.
    return torch.log1p(1 / (1 + 2 * t.clamp(min=0))) + torch.log1p(F.relu(-t))


def _of_ratio(real: Tensor, fake: Tensor) -> Tensor:
    return _log_form(real).mean() + _log_form(-fake).mean()


def _of_ratio_generator(fake: Tensor) -> Tensor:
    return _log_form(fake).mean()


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

non_saturating_of_ratio = Loss("non-saturating without sigmoid, of f/‖∇f‖", _of_ratio, _of_ratio_generator)
"""`non_saturating_without_sigmoid` of f̂ = t/(1 + |t|) as a function of t = f/‖∇f‖, which `zeta="zero"` gives.

-log((1 + f̂)/2) = log 2 + log(1 + |t|) for t < 0 and log(1 + 1/(1 + 2t)) for t ≥ 0, with slopes -1/(1 + |t|) and
-1/((1 + t)(1 + 2t)): the same objective and the same gradients, and exact to a few roundings of t where f̂ is within
rounding of ±1. In float32, at t = -4e7, f̂ is -1 and gives a gradient of -3.1e-4 for -2.5e-8; here it is right.
Nothing is clamped. A sample with ∇f = 0 has t = 0 there and no gradient, where f̂ is ±1.

>>> import torch
>>> t = torch.tensor([-4e7], requires_grad=True)
>>> non_saturating_of_ratio.generator(t).backward()
>>> print(f"{t.grad.item():.3g}")
-2.5e-08
"""

relativistic = Loss("relativistic pairing", _relativistic, _relativistic_generator, paired=True)
"""-E log σ(D(x) - D(G(z))), and -E log σ(D(G(z)) - D(x)), pair by pair [Jolicoeur-Martineau 2019].

With R1 and R2 it is the objective of R3GAN [Huang et al. 2024].
"""
