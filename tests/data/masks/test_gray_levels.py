"""Masks that were compressed with loss, blurred or resized, and label maps, which stay as they are."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Picture
from PIL import features

from handful.core.dataset import Mask
from handful.data.masks.gray_levels import foreground_level
from handful.data.masks.image_file import read_mask

N = 64


def drawn() -> Mask:
    """A disc and a square off the grid of blocks."""
    rows, columns = np.mgrid[:N, :N]
    square = (abs(rows - 50) < 9) & (abs(columns - 13) < 7)
    return np.asarray(((rows - 22) ** 2 + (columns - 37) ** 2 < 300) | square)


def compressed(pixels: np.ndarray, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Picture.fromarray(pixels).save(file, format=kind, **options)
    return file.getvalue()


def in_colors(mask: Mask, colors: str) -> np.ndarray:
    gray = mask.astype(np.uint8) * 255
    layers = {"gray": gray, "rgb": np.stack([gray] * 3, axis=2), "red": np.stack([gray, 0 * gray, 0 * gray], axis=2)}
    return layers[colors]


LOSSY: list[tuple[str, str, dict[str, Any]]] = [
    ("JPEG", "jpg", {"quality": 60}),
    ("JPEG", "jpg", {"quality": 90}),
    ("WEBP", "webp", {"quality": 40}),
    ("WEBP", "webp", {"quality": 90}),
    ("TIFF", "tif", {"compression": "jpeg", "quality": 60}),
    ("MPO", "mpo", {"quality": 70}),
    ("JPEG2000", "jp2", {"quality_mode": "rates", "quality_layers": [10], "irreversible": True}),
    ("AVIF", "avif", {"quality": 60}),
]


@pytest.mark.parametrize("colors", ["gray", "rgb", "red"])
@pytest.mark.parametrize(("kind", "suffix", "options"), LOSSY)
def test_a_lossy_mask_has_the_area_that_was_drawn(
    tmp_path: Path, kind: str, suffix: str, options: dict[str, Any], colors: str
) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this build of Pillow lacks AVIF")
    if (kind, colors) in (("TIFF", "gray"), ("JPEG2000", "red")):
        pytest.skip("not a mask that its encoder writes well")
    content = compressed(in_colors(drawn(), colors), kind, **options)
    (tmp_path / f"m.{suffix}").write_bytes(content)
    (tmp_path / "misnamed.png").write_bytes(content)
    Picture.open(tmp_path / f"m.{suffix}").save(tmp_path / "resaved.png")
    for name in (f"m.{suffix}", "misnamed.png", "resaved.png"):
        wrong = np.count_nonzero(read_mask(tmp_path / name) != drawn())
        assert wrong <= 0.08 * drawn().sum(), (name, wrong, drawn().sum())


@pytest.mark.parametrize("sigma", [0.6, 1.5])
def test_soft_edges_end_at_half_brightness(tmp_path: Path, sigma: float) -> None:
    soft = cv2.GaussianBlur(drawn().astype(np.uint8) * 255, (0, 0), sigma)
    layer = np.zeros((N, N, 4), np.uint8)
    layer[..., 3] = soft  # black, as brushes leave it
    Picture.fromarray(soft).save(tmp_path / "gray.png")
    Picture.fromarray(soft).convert("P").save(tmp_path / "palette.png")
    Picture.fromarray(soft.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    Picture.fromarray(soft.astype(np.float32) / 255).save(tmp_path / "float.tif")
    Picture.fromarray(layer).save(tmp_path / "alpha.png")
    for path in sorted(tmp_path.iterdir()):
        assert np.count_nonzero(read_mask(path) != drawn()) <= 0.06 * drawn().sum(), path.name


def label_map(number: int, size: int = 100) -> np.ndarray:
    """Cells of classes 1 to `number` around a background."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:size, :size]
    seeds = rng.integers(0, size, (number, 2))
    nearest = ((rows[..., None] - seeds[:, 0]) ** 2 + (columns[..., None] - seeds[:, 1]) ** 2).argmin(axis=2)
    return np.where((rows - size / 2) ** 2 + (columns - size / 2) ** 2 > (0.45 * size) ** 2, 0, nearest + 1)


@pytest.mark.parametrize("number", [1, 2, 5, 20, 60, 150])
def test_label_maps_are_foreground_wherever_they_are_not_zero(tmp_path: Path, number: int) -> None:
    labels = label_map(number).astype(np.uint8)
    edges = cv2.dilate(labels, np.ones((3, 3), np.uint8)) != cv2.erode(labels, np.ones((3, 3), np.uint8))
    void = np.where(edges, 255, labels).astype(np.uint8)
    for name, values in (("plain", labels), ("void", void)):
        Picture.fromarray(values).save(tmp_path / f"{name}.png")
        Picture.fromarray(values).save(tmp_path / f"{name}.webp", lossless=True)
        Picture.fromarray(values.astype(np.uint16)).save(tmp_path / f"{name}16.png")
        Picture.fromarray(np.stack([values, values // 2, values // 3], axis=2)).save(tmp_path / f"{name}-rgb.png")
        for path in sorted(tmp_path.glob(f"{name}*")):
            assert np.array_equal(read_mask(path), values > 0), path.name


@pytest.mark.parametrize("values", [(0, 1), (0, 2), (0, 255), (0, 1, 255), (0, 1, 2), (3, 7), (0, 1, 2, 3, 128, 255)])
def test_few_values_are_labels(values: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).choice(values, (20, 20)).astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    assert foreground_level(pixels) is None


def test_instances_of_a_few_pixels_are_labels() -> None:
    pixels = np.zeros((200, 200), np.uint8)
    for number in range(1, 250):
        row, column = divmod(number, 16)
        pixels[12 * row : 12 * row + 2, 12 * column : 12 * column + 1 + number % 3] = number
    assert foreground_level(pixels) is None


def test_a_class_in_dark_gray_stays_when_the_mask_is_lossy(tmp_path: Path) -> None:
    pixels = np.zeros((96, 96), np.uint8)
    pixels[4:44, 5:60], pixels[50:90, 20:70] = 60, 255
    (tmp_path / "m.webp").write_bytes(compressed(pixels, "WEBP", quality=70))
    wrong = np.count_nonzero(read_mask(tmp_path / "m.webp") != (pixels > 0))
    assert wrong <= 0.05 * np.count_nonzero(pixels)


def test_a_photograph_is_not_a_soft_mask() -> None:
    smooth = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (80, 80), dtype=np.uint8), (0, 0), 1)
    assert foreground_level(smooth, is_gray=False) is None
