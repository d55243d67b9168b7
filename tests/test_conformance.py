"""The kit for other libraries: what it tells of right, wrong and unruly subjects, by pytest and by the command line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from subjects import mistakes
from torch import Tensor

from gnref import gradient_normalize
from gnref.conformance import Capabilities, Finding, Subject, parametrize_with_laws
from gnref.conformance.command import conform, seconds
from gnref.conformance.plan import CASES, cases, laws
from gnref.conformance.show import exit_code, summary, text, to_json
from gnref.conformance.subject import load
from gnref.errors import UserError
from gnref.laws import Case
from gnref.strategies import classes

literal = mistakes.literal
NOT_ROBUST = dict.fromkeys(("zero-over-zero", "exponent-range", "gradient-range"), "the literal formula")


def judged(subject: Subject, law: str, many: int = 4, turn: int = 0) -> list[Finding]:
    return [subject.judge(check, many, turn) for check in subject.checks() if check.law.id == law]


def quick(subject: Subject) -> list[Finding]:
    """Every law at its examples and one drawn case."""
    return [subject.judge(check, 1) for check in subject.checks()]


def outcomes(findings: list[Finding]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for f in findings:
        found.setdefault(f.outcome, set()).add(f.law)
    return found


# Right and wrong


def test_the_reference_conforms_strictly() -> None:
    findings = quick(Subject(gradient_normalize))
    assert outcomes(findings) == {"kept": {"plain-call", *(law.id for law in laws())}}
    assert exit_code(findings, strict=True) == 0
    assert all(f.cases >= 2 for f in findings if f.law != "plain-call")


def test_the_literal_formula_keeps_the_required_laws_and_not_the_edges() -> None:
    findings = quick(Subject(literal))
    assert outcomes(findings)["broken"] == set(NOT_ROBUST)
    assert (exit_code(findings), exit_code(findings, strict=True)) == (0, 1)
    assert "19 of 19" in summary(findings, "literal")
    declared = Subject(literal, expected=NOT_ROBUST)
    assert exit_code([f for law in NOT_ROBUST for f in judged(declared, law)], strict=True) == 0


@pytest.mark.parametrize("name", mistakes.MISTAKES)
def test_a_mistake_is_told_by_its_law_at_drawn_cases_alone(name: str) -> None:
    """Without the fixed examples: what a fresh seed gives must be enough."""
    mistake = mistakes.MISTAKES[name]
    found = judged(Subject(mistake.normalize), mistake.law, CASES, turn=1)
    assert any(f.outcome == "broken" and f.wrong for f in found), found


@pytest.mark.parametrize("name", mistakes.RIGHT)
def test_a_right_one_is_harmed_by_no_required_law_at_drawn_cases(name: str) -> None:
    subject = Subject(mistakes.RIGHT[name])
    checks = [check for check in subject.checks() if check.law.level == "required"]
    found = [subject.judge(check, 2, turn=1) for check in checks]
    assert {f.outcome for f in found} == {"kept"}, [f for f in found if f.outcome != "kept"]


@pytest.mark.parametrize("seed", range(5))
def test_the_drawn_cases_are_of_every_class(seed: int) -> None:
    (value,) = [law for law in laws() if law.id == "value"]
    found = cases(value, torch.float64, "cpu", CASES, seed)
    seen = {name for case in found if isinstance(case, Case) for name, belongs in classes(case).items() if belongs}
    assert seen == set(classes(found[0]))
    assert [len(repr(case)) for case in found] == sorted(len(repr(case)) for case in found)


def test_a_broken_law_says_what_came_and_shows_it() -> None:
    (found, _) = judged(Subject(mistakes.MISTAKES["norm detached"].normalize, name="here:wrong"), "scale-invariance")
    assert found.outcome == "broken"
    assert "expected 0.0, got " in found.reason
    (case,) = [line for line in found.snippet.splitlines() if line.startswith("case = ")]
    assert len(eval(case.removeprefix("case = "), globals() | _names()).points) == 1


def _names() -> dict[str, Any]:
    from gnref.exact import ExactConditional, ExactNetwork
    from gnref.laws import Edge, Facet

    return {"ExactNetwork": ExactNetwork, "ExactConditional": ExactConditional, "Edge": Edge, "Facet": Facet}


def test_every_snippet_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a subject that breaks every law: none is bitwise, each sees the batch, and ε is not as declared."""
    (tmp_path / "subject_of_snippets.py").write_text(
        "import torch\n"
        "calls = 0\n"
        "def wrong(D, x, *args, **kwargs):\n"
        "    global calls\n"
        "    calls += 1\n"
        "    x.mul_(1.5)\n"
        "    return D(x, *args, **kwargs) * 3 + x.abs().sum() + calls\n"
        "def step(D, x, loss, *args, **kwargs):\n"
        "    return loss(wrong(D, x.clone(), *args, **kwargs))\n"
        "def of_x(D, x):\n"
        "    return torch.zeros(len(x))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import subject_of_snippets as module  # type: ignore[import-not-found]

    found = Subject(module.wrong, module.step, Capabilities(eps=1e-8)).findings(budget=0.01)
    found += Subject(module.wrong).findings(budget=0.01) + Subject(module.of_x).findings()
    broken = [f for f in found if f.outcome == "broken"]
    assert {f.law for f in broken} >= {
        "plain-call",
        "declared-eps",
        "value",
        "conditional-value",
        "jump",
        "slope-formula",
    }
    for f in broken:
        with pytest.raises(AssertionError):
            exec(f.snippet, {})


# Declared


def test_an_expected_failure_is_strict() -> None:
    kept = judged(Subject(literal, expected={"value-float32": "why not"}), "value")
    assert [(f.dtype, f.wrong) for f in kept] == [("float64", False), ("float32", True)]
    assert exit_code(kept) == 1
    assert "KEPT, NOT EXPECTED value v1, required, float32: declared to fail: why not" in text(kept, "literal")


@pytest.mark.parametrize(
    ("expected", "message"),
    [({"valu": "x"}, "such as value"), ({"value": " "}, "a reason why value fails"), ({"value-gn-1": "x"}, "judged")],
)
def test_a_wrong_expectation_is_refused(expected: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Subject(literal, expected=expected)


def with_eps(eps: float) -> Callable[..., Tensor]:
    return mistakes.formula(lambda f, v: f / (v.norm(dim=1) + f.abs() + eps))


@pytest.mark.parametrize("eps", [1e-12, 1e-8, 1e-3])
def test_a_declared_eps_is_judged_as_gn_and_by_its_size(eps: float) -> None:
    capabilities = Capabilities(eps=eps)
    found = quick(Subject(with_eps(eps), capabilities=capabilities))
    assert "broken" not in outcomes(found), [f for f in found if f.outcome == "broken"]
    assert outcomes(found)["skipped"] == {"zero-over-zero", "exponent-range", "gradient-range", "half-precision"}
    larger = judged(Subject(with_eps(4 * eps), capabilities=capabilities), "declared-eps")
    assert "broken" in {f.outcome for f in larger}


def test_a_declared_eps_hides_no_other_mistake() -> None:
    wrong = mistakes.formula(lambda f, v: f / (v.abs().sum(1) + f.abs() + 1e-8))
    found = judged(Subject(wrong, capabilities=Capabilities(eps=1e-8)), "value")
    assert {f.outcome for f in found} == {"broken"}


def no_labels(D: Any, x: Tensor) -> Tensor:
    return literal(D, x)


def one_sample(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if len(x) != 1:
        raise ValueError("one sample, please")
    return literal(D, x, *args, **kwargs)


def values(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(D, x, *args, **kwargs).detach()


def single_precision(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if x.dtype == torch.float64:
        raise TypeError("float64 is not supported")
    return literal(D, x, *args, **kwargs)


def piecewise_linear(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return gradient_normalize(D, x, *args, method="replay", **kwargs)


@pytest.mark.parametrize(
    ("normalize", "capability", "without"),
    [
        (no_labels, "no-conditional", "conditional-value"),
        (one_sample, "one-sample", "plain-call"),
        (values, "values-only", "plain-call"),
        (single_precision, "float32-only", "plain-call"),
        (piecewise_linear, "piecewise-linear-only", "slope-formula"),
    ],
)
def test_a_capability_leaves_out_what_the_subject_cannot_do(normalize: Any, capability: str, without: str) -> None:
    subject = Subject(normalize, capabilities=Capabilities.declared((capability,)))
    findings = quick(subject)
    assert exit_code(findings) == 0, outcomes(findings)
    assert all(f.reason.startswith("declared: ") for f in findings if f.outcome == "skipped")
    assert {f.outcome for f in judged(Subject(normalize), without)} <= {"broken", "raised"}


def test_an_unknown_capability_is_refused() -> None:
    with pytest.raises(UserError, match="expected a capability of no-conditional, one-sample"):
        Capabilities.declared(("no-labels",))
    with pytest.raises(UserError, match="between 0 and"):
        Capabilities(eps=1.0)


# A pair: a discriminator form and a loss-aware generator form


def shortcut(D: Any, x: Tensor, loss: Any, *args: Any, assume_mean: bool = False, **kwargs: Any) -> Tensor:
    """The generator's closed form for piecewise-linear D: ∂L/∂x = l (g/N²) ∇ₓf, without a second backward pass."""
    inner = x.detach().requires_grad_()
    scores = D(inner, *args, **kwargs)
    (v,) = torch.autograd.grad(scores.sum(), inner)
    f, g = scores.detach(), v.flatten(1).norm(dim=1).view(scores.shape)
    normalized = (f / (g + f.abs())).requires_grad_()
    total = loss(normalized)
    (weights,) = torch.autograd.grad(total, normalized)
    if assume_mean:
        weights = torch.full_like(weights, float(weights.mean()))
    slope = (weights * g / (g + f.abs()) ** 2).view(-1, *[1] * (x.dim() - 1)) * v
    return total.detach() + ((x - x.detach()) * slope).sum()


def test_a_pair_is_judged_by_both_forms() -> None:
    capabilities = Capabilities(piecewise_linear_only=True)
    subject = Subject(literal, shortcut, capabilities)
    findings = quick(subject)
    assert exit_code(findings) == 0, outcomes(findings)
    kept = {f.law for f in findings if f.form == "generator" and f.outcome == "kept"}
    assert {"value", "generator-gradient", "slope-identity", "conditional-value"} <= kept
    assert "value v1 (generator form)" in text(findings, "pair")


def test_a_generator_form_that_assumes_a_mean_loss_is_told() -> None:
    def wrong(D: Any, x: Tensor, loss: Any, *args: Any, **kwargs: Any) -> Tensor:
        return shortcut(D, x, loss, *args, assume_mean=True, **kwargs)

    found = [f for f in judged(Subject(literal, wrong), "generator-gradient") if f.form == "generator"]
    assert {f.outcome for f in found} == {"broken"}


def test_a_generator_form_that_ignores_its_loss_is_told() -> None:
    findings = Subject(literal, lambda D, x, loss: D(x).sum()).findings()
    assert exit_code(findings) == 2
    assert "the generator form never called its loss" in text(findings, "pair")


# Unruly subjects: one line each, and the exit code


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
    findings = Subject(normalize, limit=0.2).findings()
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


# The command line

MODULE = """
import os, signal, torch
def right(D, x, *args, **kwargs):
    x = (x if x.requires_grad else x.detach().requires_grad_())
    f = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(f.sum(), x, create_graph=True)
    return f / (v.flatten(1).norm(dim=1).view(f.shape) + f.abs())
def wrong(D, x, *args, **kwargs):
    print("a subject may print")
    return torch.tanh(right(D, x, *args, **kwargs))
def hangs_deaf(D, x):
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    while True:
        pass
def crashes(D, x):
    os._exit(9)
not_callable = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a module of subjects in it."""
    (tmp_path / "subjects_of_a_library.py").write_text(MODULE)
    (tmp_path / "broken_library.py").write_text("import nothing_of_this_name\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(subject: str, **options: Any) -> int:
    defaults: dict[str, Any] = {
        "generator": None,
        "budget": "0.01s",
        "device": "cpu",
        "json_file": None,
        "eps": 0.0,
        "capability": (),
        "expect": (),
        "seed": 0,
        "limit": "60s",
        "strict": False,
    }
    return conform(subject, **(defaults | options))


def test_the_command_judges_shows_and_writes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("subjects_of_a_library:wrong", json_file=folder / "found.json", expect=("bound=it cannot",)) == 1
    said = capsys.readouterr().out
    assert "BROKEN value v1, required, float64 and float32" in said
    assert "from subjects_of_a_library import wrong as normalize" in said
    written = json.loads((folder / "found.json").read_text())
    assert (written["schema"], written["exit_code"], written["about"]["seed"]) == (1, 1, 0)
    by_law = {(row["law"], row["dtype"]): row for row in written["findings"]}
    assert by_law["value", "float64"]["outcome"] == "broken"
    assert by_law["value", "float64"]["version"] == 1
    assert by_law["bound", "float64"]["wrong"] is True


@pytest.mark.parametrize(
    ("subject", "limit", "message"),
    [
        ("subjects_of_a_library:hangs_deaf", "0.2s", "did not return within 0.2 s at required-plain-call-v1-float64"),
        ("subjects_of_a_library:crashes", "60s", "ended the process with code 9 at required-plain-call-v1-float64"),
        ("broken_library:normalize", "60s", "cannot import broken_library: ModuleNotFoundError: No module named"),
    ],
)
def test_the_command_says_why_it_could_not_judge(folder: Path, subject: str, limit: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        command(subject, limit=limit)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("normalize", "expected a callable as my.module:normalize, got 'normalize'"),
        ("subjects_of_a_library:none", "subjects_of_a_library has no none"),
        ("subjects_of_a_library:not_callable", "expected a callable normalize.*not_callable is 3"),
    ],
)
def test_a_name_that_names_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(UserError, match=message):
        load(name)


def test_the_command_line_exits_as_it_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gnref.cli import main

    options = ["--budget", "0.01s", "--capability", "float32-only"]
    monkeypatch.setattr(sys, "argv", ["gnref", "conform", "subjects_of_a_library:right", *options])
    with pytest.raises(SystemExit) as right:
        main()
    assert right.value.code == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "subjects_of_a_library:right conforms: required 18 of 19 kept, 1 left out; "
        "robustness 4 of 8 kept, 3 broken, 1 left out"
    )
    monkeypatch.setattr(sys, "argv", ["gnref", "conform", "subjects_of_a_library:right", "--capability", "none"])
    with pytest.raises(SystemExit) as mistaken:
        main()
    assert mistaken.value.code == 2
    assert capsys.readouterr().err.startswith("gnref: expected a capability of no-conditional")


def test_a_budget_is_spent_in_turns_and_a_broken_law_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that moves on by 1 each time it is read: a turn reads it once a check from the second turn on."""
    ticks = iter(range(10_000))
    clock = SimpleNamespace(monotonic=lambda: next(ticks))
    monkeypatch.setattr("gnref.conformance.subject.time", clock)
    only = Subject(literal, capabilities=Capabilities(values_only=True, no_conditional=True, float32_only=True))
    value = next(check for check in only.checks() if check.law.id == "value" and not check.skip)
    asked: list[str] = []
    findings = {(f.law, f.dtype): f for f in only.findings(budget=60, turning_to=asked.append)}
    turns = asked.count(value.id)
    assert 2 < turns < 60
    assert findings["value", "float32"].cases == sum(only.judge(value, 8, turn).cases for turn in range(turns))
    assert asked.count("robustness-exponent-range-v1-float32") == 1
    assert asked.count("required-plain-call-v1-float32") == 1


@pytest.mark.parametrize("duration", ["", "ten", "0s", "-1s", "10h"])
def test_a_duration_is_one(duration: str) -> None:
    assert (seconds("10s"), seconds("2m"), seconds("0.5")) == (10.0, 120.0, 0.5)
    with pytest.raises(UserError, match="expected a duration"):
        seconds(duration)


@pytest.mark.parametrize("entry", [("value",)])
def test_an_expectation_needs_its_reason(entry: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="as zero-over-zero=REASON"):
        command("any:thing", expect=entry)


def test_a_place_that_does_not_exist_is_refused_before_judging(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a folder that exists"):
        command("any:thing", json_file=tmp_path / "none" / "found.json")
    with pytest.raises(UserError, match="expected a device cpu, cuda or cuda:0, got 'gpu'"):
        Subject(literal, device="gpu")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="expected a GPU"):
            Subject(literal, device="cuda")


def test_findings_survive_json() -> None:
    findings = judged(Subject(literal), "value")
    assert [
        Finding(**{k: v for k, v in row.items() if k != "wrong"})
        for row in json.loads(to_json(findings, {}))["findings"]
    ] == findings


# In another library's pytest suite

SUITE = """
from gnref import gradient_normalize
from gnref.conformance import Capabilities, parametrize_with_laws

def literal(D, x, *args, **kwargs):
    import torch
    x = x if x.requires_grad else x.detach().requires_grad_()
    f = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(f.sum(), x, create_graph=True)
    return f / (v.flatten(1).norm(dim=1).view(f.shape) + f.abs())

def half(D, x):
    return literal(D, x) / 2

@parametrize_with_laws(literal, expected={"zero-over-zero": "NaN, as documented"})
def test_right(law):
    law()

@parametrize_with_laws(half, capabilities=Capabilities(no_conditional=True))
def test_wrong(law):
    law()
"""


def test_a_suite_has_one_test_a_law_with_readable_ids(tmp_path: Path) -> None:
    (tmp_path / "test_of_a_library.py").write_text(SUITE)
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=junit.xml", "-rA"]
    chosen = ["-k", "required-value or zero-over-zero or exponent or plain or scaling"]
    done = subprocess.run([*line, *chosen], cwd=tmp_path, capture_output=True, text=True, check=False)
    junit = (tmp_path / "junit.xml").read_text()
    assert done.returncode == 1, done.stdout
    assert 'name="test_right[required-value-v1-float64]"' in junit
    assert "PASSED test_of_a_library.py::test_right[required-value-v1-float32]" in done.stdout
    assert "FAILED test_of_a_library.py::test_wrong[required-value-v1-float64]" in done.stdout
    assert "PASSED test_of_a_library.py::test_wrong[required-scaling-v1-float64]" in done.stdout
    assert (
        "XFAIL test_of_a_library.py::test_right[robustness-zero-over-zero-v1-float64] - NaN, as documented"
        in done.stdout
    )
    assert (
        "XFAIL test_of_a_library.py::test_right[robustness-exponent-range-v1-float32] - robustness is not"
        in done.stdout
    )
    assert "from test_of_a_library import half as normalize" in done.stdout


@parametrize_with_laws(gradient_normalize, strict=True)
def test_the_decorator_itself(law: Callable[[], None]) -> None:
    if "value" in repr(law) or "range" in repr(law):
        law()


def test_the_kit_costs_nothing_until_it_is_used() -> None:
    """Importing the package, or the kit, imports neither pytest nor hypothesis; no plugin is registered."""
    code = "import sys, gnref, gnref.conformance; print({'pytest', 'hypothesis', 'scipy', 'tyro'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
    from importlib.metadata import distribution

    assert not [point for point in distribution("gnref").entry_points if point.group == "pytest11"]
