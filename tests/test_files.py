"""Outputs: refused before the work begins where they could not be written, and never half written."""

import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from gnref.errors import UserError
from gnref.files import check_outputs, write_atomically


def a_link(path: Path) -> None:
    path.with_name("target").write_text("kept")
    path.symlink_to(path.with_name("target"))


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket has at most about 100 characters
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


NO_FILES: dict[str, Callable[[Path], object]] = {
    "is a link": a_link,
    "is a folder": Path.mkdir,
    "is a pipe": os.mkfifo,
    "is a socket": a_socket,
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_refused_and_never_replaced(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    NO_FILES[kind](path)
    before = path.lstat()
    with pytest.raises(UserError, match=rf"--json .*report.json {kind}"):
        check_outputs({"--json": path})
    with pytest.raises(OSError, match=kind):
        write_atomically(path, "new")
    assert (path.lstat().st_mode, path.lstat().st_ino) == (before.st_mode, before.st_ino)


def test_a_device_is_refused_and_never_replaced() -> None:
    with pytest.raises(UserError, match="--json /dev/null is a device"):
        check_outputs({"--json": Path("/dev/null")})
    with pytest.raises(OSError, match="is a device"):
        write_atomically(Path("/dev/null"), "new")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere/report.json", "there is no folder"),
        ("a-file/report.json", "there is no folder"),
        ("n" * 300, "File name too long"),
        ("a\0b", "null"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    with pytest.raises(UserError, match=rf"--html .* cannot be written: .*{told}"):
        check_outputs({"--html": tmp_path / name})
    assert [path.name for path in tmp_path.iterdir()] == ["a-file"]


def test_a_file_system_that_takes_no_files_is_refused() -> None:
    with pytest.raises(UserError, match=r"--json /proc/report\.json cannot be written"):
        check_outputs({"--json": Path("/proc/report.json")})


def test_two_outputs_in_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--json and --html name the same file"):
        check_outputs({"--json": tmp_path / "report", "--html": tmp_path / "report", "--plot": None})


def test_folders_are_new_or_folders(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    check_outputs({}, {"--plot": tmp_path, "--out": tmp_path / "new" / "below", "--more": None})
    for name, told in {"file": "is a file", "link": "is a link to nothing", "file/below": "is no folder"}.items():
        with pytest.raises(UserError, match=f"--plot .*{told}"):
            check_outputs({}, {"--plot": tmp_path / name})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_an_output_that_can_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("old")
    check_outputs({"--json": tmp_path / "old.json", "--html": tmp_path / "new.html"})
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("old.json", "old")]


def test_an_interrupt_in_the_middle_of_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.json"
    write_atomically(path, "old")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("report.json", "old")]


def test_what_stops_the_writing_is_told_with_the_files_name(tmp_path: Path) -> None:
    """A limit on the size of files, as a full disk, says no name of its own."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write_atomically(tmp_path / "report.json", "a" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert caught.value.filename == str(tmp_path / "report.json")
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_no_utf8_does_not_lose_a_report(tmp_path: Path) -> None:
    write_atomically(tmp_path / "report.json", os.fsdecode(b"images of caf\xe9"))
    assert (tmp_path / "report.json").read_text() == "images of caf\\udce9"
