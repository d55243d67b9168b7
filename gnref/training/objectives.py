"""The two objectives of an experiment, as modules: one forward pass is the whole loss, so that DDP can wrap it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gnref import losses, penalties
from gnref.call import Method
from gnref.data.diffaugment import differentiable_augmentation
from gnref.networks import (
    BigGANDiscriminator,
    CNNDiscriminator,
    PointDiscriminator,
    ResNetDiscriminator,
    StyleGANDiscriminator,
    normal_init,
)
from gnref.networks.spectral import use_original_order
from gnref.normalization import GradientNormalized
from gnref.quotient import Zeta
from gnref.runs import build_generator
from gnref.training.execution import Layout
from gnref.training.experiment import Experiment
from gnref.training.layout import FUSING, laid_out

_LOSSES: Mapping[str, losses.Loss] = {
    "hinge": losses.hinge,
    "wasserstein": losses.wasserstein,
    "non-saturating": losses.non_saturating,
    "non-saturating-without-sigmoid": losses.non_saturating_without_sigmoid,
    "relativistic": losses.relativistic,
}
_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": partial(nn.LeakyReLU, 0.2),
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "softplus-20": partial(nn.Softplus, beta=20.0),
}
_ZETAS: Mapping[str, Zeta] = {"gn": "abs", "gn1": "one", "gn0": "zero", "gran": "gran"}
_PENALTIES: Mapping[str, Callable[..., Tensor]] = {
    # The points between were drawn for the joined batch of all processes: these two find nothing left to mix.
    "1-gp": lambda scores, points, *given: penalties.gradient_penalty(scores, points, points, *given),
    "0-gp": lambda scores, points, *given: penalties.zero_gradient_penalty(scores, points, points, *given),
    "r1": penalties.real_gradient_penalty,
    "r1-r2": penalties.both_gradient_penalty,
}
_GENERATORS = {
    "cnn": "CNNGenerator",
    "resnet": "ResNetGenerator",
    "biggan": "BigGANGenerator",
    "stylegan": "StyleGANGenerator",
    "mlp": "PointGenerator",
}


def generator_spec(e: Experiment) -> dict[str, Any]:
    """The generator as `experiment.json` holds it: its class and arguments."""
    own = {"replicas": e.replicas} if e.architecture == "mlp" else {"size": e.size}
    arguments = {**own, "latent": e.latent, "width": e.width}
    return {
        "class": _GENERATORS[e.architecture],
        "arguments": arguments | ({"classes": e.classes} if e.classes else {}),
    }


def make_networks(e: Experiment, layout: Layout = "plain") -> tuple[nn.Module, nn.Module]:
    """G and D with fresh weights from torch's random state; their functions are the paper's in every layout."""
    given: dict[str, Any] = {}
    if e.architecture in FUSING and layout.startswith("fused"):
        given["fuse"] = True
    if e.initialization == "original":
        given["init"] = normal_init
    spec = generator_spec(e)
    generator = build_generator({**spec, "arguments": spec["arguments"] | given})
    discriminator = _discriminator(e, given)
    if e.power_iteration == "original":
        use_original_order(generator)
        use_original_order(discriminator)
    return laid_out(generator, layout), laid_out(discriminator, layout)


def _discriminator(e: Experiment, given: dict[str, Any]) -> nn.Module:
    if e.activation != "default":
        given = {**given, "activation": _ACTIVATIONS[e.activation]}
    spectral = e.normalization == "sn"
    match e.architecture:
        case "cnn":
            return CNNDiscriminator(e.size, e.width, spectral_norm=spectral, **given)
        case "resnet":
            return ResNetDiscriminator(e.size, e.width, spectral_norm=spectral, **given)
        case "biggan":
            return BigGANDiscriminator(e.size, e.width, e.classes, spectral_norm=spectral, **given)
        case "mlp":
            return PointDiscriminator(e.width, e.replicas, spectral_norm=spectral, **given)
        case "stylegan":
            return StyleGANDiscriminator(e.size, e.width, minibatch_stddev=e.coupled, **given)


def scores_of(e: Experiment, discriminator: nn.Module, method: Method = "auto") -> nn.Module:
    """The discriminator as the losses see it: normalized where the experiment says so, differentiated by `method`."""
    if e.normalization not in _ZETAS:
        return discriminator
    normalized = GradientNormalized(discriminator, _ZETAS[e.normalization], method, coupled=e.coupled)
    return normalized if e.lipschitz_constant == 1 else _Scaled(normalized, e.lipschitz_constant)


class _Scaled(nn.Module):
    """K · scores."""

    def __init__(self, scores: nn.Module, constant: float) -> None:
        super().__init__()
        self.scores, self.constant = scores, constant

    def forward(self, x: Tensor, *args: Tensor | float) -> Tensor:
        """The scores of `x`, times K."""
        scaled: Tensor = self.constant * self.scores(x, *args)
        return scaled


class DiscriminatorObjective(nn.Module):
    """D's loss: adversarial, plus λ_CR · consistency, λ_LC · LeCam and λ_GP · penalty, each where there is one.

    With replicas it is the sum of theirs, so that each one's gradient is what it would be alone.
    """

    def __init__(self, e: Experiment, discriminator: nn.Module, method: Method = "auto") -> None:
        super().__init__()
        self.scores = scores_of(e, discriminator, method)
        self.loss = _LOSSES[e.loss]
        self.consistency_weight = e.consistency_weight
        self.penalty = _PENALTIES.get(e.penalty)
        self.penalty_weight = e.penalty_weight * e.penalty_every
        device = next(discriminator.parameters()).device
        self.lecam = penalties.LeCam(e.replicas).to(device) if e.lecam_weight else None
        self.lecam_weight = e.lecam_weight
        self.replicas = e.replicas

    def forward(
        self,
        real: Tensor,
        fake: Tensor,
        augmented: Tensor | None,
        penalized: Tensor | None,
        real_labels: Tensor | None,
        fake_labels: Tensor | None,
        alpha: float | None,
    ) -> dict[str, Tensor]:
        """The loss and its parts; images are (N, 3, S, S), `augmented` T(real), `penalized` the penalty's points."""
        # All pass D together, as in the original code (there without `augmented`): one larger pass is faster than two.
        images = [real, fake] if augmented is None else [real, fake, augmented]
        labels = [] if real_labels is None or fake_labels is None else [real_labels, fake_labels, real_labels]
        given = torch.cat(labels[: len(images)]) if labels else None
        scores = self.scores(torch.cat(images), *conditions(given, alpha)).split(len(real))
        real_scores, fake_scores = scores[0], scores[1]
        parts = {"real": real_scores.mean(), "fake": fake_scores.mean()}
        parts["loss"] = self.loss.discriminator(real_scores, fake_scores)
        if augmented is not None:
            parts["consistency"] = penalties.consistency(real_scores, scores[2])
            parts["loss"] = parts["loss"] + self.consistency_weight * parts["consistency"]
        if self.lecam is not None:
            parts["lecam"] = self.lecam(real_scores, fake_scores)
            parts["loss"] = parts["loss"] + self.lecam_weight * parts["lecam"]
        if self.penalty is not None and penalized is not None:
            given = torch.cat(labels[:2]) if labels and len(penalized) > len(real) else real_labels
            parts["penalty"] = self.penalty(self.scores, penalized, *conditions(given, alpha))
            parts["loss"] = parts["loss"] + self.penalty_weight * parts["penalty"]
        if self.replicas > 1:
            parts["loss"] = self.replicas * parts["loss"]
        return parts


