"""Judging one law: the finding, the case cut down to what breaks it, and lines that show it again."""

import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any

import numpy as np

from gnref.conformance.finding import Finding, Outcome
from gnref.conformance.plan import Check
from gnref.conformance.remedies import for_a_law
from gnref.conformance.switches import restore, switches
from gnref.laws import Case, Normalize
from gnref.laws.smooth import ELU, SOFTSIGN, TANH
from gnref.supervisor import place, said


class NeverReturned(BaseException):
    """The time limit has passed. Not an Exception, so that a subject's `except Exception` lets it through."""


class _Raised(Exception):
    """The subject raised an AssertionError of its own, which must not be taken for a law's."""


def unjudged(check: Check, expected: str = "") -> Finding:
    """The finding of a check before its first case; `expected` is why the law is declared to be broken."""
    law = check.law
    return Finding(
        law.id,
        law.version,
        law.level,
        str(check.dtype).removeprefix("torch."),
        "generator" if check.of_generator else "normalize",
        "skipped" if check.skip else "kept",
        law.statement,
        worst=0.0 if law.evidence == "derived bound" and not check.skip else None,
        reason=check.skip,
        expected=expected,
    )


def judge(
    check: Check, subject: Normalize, cases: Iterable[Any], limit: float, preamble: str = "", expected: str = ""
) -> Finding:
    """Judge one law at these cases, and stop at the first that breaks it.

    Args:
        check: The law and its dtype.
        subject: The gradient normalization, as the laws call it.
        cases: What it is judged at.
        limit: Seconds that all of them may take.
        preamble: Lines of a snippet that define `normalize`.
        expected: Why the law is declared to be broken.
    """
    found = unjudged(check, expected)
    if check.skip:
        return found
    start, guarded = time.monotonic(), _guarded(check, subject)
    for case in cases:
        found = replace(found, cases=found.cases + 1)
        try:
            share = _limited(check, guarded, case, limit - (time.monotonic() - start))
        except (Exception, NeverReturned, SystemExit) as error:
            outcome, reason = _outcome(error, limit)
            cause, remedy = "", for_a_law(check.law, error) if outcome == "raised" else ""
            if outcome == "broken":
                cause, remedy = check.law.cause, check.law.remedy
                case, reason = _smallest(check, guarded, case, reason, limit)
            seconds, snippet = time.monotonic() - start, _snippet(check, case, preamble)
            told = replace(found, outcome=outcome, reason=reason, cause=cause, remedy=remedy)
            return replace(told, snippet=snippet, seconds=seconds)
        if found.worst is not None:
            found = replace(found, worst=max(found.worst, share))
    return replace(found, seconds=time.monotonic() - start)


def _limited(check: Check, subject: Normalize, case: Any, limit: float) -> float:
    """The law at one case, in limited time; PyTorch's switches stand afterwards as they stood before."""
    before = switches()
    try:
        with _alarm(limit):
            return check.law(subject, case)
    finally:
        restore(before)


def _guarded(check: Check, subject: Normalize) -> Normalize:
    """The subject, with its own AssertionErrors told from a law's, and with no switch flipped for the next call.

    The law about switches sees the subject as it is.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        before = switches()
        try:
            return subject(*args, **kwargs)
        except AssertionError as error:
            raise _Raised(f"raised {said(error)}{place(error)}") from error
        finally:
            if check.law.id != "global-switches":
                restore(before)

    return call


def _outcome(error: BaseException, limit: float) -> tuple[Outcome, str]:
    if isinstance(error, AssertionError):
        return "broken", (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, NeverReturned):
        return "never returned", f"did not return within {limit:g} s{place(error)}"
    if isinstance(error, _Raised):
        return "raised", str(error)
    return "raised", f"raised {said(error)}{place(error)}"


def _smallest(check: Check, subject: Normalize, case: Any, reason: str, limit: float) -> tuple[Any, str]:
    """The case at the one point, or the first two that do it, where the law is broken all the same."""
    if not isinstance(case, Case) or check.law.id == "plain-call":
        return case, reason
    points, start = range(len(case.points)), time.monotonic()
    for kept in [*({i} for i in points), *({i, i + 1} for i in points[:-1])]:
        if len(kept) == len(points) or time.monotonic() - start > limit:
            continue
        smaller = case.at(np.array([i in kept for i in points]))
        try:
            _limited(check, subject, smaller, limit)
        except AssertionError as error:
            return smaller, str(error).splitlines()[0]
        except (Exception, NeverReturned, SystemExit):
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
def _alarm(seconds: float) -> Iterator[None]:
    """Raise NeverReturned after so many seconds, where a signal can: in the main thread of a POSIX process."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_: int, frame: FrameType | None) -> None:
        # Raised in hypothesis's callback of the garbage collector, it would be printed and lost.
        if frame is None or "hypothesis" not in frame.f_code.co_filename:
            raise NeverReturned

    before = signal.signal(signal.SIGALRM, ring)
    # It rings again, for a subject that catches everything once.
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3), 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
