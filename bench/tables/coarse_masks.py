"""Coarse masks moved to the edges of their images, and masks from second photographs, against hand masks.

White blood cells. Hand masks are made coarse in three ways: a polygon of twelve corners, a quarter of the pixels in
each direction, and three pixels too large. Each is refined by the methods of `prepare/refine_masks`, with their
defaults, which no image here decided. Second photographs (`--paired-masks`) are rendered from the hand masks: paint
that bleeds by a blur, on a dark ground, darker at the corners, with noise; and the same by a camera that moved by two
pixels. Boundary F at 2 pixels. Seconds are of the CPU, an image.
"""

from collections.abc import Callable
from time import process_time
from typing import get_args

import cv2
import numpy as np
from jaxtyping import UInt8

from bench.support.data import cells_once
from bench.support.options import Options
from bench.support.record import append
from handful.core.dataset import Image, Mask
from handful.data.images import pixels
from handful.data.masks.paired import bright
from handful.data.masks.quality import boundary_f, iou
from handful.evaluation.intervals import mean_interval
from handful.parts.prepare.refine_masks import Method, refined

IMAGES = 40
WIDTH = 0.04  # the default of `refine_masks`, as a share of the shorter side
CORNERS, REDUCED, GROWN, SHIFT = 12, 4, 3, 2
Scores = tuple[float, float, float]


def run(options: Options) -> None:
    """Each way of coarsening and each method on the same images, drawn from all classes together."""
    data = cells_once(options.folder())
    drawn = np.random.default_rng(0).permutation(len(data))[: 4 if options.quick else IMAGES]
    pairs = [(pixels(s), s.mask) for s in data.select(drawn).samples if s.mask is not None]
    for name, coarsen in COARSE.items():
        for method in (None, *get_args(Method)):
            _record(
                name,
                method or "none",
                [_refined(image, truth, coarsen(truth), method) for image, truth in pairs],
                options,
            )
    for name, shift in (("second photograph", 0), (f"second photograph, shifted {SHIFT} pixels", SHIFT)):
        rows = [_paired(truth, shift, np.random.default_rng(i)) for i, (_, truth) in enumerate(pairs)]
        _record(name, "none", rows, options)


def _record(masks: str, method: str, rows: list[Scores], options: Options) -> None:
    line: dict[str, object] = {"data": "white blood cells", "masks": masks, "method": method, "images": len(rows)}
    columns = np.array(rows).T
    for value, column in zip(("iou", "boundary_f"), columns, strict=False):
        low, high, _ = mean_interval(column)
        named = {value: column.mean(), f"{value}_low": low, f"{value}_high": high, f"{value}_worst": column.min()}
        line |= {key: round(float(number), 4) for key, number in named.items()}
    line["seconds"] = round(float(columns[2].mean()), 4)
    append("coarse-masks", line, quick=options.quick)
    print(f"{masks:<36} {method:<14} IoU {line['iou']:.3f}  boundary F {line['boundary_f']:.3f}", flush=True)


def _refined(image: Image, truth: Mask, coarse: Mask, method: Method | None) -> Scores:
    start, mask = process_time(), coarse
    if method is not None:
        mask = refined(image, coarse, method=method, width=max(1.0, WIDTH * min(coarse.shape)), seed=0)
    seconds = process_time() - start
    return iou(mask, truth), boundary_f(mask, truth), seconds


def _paired(truth: Mask, shift: int, rng: np.random.Generator) -> Scores:
    photograph = rendered(truth, shift, rng)
    start = process_time()
    mask = bright(photograph, None)
    seconds = process_time() - start
    return iou(mask, truth), boundary_f(mask, truth), seconds


def polygon(mask: Mask) -> Mask:
    """The largest region as a polygon of twelve corners, at equal distances along its outline."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len)
    corners = outline[np.linspace(0, len(outline), CORNERS, endpoint=False).astype(int)]
    drawn: UInt8[np.ndarray, "h w"] = np.zeros(mask.shape, dtype=np.uint8)
    return np.asarray(cv2.fillPoly(drawn, [corners], (1,)) > 0)


def reduced(mask: Mask) -> Mask:
    """A quarter of the pixels in each direction, and back."""
    h, w = mask.shape
    small = cv2.resize(mask.astype(np.float32), (w // REDUCED, h // REDUCED), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize((small > 0.5).astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST) > 0)


def grown(mask: Mask) -> Mask:
    """Three pixels larger on every side."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * GROWN + 1, 2 * GROWN + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0)


COARSE: dict[str, Callable[[Mask], Mask]] = {
    f"polygon of {CORNERS} corners": polygon,
    f"{REDUCED} times smaller and back": reduced,
    f"{GROWN} pixels too large": grown,
}


def rendered(mask: Mask, shift: int, rng: np.random.Generator) -> UInt8[np.ndarray, "h w"]:
    """A second photograph: bright paint on the object, blurred by 2 pixels, darker at the corners, with noise."""
    h, w = mask.shape
    paint = np.roll(mask, (shift, shift), axis=(0, 1)).astype(np.float32) * rng.uniform(120, 200)
    light = cv2.GaussianBlur(paint, (0, 0), 2.0) + 20
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    noisy = light * (1 - 0.25 * (x**2 + y**2)) + rng.normal(0, 6, (h, w))
    return np.asarray(noisy.clip(0, 255), dtype=np.uint8)
