import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from handful.core.dataset import Sample
from handful.data import images
from handful.data.images import content_hash, from_array, image_size, pixels, read_image, sample_size
from handful.errors import DataError
from tests.data.noise_images import noise_image, save_noise_image, truncate_file

LOSSLESS = ["png", "bmp", "tiff"]


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_formats_give_the_very_pixels(tmp_path: Path, suffix: str) -> None:
    path = save_noise_image(tmp_path / f"a.{suffix}", 3)
    assert np.array_equal(read_image(path), np.asarray(noise_image(3)).transpose(2, 0, 1))
    assert image_size(path) == (6, 8)


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_lossy_formats_are_near(tmp_path: Path, suffix: str) -> None:
    smooth = np.tile(np.linspace(0, 255, 32).astype(np.uint8)[:, None, None], (1, 24, 3))
    Image.fromarray(smooth).save(tmp_path / f"a.{suffix}", quality=95)
    read = read_image(tmp_path / f"a.{suffix}")
    assert read.shape == (3, 32, 24)
    assert np.abs(read.astype(int) - smooth.transpose(2, 0, 1)).mean() < 4


def test_lossless_webp(tmp_path: Path) -> None:
    noise_image(1).save(tmp_path / "a.webp", lossless=True)
    assert np.array_equal(read_image(tmp_path / "a.webp"), np.asarray(noise_image(1)).transpose(2, 0, 1))


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LA", "RGBA"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    suffix = "jpg" if mode in ("CMYK", "YCbCr") else "png"
    grey = Image.fromarray(np.full((6, 8), 255, np.uint8))
    path = tmp_path / f"a.{suffix}"
    grey.convert("RGB").convert(mode).save(path)
    read = read_image(path)
    assert read.shape == (3, 6, 8)
    assert read.min() >= 254


def test_transparency_shows_white_and_hides_what_lies_below(tmp_path: Path) -> None:
    red = np.zeros((2, 2, 4), np.uint8)
    red[..., 0] = 255
    red[0, 0, 3], red[0, 1, 3] = 255, 128
    Image.fromarray(red).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert read[:, 0, 0].tolist() == [255, 0, 0]
    assert read[:, 0, 1].tolist() == [255, 127, 127]
    assert read[:, 1, 1].tolist() == [255, 255, 255]
    assert np.abs(from_array(red).astype(int) - read).max() <= 1


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_colour_shows_white(tmp_path: Path, mode: str) -> None:
    black = Image.fromarray(np.zeros((4, 4, 3), np.uint8)).convert(mode)
    colour: Any = (0, 0, 0) if mode == "RGB" else 0
    black.save(tmp_path / "a.png", transparency=colour)
    assert (read_image(tmp_path / "a.png") == 255).all()


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bit_grey_keeps_its_full_range(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    read = read_image(tmp_path / f"a.{suffix}")
    assert read.shape == (3, 1, 4)
    assert read[1, 0].tolist() == [0, 1, 128, 255]


def test_32_bit_grey_within_16_bits_is_read_and_beyond_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    Image.fromarray(np.array([[0, 65535]], np.int32)).save(path)
    assert read_image(path)[0, 0].tolist() == [0, 255]
    Image.fromarray(np.array([[0, 65536]], np.int32)).save(path)
    with pytest.raises(DataError, match=r"a\.tiff.*65536(.|\n)*8 or 16"):
        read_image(path)


def test_float_grey_is_read_in_0_to_1_and_refused_beyond(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    Image.fromarray(np.array([[0, 0.5, 1]], np.float32)).save(path)
    assert read_image(path)[2, 0].tolist() == [0, 128, 255]
    Image.fromarray(np.array([[0, 2.5, 1]], np.float32)).save(path)
    with pytest.raises(DataError, match=r"a\.tiff.*2\.5(.|\n)*\[0, 1\]"):
        read_image(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, suffix: str, orientation: int) -> None:
    corners = np.zeros((16, 32), np.uint8)
    corners[:8, :8], corners[:8, -8:], corners[-8:, :8] = 250, 180, 90
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"a.{suffix}"
    options: dict[str, Any] = {"lossless": True} if suffix == "webp" else {"quality": 95} if suffix == "jpg" else {}
    Image.fromarray(corners).save(path, exif=exif, **options)
    turned = {
        1: corners,
        2: corners[:, ::-1],
        3: corners[::-1, ::-1],
        4: corners[::-1],
        5: corners.T,
        6: np.rot90(corners, -1),
        7: corners[::-1, ::-1].T,
        8: np.rot90(corners),
    }[orientation]
    read = read_image(path)
    assert read.shape[1:] == image_size(path) == turned.shape
    assert np.abs(read[0].astype(int) - turned).max() <= 4


def test_exif_orientation_of_16_bit_grey(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(np.array([[0, 257, 514]], np.uint16)).save(tmp_path / "a.png", exif=exif)
    assert read_image(tmp_path / "a.png")[0].tolist() == [[0], [1], [2]]


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tiff", "webp"])
def test_a_truncated_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = truncate_file(save_noise_image(tmp_path / f"broken.{suffix}", size=(64, 64)))
    with pytest.raises(DataError, match=rf"broken\.{suffix}(.|\n)*Remedy: replace"):
        read_image(path)


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.png"
    path.write_bytes(content)
    for read in (read_image, image_size):
        with pytest.raises(DataError, match=r"notes\.png(.|\n)*Remedy: replace") as error:
            read(path)
        assert (error.value.what == "the file is empty") == (content == b"")


def test_formats_that_call_other_programs_are_not_read(tmp_path: Path) -> None:
    noise_image(0).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png(.|\n)*formats read are PNG, JPEG"):
        read_image(tmp_path / "a.png")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png(.|\n)*check the path"):
        read_image(tmp_path / "gone.png")


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + check


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("side", [10_001, 60_000])  # above our limit, and above Pillow's own
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path, side: int) -> None:
    header = side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    data = zlib.compress(b"\0" * 1000)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b""))
    for read in (read_image, image_size):
        with pytest.raises(DataError, match=r"bomb\.png(.|\n)*scale it down"):
            read(path)


