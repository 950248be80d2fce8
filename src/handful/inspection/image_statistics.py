"""Image statistics: size, hash, thumbnail, mean color and sharpness of each image, kept without its pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from handful.core.color import LUMA
from handful.core.dataset import Image
from handful.data.images import content_hash
from handful.inspection.perceptual_hash import SIDE, perceptual_hash

FRAME = 0.04  # width of the border, a share of the shorter side
COMMON = 256  # longest side at which sharpness is measured, so that large and small pictures compare


@dataclass(frozen=True, eq=False)
class ImageStatistics:
    """Statistics of images, one row per image.

    Attributes:
        sizes: height and width in pixels.
        hashes: SHA-256 of the pixels.
        small: the image squashed to 32 x 32, RGB, channels last.
        color: mean RGB, 0..255.
        border: mean RGB of the frame, 0..255.
        sharpness: log of the variance of the Laplacian over the variance of the gray values; NaN for a blank image.
    """

    sizes: Int[np.ndarray, "n 2"]
    hashes: tuple[str, ...]
    small: UInt8[np.ndarray, "n 32 32 3"]
    color: Float[np.ndarray, "n 3"]
    border: Float[np.ndarray, "n 3"]
    sharpness: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def gray(self) -> Float[np.ndarray, "n 32 32"]:
        """Luma of the small pictures, 0..255."""
        weights = np.array(LUMA, dtype=np.float32)
        return np.asarray(self.small.astype(np.float32) @ weights)

    @property
    def bits(self) -> Bool[np.ndarray, "n 64"]:
        """Perceptual hash of each."""
        return perceptual_hash(self.gray)


class StatisticsCollector:
    """Collects the statistics of one image after the other."""

    def __init__(self) -> None:
        self._sizes: list[tuple[int, int]] = []
        self._hashes: list[str] = []
        self._small: list[np.ndarray] = []
        self._numbers: list[tuple[float, ...]] = []

    def add(self, image: Image) -> None:
        """Measure a picture."""
        _, h, w = image.shape
        flat = np.ascontiguousarray(image.transpose(1, 2, 0))
        self._sizes.append((h, w))
        self._hashes.append(content_hash(image))
        self._small.append(cv2.resize(flat, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        self._numbers.append((*cv2.mean(flat)[:3], *_border(flat), _sharpness(flat)))

    def result(self) -> ImageStatistics:
        """Everything measured so far."""
        numbers = np.array(self._numbers, dtype=np.float64).reshape(-1, 7)
        return ImageStatistics(
            sizes=np.array(self._sizes, dtype=np.int64).reshape(-1, 2),
            hashes=tuple(self._hashes),
            small=np.array(self._small, dtype=np.uint8).reshape(-1, SIDE, SIDE, 3),
            color=numbers[:, :3],
            border=numbers[:, 3:6],
            sharpness=numbers[:, 6],
        )


def _border(flat: UInt8[np.ndarray, "h w 3"]) -> tuple[float, float, float]:
    """Mean color of the frame: the whole less the inside."""
    h, w = flat.shape[:2]
    width = max(1, round(FRAME * min(h, w)))
    whole = np.array(cv2.mean(flat)[:3]) * h * w
    inside = flat[width : h - width, width : w - width]
    pixels = h * w
    if inside.size:
        whole -= np.array(cv2.mean(inside)[:3]) * inside.shape[0] * inside.shape[1]
        pixels -= inside.shape[0] * inside.shape[1]
    red, green, blue = whole / pixels
    return float(red), float(green), float(blue)


def _sharpness(flat: UInt8[np.ndarray, "h w 3"]) -> float:
    h, w = flat.shape[:2]
    if max(h, w) > COMMON:
        scale = COMMON / max(h, w)
        size = (max(1, round(w * scale)), max(1, round(h * scale)))
        flat = cv2.resize(flat, size, interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY)
    spread = float(cv2.meanStdDev(gray)[1][0, 0]) ** 2
    if spread < 1:
        return float("nan")
    edges = float(cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S))[1][0, 0]) ** 2
    return float(np.log(edges / spread + 1e-6))
