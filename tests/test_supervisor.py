"""A person's code in a process of its own: what it raises and how it ends is told with its file and line."""

import subprocess
import sys
from pathlib import Path

import pytest

from gnref.errors import UserError
from gnref.exact import square_root
from gnref.supervisor import imported, place, said, told

LIBRARY = """
import os, sys
def build():
    return inner()
def inner():
    raise ValueError("three channels\\nand more")
def exits():
    sys.exit(0)
def ends():
    os._exit(0)
class Broken(Exception):
    def __str__(self):
        raise RuntimeError
def unprintable():
    raise Broken
def interrupts():
    raise KeyboardInterrupt
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a_persons_library.py").write_text(LIBRARY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    # Each test has a module of this name of its own.
    monkeypatch.delitem(sys.modules, "a_persons_library", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("build", "ValueError: three channels (a_persons_library.py, line 6, in inner)"),
        ("exits", "SystemExit: it called sys.exit(0) (a_persons_library.py, line 8, in exits)"),
        ("unprintable", "Broken (a_persons_library.py, line 15, in unprintable)"),
        ("interrupts", "KeyboardInterrupt (a_persons_library.py, line 17, in interrupts)"),
    ],
)
def test_what_a_persons_code_raises_is_told_with_its_file_and_line(folder: Path, name: str, sentence: str) -> None:
    call = imported(f"a_persons_library:{name}", "a callable")
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - whatever it is
        call()
    assert told(raised.value) == sentence


def test_what_this_package_raises_is_no_fault_of_the_persons(folder: Path) -> None:
    """Then the traceback is what one wants to see."""
    with pytest.raises(AttributeError) as raised:
        square_root(None)  # type: ignore[arg-type]
    error = raised.value
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # without this test's own line
    assert (told(error), place(error)) == (None, "")
    assert said(error).startswith("AttributeError: ")


@pytest.mark.parametrize("name", ["", ":", "a", "a:", ":b", "a:b:c", "..a:b", "a b:c", "a/b.py:c", "a\0:b", "1:2"])
def test_a_name_in_another_form_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"^expected a callable"):
        imported(name, "a callable")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "exits",
            "LIBRARY:exits cannot be built: SystemExit: it called sys.exit(0) (a_persons_library.py, line 8",
        ),
        ("ends", "LIBRARY:ends ended the process with code 0, at the diagnosis"),
        ("build", "LIBRARY:build cannot be built: ValueError: three channels (a_persons_library.py, line 6"),
        (
            "interrupts",
            "LIBRARY:interrupts cannot be built: KeyboardInterrupt (a_persons_library.py, line 17",
        ),
        ("bild", "LIBRARY has no bild; did you mean build?"),
    ],
)
def test_verify_says_how_the_persons_code_ended(folder: Path, name: str, sentence: str) -> None:
    line = [sys.executable, "-m", "gnref", "verify", f"a_persons_library:{name}"]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"gnref: {sentence.replace('LIBRARY', 'a_persons_library')}")
    assert done.stderr.count("\n") == 1
