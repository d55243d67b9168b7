"""The bodies that are measured: gradients, steps and iterations of one method on one network, in one setting.

Bodies are the same for every method but for the method itself, and their inputs are random numbers that never change:
what is measured is arithmetic, not data.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from gnref import networks
from gnref.capture import Body, Capture, as_cuda_graph, captured
from gnref.data.augment import consistency_augmentation
from gnref.errors import UserError
from gnref.losses import hinge
from gnref.normalization import GradientNormalized, Method
from gnref.penalties import consistency, gradient_penalty, zero_gradient_penalty
from gnref.quotient import Zeta

T = TypeVar("T")


@dataclass(frozen=True)
class Network:
    """A generator and a discriminator of the paper at one image size."""

    generator: Callable[..., nn.Module]
    discriminator: Callable[..., nn.Module]
    size: int
    conditional: bool = False
    fuses: bool = True
    """Whether pooling and upsampling can be computed within the convolutions."""


NETWORKS: Mapping[str, Network] = {
    "cnn-32": Network(networks.CNNGenerator, networks.CNNDiscriminator, 32, fuses=False),
    "cnn-48": Network(networks.CNNGenerator, networks.CNNDiscriminator, 48, fuses=False),
    "resnet-32": Network(networks.ResNetGenerator, networks.ResNetDiscriminator, 32),
    "resnet-48": Network(networks.ResNetGenerator, networks.ResNetDiscriminator, 48),
    "resnet-128": Network(networks.ResNetGenerator, networks.ResNetDiscriminator, 128),
    "biggan-32": Network(networks.BigGANGenerator, networks.BigGANDiscriminator, 32, conditional=True),
}


@dataclass(frozen=True)
class Regularization:
    """What a method adds to a plain discriminator and its hinge loss."""

    zeta: Zeta | None = None
    path: Method = "replay"
    spectral_norm: bool = False
    penalty: Callable[..., Tensor] | None = None
    consistency: bool = False


METHODS: Mapping[str, Regularization] = {
    "vanilla": Regularization(),
    "sn": Regularization(spectral_norm=True),
    "1-gp": Regularization(penalty=gradient_penalty),
    "0-gp": Regularization(penalty=zero_gradient_penalty),
    "gn-double-backward": Regularization("abs", "double-backward"),
    "gn": Regularization("abs"),
    "gn1": Regularization("one"),
    "gn0": Regularization("zero"),
    "gn-cr": Regularization("abs", consistency=True),
}

Part = Literal["discriminator gradient", "discriminator step", "score gradient", "generator step", "iteration"]
PARTS: tuple[Part, ...] = (
    "discriminator gradient",
    "discriminator step",
    "score gradient",
    "generator step",
    "iteration",
)


@dataclass(frozen=True)
class Setting:
    """One line of a table: what is computed, and how."""

    network: str = "resnet-32"
    method: str = "gn"
    batch: int = 16
    """Reals in a step of D, with as many fakes; a step of G has twice as many fakes."""
    device: str = "cpu"
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    """float32 is without TF32; bf16 is autocast: networks in bfloat16, the rest in float32."""
    layout: Literal["plain", "channels-last", "fused", "fused channels-last"] = "plain"
    """Of images in memory; fused computes pooling and upsampling within the convolutions, where a network can."""
    capture: Capture = "eager"
    width: int | None = None
    """The networks' width; None is the paper's."""
    updates: int = 5
    """Steps of D in an iteration."""


class DiscriminatorLoss(nn.Module):
    """D's loss of one batch, reals and fakes in one pass as the original code has it. Weights: 10 on any addition."""

    def __init__(self, discriminator: nn.Module, method: Regularization) -> None:
        super().__init__()
        self.discriminator = scores_of(discriminator, method)
        self.method = method

    def forward(self, real: Tensor, fake: Tensor, *labels: Tensor) -> Tensor:
        """The scalar loss; labels (2N,) are those of the reals, then of the fakes."""
        scores = self.discriminator(torch.cat([real, fake]), *labels)
        loss = hinge.discriminator(scores[: len(real)], scores[len(real) :])
        half = [y[: len(real)] for y in labels]
        if self.method.penalty is not None:
            loss = loss + 10 * self.method.penalty(self.discriminator, real, fake, *half)
        if self.method.consistency:
            augmented = self.discriminator(consistency_augmentation(real), *half)
            loss = loss + 10 * consistency(scores[: len(real)], augmented)
        return loss


def scores_of(discriminator: nn.Module, method: Regularization) -> nn.Module:
    """The discriminator as the losses see it."""
    return discriminator if method.zeta is None else GradientNormalized(discriminator, method.zeta, method.path)


