"""Rasterization of polygons by COCO's rule, also of such that reach far outside the image.

pycocotools steps along the whole outline at five times the image's resolution, so that its memory grows with the
outline's length, and its 32-bit integers overflow. Where an outline is long or lies far outside, the same steps are
computed here for the image's columns alone; the mask is the same.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from pycocotools import mask as coco_mask

from handful.core.dataset import Mask
from handful.data.masks.run_lengths import mask_of_runs, parse_run_lengths

Points = Float[np.ndarray, "_ 2"]

FARTHEST = 1e9  # pixels; a coordinate beyond is a fault of the file
SCALE = 5  # steps per pixel
FAR = 1e6  # pixels: from here on, and from `LONG` steps on, pycocotools is not used
LONG = 4_000_000
CHUNK = 4_000_000  # crossings computed at a time


def fill(polygons: Sequence[Points], size: tuple[int, int]) -> Mask:
    """The union of polygons on h x w pixels; points are x, y in pixels, and 0, 0 is the image's corner.

    Rasterized by COCO's rule, whatever the file format, so that equal outlines give equal masks. Polygons are clipped
    to the image.

    Raises:
        ValueError: a polygon has fewer than three points, or a number that is not finite or farther than `FARTHEST`.
    """
    for points in polygons:
        if len(points) < 3 or not np.isfinite(points).all():
            raise ValueError("a polygon needs at least three points with finite coordinates")
        if np.abs(points).max() > FARTHEST:
            raise ValueError(f"a coordinate of {np.abs(points).max():.3g} pixels is not a position in an image")
    h, w = size
    mask = np.zeros(size, dtype=bool)
    near = [p for p in polygons if _is_near(p)]
    if near:
        runs = coco_mask.frPyObjects([p.ravel().astype(float).tolist() for p in near], h, w)
        mask |= mask_of_runs(parse_run_lengths(coco_mask.merge(runs)["counts"]), size)
    for points in polygons:
        if not _is_near(points):
            mask |= fill_far(points, size)
    return mask


def _is_near(points: Points) -> bool:
    steps = SCALE * np.abs(points - np.roll(points, -1, axis=0)).max(axis=1).sum() + len(points)
    return bool(steps <= LONG and np.abs(points).max() <= FAR)


def fill_far(points: Points, size: tuple[int, int]) -> Mask:
    """One polygon, as pycocotools rasterizes it, in memory that depends on the image's size alone.

    A pixel is inside if an odd number of the outline's crossings of its column's center lie above it.
    """
    h, w = size
    # To whole steps; as in C, numbers are rounded towards zero after 0.5 was added.
    corners = np.trunc(SCALE * points + 0.5).astype(np.int64)
    ends = np.roll(corners, -1, axis=0)
    odd = np.zeros(h * w + 1, dtype=np.uint8)
    edges = max(1, CHUNK // w)
    for first in range(0, len(corners), edges):
        part = slice(first, first + edges)
        rows, times = np.unique(_crossings(corners[part], ends[part], size), return_counts=True)
        odd[rows[times % 2 > 0]] ^= 1
    inside = np.bitwise_xor.accumulate(odd[: h * w]).astype(bool)
    return np.ascontiguousarray(inside.reshape(w, h).T)


def _crossings(
    start: Int[np.ndarray, "m 2"], end: Int[np.ndarray, "m 2"], size: tuple[int, int]
) -> Int[np.ndarray, " n"]:
    """Where edges cross the centers of the image's columns: the first pixel below, column by column from the top."""
    h, w = size
    delta = np.abs(end - start)
    wide = delta[:, 0] >= delta[:, 1]
    backwards = np.where(wide, start[:, 0] > end[:, 0], start[:, 1] > end[:, 1])
    low, high = (np.where(backwards[:, None], a, b) for a, b in ((end, start), (start, end)))
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(wide, (high[:, 1] - low[:, 1]) / delta[:, 0], (high[:, 0] - low[:, 0]) / delta[:, 1])
    column = np.arange(w)[None, :]
    left = SCALE * column + SCALE // 2  # the step before a column's center; the crossing is from here to the next
    x, y, s = low[:, :1], low[:, 1:], slope[:, None]
    crosses = (np.minimum(start[:, :1], end[:, :1]) <= left) & (np.maximum(start[:, :1], end[:, :1]) > left)
    edge, at = np.nonzero(crosses)
    x, y, s, left = x[edge, 0], y[edge, 0], s[edge, 0], left[0, at]
    row = np.minimum(np.trunc(y + s * (left - x) + 0.5), np.trunc(y + s * (left + 1 - x) + 0.5))
    steep = ~wide[edge]
    last = _last_step(x[steep], s[steep], left[steep], delta[edge[steep], 1])
    row[steep] = y[steep] + last
    rows = np.ceil(np.clip((row + 0.5) / SCALE - 0.5, 0, h)).astype(np.int64)
    return np.asarray(at * h + rows)


def _last_step(
    x: Int[np.ndarray, " n"], slope: Float[np.ndarray, " n"], left: Int[np.ndarray, " n"], steps: Int[np.ndarray, " n"]
) -> Int[np.ndarray, " n"]:
    """Of edges with one step at each y: the last step before x changes between `left` and `left` + 1.

    By bisection, as steps are rounded and x changes with them in one direction only.
    """
    before, after = np.zeros_like(steps), steps.copy()
    while (after - before > 1).any():
        middle = (before + after) // 2
        beyond = np.trunc(x + slope * middle + 0.5) > left
        passed = np.where(slope > 0, beyond, ~beyond)
        before, after = np.where(passed, before, middle), np.where(passed, middle, after)
    return before
