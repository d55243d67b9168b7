"""What a person's code raised, as one sentence with its file and line."""

import sysconfig
import traceback
from pathlib import Path
from types import TracebackType

PACKAGE = Path(__file__).parent.parent
_STANDARD = Path(sysconfig.get_paths()["stdlib"])


def told(error: BaseException) -> str | None:
    """What was raised, and the line of the person's code that it passed last.

    Returns:
        Such as "ValueError: expected 3 channels (my/module.py, line 12, in normalize)"; None where no line of the
        person's code was involved: then it is a fault of this package.
    """
    where = place(error)
    return f"{said(error)}{where}" if where else None


def place(error: BaseException) -> str:
    """ " (my/module.py, line 12, in normalize)", or nothing where no line of the person's code was involved."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({_short(error.filename)}, line {error.lineno})"
    frame = _last_line(error.__traceback__)
    return "" if frame is None else f" ({_short(frame.filename)}, line {frame.lineno}, in {frame.name})"


def said(error: BaseException) -> str:
    """The error's type and the first line of its message, at most 300 characters."""
    if isinstance(error, SystemExit):
        return f"SystemExit: it called sys.exit({error.code!r})"
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        lines = message.strip().splitlines()
    except Exception:  # a message may itself be broken
        lines = []
    name = type(error).__name__
    return f"{name}: {lines[0][:300]}" if lines and lines[0] else name


def _last_line(trace: TracebackType | None) -> traceback.FrameSummary | None:
    """The last line outside this package, PyTorch and Python; in files of the person's own before installed ones."""
    frames = [frame for frame in traceback.extract_tb(trace) if not _is_ours(frame.filename)]
    own = [frame for frame in frames if not _is_installed(frame.filename)]
    return own[-1] if own else frames[-1] if frames else None


def _is_ours(filename: str) -> bool:
    path = Path(filename)
    if filename.startswith("<") or path.is_relative_to(PACKAGE):
        return True
    if _is_installed(filename):
        return "torch" in path.parts
    return path.is_relative_to(_STANDARD)


def _is_installed(filename: str) -> bool:
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(filename).parts)


def _short(filename: str) -> str:
    """Relative to the working directory, where it lies in it."""
    path = Path(filename)
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return filename
