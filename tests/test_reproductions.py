"""The scripts in `reproductions/`, as a person runs them, and what they measure."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import smoke
import table1
import table3
import torch
from subjects.records import record

from gnref.evidence import Job, Options, Record, Verdict

ROOT = Path(__file__).parent.parent
OPTIONS = Options(ROOT / "reproductions")


def _timed(**slowness: float) -> Record:
    """Times that scatter by 2 % around `slowness` times vanilla's."""
    scores = {
        f"{table1.METHODS[method]}, {part}, round {i}": slow * base * (1 + 0.02 * (-1) ** i)
        for method, slow in {"vanilla": 1.0, "replay": 1.4, **slowness}.items()
        for part, base in (("discriminator step", 1.0), ("generator step", 1.2))
        for i in range(table1.ROUNDS)
    }
    return record(name="table1-cpu", settings={}, **scores)


def test_printed_ratios_of_table_1() -> None:
    """15.73 / 6.48 and 6.91 / 3.68 it/s."""
    times = table1.Times(record(), OPTIONS.published)
    found = [round(times.printed_ratio("gn", c), 2) for c in ("discriminator", "generator")]
    assert found == [2.43, 1.88]


def test_table_1_judges_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    timed = _timed(sn=1.05, gp=1.9, gn=6.0)
    monkeypatch.setattr(Job, "record", lambda self, options: timed if self.name == "table1-cpu" else None)
    found = {line.id.removeprefix("table1."): line.finding.verdict for line in table1.Speed().lines(OPTIONS)}
    assert found["sn.discriminator"] is Verdict.NOT_DISCRIMINATING  # from vanilla's ratio of 1
    assert found["gp.discriminator"] is Verdict.NOT_DISCRIMINATING  # from GN's 2.43
    assert found["gn.discriminator"] is Verdict.NOT_REPRODUCED
    assert found["replay.discriminator"] is found["vanilla.generator"] is Verdict.SHOWN
    assert found["order"] is Verdict.REPRODUCED


def test_flips_and_shifts_are_read_back() -> None:
    size = table3.SIZE
    marked = torch.arange(3.0 * size * size).view(3, size, size) + 1
    assert table3.read_back(marked) == (0, 0, 0)
    assert table3.read_back(marked.flip(2)) == (1, 0, 0)
    moved = torch.full_like(marked, -1)
    moved[:, 2:, : size - 3] = marked[:, : size - 2, 3:]
    assert table3.read_back(moved) == (0, -3, 2)
    moved[0, 0, 0] = 5
    assert table3.read_back(moved) is None


def test_chi_square_finds_an_unfair_coin() -> None:
    """Σ (n - 800)² / 800 = 25 with 3 degrees of freedom has p = 1.544e-5; equal counts have p = 1."""
    assert table3.chi_square([50, 50]) == 1.0
    assert table3.chi_square([700, 900, 800, 800]) == pytest.approx(1.544e-5, rel=1e-3)
    assert table3.chi_square([0, 0]) is None


def test_a_repeated_run_that_disagrees_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    before = replace(record(), scores={f"wasserstein/9/{i}": 1.0 + i for i in range(3)})
    near = replace(before, scores={**before.scores, "wasserstein/9/0": 0.5})
    far = replace(before, scores={**before.scores, "wasserstein/9/0": 4.5})
    assert [smoke.compare(before, again, [before]) for again in (before, near, far)] == [0, 0, 1]
    assert "outside the range" in capsys.readouterr().out


def test_the_plain_command_works_from_the_root() -> None:
    """A bare --check of what was never run is 77, not 0."""
    command = [sys.executable, "reproductions/table5.py", "--check", "--json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (77, "")
    assert json.loads(run.stdout)["exit_code"] == 77


def test_code_appendix_and_records_agree() -> None:
    command = [sys.executable, "reproductions/summary.py", "--check"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


SCRIPTS = sorted(path.name for path in (ROOT / "reproductions").glob("*.py") if "__main__" in path.read_text())


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_python_without_the_package_gets_one_sentence(script: str) -> None:
    """-S leaves out the installed packages."""
    command = [sys.executable, "-S", f"reproductions/{script}", "--check"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.count("\n") == 1
    assert "has no gnref; install it there" in run.stderr
