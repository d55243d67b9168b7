"""The experiments by name: found, listed, and spread over the tasks of a cluster."""

import textwrap
from collections.abc import Sequence

from gnref.errors import UserError, unknown
from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS

WIDTH = 100
"""Columns of a listing."""


def find(name: str) -> Experiment:
    """The experiment of that name.

    Raises: UserError, with the nearest names, where there is none.
    """
    if name not in EXPERIMENTS:
        raise unknown("experiment", name, EXPERIMENTS, "gnref train --list")
    return EXPERIMENTS[name]


def list_experiments(words: Sequence[str]) -> None:
    """Print every setting of the experiments named, with its source; of other words, the experiments that contain them.

    Without words, all. Raises: UserError for a word that no experiment's name contains.
    """
    for word in words:
        if word in EXPERIMENTS:
            print("\n".join(_in_full(EXPERIMENTS[word])))
        else:
            chosen = [e for name, e in EXPERIMENTS.items() if word in name]
            if not chosen:
                raise unknown("experiment", word, EXPERIMENTS, "gnref train --list")
            print("\n".join(_grouped(chosen)))
    if not words:
        print("\n".join(_grouped(list(EXPERIMENTS.values()))))
        print("\n`gnref train --list biggan` prints those with biggan in their names, `gnref train --list NAME` every")
        print("setting of one with its source.")


def cells(names: Sequence[str], seeds: Sequence[int], shard: str) -> list[tuple[str, int]]:
    """The (experiment, seed) pairs of part i of n, `shard` being "i/n" with i = 1..n: every n-th pair from the i-th.

    Raises: UserError for a shard that is none.
    """
    part, slash, parts = shard.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise UserError(f"--shard: expected i/n with i from 1 to n, for instance 2/8; got {shard}")
    return [(name, seed) for name in names for seed in seeds][int(part) - 1 :: int(parts)]


def _in_full(e: Experiment) -> list[str]:
    rows = [(key, str(value), e.sources[key]) for key, value in e.settings().items() if key != "name"]
    return [e.name, *(f"    {key:20} {value:32} {source}" for key, value, source in rows)]


def _grouped(experiments: Sequence[Experiment]) -> list[str]:
    """A heading for each data set and network, with what its rows have in common; a row for each, with the rest."""
    groups: dict[str, list[Experiment]] = {}
    for e in experiments:
        groups.setdefault(f"{e.dataset} at {e.size} pixels, {e.architecture}", []).append(e)
    lines: list[str] = []
    for heading, rows in groups.items():
        differing = [_differing(e) for e in rows]
        shared = {item for item in differing[0].items() if all(item in each.items() for each in differing)}
        common = [f"{key}={value}" for key, value in differing[0].items() if (key, value) in shared]
        width = max(len(e.name) for e in rows)
        lines += [*([""] if lines else []), *_wrapped(f"{heading}: {' '.join(common) or 'the defaults'}", "", "    ")]
        for e, settings in zip(rows, differing, strict=True):
            own = " ".join(f"{key}={value}" for key, value in settings.items() if (key, value) not in shared)
            lines += _wrapped(f"{e.name:{width}}  {own}", "  ", " " * 6)
    return lines


def _wrapped(line: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def _differing(e: Experiment) -> dict[str, object]:
    """The settings that differ from the defaults of `Experiment`, but for those that the heading names."""
    default = Experiment("default", "cifar10", "resnet").settings()
    told = ("name", "dataset", "architecture", "size")
    return {key: value for key, value in e.settings().items() if key not in told and value != default[key]}
