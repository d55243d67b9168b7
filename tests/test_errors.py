"""How a command ends: one sentence and a code, whatever happens inside it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from gnref.errors import UserError, one_sentence
with one_sentence("gnref"):
    {body}
"""


def run(body: str, stdout: int | None = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ("raise UserError('expected a, got b')", 2, "gnref: expected a, got b\n"),
        ("raise KeyboardInterrupt", 130, "gnref: interrupted\n"),
        ("open('/nowhere/file')", 2, "gnref: /nowhere/file: No such file or directory\n"),
        ("raise MemoryError", 2, "gnref: there is not enough memory for this; ask for less at a time\n"),
        (
            "raise RuntimeError('DefaultCPUAllocator: can\\'t allocate memory: you tried 4 PB')",
            2,
            "gnref: there is not enough memory for this; ask for less at a time\n",
        ),
        ("raise BrokenPipeError", 0, ""),
        ("sys.exit(3)", 3, ""),
    ],
)
def test_a_command_ends_with_one_sentence(body: str, code: int, told: str) -> None:
    ended = run(body)
    assert (ended.returncode, ended.stderr) == (code, told)


def test_a_mistake_of_ours_is_not_hidden() -> None:
    assert "ZeroDivisionError" in run("1 / 0").stderr
    assert "RuntimeError: of ours" in run("raise RuntimeError('of ours')").stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("body", ["print('a' * 100_000)", "print('a')", "print('a'); sys.exit(0)"])
def test_a_full_disk_behind_standard_output_is_said(body: str) -> None:
    with open("/dev/full", "w") as full:
        ended = run(body, full.fileno())
    assert (ended.returncode, ended.stderr) == (2, "gnref: No space left on device; make room\n")


def test_a_closed_standard_output_is_no_mistake() -> None:
    command = [sys.executable, "-c", PROGRAM.format(body="print('a')")]
    ended = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_nothing_that_a_library_writes_to_a_closed_stream_lands_in_a_file(tmp_path: Path) -> None:
    body = "f = open('checkpoint', 'wb'); os.write(1, b'a'); os.write(2, b'b'); f.write(b'content')"
    command = [sys.executable, "-c", PROGRAM.replace("import sys", "import os, sys").format(body=body)]
    ended = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *command], cwd=tmp_path, check=False)
    assert ended.returncode == 0
    assert (tmp_path / "checkpoint").read_bytes() == b"content"


def test_a_terminal_without_utf8_gets_escapes() -> None:
    ended = run("print('ζ'); raise UserError('caf\\udce9')", PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "\\u03b6\n", "gnref: caf\\udce9\n")
