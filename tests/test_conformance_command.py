"""`gnref conform`: what it prints, writes, refuses, and its exit code."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from subjects.judged import judged, literal

from gnref.conformance import Finding, Options, Subject
from gnref.conformance.command import conform
from gnref.conformance.show import to_json
from gnref.conformance.subject import load
from gnref.errors import UserError

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


def command(subject: str, json_file: Path | None = None, **options: Any) -> int:
    return conform(subject, None, json_file, Options(**{"budget": "0.01s", **options}))


def test_the_command_judges_shows_and_writes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("subjects_of_a_library:wrong", json_file=folder / "found.json", expect=("bound=it cannot",)) == 1
    said = capsys.readouterr().out
    assert "BROKEN value v1, required, float64 and float32" in said
    assert "from subjects_of_a_library import wrong as normalize" in said
    written = json.loads((folder / "found.json").read_text())
    assert (written["schema"], written["exit_code"], written["about"]["options"]["seed"]) == (1, 1, 0)
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
    monkeypatch.setattr(sys, "argv", ["gnref", "conform", "subjects_of_a_library:right", "--eps", "1"])
    with pytest.raises(SystemExit) as mistaken:
        main()
    assert mistaken.value.code == 2
    assert capsys.readouterr().err.startswith("gnref: expected a declared eps between")


def test_a_place_that_does_not_exist_is_refused_before_judging(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        command("any:thing", json_file=tmp_path / "none" / "found.json")
    with pytest.raises(UserError, match="expected a device cpu, cuda or cuda:0, got 'gpu'"):
        Subject(literal, options=Options(device="gpu"))
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="expected a GPU"):
            Subject(literal, options=Options(device="cuda"))


def test_findings_survive_json() -> None:
    findings = judged(Subject(literal), "value")
    assert [
        Finding(**{k: v for k, v in row.items() if k != "wrong"})
        for row in json.loads(to_json(findings, {}))["findings"]
    ] == findings
