"""What is judged: the laws of an implementation, in their dtypes, and the cases each is judged at."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch

from gnref.conformance.capabilities import Capabilities
from gnref.conformance.plain import PLAIN, declared_eps, plain_call
from gnref.exact import ExactConditional, ExactNetwork
from gnref.laws import LAWS, Case, Edge, Law
from gnref.laws.edges import edges
from gnref.laws.smooth import ELU, SOFTSIGN, TANH

CASES = 24
"""How many cases a law is judged at in each dtype, unless a budget of time says otherwise."""

_FIXED: dict[str, tuple[Any, ...]] = {
    "zero-over-zero": tuple(Edge(0.0, (0.0,) * n) for n in (1, 2, 5)),
    "exponent-range": tuple(edges()),
    "gradient-range": tuple(edges()),
    "half-precision": (Edge(0.5, (0.25,)), Edge(-8.0, (3.0, 4.0)), Edge(15.0, (2.0**-4, 1.0, -2.0))),
    "slope-formula": (SOFTSIGN, ELU, TANH),
}
"""Laws of fixed cases that speak of an implementation; the others speak of the paper's numbers and costs."""

_ONE_DTYPE = {
    "jump": torch.float64,
    "slope-formula": torch.float64,
    "half-precision": torch.float32,
    # Their grid is float32's range.
    "exponent-range": torch.float32,
    "gradient-range": torch.float32,
}


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
            return f"from gnref.conformance import Capabilities, plain\nlaw = plain.{self.made}"
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
    chosen = [
        law
        for law in LAWS
        if law.zeta == "abs"
        and law.level in ("required", "robustness")
        and (law.cases in ("network", "conditional", "facet") or law.id in _FIXED)
    ]
    return tuple(sorted(chosen, key=lambda law: law.level))


def checks(capabilities: Capabilities, of_generator: bool = False) -> list[Check]:
    """Every law in every dtype it is judged in, the plain call first; with a declared ε, the one that asks its size."""
    dtypes = [torch.float32] if capabilities.float32_only else [torch.float64, torch.float32]
    found = [Check(plain_call(capabilities), dtypes[0], made=f"plain_call({capabilities})")]
    if eps := capabilities.eps:
        found += [Check(declared_eps(eps), dtype, made=f"declared_eps({eps})") for dtype in dtypes]
    for law in laws():
        for dtype in [_ONE_DTYPE[law.id]] if law.id in _ONE_DTYPE else [torch.float64, torch.float32]:
            found.append(Check(law, dtype, capabilities.reason_to_skip(law, dtype)))
    return [replace(check, of_generator=of_generator) for check in found]


def cases(law: Law, dtype: torch.dtype, device: str, count: int, seed: int, pinned: bool = True) -> list[Any]:
    """The law's cases, the shortest first, so that the first that breaks it is one to read.

    `pinned` cases, the same whatever the seed, hold every class that a law would be vacuous without.
    """
    if law.id == "plain-call":
        found: tuple[Any, ...] = (PLAIN,)
    elif law.cases == "fixed":
        found = _FIXED[law.id]
    else:
        found = tuple(sorted((_PINNED[law.cases] if pinned else ()) + _drawn(law.cases, count, seed), key=_length))
    return [case.to(dtype, device) if isinstance(case, (Case, Edge)) else case for case in found]


def _length(case: Any) -> int:
    return len(repr(case))


@cache
def _drawn(kind: str, count: int, seed: int) -> tuple[Any, ...]:
    """Different cases of a kind, drawn by hypothesis once for all laws."""
    import hypothesis

    from gnref import strategies

    strategy = {"network": strategies.cases, "conditional": strategies.conditional_cases, "facet": strategies.facets}
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
    @hypothesis.given(strategy[kind]())
    def collect(case: Any) -> None:
        found.setdefault(repr(case), case)

    collect()
    return tuple(found.values())


def _pin(slope: float) -> ExactNetwork:
    layers = ((((1.0, -2.0), 1.5), ((3.0, 0.0), -0.5)), (((2.0, -1.0), -1.25), ((1.0, 3.0), 0.25)))
    return ExactNetwork(layers, ((2.0, -3.0), 0.625), slope)


_SQUARE = tuple((float(x), float(y)) for x in (-4, -1, 2) for y in (-3, 0, 1, 4))
_DEAD = ExactNetwork(((((1.0,), 0.5),),), ((1.0,), 0.25))

_PINNED: dict[str, tuple[Any, ...]] = {
    "network": (
        Case(_DEAD, ((-3.0,), (2.0,))),
        Case(ExactNetwork((), ((-2.0,), 3.0)), ((4.0,), (-1.0,), (0.0,))),
        Case(_pin(0.0), _SQUARE),
        Case(_pin(0.25), _SQUARE),
        Case(_pin(-1.0), _SQUARE),
    ),
    "conditional": (
        Case(ExactConditional(_pin(0.0), ((1.0, 2.0), (-3.0, 1.0), (0.0, -2.0))), _SQUARE, (0, 1, 2) * 4),
        Case(ExactConditional(_DEAD, ((2.0,), (-1.0,))), ((1.0,), (1.0,), (3.0,)), (0, 1, 1)),
    ),
    "facet": (),
}
