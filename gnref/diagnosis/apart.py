"""`gnref verify` in a process of its own: a discriminator that hangs, exits or crashes takes that process with it."""

from collections.abc import Callable

from gnref.diagnosis.arguments import VerifyArguments
from gnref.supervisor import Ending, imported, run_apart

BUILDER = "a callable that returns a discriminator, as my.module:build"


def verify_apart(discriminator: str, arguments: VerifyArguments) -> int:
    """`gnref.diagnosis.command.verify` in a child process; `discriminator` is such as my.module:build.

    Returns:
        Its exit code: 0 the premises hold, 1 they do not.

    Raises:
        UserError: the arguments cannot be right; what the child says; the child ended otherwise than by returning.
    """
    arguments.check()
    ending: Ending = run_apart("gnref.diagnosis.apart:work", discriminator, arguments)
    return int(ending.result_of(discriminator))


def work(tell: Callable[..., None], discriminator: str, arguments: VerifyArguments) -> int:
    """What the child does. The name is looked up first: one that names nothing needs no PyTorch."""
    tell(at="the import", within=None)
    imported(discriminator, BUILDER)
    from gnref.diagnosis.command import verify

    tell(at="the diagnosis", within=None)
    return verify(discriminator, arguments)