class Steps:
    """Networks, optimizers and inputs of a setting; each of `PARTS` is a method without arguments.

    Every gradient and step leaves the networks' functions alone but for the optimizer's updates, which are real.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting, self.method = setting, METHODS[setting.method]
        network = NETWORKS[setting.network]
        device = torch.device(setting.device)
        fused = {"fuse": True} if setting.layout.startswith("fused") else {}
        if fused and not network.fuses:
            raise UserError(
                f"Steps: {setting.network} has no pooling to fuse; choose the layout plain or channels-last"
            )
        width = {} if setting.width is None else {"width": setting.width}
        with torch.random.fork_rng(), torch.device(device):
            torch.manual_seed(0)
            self.generator = network.generator(network.size, **width, **fused)
            self.discriminator = network.discriminator(
                network.size, spectral_norm=self.method.spectral_norm, **width, **fused
            )
            batch, shape = setting.batch, (3, network.size, network.size)
            self.real, self.fake = torch.randn(batch, *shape), torch.randn(batch, *shape)
            self.latents = torch.randn(2 * batch, 128)
            self.labels = (torch.arange(2 * batch) % 10,) if network.conditional else ()
        if setting.layout.endswith("channels-last"):
            layout: Any = torch.channels_last
            for module in (self.generator, self.discriminator):
                module.to(memory_format=layout)  # type: ignore[call-overload]
            self.real, self.fake = (x.contiguous(memory_format=layout) for x in (self.real, self.fake))
        self.loss = DiscriminatorLoss(self.discriminator, self.method)
        self._optimizers = {module: _adam(module, device) for module in (self.generator, self.discriminator)}
        self._bodies: dict[Part, Body] = {}

    def body(self, part: Part) -> Body:
        """The part as a function without arguments, captured as the setting says; warm it up before it is timed."""
        if part not in self._bodies:
            self._bodies[part] = self._with_tf32(partial(self._capture, part))
        return partial(self._with_tf32, self._bodies[part])

    def _capture(self, part: Part) -> Body:
        eager: Body = getattr(self, part.replace(" ", "_"))
        if self.setting.capture == "eager":
            return eager
        if self.setting.capture == "cuda-graph":
            return as_cuda_graph(eager)
        if part != "discriminator gradient":
            raise UserError(f'Steps: expected "discriminator gradient" where capture is "compiled", got {part!r}')
        return self._compiled_gradient()

    def _compiled_gradient(self) -> Body:
        def losses(*given: Tensor) -> dict[str, Tensor]:
            with self._autocast():
                return {"loss": self.loss(*given)}

        inputs = self.real, self.fake, *self.labels
        trained = [p for p in self.loss.parameters() if p.requires_grad]
        return partial(captured(losses, [self.loss], trained, inputs, "compiled"), *inputs)

    def forward_pass(self) -> Tensor:
        """One forward pass of D on as many images as a step of D has: the unit in which passes are counted."""
        with torch.no_grad():
            scores: Tensor = self.discriminator(torch.cat([self.real, self.fake]), *self.labels)
        return scores

    def discriminator_gradient(self) -> None:
        """D's loss and its gradients."""
        self.discriminator.zero_grad(set_to_none=True)
        with self._autocast():
            loss = self.loss(self.real, self.fake, *self.labels)
        loss.backward()

    def discriminator_step(self) -> None:
        """D's gradients, and Adam."""
        self.discriminator_gradient()
        self._optimizers[self.discriminator].step()

    def score_gradient(self) -> None:
        """The part of G's step that is D's: the gradient in the images of G's loss, D's parameters frozen."""
        images = torch.cat([self.real, self.fake]).requires_grad_()
        with self._frozen():
            with self._autocast():
                loss = hinge.generator(self.loss.discriminator(images, *self.labels))
            torch.autograd.grad(loss, images)

    def generator_step(self) -> None:
        """G's images, their scores with D frozen, G's gradients, and Adam."""
        self.generator.zero_grad(set_to_none=True)
        with self._frozen():
            with self._autocast():
                fake = self.generator(self.latents, *self.labels)
                loss = hinge.generator(self.loss.discriminator(fake, *self.labels))
            loss.backward()  # type: ignore[no-untyped-call]
        self._optimizers[self.generator].step()

    def iteration(self) -> None:
        """`updates` steps of D, each with new images of G, and one step of G."""
        for _ in range(self.setting.updates):
            with torch.no_grad(), self._autocast():
                fake = self.generator(
                    self.latents[: self.setting.batch], *(y[: self.setting.batch] for y in self.labels)
                )
                self.fake.copy_(fake)
            self.discriminator_step()
        self.generator_step()

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        self.discriminator.requires_grad_(False)
        yield
        self.discriminator.requires_grad_(True)

    def _autocast(self) -> AbstractContextManager[Any]:
        """Networks and losses in the setting's precision; their backward passes follow what they were."""
        kind = torch.device(self.setting.device).type
        if self.setting.precision != "bf16":
            return nullcontext()
        return torch.autocast(kind if kind != "meta" else "cpu", torch.bfloat16)

    def _with_tf32(self, body: Callable[[], T]) -> T:
        """The body run with TensorFloat-32 as the setting says, for this body alone: backward passes too."""
        matmul, convolution = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        allowed = self.setting.precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
        try:
            return body()
        finally:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = matmul, convolution


def _adam(module: nn.Module, device: torch.device) -> torch.optim.Adam:
    """The paper's optimizer; on a GPU nothing of it is read by the host, so that a graph can hold it."""
    on_gpu = device.type == "cuda"
    rate: Any = torch.tensor(2e-4, device=device) if on_gpu else 2e-4
    return torch.optim.Adam(
        module.parameters(), lr=rate, betas=(0.0, 0.9), capturable=on_gpu, fused=None if device.type == "meta" else True
    )
