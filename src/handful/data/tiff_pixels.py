"""Pixel type of TIFF files, to be named where Pillow does not read it."""

from io import BufferedReader, BytesIO

from PIL import TiffImagePlugin

_BITS, _CHANNELS, _KIND = 258, 277, 339  # tags BitsPerSample, SamplesPerPixel, SampleFormat
_KINDS = {1: "unsigned", 2: "signed", 3: "float"}
MOST_CHANNELS = 1000


def describe_pixels(file: BufferedReader | BytesIO) -> str | None:
    """What a TIFF file states of its pixels, such as "3 channels of 32-bit float"; None: it is damaged."""
    try:
        file.seek(0)
        tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
        bits, channels = int(_first(tags.get(_BITS, 1))), int(tags.get(_CHANNELS, 1))
        kind = _KINDS.get(int(_first(tags.get(_KIND, 1))), "complex")
    except Exception:  # Pillow raises nearly anything on damaged files
        return None
    if not (0 < bits <= 128 and 0 < channels <= MOST_CHANNELS):
        return None
    return f"{channels} channel{'s' if channels > 1 else ''} of {bits}-bit {kind}"


def _first(value: object) -> float:
    number = value[0] if isinstance(value, tuple) else value
    if not isinstance(number, int | float):
        raise TypeError
    return number
