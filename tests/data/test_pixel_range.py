from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from handful.core.dataset import Dataset, Sample
from handful.core.pixel_range import PixelRange
from handful.data.arrays import from_arrays
from handful.data.fingerprint import fingerprint
from handful.data.images import pixels, read_image
from handful.data.load import load_data
from handful.data.pixel_range import (
    common_range,
    is_deep,
    parse_window,
    read_pixel_range,
    scaled,
    warn_without_range,
    with_pixel_range,
)
from handful.errors import DataError, HandfulWarning, command_line
from tests.data.noise_images import save_noise_image

TWELVE = np.array([[0, 1024, 4095]], np.uint16)


def _folder(root: Path, values: np.ndarray, *, more: np.ndarray | None = None, suffix: str = "png") -> Path:
    for name, array in (("cat", values), ("dog", values if more is None else more)):
        (root / name).mkdir(parents=True)
        Image.fromarray(array).save(root / name / f"1.{suffix}")
    return root


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(("bits", "top"), [(8, 200), (10, 1023), (12, 3000), (14, 16383)])
def test_the_range_is_the_fewest_bits_that_hold_every_value(tmp_path: Path, suffix: str, bits: int, top: int) -> None:
    dark = np.array([[0, 3]], np.uint16)
    folder = _folder(tmp_path, dark, more=np.array([[0, top]], np.uint16), suffix=suffix)
    with pytest.warns(HandfulWarning, match=rf"up to {top:,}: all are read as {bits}-bit"):
        data = load_data(folder)
    assert {s.pixel_range for s in data.samples} == {PixelRange.of_bits(bits)}
    assert pixels(data.samples[1])[0, 0].tolist() == [0, round(top * 255 / (2**bits - 1))]
    assert pixels(data.samples[0])[0, 0, 1] == round(3 * 255 / (2**bits - 1))  # as the other, not stretched


@pytest.mark.filterwarnings("error")
def test_images_of_the_full_range_and_of_8_bits_are_read_as_ever(tmp_path: Path) -> None:
    data = load_data(_folder(tmp_path / "a", np.array([[0, 257, 65535]], np.uint16)))
    assert common_range(data.samples) is None
    assert pixels(data.samples[0])[0, 0].tolist() == [0, 1, 255]
    save_noise_image(tmp_path / "b/cat/1.png")
    save_noise_image(tmp_path / "b/dog/1.jpg")
    assert common_range(load_data(tmp_path / "b").samples) is None


def test_color_of_16_bits_keeps_its_low_bits_and_its_alpha(tmp_path: Path) -> None:
    color = np.zeros((2, 2, 4), np.uint16)
    color[0, 0], color[0, 1], color[1, 0] = (4095, 0, 1024, 65535), (0, 4095, 0, 65535), (0, 0, 0, 0)
    bgr = color[..., [2, 1, 0, 3]]
    for name in ("a.png", "b.tif"):
        cv2.imwrite(str(tmp_path / name), bgr)
        sample = Sample(name, tmp_path / name, pixel_range=PixelRange.of_bits(12))
        assert is_deep(sample)
        assert pixels(sample)[:, 0, 0].tolist() == [255, 0, 64]
        assert pixels(sample)[:, 0, 1].tolist() == [0, 255, 0]
        assert pixels(sample)[:, 1, 0].tolist() == [255, 255, 255]  # transparent: white
        assert np.array_equal(pixels(replace(sample, pixel_range=None)), read_image(tmp_path / name))


def test_rotation_of_deep_color(tmp_path: Path) -> None:
    values = np.arange(18, dtype=np.uint16).reshape(2, 3, 3) * 200
    cv2.imwrite(str(tmp_path / "a.png"), values[..., ::-1])
    exif = Image.Exif()
    exif[0x0112] = 6
    content = (tmp_path / "a.png").read_bytes()
    chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    import zlib

    block = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(content[:33] + block + content[33:])
    read = read_image(tmp_path / "a.png", pixel_range=PixelRange.of_bits(12))
    expected = np.rint(np.rot90(values, -1) * (255 / 4095)).transpose(2, 0, 1)
    assert np.array_equal(read, expected)


