"""The kit tells right subjects from wrong ones, at drawn cases alone, with a snippet that shows what is broken."""

from pathlib import Path
from typing import Any

import pytest
import torch
from subjects import mistakes
from subjects.judged import EDGES, judged, literal, outcomes, quick

from gnref import gradient_normalize
from gnref.conformance import Options, Subject
from gnref.conformance.plan import CASES, cases, laws
from gnref.conformance.show import exit_code, summary
from gnref.laws import Case
from gnref.strategies import classes


def test_the_reference_conforms_strictly() -> None:
    findings = quick(Subject(gradient_normalize))
    assert outcomes(findings) == {"kept": {"plain-call", *(law.id for law in laws())}}
    assert exit_code(findings, strict=True) == 0
    drawn = {law.id for law in laws() if law.drawn}
    assert all(f.cases >= 2 for f in findings if f.law in drawn)


def test_the_literal_formula_keeps_the_required_laws_and_not_the_edges() -> None:
    findings = quick(Subject(literal))
    assert outcomes(findings)["broken"] == set(EDGES)
    assert (exit_code(findings), exit_code(findings, strict=True)) == (0, 1)
    required = 1 + sum(law.level == "required" for law in laws())
    assert f"required {required} of {required} kept" in summary(findings, "literal")
    declared = Subject(literal, options=Options(expect=tuple(f"{law}=the literal formula" for law in EDGES)))
    assert exit_code([f for law in EDGES for f in judged(declared, law)], strict=True) == 0


@pytest.mark.parametrize("name", mistakes.MISTAKES)
def test_a_mistake_is_told_by_its_law_at_drawn_cases_alone(name: str) -> None:
    """Without the fixed examples: what a fresh seed gives must be enough."""
    mistake = mistakes.MISTAKES[name]
    # The kit puts a switch that was left flipped back after each call, and tells of it by a law of its own.
    law = "global-switches" if name == "gradients left on" else mistake.law
    found = judged(Subject(mistake.normalize), law, CASES, turn=1)
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

    found = Subject(module.wrong, module.step, Options(eps=1e-8, budget="0.01s")).findings()
    found += Subject(module.wrong, options=Options(budget="0.01s")).findings() + Subject(module.of_x).findings()
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
