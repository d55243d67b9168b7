"""The bodies that are measured: the trainer's gradients, steps and iterations in one setting, on inputs that stay.

Networks, objectives and optimizers are those that the trainer makes of the same experiment, and an iteration is its
`step`. The inputs of gradients are random numbers that never change: what is measured is arithmetic, not data.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from gnref.capture import Body, Losses, LossFunction, captured
from gnref.data.augment import consistency_augmentation
from gnref.data.images import ImageSet
from gnref.errors import UserError
from gnref.measure.methods import differentiated_by, experiment_of
from gnref.training.distributed import Processes
from gnref.training.execution import Capture, Execution, Layout
from gnref.training.layout import FUSING, memory_format
from gnref.training.objectives import (
    DiscriminatorObjective,
    GeneratorObjective,
    conditions,
    make_networks,
    penalized_points,
)
from gnref.training.trainer import Trainer
from gnref.training.updates import adam

T = TypeVar("T")

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
    layout: Layout = "plain"
    capture: Capture = "eager"
    width: int | None = None
    """The networks' width; None is the paper's."""
    updates: int = 5
    """Steps of D in an iteration."""


class _Task(NamedTuple):
    """A gradient: of which losses, in which parameters, at which inputs."""

    losses: LossFunction
    modules: Sequence[nn.Module]
    parameters: Sequence[nn.Parameter]
    inputs: Sequence[Tensor | None]


class Steps:
    """Networks, optimizers and inputs of a setting; each of `PARTS` is a method without arguments.

    Every gradient and step leaves the networks' functions alone but for the optimizer's updates, which are real.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        width = {} if setting.width is None else {"width": setting.width}
        n = setting.batch
        e = experiment_of(
            setting.network, setting.method, batch=n, generator_batch=2 * n, n_dis=setting.updates, **width
        )
        if setting.layout.startswith("fused") and e.architecture not in FUSING:
            raise UserError(
                f"Steps: {setting.network} has no pooling to fuse; choose the layout plain or channels-last"
            )
        self.experiment, self._device = e, torch.device(setting.device)
        # Made on the CPU, for another device's generator draws other numbers from a seed; meta tensors have none.
        where = torch.device("meta" if self._device.type == "meta" else "cpu")
        with torch.random.fork_rng(), where:
            torch.manual_seed(0)
            made = make_networks(e, setting.layout)
            self.generator, self.discriminator = (network.to(self._device) for network in made)
            images = (torch.randn(n, 3, e.size, e.size) for _ in range(2))
            self.real, self.fake = (self._laid_out(image.to(self._device)) for image in images)
            self.latents = torch.randn(2 * n, e.latent).to(self._device)
        self.labels = torch.arange(2 * n, device=self._device) % e.classes if e.classes else None
        self.objective = DiscriminatorObjective(e, self.discriminator, differentiated_by(setting.method))
        self._tasks = {"D": self._of_discriminator(), "G": self._of_generator(), "images": self._of_images()}
        self._captured: dict[str, LossFunction] = {}
        self._optimizers = {
            "D": adam(e, self.discriminator, e.lr_discriminator),
            "G": adam(e, self.generator, e.lr_generator),
        }
        self._trainer: Trainer | None = None

    def body(self, part: Part) -> Body:
        """The part as a function without arguments; warm it up before it is timed: the first call captures."""
        return partial(self._with_tf32, getattr(self, part.replace(" ", "_")))

    def forward_pass(self) -> Tensor:
        """One forward pass of D on as many images as a step of D has: the unit in which passes are counted."""
        with torch.no_grad():
            scores: Tensor = self.discriminator(torch.cat([self.real, self.fake]), *conditions(self.labels, None))
        return scores

    def discriminator_gradient(self) -> None:
        """D's loss and its gradients."""
        self._differentiate("D")

    def discriminator_step(self) -> None:
        """D's gradients, and Adam."""
        self._differentiate("D")
        self._optimizers["D"].step()

    def score_gradient(self) -> None:
        """The part of G's step that is D's: the gradient in the images of G's loss, D's parameters frozen."""
        with self._frozen():
            self._differentiate("images")

    def generator_step(self) -> None:
        """G's images, their scores with D frozen, G's gradients, and Adam."""
        with self._frozen():
            self._differentiate("G")
        self._optimizers["G"].step()

    def iteration(self) -> None:
        """The trainer's own step: `updates` steps of D, each with new images of G, one of G, one of its average."""
        if self._trainer is None:
            self._trainer = self._new_trainer()
        self._trainer.step()

    def _differentiate(self, which: str) -> None:
        losses, modules, parameters, inputs = self._tasks[which]
        if self.setting.capture != "eager":
            if which not in self._captured:
                self._captured[which] = captured(losses, modules, parameters, inputs, self.setting.capture)
            self._captured[which](*inputs)
            return
        for parameter in parameters:
            parameter.grad = None
        losses(*inputs)["loss"].backward()  # type: ignore[no-untyped-call]

    def _of_discriminator(self) -> _Task:
        e, (real_labels, fake_labels) = self.experiment, self._halves()
        augmented = consistency_augmentation(self.real) if e.consistency_weight else None
        halfway = self.real.new_full((len(self.real), 1, 1, 1), 0.5) if e.penalty != "none" else None
        penalized = penalized_points(e, self.real, self.fake, halfway)

        def losses(*inputs: Tensor | None) -> Losses:
            with self._autocast():
                found: Losses = self.objective(*inputs, None)
            return found

        inputs = self.real, self.fake, augmented, penalized, real_labels, fake_labels
        return _Task(losses, [self.objective], list(self.discriminator.parameters()), inputs)

    def _of_generator(self) -> _Task:
        objective = GeneratorObjective(self.experiment, self.generator, self.objective.scores)

        def losses(*inputs: Tensor | None) -> Losses:
            with self._autocast():
                found: Losses = objective(*inputs, None)
            return found

        return _Task(
            losses, [objective, self.objective], list(self.generator.parameters()), (self.latents, self.labels)
        )

    def _of_images(self) -> _Task:
        images = nn.ParameterList([nn.Parameter(torch.cat([self.real, self.fake]))])

        def losses(labels: Tensor | None) -> Losses:
            with self._autocast():
                scores = self.objective.scores(images[0], *conditions(labels, None))
                return {"loss": self.objective.loss.generator(scores)}

        return _Task(losses, [images, self.objective], list(images), (self.labels,))

    def _halves(self) -> Sequence[Tensor | None]:
        """The labels of reals and of fakes."""
        return (None, None) if self.labels is None else self.labels.chunk(2)

    def _new_trainer(self) -> Trainer:
        e, s = self.experiment, self.setting
        images = torch.zeros(e.batch, 3, e.size, e.size, dtype=torch.uint8, device=self._device)
        labels = torch.arange(e.batch) % e.classes if e.classes else None
        if labels is not None:
            labels[-1] = e.classes - 1  # so that few images, too, are of that many classes
        execution = Execution(
            mixed_precision=s.precision == "bf16",
            tf32=s.precision == "tf32",
            capture=s.capture,
            layout=s.layout,
            method=differentiated_by(s.method),
        )
        return Trainer(e, ImageSet(images, labels), processes=Processes(self._device), execution=execution)

    def _laid_out(self, images: Tensor) -> Tensor:
        return images.contiguous(memory_format=memory_format(self.setting.layout))

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        self.discriminator.requires_grad_(False)
        yield
        self.discriminator.requires_grad_(True)

    def _autocast(self) -> AbstractContextManager[Any]:
        """Networks and losses in the setting's precision; their backward passes follow what they were."""
        if self.setting.precision != "bf16":
            return nullcontext()
        return torch.autocast(self._device.type if self._device.type != "meta" else "cpu", torch.bfloat16)

    def _with_tf32(self, body: Callable[[], T]) -> T:
        """The body run with TensorFloat-32 as the setting says, for this body alone: backward passes too."""
        matmul, convolution = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        allowed = self.setting.precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
        try:
            return body()
        finally:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = matmul, convolution
