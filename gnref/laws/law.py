"""What a law is: a claim as a function that raises where the claim is broken, with all facts about it in one place.

There are two kinds. A `Law` judges an implementation of f̂; a `FunctionLaw` says something of f and f̂ themselves and
asks for no implementation.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch

from gnref.laws.case import Normalize
from gnref.quotient import Zeta

Level = Literal["required", "robustness", "reference", "refuted"]
"""`required` of every implementation; `robustness`: edges of the number range, smooth networks, costs; `reference`:
about the paper's own numbers and networks, judged on this package alone; `refuted`: broken by the claim's
counterexample, at which it must fail."""
Need = Literal["arguments", "batch", "parameter gradient", "input gradient", "smooth discriminator", "no epsilon"]
"""What a law asks for beyond the value of one call: a discriminator that takes more than x, several samples a call,
a gradient of f̂ in D's parameters and conditions, one in x, a D that is not piecewise linear, no ε."""
Strategy = Literal[
    "cases",
    "conditional_cases",
    "densities",
    "edge_cases",
    "equal_norm_lines",
    "facets",
    "half_edges",
    "image_cases",
    "kernels",
    "kinks",
    "lines",
    "plane_networks",
    "profiles",
    "quadratics",
    "rates",
    "ratios",
    "widths",
    "",
]
"""The function of `gnref.strategies` that draws a law's cases; "" where its fixed ones are all there are."""
FLOATS = (torch.float64, torch.float32)


def _none() -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True, kw_only=True)
class _Stated:
    """What both kinds of law carry."""

    id: str
    """The name of its function, with hyphens."""
    claim: str
    check: Callable[..., float]
    """Raises AssertionError where the law is broken; else returns the largest error as a share of its derived bound,
    0 where equality is asked for."""
    evidence: str = "derived bound"
    """What passing means: "equality", "derived bound", "fractions", "count", "certificate",
    "60 digits"."""
    drawn: Strategy = ""
    fixed: Callable[[], Iterable[Any]] = _none
    """A few cases that hold what the law would be vacuous without."""
    version: int = 1

    @property
    def statement(self) -> str:
        """What the law says: the first line of its docstring."""
        return (self.check.__doc__ or "").strip().splitlines()[0]

    @property
    def file(self) -> str:
        """The name that its file, its claim's file and its property's file share, as theorem_6."""
        return self.check.__module__.rpartition(".")[2]

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, kw_only=True)
class Law(_Stated):
    """A law of implementations: `law(normalize, case)`."""

    level: Level = "required"
    dtypes: tuple[torch.dtype, ...] = FLOATS
    needs: frozenset[Need] = frozenset()
    zeta: Zeta = "abs"

    def __call__(self, normalize: Normalize, case: Any) -> float:
        """Judge `normalize` at one case."""
        return self.check(normalize, case)

    @property
    def cause(self) -> str:
        """What usually breaks it: the paragraph of its docstring that begins with `Usual cause:`."""
        return self._said("Usual cause:")

    @property
    def remedy(self) -> str:
        """What mends that: the paragraph of its docstring that begins with `Remedy:`."""
        return self._said("Remedy:")

    def _said(self, head: str) -> str:
        _, _, after = (self.check.__doc__ or "").partition(head)
        return " ".join(after.partition("Remedy:")[0].partition("\n\n")[0].split())

    @property
    def refuted(self) -> bool:
        """Whether the law must fail at the counterexample of its claim."""
        return self.level == "refuted"

    def examples(self, device: str = "cpu") -> Iterator[Any]:
        """The fixed cases in each of the law's dtypes, on a device."""
        for case in self.fixed():
            if hasattr(case, "to"):
                yield from (case.to(dtype, device) for dtype in self.dtypes)
            else:
                yield case


@dataclass(frozen=True, kw_only=True)
class FunctionLaw(_Stated):
    """A law of f and f̂ as functions: `law(case)`."""

    refuted: bool = False
    """Whether the law must fail at the counterexample of its claim."""

    def __call__(self, case: Any) -> float:
        """Judge one case."""
        return self.check(case)


def law(
    claim: str,
    *,
    level: Level = "required",
    evidence: str = "derived bound",
    drawn: Strategy = "",
    fixed: Callable[[], Iterable[Any]] = _none,
    dtypes: tuple[torch.dtype, ...] = FLOATS,
    needs: tuple[Need, ...] = (),
    zeta: Zeta = "abs",
    version: int = 1,
) -> Callable[[Callable[[Normalize, Any], float]], Law]:
    """Make a law of implementations of a function `check(normalize, case)`; the fields are those of `Law`."""

    def make(check: Callable[[Normalize, Any], float]) -> Law:
        return Law(
            id=check.__name__.replace("_", "-"),
            claim=claim,
            check=check,
            level=level,
            evidence=evidence,
            drawn=drawn,
            fixed=fixed,
            dtypes=dtypes,
            needs=frozenset(needs),
            zeta=zeta,
            version=version,
        )

    return make


def law_of_f(
    claim: str,
    *,
    evidence: str = "fractions",
    drawn: Strategy = "",
    fixed: Callable[[], Iterable[Any]] = _none,
    refuted: bool = False,
    version: int = 1,
) -> Callable[[Callable[[Any], float]], FunctionLaw]:
    """Make a law of f itself of a function `check(case)`; the fields are those of `FunctionLaw`."""

    def make(check: Callable[[Any], float]) -> FunctionLaw:
        return FunctionLaw(
            id=check.__name__.replace("_", "-"),
            claim=claim,
            check=check,
            evidence=evidence,
            drawn=drawn,
            fixed=fixed,
            refuted=refuted,
            version=version,
        )

    return make