def test_a_bit_depth_and_a_window_are_taken_as_given(tmp_path: Path) -> None:
    folder = _folder(tmp_path, TWELVE)
    assert pixels(load_data(folder, bit_depth=14).samples[0])[0, 0].tolist() == [0, 16, 64]
    assert pixels(load_data(folder, window=(1024, 2048)).samples[0])[0, 0].tolist() == [0, 0, 255]
    with pytest.raises(DataError, match=r"both given"):
        load_data(folder, bit_depth=12, window=(0, 1))
    for wrong in ((1.0, 1.0), (2.0, 1.0), (0.0, float("inf")), (float("nan"), 1.0)):
        with pytest.raises(DataError, match=r"not a range"):
            load_data(folder, window=wrong)
    with pytest.raises(DataError, match="not a number of bits"):
        load_data(folder, bit_depth=0)


def test_float_and_signed_files_need_a_window(tmp_path: Path) -> None:
    hounsfield = np.array([[-1000, 0, 400]], np.float32)
    folder = _folder(tmp_path, hounsfield, suffix="tif")
    data = load_data(folder)
    with pytest.raises(DataError, match=r"-1000 to 400(.|\n)*window=\(-1000,400\)"):
        pixels(data.samples[0])
    with command_line(), pytest.raises(DataError, match=r"--window=-1000,400"):
        pixels(data.samples[0])
    assert pixels(load_data(folder, window=(-1000, 400)).samples[0])[0, 0].tolist() == [0, 182, 255]
    signed = Sample("a", np.array([[[-5, 0, 5]]], np.int16))
    with pytest.raises(DataError, match=r"window=\(-5,5\)"):
        pixels(signed)
    assert pixels(replace(signed, pixel_range=PixelRange(-5, 5, window=True)))[0, 0].tolist() == [0, 128, 255]


