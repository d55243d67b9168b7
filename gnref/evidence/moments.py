"""The moments of a training run at which it is scored."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from gnref.data.load import load
from gnref.training.experiment import Experiment
from gnref.training.trainer import Trainer


def scored_moments(
    e: Experiment, seed: int, scored_at: tuple[int, ...], sample: Callable[[nn.Module], Tensor]
) -> Iterator[tuple[int, Tensor]]:
    """Train on one thread; at each step of `scored_at`, the step and what `sample` makes with the generator then."""
    torch.set_num_threads(1)
    trainer = Trainer(e, load(e.dataset, None, e.size), seed)
    while trainer.step_number < e.steps:
        trainer.step()
        if trainer.step_number in scored_at:
            with trainer.sampler() as generator:
                made = sample(generator)
            yield trainer.step_number, made