class GeneratorObjective(nn.Module):
    """G's loss over the scores of its images; D is no part of the module, so that only G's gradients are exchanged."""

    def __init__(self, e: Experiment, generator: nn.Module, scores: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.loss = _LOSSES[e.loss]
        self.replicas = e.replicas
        self._scores = (scores,)

    def forward(
        self,
        z: Tensor,
        labels: Tensor | None,
        growth: tuple[int, float] | None,
        draws: Tensor | None = None,
        real: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The loss of G(z); `growth` is StyleGAN's (resolution, α), `draws` are DiffAugment's.

        `real` are the reals that the relativistic loss compares with, augmented already.
        """
        fake = self.generator(z, *conditions(labels, growth))
        if draws is not None:
            fake = differentiable_augmentation(fake, draws)
        given = conditions(labels, growth and growth[1])
        if real is None:
            loss = self.loss.generator(self._scores[0](fake, *given))
        else:
            loss = self.loss.generator(*self._scores[0](torch.cat([fake, real]), *given).split(len(fake)))
        return {"loss": self.replicas * loss if self.replicas > 1 else loss}


def penalized_points(e: Experiment, real: Tensor, fake: Tensor, mix: Tensor | None) -> Tensor | None:
    """Where an experiment's penalty takes D's gradient; `mix` (N, 1, ...) are the places between fakes and reals."""
    match e.penalty:
        case "r1":
            return real
        case "r1-r2":
            return torch.cat([real, fake])
        case _:
            return None if mix is None else fake + mix * (real - fake)


def pairs_reals(e: Experiment) -> bool:
    """Whether G's objective compares its images with reals."""
    return _LOSSES[e.loss].paired


def conditions(labels: Tensor | None, growth: tuple[int, float] | float | None) -> tuple[Any, ...]:
    """What a network is called with besides images or latents."""
    if growth is not None:
        return growth if isinstance(growth, tuple) else (growth,)
    return () if labels is None else (labels,)
