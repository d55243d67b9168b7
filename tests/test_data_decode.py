"""What each kind of image file becomes: decoded as viewers show it, or refused by name."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gnref.data.folder import folder_of_images
from gnref.data.images import ImageFiles
from gnref.errors import UserError

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
COLOUR = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)


def one(path: Path) -> torch.Tensor:
    """The only image of the folder that a file is in, (8, 8, 3)."""
    files = folder_of_images(path.parent, 8)
    assert len(files) == 1
    return files.fetch(torch.tensor([0]))[0].permute(1, 2, 0)


def saved(picture: Image.Image, path: Path, **options: object) -> Path:
    picture.save(path, **options)
    return path


def test_grey_and_black_and_white_become_three_equal_channels(tmp_path: Path) -> None:
    grey = one(saved(Image.fromarray(GREY), tmp_path / "a.png"))
    assert torch.equal(grey, torch.from_numpy(GREY)[:, :, None].expand(8, 8, 3))
    black_and_white = one(saved(Image.fromarray(GREY > 100), tmp_path / "a.png"))
    assert torch.equal(black_and_white[:, :, 1], torch.from_numpy(255 * (GREY > 100).astype(np.uint8)))


def test_a_palette_becomes_its_colours(tmp_path: Path) -> None:
    colours = np.stack([GREY, 255 - GREY, GREY // 2], 2)
    picture = Image.fromarray(GREY // 4)
    picture.putpalette(colours.reshape(-1, 3).tobytes())
    assert picture.mode == "P"
    assert torch.equal(one(saved(picture, tmp_path / "a.png")), torch.from_numpy(colours))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_alpha_channel_that_hides_nothing_is_dropped(tmp_path: Path, mode: str) -> None:
    picture = Image.fromarray(COLOUR).convert(mode)
    expected = torch.from_numpy(np.asarray(picture.convert("RGB")).copy())
    assert torch.equal(one(saved(picture, tmp_path / "a.png")), expected)


def transparent(path: Path) -> None:
    picture = Image.fromarray(COLOUR).convert("RGBA")
    picture.putpixel((3, 3), (0, 0, 0, 254))
    picture.save(path)


def a_transparent_colour(path: Path) -> None:
    Image.fromarray(COLOUR).save(path, transparency=tuple(int(c) for c in COLOUR[2, 2]))


def sixteen_bit_grey(path: Path) -> None:
    Image.fromarray(GREY.astype(np.uint16) * 257).save(path)


def sixteen_bit_colour(path: Path) -> None:
    """Pillow writes none: an 8 x 8 PNG of zeros, chunk by chunk."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(8 * 6)) * 8)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def cmyk(path: Path) -> None:
    Image.fromarray(COLOUR).convert("CMYK").save(path, "JPEG")


def animated(path: Path) -> None:
    Image.fromarray(COLOUR).save(path, save_all=True, append_images=[Image.fromarray(255 - COLOUR)])


def animated_webp(path: Path) -> None:
    frames = io.BytesIO()
    Image.fromarray(COLOUR).save(frames, "WEBP", save_all=True, append_images=[Image.fromarray(255 - COLOUR)])
    path.write_bytes(frames.getvalue())


def bomb(path: Path) -> None:
    """One grey row's header that claims 60,000 x 60,000 pixels."""
    Image.fromarray(GREY).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.touch()


def truncated(path: Path) -> None:
    Image.fromarray(COLOUR).save(path)
    path.write_bytes(path.read_bytes()[:120])


def text(path: Path) -> None:
    path.write_text("<html>404</html>")


def postscript(path: Path) -> None:
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")


def tiff_of_floats(path: Path) -> None:
    Image.fromarray(GREY.astype(np.float32) / 255).save(path, "TIFF")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere.png")


REFUSED: dict[Callable[[Path], None], str] = {
    transparent: "has transparent pixels; put it on a background",
    a_transparent_colour: "has transparent pixels; put it on a background",
    sixteen_bit_grey: "has 16 bits a channel; save it with 8",
    sixteen_bit_colour: "has 16 bits a channel; save it with 8",
    cmyk: "has pixels of mode CMYK; save it as RGB",
    animated: "is an animation of 2 frames; save one",
    animated_webp: "is an animation of 2 frames; save one",
    bomb: "claims 60000 x 60000 pixels",
    empty: r"is empty \(0 bytes\)",
    truncated: "cannot be read as an image",
    text: "cannot be read as an image: it holds no PNG",
    postscript: "cannot be read as an image: it holds no PNG",
    tiff_of_floats: "cannot be read as an image: it holds no PNG",
    a_pipe: "is no file but a pipe",
    a_link_to_nothing: "is a link to nothing",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_what_is_not_decoded_is_refused_by_name_and_does_not_hang(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "the-file.png")
    with pytest.raises(UserError, match=rf"the-file\.png {REFUSED[make]}") as refusal:
        one(tmp_path / "the-file.png")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_data_say(tmp_path: Path, orientation: int) -> None:
    """Tag 0x0112 says how the stored picture is turned to be seen."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    seen = np.stack([GREY, GREY.T, np.zeros_like(GREY)], 2)
    turned = {2: seen[:, ::-1], 3: seen[::-1, ::-1], 4: seen[::-1], 5: seen.transpose(1, 0, 2)}
    turned |= {6: np.rot90(seen, 1), 7: np.rot90(seen, 2).transpose(1, 0, 2), 8: np.rot90(seen, -1)}
    stored = Image.fromarray(np.ascontiguousarray(turned.get(orientation, seen)))
    decoded = one(saved(stored, tmp_path / "a.png", exif=exif))
    assert torch.equal(decoded, torch.from_numpy(seen))


def test_images_of_a_kind_that_is_not_read_are_not_passed_over(tmp_path: Path) -> None:
    saved(Image.fromarray(COLOUR), tmp_path / "a.png")
    saved(Image.fromarray(COLOUR), tmp_path / "b.tiff")
    with pytest.raises(UserError, match=r"b\.tiff is of a kind that gnref does not read; convert it to png"):
        folder_of_images(tmp_path, 8)


def test_hidden_files_are_left_out_and_links_followed_once(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "images", tmp_path / "elsewhere"
    for place in (folder / "cats", folder / ".ipynb_checkpoints", elsewhere):
        place.mkdir(parents=True)
        saved(Image.fromarray(COLOUR), place / "a.png")
    saved(Image.fromarray(COLOUR), folder / "cats" / "._a.png", format="PNG")
    (folder / "dogs").symlink_to(elsewhere)
    found = folder_of_images(folder, 8)
    assert [str(key) for key in found.keys] == [str(folder / "cats" / "a.png"), str(folder / "dogs" / "a.png")]
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1]
    (elsewhere / "again").symlink_to(folder)
    with pytest.raises(UserError, match="again leads to a folder that is read already"):
        folder_of_images(folder, 8)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    saved(Image.fromarray(COLOUR), tmp_path / "a.png")
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(UserError, match="closed cannot be read"):
        folder_of_images(tmp_path, 8)


def test_a_name_that_is_no_utf8_is_read(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    saved(Image.fromarray(COLOUR), tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / name)
    assert torch.equal(one(tmp_path / name), torch.from_numpy(COLOUR))


def test_a_set_knows_the_files_it_depends_on(tmp_path: Path) -> None:
    saved(Image.fromarray(COLOUR), tmp_path / "a.png")
    files = folder_of_images(tmp_path, 8)
    assert isinstance(files, ImageFiles)
    assert files.files == (tmp_path / "a.png",)
