"""One step of training: n_dis updates of D, one of G, one of G's average; the weights and nothing of the run around it.

Whatever is random in a step is drawn from a seed made of (seed, step), for the joined batch of all processes: so a step
depends on nothing but the weights before it, wherever a run is cut, however often it is sampled, and on however many
processes it runs (but for StyleGAN's noise, which each process draws for its own images).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gnref.capture import Losses, LossFunction, captured
from gnref.data.augment import consistency_augmentation, flip
from gnref.data.batches import Batches, derived_seed
from gnref.data.diffaugment import DRAWS, differentiable_augmentation
from gnref.data.images import Images, to_unit
from gnref.errors import UserError
from gnref.networks import fade_reals
from gnref.runs import State, load_weights
from gnref.training.distributed import Processes, exchanging, without_exchange
from gnref.training.execution import Execution
from gnref.training.experiment import Experiment
from gnref.training.fitting import check, check_continues
from gnref.training.layout import layout_of, memory_format
from gnref.training.objectives import (
    DiscriminatorObjective,
    GeneratorObjective,
    conditions,
    make_networks,
    pairs_reals,
    penalized_points,
)
from gnref.training.pictures import Grown
from gnref.training.schedule import Moment, moment
from gnref.training.tally import Tally
from gnref.training.updates import adam, update_average


class Trainer:
    """G, D, the average of G, their optimizers, and `step()`. `data` are the reals."""

    def __init__(
        self,
        experiment: Experiment,
        data: Images,
        seed: int = 0,
        processes: Processes | None = None,
        execution: Execution | None = None,
    ) -> None:
        self.experiment, self.seed = experiment, seed
        self.processes = processes or Processes(torch.device("cpu"))
        execution = execution or Execution()
        self._layout = layout_of(execution, experiment)
        self.execution = replace(execution, layout=self._layout)
        self.device = self.processes.device
        check(experiment, data, self.processes, self.execution)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = self.execution.tf32
        with torch.random.fork_rng():
            torch.manual_seed(derived_seed(seed, "weights"))
            made = make_networks(experiment, self._layout)
            self.generator, self.discriminator = (network.to(self.device) for network in made)
        if self.processes.count > 1 and self.device.type == "cuda":
            self.generator = nn.SyncBatchNorm.convert_sync_batchnorm(self.generator)  # type: ignore[no-untyped-call]
        self.average = deepcopy(self.generator).eval().requires_grad_(False)
        self.step_number = 0
        self.tally = Tally(self.device)
        self._batches = Batches(data, seed, self.processes.share)
        discriminator_objective = DiscriminatorObjective(experiment, self.discriminator, self.execution.method)
        generator_objective = GeneratorObjective(experiment, self.generator, discriminator_objective.scores)
        self._objectives = {
            "D": exchanging(discriminator_objective, self.processes, some_unused=self._grows),
            "G": exchanging(generator_objective, self.processes, some_unused=self._grows),
        }
        self._lecam = discriminator_objective.lecam
        self._captured: dict[tuple[str, tuple[bool, ...]], LossFunction] = {}
        self._fresh_optimizers()

    def step(self) -> None:
        """Updates of D, of G and of the average; waits for the device nowhere."""
        now = moment(self.experiment, self.step_number)
        if now.fresh_optimizers:
            self._fresh_optimizers()
        for optimizer, rate in ((self._d_optimizer, now.lr_discriminator), (self._g_optimizer, now.lr_generator)):
            for group in optimizer.param_groups:
                group["lr"] = rate
        for k in range(self.experiment.n_dis):
            torch.manual_seed(derived_seed(self.seed, "D", self.step_number, k))
            self._update_discriminator(now, k)
        torch.manual_seed(derived_seed(self.seed, "G", self.step_number))
        self._update_generator(now)
        update_average(self.average, self.generator, now.ema_decay)
        self.step_number += 1

    @contextmanager
    def sampler(self, ema: bool | None = None) -> Iterator[nn.Module]:
        """G or its average (None: what the experiment scores), a copy in evaluation mode, at the present resolution."""
        ema = self.experiment.score_ema if ema is None else ema
        network = deepcopy(self.average if ema else self.generator).eval().requires_grad_(False)
        now = moment(self.experiment, max(self.step_number - 1, 0))
        with torch.random.fork_rng(), torch.no_grad():
            yield Grown(network, now.resolution, now.alpha) if self._grows else network

    def state(self) -> State:
        """Everything the next step depends on, for a checkpoint."""
        self.tally.synchronize(self.processes)
        return {
            "step": self.step_number,
            "seed": self.seed,
            "experiment": self.experiment.settings(),
            "execution": asdict(self.execution),
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "average": self.average.state_dict(),
            "generator_optimizer": self._g_optimizer.state_dict(),
            "discriminator_optimizer": self._d_optimizer.state_dict(),
            "lecam": {} if self._lecam is None else self._lecam.state_dict(),
            "tally": self.tally.state(),
        }

    def restore(self, state: State, where: str) -> None:
        """Go on from what `state` gave; UserError where it is another experiment's or another architecture's."""
        if "generator_optimizer" not in state:
            raise UserError(
                f"{where} was imported without its optimizers; it can be sampled and scored, not trained on"
            )
        try:
            check_continues(state, self.experiment, self.seed, self.execution, where)
            load_weights(self.generator, state["generator"], where)
            load_weights(self.discriminator, state["discriminator"], where)
            load_weights(self.average, state["average"], where)
            self._g_optimizer.load_state_dict(state["generator_optimizer"])
            self._d_optimizer.load_state_dict(state["discriminator_optimizer"])
            if self._lecam is not None:
                load_weights(self._lecam, state["lecam"], where)
            self.tally.restore(state["tally"])
        except UserError:
            raise
        # Whatever stands in a checkpoint that others made, load_state_dict has an exception for it.
        except Exception as error:
            raise UserError(f"{where}: the checkpoint is no state of this experiment ({error}); take it away") from None
        self.step_number = state["step"]

    # One update

    def _update_discriminator(self, now: Moment, k: int) -> None:
        e = self.experiment
        real, labels = self._reals(now, k)
        augmented = consistency_augmentation(real, share=self.processes.share) if e.consistency_weight else None
        real_labels = labels.to(self.device, non_blocking=True) if e.classes and labels is not None else None
        z, fake_labels = self._latents(now.batch)
        # The penalty's turn is told to the losses by this input, so that what is captured knows it from its shape.
        turn = e.penalty != "none" and (self.step_number * e.n_dis + k) % e.penalty_every == 0
        mix = self._draw(torch.rand, now.batch, *[1] * (real.dim() - 1)) if turn else None
        draws = self._augmentation_draws(now.batch, 2)
        inputs = real, augmented, real_labels, z, fake_labels, mix, draws
        self._differentiate("D", self.discriminator, partial(self._discriminator_losses, now), inputs)
        self._d_optimizer.step()

    def _update_generator(self, now: Moment) -> None:
        e = self.experiment
        z, labels = self._latents(now.generator_batch)
        draws = self._augmentation_draws(now.generator_batch, 2)
        real = self._reals(now, e.n_dis - 1)[0] if pairs_reals(e) else None
        inputs = z, labels, draws, real
        self.discriminator.requires_grad_(False)  # its gradients are not needed here, and cost as much as G's
        self._differentiate("G", self.generator, partial(self._generator_losses, now), inputs)
        self.discriminator.requires_grad_(True)
        self._g_optimizer.step()

    def _discriminator_losses(
        self,
        now: Moment,
        real: Tensor,
        augmented: Tensor | None,
        real_labels: Tensor | None,
        z: Tensor,
        fake_labels: Tensor | None,
        mix: Tensor | None,
        draws: Tensor | None,
    ) -> Losses:
        with self._precision():
            with torch.no_grad():
                fake = self.generator(z, *conditions(fake_labels, self._growth(now))).to(real.dtype)
            if draws is not None:
                of_real, of_fake = draws.unbind(1)
                real, fake = differentiable_augmentation(real, of_real), differentiable_augmentation(fake, of_fake)
            penalized = None if mix is None else penalized_points(self.experiment, real, fake, mix)
            alpha = now.alpha if self._grows else None
            losses: Losses = self._objectives["D"](real, fake, augmented, penalized, real_labels, fake_labels, alpha)
        return losses

    def _generator_losses(
        self, now: Moment, z: Tensor, labels: Tensor | None, draws: Tensor | None, real: Tensor | None
    ) -> Losses:
        with self._precision():
            of_fake, of_real = (None, None) if draws is None else draws.unbind(1)
            if real is not None and of_real is not None:
                real = differentiable_augmentation(real, of_real)
            losses: Losses = self._objectives["G"](z, labels, self._growth(now), of_fake, real)
        return losses

    def _reals(self, now: Moment, k: int) -> tuple[Tensor, Tensor | None]:
        """The reals of D's k-th update in this step, on the device, flipped, with their labels."""
        stored, labels = self._batches(now.images_before + k * now.batch, now.batch)
        if stored.dim() == 4:
            stored = stored.contiguous(memory_format=self._memory_format)
        real = self._at_resolution(to_unit(stored.to(self.device, non_blocking=True)), now)
        return flip(real, share=self.processes.share) if self.experiment.flip else real, labels

    def _augmentation_draws(self, count: int, images: int) -> Tensor | None:
        """DiffAugment's random numbers (N, images, 7) for a real and a fake at a time, where the experiment has it."""
        return self._draw(torch.rand, count, images, DRAWS) if self.experiment.augmentation != "none" else None

    def _differentiate(
        self, who: str, network: nn.Module, losses: LossFunction, inputs: tuple[Tensor | None, ...]
    ) -> None:
        """Set the gradients of the network's weights, and count the losses."""
        if self._grows and self.processes.count > 1:
            # StyleGAN draws noise within its networks, for the images of this process.
            torch.manual_seed(derived_seed(torch.initial_seed(), self.processes.rank))
        how, parts = self.execution.capture, self.execution.accumulate
        if how != "eager":
            key = who, tuple(x is None for x in inputs)
            if key not in self._captured:
                modules = self.generator, self._objectives["D"]
                self._captured[key] = captured(losses, modules, list(network.parameters()), inputs, how)
            self.tally.add(self._captured[key](*inputs), who, self.step_number)
            return
        network.zero_grad(set_to_none=True)
        for i, part in enumerate(zip(*(_chunks(x, parts) for x in inputs), strict=True)):
            with without_exchange(self._objectives[who]) if i + 1 < parts else nullcontext():
                found = losses(*part)
                (found["loss"] / parts).backward()  # type: ignore[no-untyped-call]
            self.tally.add(found, who, self.step_number)

    def _latents(self, count: int) -> tuple[Tensor, Tensor | None]:
        """This process's part of `count` latents (and labels)."""
        z = self._draw(torch.randn, count, self.experiment.latent)
        if not self.experiment.classes:
            return z, None
        labels = torch.randint(self.experiment.classes, (count,), device=self.device)
        return z, self.processes.part(labels)

    def _draw(self, draw: Any, *shape: int) -> Tensor:
        return self.processes.part(draw(*shape, device=self.device))

    def _at_resolution(self, real: Tensor, now: Moment) -> Tensor:
        """Reals at the resolution that StyleGAN has grown to, blended as its images are while that fades in."""
        if real.shape[-1] != now.resolution:
            real = nn.functional.avg_pool2d(real, real.shape[-1] // now.resolution)
        return real if now.alpha == 1 else fade_reals(real, now.alpha)

    def _growth(self, now: Moment) -> tuple[int, float] | None:
        return (now.resolution, now.alpha) if self._grows else None

    # How it is computed

    @property
    def _memory_format(self) -> torch.memory_format:
        return memory_format(self._layout)

    @property
    def _grows(self) -> bool:
        return self.experiment.architecture == "stylegan"

    def _fresh_optimizers(self) -> None:
        self._g_optimizer = adam(self.experiment, self.generator, self.experiment.lr_generator)
        self._d_optimizer = adam(self.experiment, self.discriminator, self.experiment.lr_discriminator)

    def _precision(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.execution.mixed_precision else nullcontext()


def _chunks(x: Tensor | None, parts: int) -> list[Tensor | None]:
    return [None] * parts if x is None else list(x.chunk(parts))
