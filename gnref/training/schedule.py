"""What changes while training, as functions of the step: learning rates; StyleGAN's resolution, fade-in and batch."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache

from gnref.training.experiment import Experiment


@dataclass(frozen=True)
class Moment:
    """The schedule's values at one update of G."""

    lr_generator: float
    lr_discriminator: float
    batch: int
    """Reals of one update of D."""
    generator_batch: int
    images_before: int
    """Reals shown before this step: where the data's order stands."""
    ema_decay: float
    """0 copies G."""
    resolution: int
    alpha: float = 1.0
    """How far the resolution has faded in."""
    fresh_optimizers: bool = False
    """Whether Adam's state starts anew: StyleGAN, wherever a fade begins or ends."""


def moment(e: Experiment, step: int) -> Moment:
    """The values at step 0, 1, ..., `steps` - 1. Linear decay is α (1 - step / steps) [GN, appendix D]."""
    if e.phase_images:
        return _progressive(e, step)
    factor = 1 - step / e.steps if e.decay == "linear" else 1.0
    return Moment(
        factor * e.lr_generator,
        factor * e.lr_discriminator,
        e.batch,
        e.generator_batch,
        step * e.n_dis * e.batch,
        e.ema_decay if step + 1 >= e.ema_start else 0.0,
        e.size,
    )


@dataclass(frozen=True)
class _Phase:
    first_step: int
    first_image: int
    images: int
    resolution: int
    fading: bool
    batch: int


_START = 8
_HALF_LIFE = 10_000  # images over which StyleGAN's moving average of G forgets half


@cache
def _phases(size: int, batch: int, phase_images: int) -> tuple[_Phase, ...]:
    """8 pixels held, then every doubling faded in and held; the batch is 8, 4, 2 times larger at 8, 16, 32 pixels.

    So it is in StyleGAN's eight-GPU schedule: 256, 128, 64, and 32 from 64 pixels on. The last hold has no end.
    """
    phases: list[_Phase] = []
    step = image = 0
    resolution = _START
    while resolution <= size:
        for fading in (True, False) if resolution > _START else (False,):
            now = batch * {8: 8, 16: 4, 32: 2}.get(resolution, 1)
            steps = -(-phase_images // now)
            phases.append(_Phase(step, image, steps * now, resolution, fading, now))
            step, image = step + steps, image + steps * now
        resolution *= 2
    return tuple(phases)


def resolutions(e: Experiment) -> dict[int, tuple[int, int]]:
    """Of an experiment that grows: by resolution, the first step that holds it and its steps, fading in included."""
    found: dict[int, tuple[int, int]] = {}
    phases = _phases(e.size, e.batch, e.phase_images)
    ends = [*(phase.first_step for phase in phases[1:]), e.steps]
    for phase, end in zip(phases, ends, strict=True):
        _, before = found.get(phase.resolution, (0, 0))
        found[phase.resolution] = phase.first_step, before + end - phase.first_step
    return found


def progressive_steps(images: int, size: int, batch: int, phase_images: int) -> int:
    """The steps in which a progressive schedule shows `images` reals."""
    phases = _phases(size, batch, phase_images)
    phase = phases[bisect_right(phases, images, key=lambda each: each.first_image) - 1]
    return phase.first_step + -(-(images - phase.first_image) // phase.batch)


def _progressive(e: Experiment, step: int) -> Moment:
    phases = _phases(e.size, e.batch, e.phase_images)
    phase = phases[bisect_right(phases, step, key=lambda each: each.first_step) - 1]
    shown = (step - phase.first_step) * phase.batch
    factor = 1.5 if phase.resolution > 64 else 1.0  # [GN, appendix D]: 0.001 up to 64 pixels, 0.0015 otherwise
    return Moment(
        factor * e.lr_generator,
        factor * e.lr_discriminator,
        phase.batch,
        phase.batch,
        phase.first_image + shown,
        0.5 ** (phase.batch / _HALF_LIFE),
        phase.resolution,
        shown / phase.images if phase.fading else 1.0,
        step == phase.first_step and step > 0,
    )
