"""The two objectives of an experiment, as modules: one forward pass is the whole loss, so that DDP can wrap it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gnref import losses, penalties
from gnref.networks import (
    BigGANDiscriminator,
    CNNDiscriminator,
    ResNetDiscriminator,
    StyleGANDiscriminator,
    normal_init,
)
from gnref.networks.spectral import use_original_order
from gnref.normalization import GradientNormalized, Method
from gnref.runs import build_generator
from gnref.training.execution import Layout
from gnref.training.experiment import Experiment
from gnref.training.layout import FUSING, laid_out

_LOSSES: Mapping[str, losses.Loss] = {
    "hinge": losses.hinge,
    "wasserstein": losses.wasserstein,
    "non-saturating": losses.non_saturating,
    "non-saturating-without-sigmoid": losses.non_saturating_without_sigmoid,
}
_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": partial(nn.LeakyReLU, 0.2),
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "softplus-20": partial(nn.Softplus, beta=20.0),
}
_ZETAS: Mapping[str, Literal["abs", "one", "zero"]] = {"gn": "abs", "gn1": "one", "gn0": "zero"}
_PENALTIES = {"1-gp": penalties.gradient_penalty, "0-gp": penalties.zero_gradient_penalty}
_GENERATORS = {
    "cnn": "CNNGenerator",
    "resnet": "ResNetGenerator",
    "biggan": "BigGANGenerator",
    "stylegan": "StyleGANGenerator",
}


def generator_spec(e: Experiment) -> dict[str, Any]:
    """The generator as `experiment.json` holds it: its class and arguments."""
    arguments = {"size": e.size, "latent": e.latent, "width": e.width}
    return {
        "class": _GENERATORS[e.architecture],
        "arguments": arguments | ({"classes": e.classes} if e.classes else {}),
    }


def make_networks(e: Experiment, layout: Layout = "fused channels-last") -> tuple[nn.Module, nn.Module]:
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
        case "stylegan":
            return StyleGANDiscriminator(e.size, e.width, minibatch_stddev=e.coupled, **given)


def scores_of(e: Experiment, discriminator: nn.Module, method: Method = "auto") -> nn.Module:
    """The discriminator as the losses see it: normalized where the experiment says so, differentiated by `method`."""
    if e.normalization not in _ZETAS:
        return discriminator
    return GradientNormalized(discriminator, _ZETAS[e.normalization], method, coupled=e.coupled)


class DiscriminatorObjective(nn.Module):
    """D's loss: adversarial, plus λ_CR · consistency, plus λ_GP · penalty, each where the experiment has it."""

    def __init__(self, e: Experiment, discriminator: nn.Module, method: Method = "auto") -> None:
        super().__init__()
        self.scores = scores_of(e, discriminator, method)
        self.loss = _LOSSES[e.loss]
        self.consistency_weight = e.consistency_weight
        self.penalty = _PENALTIES.get(e.penalty)
        self.penalty_weight = e.penalty_weight

    def forward(
        self,
        real: Tensor,
        fake: Tensor,
        augmented: Tensor | None,
        between: Tensor | None,
        real_labels: Tensor | None,
        fake_labels: Tensor | None,
        alpha: float | None,
    ) -> dict[str, Tensor]:
        """The loss and its parts. Images are (N, 3, S, S); `augmented` are T(real), `between` the penalty's points."""
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
        if self.penalty is not None and between is not None:
            # The points were drawn for the joined batch of all processes: the penalty finds nothing left to mix.
            parts["penalty"] = self.penalty(self.scores, between, between, *conditions(real_labels, alpha))
            parts["loss"] = parts["loss"] + self.penalty_weight * parts["penalty"]
        return parts


class GeneratorObjective(nn.Module):
    """G's loss over the scores of its images; D is no part of the module, so that only G's gradients are exchanged."""

    def __init__(self, e: Experiment, generator: nn.Module, scores: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.loss = _LOSSES[e.loss]
        self._scores = (scores,)

    def forward(self, z: Tensor, labels: Tensor | None, growth: tuple[int, float] | None) -> dict[str, Tensor]:
        """The loss of G(z); `growth` is StyleGAN's (resolution, α)."""
        fake = self.generator(z, *conditions(labels, growth))
        return {"loss": self.loss.generator(self._scores[0](fake, *conditions(labels, growth and growth[1])))}


def conditions(labels: Tensor | None, growth: tuple[int, float] | float | None) -> tuple[Any, ...]:
    """What a network is called with besides images or latents."""
    if growth is not None:
        return growth if isinstance(growth, tuple) else (growth,)
    return () if labels is None else (labels,)
