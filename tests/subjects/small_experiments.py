"""Experiments small enough for a test, their images, and what tests compare of their runs."""

import sys
from functools import cache
from pathlib import Path

import pytest
import torch

from gnref import cli
from gnref.data.images import ImageSet
from gnref.data.shapes import shapes
from gnref.runs import Run
from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS

NEVER = 10**9


def small(name: str, steps: int = 6, **settings: object) -> Experiment:
    tiny = {"width": 1, "latent": 4, "batch": 4, "generator_batch": 4, "steps": steps, **settings}
    return EXPERIMENTS[name].changed(**tiny)


@cache
def _shapes(size: int) -> ImageSet:
    return ImageSet(*shapes(40, size))


def images(experiment: Experiment) -> ImageSet:
    """Forty images of its size."""
    return _shapes(experiment.size)


def bits(value: object) -> object:
    """A nested structure with its tensors as bytes, so that == compares bits."""
    if isinstance(value, torch.Tensor):
        return value.dtype, value.shape, value.detach().contiguous().flatten().view(torch.uint8).tolist()
    if isinstance(value, dict):
        return {key: bits(each) for key, each in value.items()}
    return [bits(each) for each in value] if isinstance(value, list) else value


def timeless(run: Path) -> list[dict]:
    return [{k: v for k, v in line.items() if k not in ("time", "steps_per_second")} for line in Run(run).metrics()]


def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["gnref", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    return ended.value.code, out, err
