import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from handful.core.dataset import Sample
from handful.core.pixel_range import PixelRange
from handful.data import decoding
from handful.data.images import image_size, read_image, refuse_other_size
from handful.errors import DataError
from tests.data.noise_images import noise_image


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "LA", "I;16"])
@pytest.mark.parametrize("orientation", [1, 3, 5, 6, 7])
def test_strips_give_the_pixels_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    whole = noise_image(1, (9, 7))
    image = Image.fromarray(np.asarray(whole)[..., 0].astype(np.uint16) * 16) if mode == "I;16" else whole.convert(mode)
    image.save(tmp_path / "a.png", exif=exif)
    ranges = (None, PixelRange.of_bits(12))
    expected = [read_image(tmp_path / "a.png", pixel_range=r) for r in ranges]
    monkeypatch.setattr(decoding, "STRIP", 14)  # two rows
    for pixel_range, pixels in zip(ranges, expected, strict=True):
        assert np.array_equal(read_image(tmp_path / "a.png", pixel_range=pixel_range), pixels)


@pytest.mark.parametrize(("w", "h"), [(1, 100_000_000), (100_000_000, 1), (1, 1_000_001)])
def test_a_side_that_is_too_long_is_refused_at_once(tmp_path: Path, w: int, h: int) -> None:
    header = w.to_bytes(4, "big") + h.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    data = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(1000))) + _chunk(b"IEND", b"")
    (tmp_path / "line.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    for read in (read_image, image_size):
        with pytest.raises(DataError, match=r"line\.png(.|\n)*a side of more than 1,000,000(.|\n)*tiles"):
            read(tmp_path / "line.png")


def test_decoders_with_copies_of_their_own_are_bound_by_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "a.webp", "a.jp2"):
        noise_image(0, (100, 100)).save(tmp_path / name)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 11_000)
    monkeypatch.setattr(decoding, "MAX_SIDE", 200)
    assert read_image(tmp_path / "a.png").shape == (3, 100, 100)
    for name in ("a.webp", "a.jp2"):
        with pytest.raises(DataError, match=rf"{name}(.|\n)*GB to decode as(.|\n)*scale it down"):
            read_image(tmp_path / name)


def test_a_progressive_jpeg_that_needs_too_much_is_reduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    noise_image(0, (101, 100)).save(path, progressive=True, subsampling=0)
    assert read_image(path).shape == (3, 101, 100)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 11_000)
    monkeypatch.setattr(decoding, "MAX_SIDE", 200)
    assert read_image(path).shape == (3, 51, 50)
    assert image_size(path) == (101, 100)
    masked = Sample("a", path, mask=np.zeros((101, 100), bool))
    refuse_other_size(masked, (51, 50))  # the mask is of the file's own size
