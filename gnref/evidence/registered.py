"""What was written down before the runs of the study: regimes, arms, seeds, hypotheses; read from `study.toml`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gnref.evidence.options import Options
from gnref.evidence.published import document
from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS


@dataclass(frozen=True)
class Hypothesis:
    """One sentence: `better` scores lower than `worse` in a regime. A control shows what the regime can tell apart.

    `later` ones were registered after the others' results had been seen, and are a table of their own.
    """

    id: str
    regime: str
    sentence: str
    better: str
    worse: str
    control: bool = False
    later: bool = False


@dataclass(frozen=True)
class Regime:
    """The recipe that every arm shares, and how often each is run: `seeds`, each with so many replicas.

    `later` are the arms that were registered after the results of `first` had been seen.
    """

    name: str
    title: str
    base: str
    first: tuple[str, ...]
    later: tuple[str, ...]
    seeds: tuple[int, ...]
    recipe: dict[str, Any]
    scored_at: tuple[int, ...]

    @property
    def arms(self) -> tuple[str, ...]:
        """All of them, in the order in which they are run."""
        return self.first + self.later

    def experiment(self, arm: str) -> Experiment:
        """The arm's experiment under this recipe."""
        chosen = EXPERIMENTS[f"{self.base}-{arm}"]
        return chosen.changed(**self.recipe, name=f"{self.name}-{arm}")

    @property
    def replicas(self) -> int:
        """Independent runs for each seed."""
        return int(self.recipe.get("replicas", 1))


@dataclass(frozen=True)
class Registered:
    """The registration in one file."""

    file: Path

    @classmethod
    def of(cls, options: Options) -> Self:
        """The one in the folder of the scripts."""
        return cls(options.home / "study.toml")

    @property
    def alpha(self) -> float:
        """The chance of any wrong rejection in a regime's table."""
        return float(document(self.file)["alpha"])

    def regimes(self) -> list[Regime]:
        """In the order in which they are run."""
        return [
            Regime(
                name,
                told["title"],
                told["base"],
                tuple(told["arms"]),
                tuple(told.get("later_arms", ())),
                tuple(told["seeds"]),
                dict(told["recipe"]),
                tuple(told["scored_at"]),
            )
            for name, told in document(self.file)["regime"].items()
        ]

    def hypotheses(self, regime: str) -> list[Hypothesis]:
        """A regime's; the control is among them and is judged with them."""
        told = document(self.file)["hypothesis"]
        return [
            Hypothesis(f"study.{regime}.{each['id']}", regime, each["sentence"], each["better"], each["worse"],
                       each.get("control", False), each.get("later", False))
            for each in told if regime in each["regimes"]
        ]  # fmt: skip
