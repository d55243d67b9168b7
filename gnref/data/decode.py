"""One image file, decoded: what its pixels become is one rule for training, for scores and for a diagnosis.

| in the file | becomes |
|---|---|
| colour with 8 bits a channel | its pixels; colour profiles are not applied |
| grey of up to 8 bits, black and white, a palette | the same colours in three channels |
| an alpha channel, or a transparent colour, that hides nothing | the pixels without it |
| an orientation in the EXIF data | the picture turned as viewers show it |
| transparent pixels | refused: which background is yours to say |
| 16 bits a channel | refused: which value becomes white is yours to say |
| CMYK, floating point, several frames | refused |
| more than 2²⁶ pixels, 0 bytes, a broken file, a pipe, a link to nothing | refused |
"""

from typing import IO, TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gnref.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

RULES = 2
"""The version of the table above: features of images that were decoded by another one are computed again."""
MOST_PIXELS = 2**26
_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}


def decode(file: IO[bytes], name: str) -> "Image":
    """The picture in an open PNG, JPEG, WebP or BMP file, in Pillow's mode RGB; `name` is what a message calls it.

    Raises:
        UserError: for a file that is broken, is something else, or holds what the table above refuses. A file that
            claims more than 2^26 pixels is refused before they are decoded.
    """
    try:
        from PIL import ImageOps
    except ImportError:
        raise UserError("images are read by Pillow; install it with: pip install 'gnref[train]'") from None
    try:
        picture = _opened(file, name)
        if picture.width * picture.height > MOST_PIXELS:
            raise UserError(f"{name} claims {picture.width} x {picture.height} pixels; resize it to the size you need")
        if getattr(picture, "n_frames", 1) > 1:
            raise UserError(f"{name} is an animation of {getattr(picture, 'n_frames', 1)} frames; save one of them")
        if picture.mode not in _MODES:
            raise UserError(f"{name} has pixels of mode {picture.mode}; save it as RGB with 8 bits a channel")
        if picture.has_transparency_data:
            with_alpha = picture.convert("RGBA")
            if with_alpha.getchannel("A").getextrema() != (255, 255):
                raise UserError(f"{name} has transparent pixels; put it on a background, and save it as RGB")
            picture = with_alpha
        return ImageOps.exif_transpose(picture).convert("RGB")
    except UserError:
        raise
    # A damaged file makes Pillow raise OSError, SyntaxError, ValueError, struct.error, IndexError and more.
    except Exception as error:
        raise UserError(
            f"{name} cannot be read as an image ({error}); replace it or take it out of the folder"
        ) from None


def pixels(picture: "Image") -> Tensor:
    """The pixels of an RGB picture, uint8 (3, height, width)."""
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)


def _opened(file: IO[bytes], name: str) -> "Image":
    """The file as Pillow's picture, chosen by its first bytes; of its pixels nothing is decoded yet.

    Pillow's own `open` would try forty formats, some of which run other programs, and would warn of large pictures
    where `decode` refuses them.
    """
    from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    start = file.read(32)
    file.seek(0)
    if not start:
        raise UserError(f"{name} is empty (0 bytes); replace it or take it out of the folder")
    if start.startswith(b"\x89PNG"):
        if start[24:25] == b"\x10":  # the bit depth; of colour with 16 bits Pillow would keep half
            raise UserError(f"{name} has 16 bits a channel; save it with 8, and choose what becomes black and white")
        return PngImagePlugin.PngImageFile(file)
    if start.startswith(b"\xff\xd8"):
        return JpegImagePlugin.JpegImageFile(file)
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile(file)
    if start.startswith(b"BM"):
        return BmpImagePlugin.BmpImageFile(file)
    raise UserError(f"{name} cannot be read as an image: it holds no PNG, JPEG, WebP or BMP; convert it to one")
