"""Bring images to another size as PyTorch brings uint8 images there (bilinear, antialiased), without PyTorch.

Weights are those of a triangle as wide as a new pixel, or as an old one where the image grows, in 16-bit integers;
rows are done first and rounded to uint8, then columns. Equal to the last bit, which the tests hold it to: masks are
moved by it, and an exported model resizes the same way where there is no PyTorch.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, UInt8
from scipy.sparse import csr_array

from handful.core.dataset import Image, Mask

Resize = Literal["squash", "pad", "crop"]
LARGEST = 2**15  # weights stay below it
MOST_DIGITS = 22  # binary ones that weights have at most


@dataclass(frozen=True, eq=False)
class Taps:
    """Old pixels that each of the n new ones along a line is the weighted sum of, from `first` on.

    `weights` are integers, to be divided by 2 ** `digits`.
    """

    first: Int64[np.ndarray, " n"]
    weights: Int32[np.ndarray, "n t"]
    digits: int

    def matrix(self, old: int) -> Any:
        """The weights as a sparse matrix, n x old."""
        n, t = self.weights.shape
        rows, columns = np.repeat(np.arange(n), t), (self.first[:, None] + np.arange(t)).ravel()
        kept = self.weights.ravel() > 0
        sparse: Any = csr_array  # its stubs know no matrix from triples of int32
        return sparse((self.weights.ravel()[kept], (rows[kept], columns[kept])), shape=(n, old), dtype=np.int32)


def taps(old: int, new: int) -> Taps:
    """The weights that bring a line of `old` pixels to `new`."""
    first, exact = _triangles(old, new)
    largest = float(exact.max())
    digits = sum(np.floor(0.5 + largest * 2.0 ** (d + 1)) < LARGEST for d in range(MOST_DIGITS))
    return Taps(first, np.floor(0.5 + exact * 2.0**digits).astype(np.int32), int(digits))


def _triangles(old: int, new: int) -> tuple[Int64[np.ndarray, " n"], Float64[np.ndarray, "n t"]]:
    scale = old / new
    reach = max(scale, 1.0)
    centre = scale * (np.arange(new) + 0.5)
    first = np.maximum(np.floor(centre - reach + 0.5), 0).astype(np.int64)
    end = np.minimum(np.floor(centre + reach + 0.5), old)
    place = first[:, None] + np.arange(int((end - first).max()))
    height = np.maximum(0.0, 1.0 - np.abs((place - centre[:, None] + 0.5) / reach)) * (place < end[:, None])
    return first, height / height.sum(axis=1, keepdims=True)


def scale_of(old: tuple[int, int], new: tuple[int, int], resize: Resize) -> float | None:
    """What both sides are multiplied by; None: each side has its own number."""
    if resize == "squash":
        return None
    ratios = (new[0] / old[0], new[1] / old[1])
    return min(ratios) if resize == "pad" else max(ratios)


def inner_size(old: tuple[int, int], new: tuple[int, int], resize: Resize) -> tuple[int, int]:
    """The size of the whole image before its ends are cut off or black is added."""
    scale = scale_of(old, new, resize)
    return new if scale is None else (max(1, round(old[0] * scale)), max(1, round(old[1] * scale)))


def resample(planes: UInt8[np.ndarray, "c h w"], size: tuple[int, int]) -> UInt8[np.ndarray, "c h2 w2"]:
    """Planes stretched to h2 x w2."""
    old = planes.shape[1:]
    if old == size:
        return planes
    if size == (1, 1):  # PyTorch's kernel fails here, and the mean takes its place
        return np.asarray(np.rint(planes.mean(axis=(1, 2), keepdims=True, dtype=np.float32)).astype(np.uint8))
    rows, columns = taps(old[1], size[1]), taps(old[0], size[0])
    across, down = rows.matrix(old[1]), columns.matrix(old[0])
    done: UInt8[np.ndarray, "c h2 w2"] = np.empty((len(planes), *size), np.uint8)
    for plane, out in zip(planes, done, strict=True):
        lines = _rounded(across @ plane.T.astype(np.int32), rows.digits)
        out[:] = _rounded(down @ lines.T.astype(np.int32), columns.digits)
    return done


def _rounded(sums: Int32[np.ndarray, "a b"], digits: int) -> UInt8[np.ndarray, "a b"]:
    return np.asarray(((sums + (1 << digits >> 1)) >> digits).clip(0, 255).astype(np.uint8))


def fit_planes(
    planes: UInt8[np.ndarray, "c h w"], size: tuple[int, int], resize: Resize
) -> UInt8[np.ndarray, "c h2 w2"]:
    """Planes at h2 x w2: "squash" ignores the aspect, "pad" adds black, "crop" cuts the longer side's ends."""
    h, w = planes.shape[1:]
    inner = resample(planes, inner_size((h, w), size, resize))
    return _centred(inner, size)


def fit_image(image: Image, size: tuple[int, int], resize: Resize) -> UInt8[np.ndarray, "3 h2 w2"]:
    """As `handful.data.in_memory.fit_size`, without PyTorch; slower."""
    return fit_planes(image, size, resize)


def fit_mask(mask: Mask, size: tuple[int, int], resize: Resize) -> Bool[np.ndarray, "h2 w2"]:
    """A mask at h x w, moved as `fit_image` moves its image; foreground is where at least half of a pixel was."""
    return np.asarray(fit_planes(mask.astype(np.uint8)[None] * np.uint8(255), size, resize)[0] >= 128)


def unfit_mask(mask: Mask, size: tuple[int, int], resize: Resize) -> Bool[np.ndarray, "h2 w2"]:
    """Undo `fit_mask`: a mask predicted at the working size, back at the image's own h x w."""
    h, w = mask.shape
    inner = inner_size(size, (h, w), resize)
    return fit_mask(_centred(mask[None], inner, undo=True)[0], size, "squash")


def _centred(planes: np.ndarray, size: tuple[int, int], *, undo: bool = False) -> np.ndarray:
    """Planes with their ends cut off, or zeros around them, so that they have this size.

    An odd number cut off leaves the larger part at the end; one added puts it first. To undo it is the other way round.
    """
    for axis, (own, wish) in enumerate(zip(planes.shape[1:], size, strict=True), start=1):
        before = (wish - own + (not undo)) // 2
        if own > wish:
            planes = planes.take(range(-before, wish - before), axis=axis)
        elif own < wish:
            around = [(0, 0)] * 3
            around[axis] = (before, wish - own - before)
            planes = np.pad(planes, around)
    return planes