def test_the_limit_is_in_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_noise_image(tmp_path / "a.png")
    monkeypatch.setattr(images, "MAX_PIXELS", 48)
    assert read_image(path).shape == (3, 6, 8)
    monkeypatch.setattr(images, "MAX_PIXELS", 47)
    with pytest.raises(DataError, match="6 x 8 pixels"):
        read_image(path)
    with pytest.raises(DataError, match="image 4: the image has 6 x 8 pixels"):
        from_array(np.zeros((6, 8), np.uint8), where="image 4")


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0, 200]], np.uint8), [0, 200]),
        (np.array([[0, 65535]], np.uint16), [0, 255]),
        (np.array([[0, 65535]], ">u2"), [0, 255]),
        (np.array([[False, True]]), [0, 255]),
        (np.array([[0, 1.0]], np.float32), [0, 255]),
        (np.array([[0, 0.2]], np.float64), [0, 51]),
        (np.array([[0, 255]], np.int64), [0, 255]),
    ],
)
def test_arrays_of_every_type(array: np.ndarray, expected: list[int]) -> None:
    for shaped in (array, array[..., None], np.repeat(array[..., None], 3, axis=2)):
        read = from_array(shaped)
        assert read.shape == (3, 1, 2)
        assert all(channel[0].tolist() == expected for channel in read)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(4, np.uint8), r"shape \[4\]"),
        (np.zeros((3, 8, 8), np.uint8), r"shape \[3, 8, 8\](.|\n)*channels last"),
        (np.zeros((8, 8, 2), np.uint8), r"shape \[8, 8, 2\]"),
        (np.zeros((0, 8), np.uint8), r"shape \[0, 8\]"),
        (np.array([[0, 255.0]]), r"0 to 255(.|\n)*\[0, 1\]"),
        (np.array([[0, -0.1]]), r"-0\.1 to 0"),
        (np.array([[0, np.nan]]), "nan"),
        (np.array([[0, 256]]), r"0 to 256(.|\n)*0\.\.255"),
        (np.array([["a"]]), "type <U1"),
    ],
)
def test_arrays_that_are_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=f"image 7: (.|\n)*{message}"):
        from_array(array, where="image 7")


def test_from_array_copies() -> None:
    array = np.zeros((2, 2, 3), np.uint8)
    read = from_array(array)
    array[:] = 9
    assert read.max() == 0
    read[:] = 1  # writable: torch warns of what is not


def test_samples_give_pixels_and_size_from_file_and_memory(tmp_path: Path) -> None:
    path = save_noise_image(tmp_path / "a.png", 5)
    for sample in (Sample("a", path), Sample("a", read_image(path))):
        assert np.array_equal(pixels(sample), read_image(path))
        assert sample_size(sample) == (6, 8)


def test_content_hash_is_of_pixels_not_of_files(tmp_path: Path) -> None:
    same = {content_hash(read_image(save_noise_image(tmp_path / f"a.{suffix}", 5))) for suffix in LOSSLESS}
    assert len(same) == 1
    assert content_hash(read_image(save_noise_image(tmp_path / "b.png", 6))) not in same
    flat = np.zeros((3, 2, 8), np.uint8)
    assert content_hash(flat) != content_hash(flat.reshape(3, 8, 2))


def test_reading_agrees_with_pillow_on_a_palette(tmp_path: Path) -> None:
    quantised = noise_image(2).quantize(16)
    quantised.save(tmp_path / "a.png")
    expected = np.asarray(ImageOps.exif_transpose(quantised).convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(read_image(tmp_path / "a.png"), expected)


@pytest.mark.parametrize(
    ("values", "pixels"),
    [
        (np.zeros((6, 8, 3), np.float32), "3 channels of 32-bit float"),
        (np.zeros((6, 8, 3), np.int32), "3 channels of 32-bit signed"),
        (np.zeros((6, 8), np.float64), "1 channel of 64-bit float"),
        (np.zeros((6, 8), np.uint64), "1 channel of 64-bit unsigned"),
        (np.zeros((6, 8), np.complex64), "1 channel of 64-bit complex"),
    ],
)
def test_a_tiff_with_pixels_of_another_kind_says_which_are_read(
    tmp_path: Path, values: np.ndarray, pixels: str
) -> None:
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "a.tif", values)
    with pytest.raises(DataError, match=f"a TIFF image with {pixels} values, which are not read"):
        read_image(tmp_path / "a.tif")
    content = (tmp_path / "a.tif").read_bytes()
    for cut in (8, 20, 60, len(content) // 2):
        (tmp_path / "a.tif").write_bytes(content[:cut])
        with pytest.raises(DataError):
            read_image(tmp_path / "a.tif")
