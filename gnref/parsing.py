"""The words of a command line as a call, or what is wrong with them in one sentence."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from functools import partial, wraps
from io import StringIO
from shutil import get_terminal_size
from typing import Any
from unittest.mock import patch

from gnref.errors import UserError

Command = Callable[..., int | None]


def parsed(commands: Mapping[str, Command], description: str) -> Callable[[], int | None]:
    """The command that `sys.argv` names, with its arguments.

    Raises:
        UserError: the words are no command line; in a sentence instead of tyro's box of several.
        SystemExit: they ask for help, which is printed.
    """
    try:
        import tyro
    except ImportError:
        raise UserError("the command line needs tyro; install it with: pip install 'gnref[proofs]'") from None

    def parse(columns: int) -> Callable[[], int | None]:
        with redirect_stderr(box), patch.dict(os.environ, COLUMNS=str(columns)):
            call: Callable[[], int | None] = tyro.extras.subcommand_cli_from_dict(
                {name: _postponed(command) for name, command in commands.items()},
                prog="gnref",
                description=description,
                config=(tyro.conf.OmitArgPrefixes,),
            )
        return call

    box = StringIO()
    try:
        return parse(max(get_terminal_size().columns, _NARROWEST))
    except SystemExit as end:
        if not end.code:
            raise
    try:  # once more, as wide as it takes: a narrow box breaks words
        box = StringIO()
        return parse(9999)
    except SystemExit:
        raise UserError(f"{mistake(box.getvalue())}; {_explained()}") from None


_NARROWEST = 40
"""Columns of help: with fewer than about 8, tyro never comes to an end."""


def _postponed(command: Command) -> Callable[..., Callable[[], int | None]]:
    @wraps(command)
    def call(*arguments: Any, **named: Any) -> Callable[[], int | None]:
        return partial(command, *arguments, **named)

    return call


def mistake(box: str) -> str:
    """What tyro's box says, in a few words: what was expected and what came, where it says so.

    >>> print(mistake(
    ...     "╭─ Value error ──────────────────╮\\n│ Error parsing --n: not an int: 'x' │\\n│ ────────────── │\\n"
    ...     "│ Argument helptext:                 │\\n│     --n INT   │\\n│     How many.  │\\n╰────────────────╯"
    ... ))
    --n: expected INT, got 'x'
    """
    rows = [row.strip("│╭╮╰╯ ") for row in box.splitlines()][1:]  # without the title
    ruled = "\n".join(f"\0{row}" if set(row) in ({"─"}, {"-"}) else row for row in rows)  # without UTF-8 rules are -
    first, *others = [part for part in re.split(r"\0.*", ruled) if part.strip()]
    said, rest = " ".join(first.split()), [row for part in others for row in part.splitlines() if row]
    if found := re.match(r"Error parsing (\S+): .*?(\[.*?\]|'[^']*'$)", said):
        option, came = found.groups()
        takes = next((row.partition(f"{option} ")[2] for row in rest if option in row.split()), "another value")
        return f"{option}: expected {takes.removeprefix('{None}|')}, got {came.strip('[]')}"
    if found := re.match(r"Missing from (.*?): (.*)", said):
        return f"{found[1].removeprefix('gnref ')} needs {found[2].replace(' (required)', '').rstrip('.')}"
    near = next((row.split()[0] for row in rest if row.startswith("-")), None)
    return f"{said.rstrip('.')} (did you mean {near}?)" if near else said.rstrip(".")


def _explained() -> str:
    """Which help says what is right."""
    word = next(iter(sys.argv[1:2]), "")
    return f"`gnref {word} --help` explains" if word.isidentifier() else "`gnref --help` explains"
