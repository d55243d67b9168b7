"""What changes while training, as functions of the step."""

from pathlib import Path

import pytest
from subjects.small_experiments import small

from gnref.training.experiments import EXPERIMENTS
from gnref.training.schedule import moment, progressive_steps

HERE = Path(__file__).parent


def test_the_learning_rates_decay_to_zero_linearly():
    e = small("shapes-resnet-gn", steps=4, lr_generator=1.0)
    assert [moment(e, step).lr_generator for step in range(4)] == [1.0, 0.75, 0.5, 0.25]


def test_stylegan_grows_as_its_schedule_says():
    """600,000 images a phase; batches 256, 128, 64, 32 at 8, 16, 32, 64 pixels; Adam anew at each phase."""
    e = EXPERIMENTS["celebahq-1024-stylegan-gn"]
    assert e.steps == progressive_steps(25_000_000, 1024, 32, 600_000)
    first = -(-600_000 // 256)
    assert [moment(e, first - 1).resolution, moment(e, first).resolution] == [8, 16]
    assert [moment(e, first - 1).alpha, moment(e, first).alpha] == [1, 0]
    assert moment(e, first).images_before == 256 * first
    assert moment(e, first).fresh_optimizers
    assert not moment(e, first + 1).fresh_optimizers
    half = first + -(-600_000 // 128) // 2
    assert moment(e, half).alpha == pytest.approx(0.5, abs=128 / 600_000)
    shown = sum(moment(e, step).batch for step in range(10_000))
    assert moment(e, 10_000).images_before == shown
    assert moment(e, e.steps - 1).resolution == 1024
    assert moment(e, e.steps).images_before - 25_000_000 in range(32)
    assert moment(e, e.steps - 1).ema_decay == 0.5 ** (32 / 10_000)
