"""Polygons that cover exactly the pixels of a mask, along their edges.

A polygon has no holes in these formats: a region with a hole is cut in two through it.
"""

from collections import defaultdict

import cv2
import numpy as np

from handful.core.dataset import Mask

Points = list[tuple[int, int]]


def outlines(mask: Mask) -> list[Points]:
    """The outlines of a mask's regions, as corners x, y in pixels from the image's corner.

    Pixels that touch by a corner alone are regions of their own.
    """
    polygons: list[Points] = []
    number, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    for region in range(1, number):
        polygons += _without_holes(labels == region)
    return polygons


def _without_holes(region: Mask) -> list[Points]:
    """Outlines of one region, by cutting it through its holes until there are none."""
    rows, columns = np.nonzero(region)
    top, left = int(rows.min()), int(columns.min())
    cropped = region[top : int(rows.max()) + 1, left : int(columns.max()) + 1]
    number, outside = cv2.connectedComponents((~np.pad(cropped, 1)).astype(np.uint8), connectivity=8)
    if number <= 2:  # the region and what is around it
        return [[(x + left, y + top) for x, y in _trace(cropped)]]
    holes = np.flatnonzero((outside[1:-1, 1:-1] > 1).any(axis=0))
    middle = int(holes[len(holes) // 2])
    cut = np.zeros_like(cropped)
    cut[:, : middle + 1] = True
    polygons: list[Points] = []
    for side in (cropped & cut, cropped & ~cut):
        polygons += [[(x + left, y + top) for x, y in points] for points in outlines(side)]
    return polygons


def _trace(region: Mask) -> Points:
    """The edge of a region without holes, clockwise; straight stretches are one step."""
    padded = np.pad(region, 1)
    inside = padded[1:-1, 1:-1]
    steps: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for (dy, dx), start, end in (
        ((-1, 0), (0, 0), (1, 0)),
        ((0, 1), (1, 0), (1, 1)),
        ((1, 0), (1, 1), (0, 1)),
        ((0, -1), (0, 1), (0, 0)),
    ):
        neighbor = padded[1 + dy : padded.shape[0] - 1 + dy, 1 + dx : padded.shape[1] - 1 + dx]
        for y, x in np.argwhere(inside & ~neighbor).tolist():
            steps[(x + start[0], y + start[1])].append((x + end[0], y + end[1]))
    first = min(steps)
    at, came = first, (0, 0)
    points: Points = []
    while True:
        options = steps[at]
        # Where two edges leave, the region touches itself by a corner: the right turn stays with the same pixel.
        after = max(options, key=lambda p: came[0] * (p[1] - at[1]) - came[1] * (p[0] - at[0]))
        options.remove(after)
        went = (after[0] - at[0], after[1] - at[1])
        if went != came:
            points.append(at)
        at, came = after, went
        if at == first:
            return points
