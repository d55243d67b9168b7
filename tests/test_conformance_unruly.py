"""Subjects that raise, hang or return what is no score: one line each, and the exit code."""

from types import SimpleNamespace
from typing import Any

import pytest
from subjects.judged import literal, outcomes, quick
from torch import Tensor

from gnref.conformance import Options, Subject
from gnref.conformance.show import exit_code, text


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
        (raises, 2, "raised NotImplementedError: later, on a plain call"),
        (asserts, 2, "raised AssertionError: not a law's, on a plain call"),
        (hangs, 2, "did not return within 0.2 s, on a plain call"),
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
    assert said.startswith(f"its:name: {told}")


def test_a_subject_that_raises_in_one_law_only_does_not_conform() -> None:
    def fragile(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if x.dim() > 2:
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
    findings = {(f.law, f.dtype): f for f in only.findings(asked.append)}
    turns = asked.count(value.id)
    assert 2 < turns < 60
    assert findings["value", "float32"].cases == sum(only.judge(value, 8, turn).cases for turn in range(turns))
    assert asked.count("robustness-exponent-range-v1-float32") == 1
    assert asked.count("required-plain-call-v1-float32") == 1
