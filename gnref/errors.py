"""A person's mistakes: the one exception for them, and how every command ends."""

import errno
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import NoReturn


class UserError(ValueError):
    """What was expected, what came, and what to do, in one sentence; the command line prints it and exits with 2."""


def unknown(what: str, name: str, known: Iterable[str], listing: str) -> UserError:
    """The error for a `name` that is none: with the nearest of `known` where some are near, and the `listing` command.

    >>> print(unknown("claim", "theorm-6", ["theorem-6", "lemma-3"], "gnref claims"))
    there is no claim 'theorm-6'; did you mean theorem-6? `gnref claims` lists all
    """
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), 3)
    hint = f"did you mean {', '.join(near)}? " if near else ""
    return UserError(f"there is no {what} {name!r}; {hint}`{listing}` lists all")


@contextmanager
def one_sentence(program: str) -> Iterator[None]:
    """End a command as commands should: no mistake, interrupt or full disk prints a traceback.

    What happens within the block, and the exit code: UserError, too little memory, a file that cannot be read or
    written, a full disk behind standard output: one sentence on standard error, 2. Ctrl-C: 130. A reader of standard
    output that has seen enough, such as head: 0. A terminal without UTF-8 gets escapes such as \\u03b6. What is printed
    into a closed standard output is gone.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # `gnref.__main__` has it so while it imports
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _open_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        except SystemExit:
            _flush()
            raise
        _flush()
    except UserError as mistake:
        _end(2, f"{program}: {mistake}")
    except KeyboardInterrupt as interrupt:
        _end(130, f"{program}: {str(interrupt) or 'interrupted'}")
    except BrokenPipeError:
        _end(0)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(told in str(error) for told in _OUT_OF_MEMORY):
            raise
        _end(2, f"{program}: there is not enough memory for this; ask for less at a time")
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        room = "; make room" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else ""
        _end(2, f"{program}: {where}{error.strerror or error}{room}")


# PyTorch raises RuntimeError for it, in these words.
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


def _open_standard_streams() -> None:
    """Where the process was started with closed streams, open the null device in their place.

    Otherwise the next file that is opened gets the number of a closed stream, and what a library writes to standard
    error lands in it: in a checkpoint, say.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _flush() -> None:
    sys.stdout.flush()


def _end(code: int, sentence: str = "") -> NoReturn:
    """Exit with this code, and let nothing be flushed into a closed or full standard output on the way out."""
    if sentence:
        with suppress(OSError, ValueError):
            print(" ".join(sentence.splitlines()), file=sys.stderr, flush=True)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)
