"""`gnref conform`: what it prints, writes, refuses, and its exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from subjects.judged import EDGES, literal
from subjects.schema import violations

import gnref.conformance
from gnref.conformance import Options, Subject
from gnref.conformance.command import conform
from gnref.conformance.plan import laws
from gnref.errors import UserError

MODULE = """
import os, signal, sys, torch
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
    open("hanging", "w").write(str(os.getpid()))
    while True:
        pass
def exits(D, x):
    sys.exit(0)
def crashes(D, x):
    os._exit(0)
def unreliable(D, x, *args, **kwargs):
    if x.dim() > 2 and x.dtype == torch.float64:
        hangs_deaf(D, x)
    if x.dim() > 2:
        os._exit(7)
    return right(D, x, *args, **kwargs)
not_callable = 3
"""
SCHEMA = json.loads((Path(gnref.conformance.__file__).parent / "findings.schema.json").read_text(encoding="utf-8"))
OTHERS = {
    "broken_library": "import nothing_of_this_name\n",
    "exiting_library": "import sys\nsys.exit(3)\n",
    "ending_library": "import os\nos._exit(0)\n",
    "misspelt_library": "def normalize(:\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a module of subjects in it."""
    (tmp_path / "subjects_of_a_library.py").write_text(MODULE)
    for name, content in OTHERS.items():
        (tmp_path / f"{name}.py").write_text(content)
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
    assert (written["schema"], written["exit_code"], written["options"]["seed"]) == (2, 1, 0)
    assert violations(written, SCHEMA, SCHEMA) == []
    assert written["about"]["subject"] == "subjects_of_a_library:wrong"
    by_law = {(row["law"], row["dtype"]): row for row in written["findings"]}
    assert by_law["value", "float64"]["outcome"] == "broken"
    assert by_law["value", "float64"]["version"] == 1
    assert by_law["bound", "float64"]["wrong"] is True


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("subjects_of_a_library:hangs_deaf", "did not return within 0.2 s, on a plain call"),
        ("subjects_of_a_library:crashes", "ended the process with code 0, on a plain call"),
        ("subjects_of_a_library:exits", "raised SystemExit: it called sys.exit(0) (subjects_of_a_library.py, line 17,"),
    ],
)
def test_a_subject_that_cannot_be_judged_gets_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], subject: str, told: str
) -> None:
    assert command(subject, limit="0.2s") == 2
    assert capsys.readouterr().out.startswith(f"{subject}: {told}")


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("normalize", r"^expected a callable normalize\(discriminator.*as my.module:normalize, got 'normalize'$"),
        ("subjects_of_a_libary:right", "^there is no module subjects_of_a_libary: expected one in the folder .*$"),
        ("subjects_of_a_library:rigth", "^subjects_of_a_library has no rigth; did you mean right[?]$"),
        ("subjects_of_a_library:not_callable", "^expected a callable .*, but .*:not_callable is a int$"),
        (
            "broken_library:normalize",
            r"needs nothing_of_this_name, which is not installed: .*\(broken_library.py",
        ),
        ("exiting_library:normalize", r"SystemExit: it called sys.exit\(3\) \(exiting_library.py, line 2"),
        ("ending_library:normalize", "^ending_library:normalize ended the process with code 0, at the import$"),
        ("misspelt_library:normalize", r"SyntaxError: .* \(misspelt_library.py, line 1\)"),
    ],
)
def test_a_name_that_names_nothing_is_one_sentence(folder: Path, subject: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        command(subject)


def test_a_hang_and_an_exit_keep_the_other_findings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One law hangs where no alarm is heard, another ends the process: both are told, and the rest is judged."""
    assert command("subjects_of_a_library:unreliable", limit="3s", json_file=folder / "found.json") == 1
    rows = json.loads((folder / "found.json").read_text())["findings"]
    found = {(row["law"], row["dtype"]): row for row in rows}
    assert found["any-rank", "float64"]["outcome"] == "never returned"
    assert found["any-rank", "float32"]["outcome"] == "ended the process"
    assert found["any-rank", "float32"]["reason"] == "ended the process with code 7"
    assert {found["value", dtype]["outcome"] for dtype in ("float64", "float32")} == {"kept"}
    assert {(law.id, str(dtype).removeprefix("torch.")) for law in laws() for dtype in law.dtypes} <= set(found)
    assert "ENDED THE PROCESS" in capsys.readouterr().out


def test_the_parent_imports_no_torch_and_a_mistyped_module_none_at_all(folder: Path) -> None:
    """Neither process imports PyTorch before the name has been found."""
    program = (
        "import sys; from gnref.conformance.command import conform; from gnref.conformance import Options\n"
        "try: conform('no_such_module:x', None, None, Options())\n"
        "except ValueError as told: print(told, 'torch' in sys.modules)"
    )
    (folder / "torch.py").write_text("raise RuntimeError('PyTorch was imported')")
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("there is no module no_such_module")
    assert done.stdout.endswith(" False\n")


def test_an_interrupt_ends_both_processes(folder: Path) -> None:
    """Ctrl-C while the subject hangs: exit 130 and one line, and no process is left."""
    line = [sys.executable, "-m", "gnref", "conform", "subjects_of_a_library:hangs_deaf"]
    # A shell starts what runs in the background with interrupts ignored, and so would everything below it.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard) as started:
        while not (folder / "hanging").exists():
            assert started.poll() is None
            time.sleep(0.05)
        child = int((folder / "hanging").read_text())
        started.send_signal(signal.SIGINT)
        assert started.wait() == 130
        assert started.stderr is not None
        assert started.stderr.read() == "gnref: interrupted\n"
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_the_command_line_exits_as_it_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gnref.cli import main

    def level(name: str, of_the_kit: int) -> str:
        """What the last line says of the laws of a level: of the kit's own, and of those there are."""
        own = [law for law in laws() if law.level == name]
        left_out = sum(torch.float32 not in law.dtypes for law in own)
        broken = sum(law.id in EDGES for law in own)
        kept = len(own) + of_the_kit - left_out - broken
        said = f"{name} {kept} of {len(own) + of_the_kit} kept"
        return said + (f", {broken} broken" if broken else "") + f", {left_out} left out"

    options = ["--budget", "0.01s", "--capability", "float32-only"]
    monkeypatch.setattr(sys, "argv", ["gnref", "conform", "subjects_of_a_library:right", *options])
    with pytest.raises(SystemExit) as right:
        main()
    assert right.value.code == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"subjects_of_a_library:right conforms: {level('required', 1)}; {level('robustness', 0)}"
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
