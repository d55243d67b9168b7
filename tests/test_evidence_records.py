"""Records: read as written, refused where they were edited, added whole or not at all."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from subjects.records import record

from gnref.errors import UserError
from gnref.evidence import Records


def test_a_record_is_read_as_written(tmp_path: Path) -> None:
    records = Records(tmp_path)
    assert records.everything() == []
    file = records.append(record(fid=1.5, other=None))
    assert records.find("x", "paper", {"steps": 1}, 0) == record(fid=1.5, other=None)
    assert records.find("x", "paper", {"steps": 2}, 0) is None
    assert records.everything()[0].value("other") == math.inf
    assert [path.name for path in tmp_path.iterdir()] == [file.name] == ["paper.jsonl"]


def test_the_last_line_of_a_run_counts(tmp_path: Path) -> None:
    records = Records(tmp_path)
    for fid in (1.5, 2.5):
        records.append(record(fid=fid))
    records.append(record(seed=1, fid=9.0))
    assert [each.value("fid") for each in records.find_all("x", "paper", {"steps": 1}, (0, 1, 2))] == [2.5, 9.0]
    assert records.file("paper").read_text().count("\n") == 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1.5", "1.4", "line 2 was changed after its run wrote it"),
        ('"seed": 1', '"seed": 2', "line 2 was changed after its run wrote it"),
        ('{"name": "x", "scale": "paper", "seed": 1', "{", "line 2 is not a record of a run"),
    ],
)
def test_a_record_edited_by_hand_is_one_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    records = Records(tmp_path)
    for seed in (0, 1):
        file = records.append(record(seed))
    first, second = file.read_text().splitlines()
    file.write_text(f"{first}\n{second.replace(old, new)}\n")
    with pytest.raises(UserError, match=said):
        records.everything()


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records(tmp_path)
    before = records.append(record()).read_bytes()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        records.append(record(fid=9.0))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


def test_two_processes_lose_no_line_of_each_other(tmp_path: Path) -> None:
    """Each reads, adds and writes thirty times; without the lock one would write over the other's line."""
    program = """
import sys
from pathlib import Path
from subjects.records import record
from gnref.evidence import Records
for seed in range(30):
    Records(Path(sys.argv[1])).append(record(seed, name=sys.argv[2]))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", program, str(tmp_path)]
    processes = [subprocess.Popen([*command, name], env=environment) for name in ("a", "b")]
    assert [process.wait() for process in processes] == [0, 0]
    assert len(Records(tmp_path).everything()) == 60


def test_the_committed_records_are_whole() -> None:
    """Every line of every scale has its checksum, and no run stands there twice."""
    records = Records(Path(__file__).parent.parent / "reproductions" / "results")
    lines = sum(file.read_text().count("\n") for file in records.folder.glob("*.jsonl"))
    assert len(records.everything()) == lines > 50
