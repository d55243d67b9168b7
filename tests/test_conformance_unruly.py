"""Subjects that raise, hang or return what is no score: one line each, and the exit code."""

import re
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from subjects.judged import EDGES, literal, outcomes, quick
from torch import Tensor

from gnref.conformance import Options, Subject
from gnref.conformance.plain import PLAIN
from gnref.conformance.show import exit_code, text
from gnref.conformance.switches import switches


def raises(D: Any, x: Tensor) -> Tensor:
    raise NotImplementedError("later\nmuch later")


def asserts(D: Any, x: Tensor) -> Tensor:
    raise AssertionError("not a law's")


def hangs(D: Any, x: Tensor) -> Tensor:
    while True:
        try:
            x = x + 1
        except Exception:  # what a subject may do must not keep it alive
            continue


@pytest.mark.parametrize(
    ("normalize", "code", "told"),
    [
        (raises, 2, "raised NotImplementedError: later (HERE, in raises), on a plain call"),
        (asserts, 2, "raised AssertionError: not a law's (HERE, in asserts), on a plain call"),
        (hangs, 2, "did not return within 0.2 s (HERE, in hangs), on a plain call"),
        (lambda D, x: D(x) * float("nan"), 1, "expected f̂ = 5/6, -5/6 and 4/9 for f = 3x + 4y, got NaN"),
        (lambda D, x: literal(D, x)[:, 0], 1, "expected scores of D's own shape (3, 1), got (3,)"),
        (lambda D, x: literal(D, x).float(), 1, "expected scores of D's own dtype torch.float64, got torch.float32"),
        (lambda D, x: literal(D, x).detach(), 1, "expected scores with a gradient in the discriminator's parameters"),
        (lambda D, x: literal(D, x).tolist(), 1, "expected a tensor of scores, got list"),
    ],
)
def test_an_unruly_subject_gets_one_line_and_its_code(normalize: Any, code: int, told: str) -> None:
    findings = Subject(normalize, options=Options(limit="0.2s")).findings()
    said = text(findings, "its:name")
    assert exit_code(findings) == code
    assert said.count("\n") == 0
    said = re.sub(r"[^ (]*test_conformance_unruly.py, line \d+", "HERE", said)
    assert said.startswith(f"its:name: {told}")


def test_a_subject_that_raises_in_one_law_only_does_not_conform() -> None:
    def fragile(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if x.shape[3:] == (1,):
            raise IndexError("x must be flat")
        return literal(D, x, *args, **kwargs)

    findings = quick(Subject(fragile))
    assert outcomes(findings)["raised"] == {"any-rank"}
    assert exit_code(findings) == 1
    assert "RAISED any-rank v1, required, float64 and float32" in text(findings, "fragile")


def test_a_budget_is_spent_in_turns_and_a_broken_law_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that moves on by 1 each time it is read: a turn reads it once a check from the second turn on."""
    ticks = iter(range(10_000))
    clock = SimpleNamespace(monotonic=lambda: next(ticks))
    monkeypatch.setattr("gnref.conformance.subject.time", clock)
    only = Subject(literal, options=Options(capability=("values-only", "no-conditional", "float32-only"), budget="60s"))
    value = next(check for check in only.checks() if check.law.id == "value" and not check.skip)
    asked: list[str] = []
    findings = {}
    for check, found in only.judged():
        if found is None:
            asked.append(check.id)
        else:
            findings[found.law, found.dtype] = found
    turns = asked.count(value.id)
    assert 2 < turns < 60
    assert findings["value", "float32"].cases == sum(only.judge(value, 8, turn).cases for turn in range(turns))
    assert asked.count("robustness-exponent-range-v1-float32") == 1
    assert asked.count("required-plain-call-v1-float32") == 1


def test_a_budget_ends_where_every_drawn_law_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still: only that nothing is left to judge ends it."""
    monkeypatch.setattr("gnref.conformance.subject.time", SimpleNamespace(monotonic=lambda: 0.0))

    def only_plain(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if x.tolist() != [list(point) for point in PLAIN.points]:
            raise ValueError("another x")
        return literal(D, x, *args, **kwargs)

    wrong = Subject(only_plain, options=Options(("no-conditional",), budget="60s"))
    findings = wrong.findings()
    assert outcomes(findings)["kept"] == {"plain-call", "nan-is-not-hidden"}  # a refusal hides no NaN
    assert len(findings) == len(wrong.checks())


def test_switches_that_a_subject_flips_are_told_and_change_no_other_verdict() -> None:
    def flips(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        torch.set_default_dtype(torch.float16)
        torch.autograd.set_detect_anomaly(True)
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.use_deterministic_algorithms(True)
        scores = literal(D, x, *args, **kwargs)
        torch.set_grad_enabled(False)
        return scores

    before = switches()
    findings = quick(Subject(flips))
    assert switches() == before
    assert outcomes(findings)["broken"] == {"global-switches", *EDGES}
    told = next(f.reason for f in findings if f.law == "global-switches")
    assert "the default dtype: torch.float32 before, torch.float16 after" in told
    for what in ("gradient mode", "anomaly mode", "the number of threads", "deterministic algorithms"):
        assert what in told


def test_a_subject_that_exits_in_one_law_is_judged_by_the_others() -> None:
    def exits(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if x.shape[3:] == (1,):
            sys.exit(0)
        return literal(D, x, *args, **kwargs)

    findings = quick(Subject(exits))
    assert outcomes(findings)["raised"] == {"any-rank"}
    assert "SystemExit: it called sys.exit(0) (" in next(f.reason for f in findings if f.outcome == "raised")