def test_floats_in_0_to_1_stay_beside_integers_of_12_bits() -> None:
    with pytest.warns(HandfulWarning, match="12-bit"):
        data = from_arrays([TWELVE, np.array([[0, 0.2, 1]], np.float32)])
    assert pixels(data.samples[0])[0, 0].tolist() == [0, 64, 255]
    assert pixels(data.samples[1])[0, 0].tolist() == [0, 51, 255]


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.int64])
def test_arrays_of_integers_follow_the_same_rule(dtype: type) -> None:
    with pytest.warns(HandfulWarning, match="up to 4,095"):
        data = from_arrays(np.stack([TWELVE, TWELVE // 2]).astype(dtype))
    assert pixels(data.samples[0])[0, 0].tolist() == [0, 64, 255]
    assert pixels(data.samples[1])[0, 0].tolist() == [0, 32, 127]


@pytest.mark.filterwarnings("error")
def test_small_integers_and_floats_are_read_as_ever() -> None:
    assert pixels(from_arrays(np.array([[[0, 255]]], np.int64)).samples[0])[0, 0].tolist() == [0, 255]
    assert pixels(from_arrays(np.array([[[0, 0.5]]])).samples[0])[0, 0].tolist() == [0, 128]
    with pytest.raises(DataError, match=r"image 1: .*0 to 2(.|\n)*window=\(0,2\)"):
        from_arrays([np.array([[0, 0.5]]), np.array([[0, 2.0]])])


def test_parts_of_an_archive_are_scaled_alike(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "a.npz",
        train_images=TWELVE[None] // 64,
        train_labels=np.array(["cat"]),
        test_images=TWELVE[None],
        test_labels=np.array(["dog"]),
    )
    with pytest.warns(HandfulWarning) as notes:
        data = load_data(tmp_path / "a.npz")
    assert len(notes) == 1
    assert common_range(data.samples) == PixelRange.of_bits(12)


def test_options_without_deep_images_are_said_to_change_nothing(tmp_path: Path) -> None:
    save_noise_image(tmp_path / "cat/1.png")
    save_noise_image(tmp_path / "dog/1.jpg")
    with pytest.warns(HandfulWarning, match="bit_depth changes nothing"):
        load_data(tmp_path, bit_depth=12)


def test_an_unreadable_file_is_left_to_its_reader(tmp_path: Path) -> None:
    folder = _folder(tmp_path, TWELVE)
    (folder / "cat/2.png").write_bytes((folder / "cat/1.png").read_bytes()[:40])
    with pytest.warns(HandfulWarning, match="12-bit"):
        data = load_data(folder)
    with pytest.raises(DataError, match="not an image"):
        pixels(data.samples[1])


def test_the_range_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    data = load_data(_folder(tmp_path, TWELVE), bit_depth=12)
    assert fingerprint(data) != fingerprint(scaled(data, PixelRange.of_bits(14)))
    assert fingerprint(scaled(data, None)) == fingerprint(Dataset(_plain(data), data.classes))


def _plain(data: Dataset) -> tuple[Sample, ...]:
    return tuple(Sample(s.id, s.image, s.label) for s in data.samples)


def test_samples_of_two_ranges_are_refused() -> None:
    samples = (Sample("a", TWELVE[None], pixel_range=PixelRange.of_bits(12)), Sample("b", TWELVE[None]))
    with pytest.raises(DataError, match="different ranges"):
        common_range(samples)


def test_a_window_is_two_numbers() -> None:
    assert parse_window("-200,800") == (-200.0, 800.0)
    for wrong in ("1", "a,b", "1,2,3", ""):
        with pytest.raises(DataError, match="not two numbers"):
            parse_window(wrong)


def test_a_stored_range_is_checked() -> None:
    assert read_pixel_range(None) is None
    assert read_pixel_range({"low": 0, "high": 4095, "window": False}) == PixelRange.of_bits(12)
    for wrong in ({"low": 1, "high": 0, "window": True}, {"low": "a", "high": 1, "window": True}):
        with pytest.raises(ValueError, match="pixel range"):
            read_pixel_range(wrong)


def test_a_netpbm_file_says_its_largest_value_itself(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 4095\n\x00\x00\x0f\xff")
    sample = Sample("a", tmp_path / "a.pgm", pixel_range=PixelRange.of_bits(12))
    assert pixels(sample)[0, 0].tolist() == [0, 255]
    assert with_pixel_range(Dataset((sample,), ())).samples[0].pixel_range == PixelRange.of_bits(12)


def test_images_without_alpha_decide_the_range_of_arrays_too() -> None:
    array = np.zeros((2, 4, 4, 4), np.uint16)
    array[..., :3], array[..., 3] = 1000, 65535
    with pytest.warns(HandfulWarning, match="up to 1,000: all are read as 10-bit"):
        from_arrays(array, ["a", "b"])


@pytest.mark.filterwarnings("error")
def test_a_model_without_a_range_is_warned_of_images_that_fill_few_bits(tmp_path: Path) -> None:
    Image.fromarray(TWELVE).save(tmp_path / "12.png")
    Image.fromarray(np.array([[0, 65535]], np.uint16)).save(tmp_path / "16.png")
    save_noise_image(tmp_path / "8.png")
    twelve, full, eight = (Sample(f"{n}.png", tmp_path / f"{n}.png") for n in (12, 16, 8))
    for samples in ((full,), (eight,), (full, twelve), ()):
        warn_without_range(samples, None)
    warn_without_range((twelve,), PixelRange.of_bits(12))
    with pytest.warns(HandfulWarning, match=r"up to 4,095 of 65,535.*look dark.*value x 255 / 4095.*bit_depth=12"):
        warn_without_range((eight, twelve), None)
