"""The command that every reproduction shares."""

import json
import sys
from pathlib import Path

import pytest

from gnref.errors import UserError
from gnref.evidence import Artefact, Finding, Job, Line, Options, Verdict, main
from gnref.evidence.command import _parser as parser
from gnref.evidence.command import act
from gnref.evidence.options import within


class _Study:
    judges_images = False

    def __init__(self) -> None:
        self.done: list[str] = []

    def jobs(self, options: Options) -> list[Job]:
        return [
            Job(f"run{i}", "paper", 0, {"i": i}, self._work(i), (f"t.line{i}",), self._missing(i)) for i in range(3)
        ]

    def _missing(self, i: int):  # type: ignore[no-untyped-def]
        return lambda options: ["a moon"] if i == 2 else []

    def _work(self, i: int):  # type: ignore[no-untyped-def]
        def work(options: Options) -> dict[str, float | None]:
            self.done.append(f"run{i}")
            return {"fid": 1.0}

        return work

    def lines(self, options: Options) -> list[Line]:
        records = [job.record(options) for job in self.jobs(options)]
        return [
            Line(f"t.line{i}", f"line {i}", "1.0", "", Finding(Verdict.REPRODUCED if r else Verdict.NOT_RUN, ""))
            for i, r in enumerate(records)
        ]

    def plot(self, options: Options) -> Path:
        raise AssertionError


def _act(home: Path, study: _Study, *words: str) -> int:
    artefact = Artefact("t", "A table", study)
    arguments = parser(artefact).parse_args(words)
    return act(artefact, Options(home, arguments.cell), arguments)


def test_run_resumes_and_check_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = _Study()
    assert _act(tmp_path, study, "--check") == 77
    assert _act(tmp_path, study, "--run", "--cell", "t.line1") == 0
    assert study.done == ["run1"]
    assert _act(tmp_path, study, "--run") == 77  # run2 needs a moon
    assert study.done == ["run1", "run0"]
    assert "run2-seed0 cannot run here; what is missing:\n(1) for 1 run: a moon\n" in capsys.readouterr().out
    assert _act(tmp_path, study, "--check") == 77
    assert _act(tmp_path, study, "--check", "--cell", "t.line0,t.line1") == 0
    capsys.readouterr()
    assert _act(tmp_path, study, "--check", "--json") == 77
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["exit_code"], len(told["lines"])) == ("NOT RUN", 77, 3)


def test_dry_run_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = _Study()
    assert _act(tmp_path, study, "--dry-run") == 0
    assert study.done == []
    said = capsys.readouterr().out
    assert "needs (1)" in said
    assert said.count("a moon") == 1


def test_a_cell_is_named_part_by_part() -> None:
    assert within("table4.gn-biggan.is", "table4.gn-biggan")
    assert within("table4.gn-biggan.is", "table4.gn-biggan.is")
    assert not within("table4.gn-biggan-cr.is", "table4.gn-biggan")


def test_a_cell_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--cell: expected the beginning of one of"):
        _act(tmp_path, _Study(), "--check", "--cell", "moon")


def test_samples_of_another_library_are_refused_where_they_make_no_sense(tmp_path: Path) -> None:
    arguments = parser(Artefact("t", "", _Study())).parse_args(["--check"])
    with pytest.raises(UserError, match="judges no images"):
        act(Artefact("t", "", _Study()), Options(tmp_path, samples=(tmp_path,)), arguments)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 2),
        (["--jobs", "x"], 2),
        (["--check", "--cell", "moon"], 2),
        (["--run", "--jobs", "0"], 2),
        (["--check"], 77),
    ],
)
def test_exit_codes_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["t.py", *words])
    with pytest.raises(SystemExit) as stopped:
        main(Artefact("t", "A table", _Study()), tmp_path)
    assert stopped.value.code == code
    assert code == 77 or len(capsys.readouterr().err.splitlines()[-1]) > 10
