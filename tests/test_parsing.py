"""A command line that is none is refused in one sentence, in a terminal of any width."""

import sys

import pytest

from gnref.cli import main

REFUSED = {
    "train x --steps two": "--steps: expected INT, got 'two'; `gnref train --help` explains",
    "train x --steps=": "--steps: expected INT, got ''; `gnref train --help` explains",
    "train x --seeds 1 x": "--seeds: expected [INT [INT ...]], got '1', 'x'; `gnref train --help` explains",
    "train x --stepz 3": "Unrecognized options: --stepz, 3 (did you mean --steps?); `gnref train --help` explains",
    "verify a:b --range 1 x": "--range: expected FLOAT FLOAT, got '1', 'x'; `gnref verify --help` explains",
    "verify": "verify needs STR A callable that returns a torch.nn.Module, as my.module:build; "
    "`gnref verify --help` explains",
    "train x --steps": "Missing value for argument '--steps'. Expected 1 values; `gnref train --help` explains",
    "claims a b": "Unrecognized options: b; `gnref claims --help` explains",
}


@pytest.mark.parametrize("columns", ["1", "80", "x"])
@pytest.mark.parametrize("line", REFUSED)
def test_words_that_are_no_command_line_are_refused_in_one_sentence(
    line: str, columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "argv", ["gnref", *line.split(" ")])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err == f"gnref: {REFUSED[line]}\n"


def test_help_comes_to_an_end_in_a_terminal_of_one_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "1")
    monkeypatch.setattr(sys, "argv", ["gnref", "train", "--help"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert "--steps" in capsys.readouterr().out
