"""Hypotheses, experiments, seeds and thresholds that were written down before any run, read from `hypotheses.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from gnref.evidence.options import Options
from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS


@dataclass(frozen=True)
class Hypothesis:
    """One sentence about two experiments; `rule` is "ordering" or "failures" (see `judge`)."""

    id: str
    artefact: str
    sentence: str
    rule: str
    better: str
    worse: str


@cache
def _read(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        return tomllib.load(opened)


@dataclass(frozen=True)
class Registered:
    """What was written down before the runs, in one file."""

    file: Path

    @classmethod
    def of(cls, options: Options) -> Self:
        """The one in the folder of the scripts."""
        return cls(options.home / "hypotheses.toml")

    def hypotheses(self, artefact: str | None = None) -> list[Hypothesis]:
        """Those that belong to a table or figure, or all."""
        found = [Hypothesis(**each) for each in _read(self.file)["hypothesis"]]
        return [each for each in found if artefact in (None, each.artefact)]

    def experiment(self, name: str) -> Experiment:
        """An experiment of the file: one of the trainer's small ones with the recipe's settings."""
        own = dict(_read(self.file)["experiment"][name])
        return EXPERIMENTS[own.pop("base")].changed(**_read(self.file)["recipe"], **own, name=f"mini-{name}")

    @property
    def seeds(self) -> list[int]:
        """Every experiment is run with each of them."""
        return list(_read(self.file)["seeds"])

    @property
    def alpha(self) -> float:
        """The level at which each hypothesis is judged."""
        return float(_read(self.file)["alpha"])

    @property
    def failures(self) -> dict[str, float]:
        """The thresholds of the rule "failures"."""
        return dict(_read(self.file)["failures"])
