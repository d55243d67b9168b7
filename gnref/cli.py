"""The command line: one function a command, each a few lines that hand over to its room."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from gnref.errors import UserError


def _commands() -> dict[str, Callable[..., int | None]]:
    """The commands by name; a command imports its room when it runs, so that `gnref claims` needs no trainer."""
    return {"claims": _claims, "evaluate": _evaluate}


def _claims(id: str | None = None, /) -> int:
    """The claims of the appendix and what became of them; one of them with its example worked through in fractions.

    Args:
        id: A claim, such as theorem-6; without one, all are listed.
    """
    from gnref.claims import CLAIMS, describe, find, listing

    print(listing(CLAIMS.values()) if id is None else describe(find(id)))
    return 0


def _evaluate(
    source: Path, /, protocol: str, features: str | None = None, real: Path | None = None, json: Path | None = None
) -> int:
    """Inception Score, FID and KID of a generator or of images, beside the scores of real images.

    Args:
        source: A run folder, a folder of images, or a .npz file of images.
        protocol: cifar10-train, cifar10-test, stl10-50k, stl10-10k, celebahq-128, celebahq-256, celebahq-1024,
            lsun-church, shapes or shapes-16.
        features: inception, shapes or a .safetensors file of features; by default as the protocol says.
        real: The real images: the data set's folder, a folder of images, a .npz file, or cached statistics.
        json: Write the scores, with everything that says what they mean, to this file as well.
    """
    from gnref.evaluation.show import evaluate_and_show

    evaluate_and_show(source, protocol, features, real, json)
    return 0


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
