"""Training by the original's formulas, and how far `Trainer.step` comes from them [GN, appendix D].

Losses, gradient normalization, Adam, learning rates and the moving average are written out here, in float64, from the
appendix and from what the original configuration files say; only the inputs that `Trainer` draws are taken from it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from subjects import original_networks as networks
from subjects.original_networks import Weights
from subjects.small_experiments import images
from torch import Tensor

from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS
from gnref.training.trainer import Trainer

NETWORKS: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "cnn": (networks.cnn_generator, networks.cnn_discriminator),
    "resnet": (networks.residual_generator, networks.resnet_discriminator),
    "biggan": (networks.residual_generator, networks.biggan_discriminator),
}
CASES = {
    "cifar10-cnn-gn-original": 20,
    "cifar10-cnn-gn-cr-original": 20,
    "cifar10-resnet-gn": 20,
    "cifar10-resnet-gn-cr": 20,
    "cifar10-biggan-gn": 8,
    "cifar10-biggan-gn-cr": 8,
}
"""Experiments and how many steps of them."""


def normalized(f: Callable[..., Tensor], x: Tensor, *condition: Tensor) -> Tensor:
    """f̂ = f / (‖∇f‖ + |f|), per sample."""
    x = x if x.requires_grad else x.detach().requires_grad_()
    score = f(x, *condition)
    (gradient,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    return score / (gradient.square().sum((1, 2, 3)).sqrt()[:, None] + score.abs())


def discriminator_loss(loss: str, real: Tensor, fake: Tensor) -> Tensor:
    if loss == "hinge":
        return (1 - real).relu().mean() + (1 + fake).relu().mean()
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(loss: str, fake: Tensor) -> Tensor:
    return -fake.mean() if loss == "hinge" else F.softplus(-fake).mean()


class Adam:
    """p ← p - α m̂ / (√v̂ + ε), with the biased moments m and v divided by 1 - βᵗ."""

    def __init__(self, beta1: float, beta2: float, epsilon: float) -> None:
        self.beta1, self.beta2, self.epsilon, self.t = beta1, beta2, epsilon, 0
        self.m: Weights = {}
        self.v: Weights = {}

    def update(self, w: Weights, gradients: Weights, rate: float) -> None:
        self.t += 1
        for name, g in gradients.items():
            self.m[name] = self.beta1 * self.m.get(name, torch.zeros_like(g)) + (1 - self.beta1) * g
            self.v[name] = self.beta2 * self.v.get(name, torch.zeros_like(g)) + (1 - self.beta2) * g.square()
            m, v = self.m[name] / (1 - self.beta1**self.t), self.v[name] / (1 - self.beta2**self.t)
            w[name] = w[name].detach() - rate * m / (v.sqrt() + self.epsilon)


class Original:
    """G, D and the average of G, from the weights that a trainer starts with."""

    def __init__(self, e: Experiment, trainer: Trainer) -> None:
        self.e = e
        self.generate, self.judge = NETWORKS[e.architecture]
        self.g, self.d, self.average = (
            {name: value.detach().clone() for name, value in network.state_dict().items() if value.is_floating_point()}
            for network in (trainer.generator, trainer.discriminator, trainer.average)
        )
        self.trained = [
            [name for name, _ in network.named_parameters()] for network in (trainer.generator, trainer.discriminator)
        ]
        self.adam = [Adam(e.beta1, e.beta2, e.epsilon) for _ in range(2)]

    def update_discriminator(
        self,
        step: int,
        real: Tensor,
        view: Tensor | None,
        real_labels: Tensor | None,
        z: Tensor,
        fake_labels: Tensor | None,
    ) -> None:
        """From reals, their consistency views, the reals' labels, latents and the fakes' labels."""
        with torch.no_grad():
            fake = self.generate(self.g, z, *given(fake_labels))
        labels = () if real_labels is None else (torch.cat([real_labels, fake_labels]),)
        with weights_of(self.d, self.trained[1]) as trained:
            f = lambda x, *y: self.judge(self.d, x, *y)  # noqa: E731
            scores = normalized(f, torch.cat([real, fake]), *labels)
            on_real, on_fake = scores[: len(real)], scores[len(real) :]
            loss = discriminator_loss(self.e.loss, on_real, on_fake)
            if view is not None:
                on_view = normalized(f, view, *given(real_labels))
                loss = loss + self.e.consistency_weight * (on_real - on_view).square().mean()
            gradients = dict(zip(trained, torch.autograd.grad(loss, list(trained.values())), strict=True))
        self.adam[1].update(self.d, gradients, self.rate(step, self.e.lr_discriminator))

    def update_generator(self, step: int, z: Tensor, labels: Tensor | None) -> None:
        """From latents and labels; then the average."""
        with weights_of(self.g, self.trained[0]) as trained:
            fake = self.generate(self.g, z, *given(labels))
            f = lambda x, *y: self.judge(self.d, x, *y)  # noqa: E731
            loss = generator_loss(self.e.loss, normalized(f, fake, *given(labels)))
            gradients = dict(zip(trained, torch.autograd.grad(loss, list(trained.values())), strict=True))
        self.adam[0].update(self.g, gradients, self.rate(step, self.e.lr_generator))
        decay = self.e.ema_decay if step + 1 >= self.e.ema_start else 0.0
        for name, value in self.g.items():
            self.average[name] = decay * self.average[name] + (1 - decay) * value

    def rate(self, step: int, first: float) -> float:
        """The learning rate, falling linearly to 0 where the experiment says so."""
        return first * (1 - step / self.e.steps) if self.e.decay == "linear" else first


def given(labels: Tensor | None) -> tuple[Tensor, ...]:
    return () if labels is None else (labels,)


@contextmanager
def weights_of(w: Weights, names: list[str]) -> Iterator[Weights]:
    """The named tensors as ones to differentiate by."""
    w.update({name: w[name].detach().requires_grad_() for name in names})
    yield {name: w[name] for name in names}


def reduced(name: str) -> Experiment:
    """The experiment with a sixteenth of its channels, batches of 4, and its learning rates falling over 40 steps."""
    order = {"power_iteration": "original"} if "biggan" in name else {}
    # The average starts within the steps that are compared.
    start = {"ema_start": 3} if EXPERIMENTS[name].ema_start else {}
    smaller = {"width": 4, "latent": 16, "batch": 4, "generator_batch": 8, "steps": 40}
    return EXPERIMENTS[name].changed(**smaller, **order, **start)


def differences(e: Experiment, steps: int, ours: Experiment | None = None) -> dict[str, float]:
    """The largest differences in G, D and the average, buffers included, after so many steps of both.

    `ours` is what the trainer runs instead, to see that a difference shows.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        trainer = Trainer(ours or e, images(e))
        original, inputs = Original(e, trainer), []
        differentiate = trainer._differentiate

        def recording(who: str, network: Any, losses: Any, given: Any) -> None:
            inputs.append((who, given))
            differentiate(who, network, losses, given)

        trainer._differentiate = recording  # type: ignore[method-assign]
        for step in range(steps):
            inputs.clear()
            trainer.step()
            for who, drawn in inputs:  # what follows in them is of methods that the original does not have
                if who == "D":
                    original.update_discriminator(step, *drawn[:5])
                else:
                    original.update_generator(step, *drawn[:2])
    finally:
        torch.set_default_dtype(before)
    pairs = {
        "G": (trainer.generator, original.g),
        "D": (trainer.discriminator, original.d),
        "average": (trainer.average, original.average),
    }
    return {
        name: max(float((network.state_dict()[key] - value).abs().max()) for key, value in theirs.items())
        for name, (network, theirs) in pairs.items()
    }
