"""The command line: one function a command, each a few lines that hand over to its room."""

import sys
from typing import NoReturn

from gnref.errors import UserError


def _commands() -> dict[str, object]:
    """The commands by name; a command imports its room when it runs, so that `gnref claims` needs no trainer."""
    return {}


def main() -> NoReturn:
    """Run one command; exit 0 when it says so, 2 with one sentence when a person has to change something."""
    try:
        import tyro
    except ImportError:
        sys.exit("gnref: the command line needs tyro; install it with: pip install 'gnref[proofs]'")
    try:
        code = tyro.extras.subcommand_cli_from_dict(_commands(), prog="gnref")
    except UserError as mistake:
        print(f"gnref: {mistake}", file=sys.stderr)
        sys.exit(2)
    sys.exit(code or 0)
