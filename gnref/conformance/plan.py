"""What is judged: the laws of an implementation, in their dtypes, and the cases each is judged at."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch

from gnref.conformance.adapted import reason_to_skip
from gnref.conformance.options import Options
from gnref.conformance.plain import declared_eps, plain_call
from gnref.conformance.switches import global_switches
from gnref.laws import LAWS, Law
from gnref.laws.law import Strategy

CASES = 12
"""Drawn cases a law is judged at in each dtype, beside its examples, unless a budget of time says otherwise."""


@dataclass(frozen=True)
class Check:
    """One law in one dtype; `skip` is the reason it is left out, `of_generator` says which form it judges."""

    law: Law
    dtype: torch.dtype
    skip: str = ""
    of_generator: bool = False
    made: str = ""
    """An expression that makes a law of the kit itself, which is no law by itself."""

    @property
    def source(self) -> str:
        """Lines that define `law`."""
        if self.made:
            return f"from gnref.conformance import plain\nlaw = plain.{self.made}"
        return f"from {self.law.check.__module__} import {self.law.id.replace('-', '_')} as law"

    @property
    def names(self) -> tuple[str, str]:
        """What it is declared to fail by: value, or value-float32; generator-value for a generator's form."""
        name = f"generator-{self.law.id}" if self.of_generator else self.law.id
        return name, f"{name}-{str(self.dtype).removeprefix('torch.')}"

    @property
    def id(self) -> str:
        """As in a test's id: required-value-v1-float64."""
        side = "generator-" if self.of_generator else ""
        return f"{side}{self.law.level}-{self.law.id}-v{self.law.version}-{str(self.dtype).removeprefix('torch.')}"


def laws() -> tuple[Law, ...]:
    """The laws of an implementation of GN, required ones first."""
    of_gn = [law for law in LAWS if law.zeta == "abs"]
    found = [law for level in ("required", "robustness") for law in of_gn if law.level == level]
    return (global_switches, *found)


def checks(options: Options, of_generator: bool = False) -> list[Check]:
    """Every law in every dtype it is judged in, the plain call first; with a declared ε, the one that asks its size."""
    dtypes = [torch.float32] if "float32-only" in options.capability else [torch.float64, torch.float32]
    found = [Check(plain_call(options.capability), dtypes[0], made=f"plain_call({options.capability})")]
    if eps := options.eps:
        found += [Check(declared_eps(eps), dtype, made=f"declared_eps({eps})") for dtype in dtypes]
    found += [Check(law, dtype, reason_to_skip(options, law, dtype)) for law in laws() for dtype in law.dtypes]
    return [replace(check, of_generator=of_generator) for check in found]


def cases(law: Law, dtype: torch.dtype, device: str, count: int, seed: int, fixed: bool = True) -> list[Any]:
    """`count` drawn cases and, if `fixed`, the law's examples, which hold every class it would be vacuous without.

    The shortest come first, so that the first that breaks the law is one to read.
    """
    found: list[Any] = [case for case in law.examples(device) if getattr(case, "dtype", dtype) == dtype]
    if not law.drawn:
        return found
    drawn = [case.to(dtype, device) if hasattr(case, "to") else case for case in _drawn(law.drawn, count, seed)]
    return sorted((found if fixed else []) + drawn, key=lambda case: len(repr(case)))


@cache
def _drawn(strategy: Strategy, count: int, seed: int) -> tuple[Any, ...]:
    """Different cases of a strategy, drawn by hypothesis once for all laws."""
    import hypothesis

    from gnref import strategies

    found: dict[str, Any] = {}

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(getattr(strategies, strategy)())
    def collect(case: Any) -> None:
        found.setdefault(repr(case), case)

    collect()
    return tuple(found.values())
