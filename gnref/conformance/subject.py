"""The subject of the laws: found by its name, adapted to what it declares, and judged by all of them."""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from itertools import count
from typing import Any

import torch

from gnref.conformance.adapted import adapt
from gnref.conformance.finding import Finding
from gnref.conformance.generator import GeneratorForm, from_generator_form
from gnref.conformance.judge import judge
from gnref.conformance.options import ADAPTED, Capability, Options
from gnref.conformance.plan import CASES, Check, cases, checks
from gnref.conformance.remedies import LIMITED, by_trying
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

    def findings(self) -> list[Finding]:
        """Judge every law; only the plain calls where one of them does not work."""
        found = {check: finding for check, finding in self.judged() if finding is not None}
        return list(found.values())

    def judged(self, done: Collection[str] = ()) -> Iterator[tuple[Check, Finding | None]]:
        """Each check with None before it is judged, and with what was found afterwards.

        With a budget, as many turns of 8 cases as it allows, at least one: a check then comes again with the sum.

        Args:
            done: Checks by id that are not judged again.
        """
        budget = self.options.budget_seconds
        start = time.monotonic()
        open_checks = [check for check in self._in_order() if check.id not in done]
        before: dict[Check, Finding] = {}
        for turn in count():
            for check in open_checks:
                if turn and budget is not None and time.monotonic() - start > budget:
                    return
                if check.law.id != "plain-call" and any(finding.plain_fails for finding in before.values()):
                    return
                yield check, None
                now = self.judge(check, CASES if budget is None else 8, turn)
                if now.plain_fails and now.outcome != "never returned":
                    now = replace(now, remedy=by_trying(partial(self._with, check), LIMITED) or now.remedy)
                elif now.outcome == "raised" and not now.remedy:
                    now = replace(now, remedy=by_trying(partial(self._with, check), ADAPTED))
                before[check] = _sum(before[check], now) if check in before else now
                yield check, before[check]
            # What is broken is known, and fixed cases are the same again.
            open_checks = [check for check in open_checks if before[check].outcome == "kept" and check.law.drawn]
            if budget is None or not open_checks:
                return

    def _with(self, check: Check, capability: Capability) -> Finding:
        """The same law, judged with one more declared capability."""
        options = replace(self.options, capability=(*self.options.capability, capability), expect=(), expect_file=None)
        limited = replace(self, options=options)
        same = (c for c in limited.checks() if (c.law.id, c.of_generator) == (check.law.id, check.of_generator))
        return limited.judge(next(same), 1)

    def _in_order(self) -> list[Check]:
        return sorted(self.checks(), key=lambda check: check.law.id != "plain-call")

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
