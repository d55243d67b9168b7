"""The subject of the laws: found by its name, adapted to what it declares, and judged by all of them."""

import importlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import count
from typing import Any

import torch

from gnref.conformance.adapted import GeneratorForm, adapt, from_generator_form
from gnref.conformance.judge import Finding, judge
from gnref.conformance.options import Capability, Options
from gnref.conformance.plan import CASES, Check, cases, checks
from gnref.errors import UserError
from gnref.laws import Normalize


@dataclass(frozen=True)
class Subject:
    """A library's gradient normalization: one callable, or a pair with a loss-aware form for the generator's step."""

    normalize: Normalize
    generator: GeneratorForm | None = None
    options: Options = field(default_factory=Options)
    name: str = ""
    """The callable as my.module:normalize, for snippets; by default what it says of itself."""
    generator_name: str = ""

    def __post_init__(self) -> None:
        """Refuse a device that is missing and an expected failure of a law that is not judged."""
        self.options.check()
        if self.options.device != "cpu" and not torch.cuda.is_available():
            raise UserError("expected a GPU for device cuda, but PyTorch finds none; use --device cpu")
        known = [name for check in self.checks() if not check.skip for name in check.names]
        for name in self.options.expected:
            if name not in known:
                near = ", ".join(get_close_matches(name, known, n=3, cutoff=0.3)) or "value"
                raise UserError(f"expected the name of a law that is judged, such as {near}, got {name!r}")

    def checks(self) -> list[Check]:
        """Every law in every dtype, of both forms."""
        found = checks(self.options)
        if self.generator is not None:
            # Its scores have their gradient in x alone.
            declared: tuple[Capability, ...] = (*self.options.capability, "generator-only")
            found += checks(replace(self.options, capability=declared), of_generator=True)
        return found

    def reason_to_fail(self, check: Check) -> str:
        """Why the law is declared to be broken; empty where it is not."""
        expected = self.options.expected
        return next((expected[name] for name in check.names[::-1] if name in expected), "")

    def judge(self, check: Check, many: int = CASES, turn: int = 0) -> Finding:
        """Judge one law at `many` drawn cases; each `turn` draws others, and the first judges the fixed ones too."""
        # A declared ε is judged by the subject as it is.
        declared = replace(self.options, eps=0.0) if check.law.id == "declared-eps" else self.options
        form = self.normalize
        if check.of_generator:
            assert self.generator is not None
            form = from_generator_form(self.generator)
        device, seed, limit = self.options.device, self.options.seed + turn, self.options.limit_seconds
        drawn = [] if check.skip else cases(check.law, check.dtype, device, many, seed, fixed=turn == 0)
        preamble = self._preamble(check, declared)
        return judge(check, adapt(form, declared), drawn, limit, preamble, self.reason_to_fail(check))

    def findings(self, turning_to: Callable[[str], None] | None = None) -> list[Finding]:
        """Judge every law; only the plain calls where one of them does not work.

        With a budget of seconds: as many turns of 8 cases as it allows, at least one. `turning_to` hears each law's
        name before it is judged.
        """
        found: dict[Check, Finding] = {}
        budget = self.options.budget_seconds
        start = time.monotonic()
        for check, turn in self._turns(budget):
            before = found.get(check)
            if before is not None and (before.outcome != "kept" or not check.law.drawn):
                continue
            if turn and budget is not None and time.monotonic() - start > budget:
                break
            if check.law.id != "plain-call" and any(plain_fails(finding) for finding in found.values()):
                break
            if turning_to is not None:
                turning_to(check.id)
            now = self.judge(check, CASES if budget is None else 8, turn)
            found[check] = now if before is None else _sum(before, now)
        return list(found.values())

    def _turns(self, budget: float | None) -> Iterator[tuple[Check, int]]:
        everything = sorted(self.checks(), key=lambda check: check.law.id != "plain-call")
        drawn = any(not check.skip and check.law.drawn for check in everything)
        for turn in [0] if budget is None or not drawn else count():
            for check in everything:
                yield check, turn

    def _preamble(self, check: Check, declared: Options) -> str:
        if check.of_generator:
            kit = "from gnref.conformance import from_generator_form\n"
            lines = f"{_imported(self.generator, self.generator_name)}\n{kit}normalize = from_generator_form(normalize)"
        else:
            lines = _imported(self.normalize, self.name)
        if "one-sample" in declared.capability or declared.eps:
            how = f"Options(capability={declared.capability}, eps={declared.eps})"
            lines += f"\nfrom gnref.conformance import Options, adapt\nnormalize = adapt(normalize, {how})"
        return lines


def plain_fails(finding: Finding) -> bool:
    """Whether the plain call did not work, so that no other law says more."""
    return finding.law == "plain-call" and finding.outcome != "kept" and not finding.expected


def _sum(before: Finding, now: Finding) -> Finding:
    worst = None if now.worst is None or before.worst is None else max(now.worst, before.worst)
    return replace(now, cases=before.cases + now.cases, worst=worst, seconds=before.seconds + now.seconds)


def _imported(form: Any, named: str) -> str:
    """Lines that define `normalize`: by import where it has a name, else a line for its author to fill in."""
    module, _, name = named.partition(":")
    if not named:
        module, name = getattr(form, "__module__", None) or "", getattr(form, "__qualname__", "<none>")
    if not module or "<" in name:
        return "normalize = ...  # the callable under test, which no import names"
    outer, *inner = name.split(".")
    attributes = "".join(f".{part}" for part in inner)
    return f"from {module} import {outer} as normalize" + (f"\nnormalize = normalize{attributes}" if inner else "")


def load(name: str) -> Any:
    """The callable that `my.module:name` names; UserError where there is none."""
    module, _, attributes = name.partition(":")
    if not module or not attributes:
        raise UserError(f"expected a callable as my.module:normalize, got {name!r}")
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:
        told = str(error).splitlines()[0] if str(error) else ""
        raise UserError(f"cannot import {module}: {type(error).__name__}: {told}") from error
    for attribute in attributes.split("."):
        if not hasattr(found, attribute):
            raise UserError(f"{module} has no {attributes}")
        found = getattr(found, attribute)
    if not callable(found):
        raise UserError(f"expected a callable normalize(discriminator, x, *args, **kwargs), but {name} is {found!r}")
    return found
