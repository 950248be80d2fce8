"""Bilinear resampling with antialiasing, bit-identical to PyTorch's on uint8 images, in NumPy.

The weights are a triangle filter as wide as a new pixel, or as an old one where the image is enlarged, in 16-bit
integers; rows are resampled first and rounded to uint8, then columns. Masks are resized by it, and so are the images
of exported models, which need no PyTorch.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, UInt8

from handful.core.dataset import Image, Mask

Resize = Literal["squash", "pad", "crop"]
LARGEST = 2**15  # upper limit of weights
MOST_DIGITS = 22  # maximum number of binary digits of a weight


@dataclass(frozen=True, eq=False)
class Taps:
    """Filter taps along one axis: each of the n new pixels is a weighted sum of t old ones.

    Attributes:
        first: index of the first old pixel of each sum.
        weights: integers, to be divided by 2 ** `digits`.
        digits: number of binary digits.
    """

    first: Int64[np.ndarray, " n"]
    weights: Int32[np.ndarray, "n t"]
    digits: int

    def matrix(self, old: int) -> Any:
        """The weights as a sparse matrix, n x old."""
        from scipy.sparse import csr_array  # importing it takes a third of a second

        n, t = self.weights.shape
        rows, columns = np.repeat(np.arange(n), t), (self.first[:, None] + np.arange(t)).ravel()
        nonzero = self.weights.ravel() > 0
        sparse: Any = csr_array  # its stubs know no matrix from triples of int32
        return sparse(
            (self.weights.ravel()[nonzero], (rows[nonzero], columns[nonzero])), shape=(n, old), dtype=np.int32
        )


def taps(old: int, new: int) -> Taps:
    """The filter taps that resample `old` pixels to `new`."""
    first, exact = _triangles(old, new)
    largest = float(exact.max())
    digits = sum(np.floor(0.5 + largest * 2.0 ** (d + 1)) < LARGEST for d in range(MOST_DIGITS))
    return Taps(first, np.floor(0.5 + exact * 2.0**digits).astype(np.int32), int(digits))


def _triangles(old: int, new: int) -> tuple[Int64[np.ndarray, " n"], Float64[np.ndarray, "n t"]]:
    scale = old / new
    radius = max(scale, 1.0)
    center = scale * (np.arange(new) + 0.5)
    first = np.maximum(np.floor(center - radius + 0.5), 0).astype(np.int64)
    end = np.minimum(np.floor(center + radius + 0.5), old)
    positions = first[:, None] + np.arange(int((end - first).max()))
    height = np.maximum(0.0, 1.0 - np.abs((positions - center[:, None] + 0.5) / radius)) * (positions < end[:, None])
    return first, height / height.sum(axis=1, keepdims=True)


def scale_of(old: tuple[int, int], new: tuple[int, int], resize: Resize) -> float | None:
    """Scale factor of both sides; None: the sides have different factors."""
    if resize == "squash":
        return None
    ratios = (new[0] / old[0], new[1] / old[1])
    return min(ratios) if resize == "pad" else max(ratios)


def inner_size(old: tuple[int, int], new: tuple[int, int], resize: Resize) -> tuple[int, int]:
    """The size of the resized image before it is cropped or padded."""
    scale = scale_of(old, new, resize)
    return new if scale is None else (max(1, round(old[0] * scale)), max(1, round(old[1] * scale)))


def resample(planes: UInt8[np.ndarray, "c h w"], size: tuple[int, int]) -> UInt8[np.ndarray, "c h2 w2"]:
    """Planes resized to h2 x w2, without regard to the aspect ratio."""
    old = planes.shape[1:]
    if old == size:
        return planes
    if size == (1, 1):  # PyTorch's kernel fails here; the mean is used instead
        return np.asarray(np.rint(planes.mean(axis=(1, 2), keepdims=True, dtype=np.float32)).astype(np.uint8))
    rows, columns = taps(old[1], size[1]), taps(old[0], size[0])
    across, down = rows.matrix(old[1]), columns.matrix(old[0])
    resized: UInt8[np.ndarray, "c h2 w2"] = np.empty((len(planes), *size), np.uint8)
    for plane, out in zip(planes, resized, strict=True):
        lines = _rounded(across @ plane.T.astype(np.int32), rows.digits)
        out[:] = _rounded(down @ lines.T.astype(np.int32), columns.digits)
    return resized


def _rounded(sums: Int32[np.ndarray, "a b"], digits: int) -> UInt8[np.ndarray, "a b"]:
    return np.asarray(((sums + (1 << digits >> 1)) >> digits).clip(0, 255).astype(np.uint8))


def fit_planes(
    planes: UInt8[np.ndarray, "c h w"], size: tuple[int, int], resize: Resize
) -> UInt8[np.ndarray, "c h2 w2"]:
    """Planes at h2 x w2: "squash" ignores the aspect ratio, "pad" adds black, "crop" crops the longer side."""
    h, w = planes.shape[1:]
    inner = resample(planes, inner_size((h, w), size, resize))
    return _center_fit(inner, size)


def fit_image(image: Image, size: tuple[int, int], resize: Resize) -> UInt8[np.ndarray, "3 h2 w2"]:
    """As `handful.data.in_memory.fit_size`, without PyTorch; slower."""
    return fit_planes(image, size, resize)


def fit_mask(mask: Mask, size: tuple[int, int], resize: Resize) -> Bool[np.ndarray, "h2 w2"]:
    """A mask resized as `fit_image` resizes its image; a pixel is foreground if at least half of its area was."""
    return np.asarray(fit_planes(mask.astype(np.uint8)[None] * np.uint8(255), size, resize)[0] >= 128)


def fit_partial_mask(
    mask: Mask, known: Mask | None, size: tuple[int, int], resize: Resize
) -> tuple[Bool[np.ndarray, "h2 w2"], Bool[np.ndarray, "h2 w2"] | None]:
    """A mask and the pixels that it speaks of, resized as `fit_mask` does.

    A new pixel is known if an eighth of its area was, so that thin scribbles survive; it is foreground if at least half
    of that was.
    """
    if known is None:
        return fit_mask(mask, size, resize), None
    planes = np.stack([known, known & mask]).astype(np.uint8) * np.uint8(255)
    is_known, is_object = fit_planes(planes, size, resize).astype(np.int64)
    return np.asarray(2 * is_object >= np.maximum(is_known, 1)), np.asarray(is_known >= 32)


def unfit_mask(mask: Mask, size: tuple[int, int], resize: Resize) -> Bool[np.ndarray, "h2 w2"]:
    """Undo `fit_mask`: a mask predicted at the working size, back at the image's own h x w."""
    h, w = mask.shape
    inner = inner_size(size, (h, w), resize)
    return fit_mask(_center_fit(mask[None], inner, undo=True)[0], size, "squash")


def _center_fit(planes: np.ndarray, size: tuple[int, int], *, undo: bool = False) -> np.ndarray:
    """Planes center-cropped, or zero-padded around the center, to this size.

    An odd difference crops one more pixel at the end, and pads one more at the start; `undo` is the reverse.
    """
    for axis, (old, new) in enumerate(zip(planes.shape[1:], size, strict=True), start=1):
        before = (new - old + (not undo)) // 2
        if old > new:
            planes = planes.take(range(-before, new - before), axis=axis)
        elif old < new:
            padding = [(0, 0)] * 3
            padding[axis] = (before, new - old - before)
            planes = np.pad(planes, padding)
    return planes
