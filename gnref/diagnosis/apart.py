"""`gnref verify` in a process of its own: a discriminator that hangs, exits or crashes takes that process with it."""

from collections.abc import Callable
from typing import Any

from gnref.supervisor import Ending, imported, run_apart

BUILDER = "a callable that returns a discriminator, as my.module:build"


def verify_apart(discriminator: str, *arguments: Any) -> int:
    """`gnref.diagnosis.command.verify` in a child process.

    Args:
        discriminator: Such as my.module:build.
        arguments: The others of `verify`.

    Returns:
        Its exit code: 0 the premises hold, 1 they do not.

    Raises:
        UserError: what the child says; the child ended otherwise than by returning.
    """
    ending: Ending = run_apart("gnref.diagnosis.apart:work", discriminator, *arguments)
    return int(ending.result_of(discriminator))


def work(tell: Callable[..., None], discriminator: str, *arguments: Any) -> int:
    """What the child does. The name is looked up first: one that names nothing needs no PyTorch."""
    tell(at="the import", within=None)
    imported(discriminator, BUILDER)
    from gnref.diagnosis.command import verify

    tell(at="the diagnosis", within=None)
    return verify(discriminator, *arguments)
