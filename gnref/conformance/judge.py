"""Judging one law: the finding, the case cut down to what breaks it, and lines that show it again."""

import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from gnref.conformance.plan import Check
from gnref.laws import Case, Normalize
from gnref.laws.smooth import ELU, SOFTSIGN, TANH

Outcome = Literal["kept", "broken", "raised", "never returned", "skipped"]
LIMIT = 60.0
"""Seconds one law may take at its cases before the subject counts as never returning."""


@dataclass(frozen=True)
class Finding:
    """What became of one law."""

    law: str
    version: int
    level: str
    dtype: str
    form: Literal["normalize", "generator"]
    outcome: Outcome
    statement: str
    cases: int = 0
    worst: float | None = None
    """The largest error as a share of its derived bound; None where equality is asked for."""
    seconds: float = 0.0
    reason: str = ""
    """What came and what should have come; or why the law was left out."""
    snippet: str = ""
    """Lines that run as they stand and raise while the law is broken."""
    expected: str = ""
    """The reason, where the law was declared to fail."""

    @property
    def wrong(self) -> bool:
        """Whether it counts against the subject: broken without being expected to be, or kept against expectation."""
        return self.outcome != "skipped" and (self.outcome == "kept") == bool(self.expected)


class NeverReturned(BaseException):
    """The time limit has passed. Not an Exception, so that a subject's `except Exception` lets it through."""


class _Raised(Exception):
    """The subject raised: so that its own AssertionError is not taken for a law's."""


def judge(
    check: Check,
    subject: Normalize,
    cases: Iterable[Any],
    limit: float = LIMIT,
    preamble: str = "",
    expected: str = "",
) -> Finding:
    """Judge one law at these cases, and stop at the first that breaks it.

    `preamble` are the lines of a snippet that define `normalize`; `expected` is why the law is declared to be broken.
    """
    law = check.law
    found = Finding(
        law.id,
        law.version,
        law.level,
        str(check.dtype).removeprefix("torch."),
        "generator" if check.of_generator else "normalize",
        "kept",
        law.statement,
        worst=0.0 if law.evidence == "derived bound" else None,
        expected=expected,
    )
    if check.skip:
        return replace(found, outcome="skipped", reason=check.skip)
    start = time.monotonic()
    for case in cases:
        found = replace(found, cases=found.cases + 1)
        try:
            with _limited(limit - (time.monotonic() - start)):
                share = law(_telling(subject), case)
        except (Exception, NeverReturned) as error:
            outcome, reason = _told(error, limit)
            if outcome == "broken":
                case, reason = _smallest(check, subject, case, reason, limit)
            seconds, snippet = time.monotonic() - start, _snippet(check, case, preamble)
            return replace(found, outcome=outcome, reason=reason, snippet=snippet, seconds=seconds)
        if found.worst is not None:
            found = replace(found, worst=max(found.worst, share))
    return replace(found, seconds=time.monotonic() - start)


def _telling(subject: Normalize) -> Normalize:
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return subject(*args, **kwargs)
        except AssertionError as error:
            raise _Raised(f"AssertionError: {error}") from error

    return call


def _told(error: BaseException, limit: float) -> tuple[Outcome, str]:
    lines = str(error).strip().splitlines() or [""]
    if isinstance(error, AssertionError):
        return "broken", lines[0]
    if isinstance(error, NeverReturned):
        return "never returned", f"did not return within {limit:g} s"
    if isinstance(error, _Raised):
        return "raised", f"raised {lines[0]}"
    return "raised", f"raised {type(error).__name__}: {lines[0]}"


def _smallest(check: Check, subject: Normalize, case: Any, reason: str, limit: float) -> tuple[Any, str]:
    """The case at the one point, or the first two that do it, where the law is broken all the same."""
    if not isinstance(case, Case) or check.law.id == "plain-call":
        return case, reason
    points = range(len(case.points))
    for kept in [*({i} for i in points), *({i, i + 1} for i in points[:-1])]:
        if len(kept) == len(points):
            continue
        smaller = case.at(np.array([i in kept for i in points]))
        try:
            with _limited(limit):
                check.law(_telling(subject), smaller)
        except AssertionError as error:
            return smaller, str(error).splitlines()[0]
        except (Exception, NeverReturned):
            continue
    return case, reason


_NAMED = {id(SOFTSIGN): "SOFTSIGN", id(ELU): "ELU", id(TANH): "TANH"}


def _snippet(check: Check, case: Any, preamble: str) -> str:
    return f"{preamble}\n{check.source}\n{_case_lines(case)}\nlaw(normalize, case)  # raises while the law is broken"


def _case_lines(case: Any) -> str:
    if id(case) in _NAMED:
        return f"from gnref.laws.smooth import {_NAMED[id(case)]} as case"
    names = [name for name in ("ExactConditional", "ExactNetwork") if f"{name}(" in repr(case)]
    exact = f"from gnref.exact import {', '.join(names)}\n" if names else ""
    return f"import torch\n{exact}from gnref.laws import {type(case).__name__}\ncase = {case!r}"


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise NeverReturned after so many seconds, where a signal can: in the main thread of a POSIX process."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: Any) -> None:
        raise NeverReturned

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
