"""The command line as a whole: what an answer costs, and words that are no command."""

import subprocess
import sys

import pytest
from subjects.small_experiments import command

from gnref import __version__

WITHOUT_TORCH = [
    ("--version",),
    ("--help",),
    *((name, "--help") for name in ("claims", "conform", "evaluate", "export", "import", "sample", "train", "verify")),
    ("claims",),
    ("claims", "theorem-6"),
    ("train", "--list"),
    ("train", "--list", "cifar10-cnn-gn"),
    ("trian",),
]


@pytest.mark.parametrize("words", WITHOUT_TORCH, ids=" ".join)
def test_what_needs_no_torch_does_not_wait_for_it(words: tuple[str, ...]) -> None:
    """PyTorch takes a second of CPU to import, everything else together a fifth of it."""
    program = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise RuntimeError("gnref imported torch")

sys.meta_path.insert(0, Refuse())
sys.argv = {["gnref", *words]}
from gnref.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == (2 if words == ("trian",) else 0), done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(capsys, monkeypatch, "--version") == (0, f"gnref {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("trian",), "there is no command 'trian'; did you mean train? `gnref --help` lists all"),
        (("zzz",), "there is no command 'zzz'; `gnref --help` lists all"),
        (
            ("claims", "output-rang"),
            "there is no claim 'output-rang'; did you mean output-range? `gnref claims` lists all",
        ),
        (("claims", "zzz"), "there is no claim 'zzz'; `gnref claims` lists all"),
        (("train", "zzz"), "there is no experiment 'zzz'; `gnref train --list` lists all"),
    ],
)
def test_a_suggestion_is_made_where_one_is_near(
    words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(capsys, monkeypatch, *words) == (2, "", f"gnref: {says}\n")
