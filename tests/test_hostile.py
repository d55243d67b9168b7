"""Hostile command lines and calls, a sample of them; `python tests/programs/hostile.py` throws them all."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parent / "programs" / "hostile.py"


def test_a_sample_of_hostile_lines_and_calls_is_refused_in_one_sentence_each(tmp_path: Path) -> None:
    """Every 45th, in forked children: no traceback, no hang, no crash, nothing wrongly accepted or left behind."""
    command = [sys.executable, str(PROGRAM), str(tmp_path), "--every", "45", "--start", "11", "--real", "45"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "traceback 0, hang 0, crash 0, wrongly accepted 0" in done.stdout
