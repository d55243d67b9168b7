"""Files that are written: refused before the work begins where they cannot be, and never left half written."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from gnref.errors import UserError


def check_outputs(files: Mapping[str, Path | None], folders: Mapping[str, Path | None] | None = None) -> None:
    """Refuse outputs that could not be written, so that nobody waits an hour for a report that is then lost.

    Args:
        files: What the person calls it -> the file, such as {"--json": path}; None where it was not asked for. A file
            is new or a regular one in a folder that exists: a link, device, pipe or folder is never replaced.
        folders: The same for folders that files are written into; one that does not exist yet is made later.

    Raises:
        UserError: naming the option, the path, and what is wrong with it.
    """
    given = {option: path for option, path in files.items() if path is not None}
    for option, path in given.items():
        _check_file(option, path)
    for option, path in given.items():
        twin = next(other for other, its in given.items() if its.absolute() == path.absolute())
        if twin != option:
            raise UserError(f"{twin} and {option} name the same file, {path}; choose two")
    for option, folder in (folders or {}).items():
        if folder is not None:
            _check_folder(option, folder)


def write_atomically(path: Path, content: bytes | str) -> None:
    """`content` under `path` wholly or not at all, also across a crash; text is UTF-8.

    Raises:
        OSError: where it cannot be written, or `path` is something other than a regular file; nothing is left behind.
    """
    if kind := _other_than_a_file(path):
        raise FileExistsError(f"{path} is {kind} and is not replaced")
    partial = partial_name(path)
    try:
        with partial.open("wb") as file:
            # A file name that is no UTF-8 may stand in the text: it is escaped rather than the report lost.
            file.write(content.encode(errors="backslashreplace") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    # An interrupt in the middle must leave as little behind as a full disk.
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:  # writing does not say where
            error.filename = str(path)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def partial_name(path: Path) -> Path:
    """The name this process writes `path` under until it is whole: NAME.PID.partial beside it."""
    return path.with_name(f"{path.name}.{os.getpid()}.partial")


def _check_file(option: str, path: Path) -> None:
    try:
        if kind := _other_than_a_file(path):
            raise UserError(f"{option} {path} is {kind}, which gnref does not replace; name a file")
        if not path.parent.is_dir():
            raise UserError(f"{option} {path} cannot be written: there is no folder {path.parent}; make it first")
        if path.exists() and not os.access(path, os.W_OK):
            raise UserError(f"{option} {path} cannot be written: it is read-only; choose another file")
        _try_to_write(path)
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{option} {path} cannot be written: {_reason(error)}; choose another file") from None


def _check_folder(option: str, folder: Path) -> None:
    try:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{option} {folder} is {_other_than_a_file(folder) or 'a file'}; name a folder")
        if folder.is_symlink() and not folder.exists():
            raise UserError(f"{option} {folder} is a link to nothing; name a folder")
        existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not existing.is_dir():
            raise UserError(f"{option} {folder} cannot be made: {existing} is no folder; choose another one")
        _try_to_write(existing / folder.name)
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{option} {folder} cannot be written: {_reason(error)}; choose another folder") from None


def _try_to_write(path: Path) -> None:
    """Make the partial file of `path` and take it away again: permissions alone do not tell (read-only mounts)."""
    partial = partial_name(path)
    partial.open("wb").close()
    partial.unlink()


_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def _other_than_a_file(path: Path) -> str | None:
    """What stands there, where it is no regular file; None for a regular file, and where nothing is."""
    try:
        return _KINDS.get(stat.S_IFMT(path.lstat().st_mode))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
