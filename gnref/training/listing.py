"""The experiments by name: found, listed, and spread over the tasks of a cluster."""

from collections.abc import Sequence

from gnref.errors import UserError, unknown
from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS


def find(name: str) -> Experiment:
    """The experiment of that name.

    Raises: UserError, with the nearest names, where there is none.
    """
    if name not in EXPERIMENTS:
        raise unknown("experiment", name, EXPERIMENTS, "gnref train --list")
    return EXPERIMENTS[name]


def list_experiments(names: Sequence[str]) -> None:
    """Print the experiments' names, or every setting of those named with its source."""
    for name in names:
        experiment = find(name)
        print(name)
        for key, value in experiment.settings().items():
            if key != "name":
                print(f"    {key:20} {value!s:32} {experiment.sources[key]}")
    if not names:
        for name, experiment in EXPERIMENTS.items():
            print(f"{name:42} {' '.join(f'{key}={value}' for key, value in _differing(experiment).items())}")
        print("`gnref train --list NAME` prints every setting with its source.")


def cells(names: Sequence[str], seeds: Sequence[int], shard: str) -> list[tuple[str, int]]:
    """The (experiment, seed) pairs of part i of n, `shard` being "i/n" with i = 1..n: every n-th pair from the i-th.

    Raises: UserError for a shard that is none.
    """
    part, slash, parts = shard.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise UserError(f"--shard: expected i/n with i from 1 to n, for instance 2/8; got {shard}")
    return [(name, seed) for name in names for seed in seeds][int(part) - 1 :: int(parts)]


def _differing(experiment: Experiment) -> dict[str, object]:
    """The settings that differ from the defaults of `Experiment`."""
    default = Experiment("default", "cifar10", "resnet").settings()
    return {key: value for key, value in experiment.settings().items() if key != "name" and value != default[key]}
