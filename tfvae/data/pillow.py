"""Image files by Pillow: what a header says, and pixels where TensorFlow's decoders would fail or lose something."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from PIL import ExifTags, Image, UnidentifiedImageError
from PIL.TiffImagePlugin import BITSPERSAMPLE, SAMPLEFORMAT

from tfvae.data.paths import shown
from tfvae.errors import UserError

# What Pillow warns of, such as metadata that it repairs, is no concern of the user; what it cannot read is an error.
warnings.filterwarnings("ignore", module=r"PIL\.")

MAX_ASPECT = 50.0
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # Rec. 601, as JPEG and Pillow
# What Pillow raises for files that are damaged, or that it does not support.
_BROKEN = (OSError, ValueError, SyntaxError, TypeError, KeyError, IndexError, EOFError, OverflowError, struct.error)


class BadImageError(UserError):
    """An image that cannot be used.

    Attributes:
      reason: why, to follow the name of the file.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}; replace or remove it.")
        self.reason = reason


class Header(NamedTuple):
    """What a file says about its image.

    Attributes:
      format: one of `FORMATS`.
      mode: Pillow's name for the kind of pixels.
      bits: of a value: 8 or 16; fewer than 8 become 8.
      alpha: it has transparent colours or an alpha channel.
      orientation: EXIF's, 1 to 8; 1 is upright.
      frames: there are several; the first is the image.
      bytes: size of the file.
    """

    format: str
    mode: str
    bits: int
    alpha: bool
    orientation: int
    frames: bool
    bytes: int

    def plain(self, channels: int, bits: int) -> bool:
        """Whether TensorFlow's own decoder gives these channels and bits as they are meant, and faster."""
        if self.orientation != 1 or self.bits != bits or self.mode == "CMYK" or (self.alpha and channels < 4):
            return False
        if bits == 16:
            return self.format == "PNG" and (channels > 1 or self.mode in ("I", "I;16"))
        return self.format == "PNG" or (self.format == "JPEG" and channels < 4)


def header(path: str) -> Header:
    """Reads the header of a file.

    Raises:
      BadImageError: it is none of `FORMATS`, cannot be read, or would lose values when it is decoded.
    """
    size = _regular(path)
    with _named(path), Image.open(path, formats=FORMATS) as image:
        return _header(image, size)


def pixels(path: str, channels: int, bits: int) -> np.ndarray:
    """The upright image, transparency laid on white unless alpha is asked for.

    Args:
      path: of the file.
      channels: 1 for grey, 3 for colour, 4 for colour and alpha.
      bits: 8 or 16; 8 bits become 16 by a factor of 257, so that white stays white.

    Returns:
      uint8 or uint16 `[height, width, channels]`.

    Raises:
      BadImageError: the image cannot be decoded.
    """
    with _named(path), Image.open(path, formats=FORMATS) as image:
        head = _header(image, 0)
        if head.bits == 16 and head.format == "PNG":  # of which Pillow keeps 8, where there are colours
            x = tf.io.decode_png(tf.io.read_file(os.fsencode(path)), 4 if head.alpha else 3, tf.uint16).numpy()
        else:
            x = _converted(image, head)
    x = _arranged(_upright(x, head.orientation), channels)
    return x.astype(np.uint16) * np.uint16(257) if bits == 16 and x.dtype == np.uint8 else x


def _header(image: Image.Image, size: int) -> Header:
    kind = "JPEG" if image.format == "MPO" else str(image.format)  # a photograph and its previews
    bits = _bits(image)
    if max(image.size) > MAX_ASPECT * min(image.size):
        raise ValueError("one side over 50 times the other")
    # The EXIF data of a PNG may stand after its pixels, where Pillow would look for them by decoding it.
    exif = image.getexif() if kind != "PNG" or "exif" in image.info else {}
    orientation = exif.get(ExifTags.Base.Orientation, 1)
    return Header(
        format=kind,
        mode=image.mode,
        bits=bits,
        alpha=image.has_transparency_data,
        orientation=orientation if orientation in range(1, 9) else 1,
        frames=image.format != "MPO" and bool(getattr(image, "is_animated", False)),
        bytes=size,
    )


