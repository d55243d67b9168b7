"""The reference of a folder: every file counts, and nothing in a cached file can change unseen."""

import dataclasses
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gnref.data.fingerprint as fingerprint_module
from gnref.data.fingerprint import fingerprint
from gnref.data.folder import folder_of_images
from gnref.data.images import ImageSet
from gnref.data.shapes import shapes
from gnref.errors import UserError
from gnref.evaluation import PROTOCOLS, evaluate, feature_space
from gnref.evaluation.reference import load_reference

SMALL = dataclasses.replace(
    PROTOCOLS["shapes-16"], name="small", dataset="celebahq", generated=150, real=600, kid_subsets=2, kid_subset_size=50
)
IMAGES = shapes(150, 16, 7_000_001)[0]
FID = "FID in shapes-features"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """600 images as .bmp, which are of one size each, from an hour ago; the cache beside them."""
    monkeypatch.setenv("GNREF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fingerprint_module, "_SETTLED", -1.0)  # the change time cannot be set back
    (tmp_path / "images").mkdir()
    for number, image in enumerate(shapes(600, 16, 7_000_002)[0]):
        write(tmp_path / "images" / f"{number:03}.bmp", image.numpy())
    return tmp_path / "images"


def write(path: Path, image: np.ndarray) -> None:
    Image.fromarray(image.transpose(1, 2, 0)).save(path)
    os.utime(path, (1_700_000_000, 1_700_000_000))


def fid(folder: Path) -> float:
    return evaluate(IMAGES, SMALL, real=folder)["scores"][FID]


def test_a_cache_is_not_used_for_changed_images_whatever_their_times_say(folder: Path) -> None:
    """Every second image inverted, with the size and the time of the old one: another FID, that of an empty cache."""
    before = fid(folder)
    for path in sorted(folder.iterdir())[1::2]:
        write(path, 255 - np.asarray(Image.open(path)).transpose(2, 0, 1))
    changed = fid(folder)
    assert changed > 10 * before
    for file in (folder.parent / "cache").iterdir():
        file.unlink()
    assert fid(folder) == changed


def test_one_changed_pixel_of_one_image_is_seen(folder: Path) -> None:
    before = fingerprint(folder_of_images(folder, 16))
    assert fingerprint(folder_of_images(folder, 16)) == before
    image = np.asarray(Image.open(folder / "123.bmp")).transpose(2, 0, 1).copy()
    image[0, 0, 0] ^= 1
    write(folder / "123.bmp", image)
    assert fingerprint(folder_of_images(folder, 16)) != before


def test_contents_are_read_once_and_again_where_a_time_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    read = fingerprint_module._read
    monkeypatch.setattr(fingerprint_module, "_read", lambda files, progress: reads.append(1) or read(files, progress))
    first = fingerprint(folder_of_images(folder, 16))
    assert fingerprint(folder_of_images(folder, 16)) == first
    assert len(reads) == 1
    (folder / "000.bmp").touch()
    assert fingerprint(folder_of_images(folder, 16)) == first  # the same contents
    assert len(reads) == 2
    [note] = (folder.parent / "cache").glob("contents-*.json")
    note.write_text("{")
    assert fingerprint(folder_of_images(folder, 16)) == first
    assert len(reads) == 3


def test_files_of_this_moment_are_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another change within the clock's tick would have the same time."""
    monkeypatch.setattr(fingerprint_module, "_SETTLED", 1e6)
    fingerprint(folder_of_images(folder, 16))
    assert not list((folder.parent / "cache").glob("contents-*"))


def test_a_folder_that_moved_is_the_same_data(folder: Path) -> None:
    before = fingerprint(folder_of_images(folder, 16))
    assert fingerprint(folder_of_images(folder.rename(folder.with_name("moved")), 16)) == before


def damaged(path: Path, key: str, value: str) -> None:
    """The file with another value of the same length in its header's metadata."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"][key] = value
    encoded = json.dumps(header, separators=(",", ":")).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + content[8 + length :])


@pytest.mark.parametrize(
    ("key", "value"), [("floor", '{"FID in shapes-features": 0.0}'), ("floor_sample", "many"), ("lossy", "true")]
)
def test_everything_in_a_reference_file_is_under_its_checksum(folder: Path, key: str, value: str) -> None:
    fid(folder)
    [cached] = (folder.parent / "cache").glob("*.safetensors")
    damaged(cached, key, value)
    for real in (folder, cached):
        with pytest.raises(UserError, match="do not match their checksum: delete the file"):
            evaluate(IMAGES, SMALL, real=real)


def test_a_reference_of_other_numbers_is_refused(folder: Path) -> None:
    fid(folder)
    [cached] = (folder.parent / "cache").glob("*.safetensors")
    other = dataclasses.replace(SMALL, kid_subset_size=40)
    with pytest.raises(UserError, match=r'expected reference statistics for numbers .*"kid_subset_size": 40'):
        load_reference(cached, other, feature_space("shapes"))
    assert evaluate(IMAGES, other, real=folder)["scores"][FID] == fid(folder)


def test_a_cache_that_cannot_be_written_is_refused_before_the_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "file").touch()
    monkeypatch.setattr("gnref.evaluation.reference.extract", lambda *_: pytest.fail("the work began"))
    for place in (folder.parent / "file", Path("/proc/gnref")):
        monkeypatch.setenv("GNREF_CACHE", str(place))
        with pytest.raises(UserError, match=r"cannot be written.*GNREF_CACHE"):
            fid(folder)


def test_what_is_no_reference_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(UserError, match=r"pipe\.safetensors, but it is no file"):
        evaluate(IMAGES, SMALL, real=tmp_path / "pipe.safetensors")
    (tmp_path / "empty.safetensors").touch()
    with pytest.raises(UserError, match="does not load"):
        evaluate(IMAGES, SMALL, real=tmp_path / "empty.safetensors")


def test_pixels_in_memory_all_count() -> None:
    images = torch.zeros(700, 3, 8, 8, dtype=torch.uint8)
    before = fingerprint(ImageSet(images.clone()))
    images[699, 2, 7, 7] = 1
    assert fingerprint(ImageSet(images)) != before