def _bits(image: Image.Image) -> int:
    if image.format == "PNG":
        tiles = getattr(image, "tile", [])
        return 16 if tiles and "16" in str(tiles[0][3]) else 8
    if image.format != "TIFF":
        return 8
    tags = image.tag_v2  # type: ignore[attr-defined]
    bits, signs = max(tags.get(BITSPERSAMPLE, (1,))), set(tags.get(SAMPLEFORMAT, (1,)))
    if bits > 16 or signs != {1}:
        kind = "floats" if signs == {3} else "signed numbers" if signs == {2} else "numbers"
        raise ValueError(f"it has {kind} of {bits} bits, expected whole numbers of 8 or 16 bits from 0 up")
    if bits > 8 and not image.mode.startswith("I;16"):
        raise ValueError(f"a TIFF of colours with {bits} bits would lose half of them; save it as PNG")
    return 16 if bits > 8 else 8


def _converted(image: Image.Image, head: Header) -> np.ndarray:
    """uint8 or uint16 `[height, width, 1, 3 or 4]`."""
    if head.bits == 16:
        image.load()
        return np.asarray(image).astype(np.uint16)[..., np.newaxis]  # big-endian too
    if head.alpha:
        return np.asarray(image.convert("RGBA"))
    if head.mode in ("1", "L"):
        return np.asarray(image.convert("L"))[..., np.newaxis]
    return np.asarray(image.convert("RGB"))


def _upright(x: np.ndarray, orientation: int) -> np.ndarray:
    """Undoes an EXIF orientation: 2 to 4 are mirrored or upside down, 5 to 8 have their sides exchanged too."""
    if orientation >= 5:
        x = x.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        x = x[::-1]
    if orientation in (2, 3, 6, 7):
        x = x[:, ::-1]
    return x


def _arranged(x: np.ndarray, channels: int) -> np.ndarray:
    """The same colours in another number of channels."""
    white = np.iinfo(x.dtype).max
    if x.shape[-1] == 4 and channels < 4:
        alpha = x[..., 3:].astype(np.float32) / np.float32(white)
        x = np.rint(x[..., :3] * alpha + white * (1 - alpha)).astype(x.dtype)
    if x.shape[-1] == 3 and channels == 1:
        x = np.rint(x @ _LUMA).astype(x.dtype)[..., np.newaxis]
    if x.shape[-1] == 1 and channels > 1:
        x = np.repeat(x, 3, axis=-1)
    if x.shape[-1] == 3 and channels == 4:
        x = np.concatenate([x, np.full_like(x[..., :1], white)], axis=-1)
    return x


def _regular(path: str) -> int:
    """The size of a file; other things, such as pipes, would block whoever opens them."""
    try:
        status = os.stat(path)
    except OSError as error:
        reason = "the link leads nowhere" if os.path.islink(path) else f"cannot be read ({error.strerror})"
        raise BadImageError(shown(path), reason) from error
    if not stat.S_ISREG(status.st_mode):
        raise BadImageError(shown(path), "is not a regular file")
    return status.st_size


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    try:
        yield
    except UnidentifiedImageError as error:
        known = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise BadImageError(
            shown(path), f"not an image in a format that is read ({known}; wrong first bytes)"
        ) from error
    except tf.errors.OpError as error:
        raise BadImageError(shown(path), undecodable(error.message)) from error
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise BadImageError(shown(path), undecodable(getattr(error, "strerror", None) or error)) from error


def undecodable(reason: Any) -> str:
    """The reason of an image whose content is at fault, on one line."""
    return f"the image cannot be decoded ({' '.join(str(reason).split()).rstrip('.')[:160]})"
