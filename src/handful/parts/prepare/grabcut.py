"""Masks for images that have none at all: GrabCut (Rother, Kolmogorov and Blake 2004) seeded by a center box.

Pixels near the edge start as background and those in the center as object, so it suits photographs of a single object.
Small images are enlarged for it: at 32 pixels it mostly finds nothing, at 128 it mostly finds the object.
"""

import cv2
import numpy as np

from handful.core.context import Context
from handful.core.dataset import Dataset, Image, Mask
from handful.data.images import pixels
from handful.parts.prepare._masking import Prepare, make_masks, sample_masks

makes_masks = True
automatic = True


def build(
    context: Context,
    *,
    box: float = 0.94,
    core: float = 0.25,
    iterations: int = 5,
    side: int = 128,
    largest: int = 512,
    per_class: int | None = None,
    replace: bool = False,
) -> Prepare:
    """Give masks to the samples without one; an empty or full one is left out, with a warning.

    Args:
        context: its seed draws the samples, and starts GrabCut's color clusters.
        box: share of the height and width, centered, outside of which all is background.
        core: share of the height and width, centered, inside of which all is object; 0 for none.
        iterations: rounds of GrabCut.
        side: images whose shorter side is less are enlarged to it by a whole factor; the mask is reduced to the image.
        largest: images whose longer side is more are reduced to it, to save time; the mask is enlarged to the image.
        per_class: largest number of masks per class, drawn from the labelled samples; None: one for every sample.
        replace: make masks also for samples that have one.

    Raises:
        ValueError: an option that does not fit.
    """
    if not 0 <= core < box < 1:
        raise ValueError(f"core and box must be shares with 0 <= core < box < 1, not {core} and {box}")
    if iterations < 1 or not 1 <= side <= largest or (per_class is not None and per_class < 1):
        raise ValueError("iterations, side and per_class must be at least 1, and largest at least side")

    def prepare(data: Dataset) -> Dataset:
        candidates = [i for i, s in enumerate(data.samples) if replace or s.mask is None]
        selected = candidates if per_class is None else sample_masks(data, candidates, per_class, context.seed)
        return make_masks(
            data,
            lambda s: grabcut(
                pixels(s), box=box, core=core, iterations=iterations, side=side, largest=largest, seed=context.seed
            ),
            source="grabcut",
            which=selected,
            again=replace,
        )

    return prepare


def grabcut(image: Image, *, box: float, core: float, iterations: int, side: int, largest: int, seed: int) -> Mask:
    """The object in the center of an image; the same seed gives the same mask."""
    _, h, w = image.shape
    factor = float(-(-side // min(h, w))) if min(h, w) < side else min(1.0, largest / max(h, w))
    H, W = max(1, round(h * factor)), max(1, round(w * factor))
    resized = np.ascontiguousarray(image.transpose(1, 2, 0))
    if factor != 1:
        interpolation = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
        resized = cv2.resize(resized, (W, H), interpolation=interpolation)
    trimap = np.full((H, W), cv2.GC_BGD, dtype=np.uint8)
    trimap[_center(H, box), _center(W, box)] = cv2.GC_PR_FGD
    if core:
        trimap[_center(H, core), _center(W, core)] = cv2.GC_FGD
    if (trimap == cv2.GC_BGD).all() or (trimap != cv2.GC_BGD).all():  # too few pixels for a box
        return np.zeros((h, w), dtype=bool)
    cv2.setRNGSeed(seed % 2**31)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(resized, trimap, (0, 0, 0, 0), background, foreground, iterations, cv2.GC_INIT_WITH_MASK)
    mask = ((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)).astype(np.uint8) * 255
    if factor != 1:
        mask = cv2.resize(mask, (w, h), interpolation=cv2.INTER_AREA if factor > 1 else cv2.INTER_LINEAR)
    return np.asarray(mask >= 128)


def _center(length: int, share: float) -> slice:
    margin = round(length * (1 - share) / 2)
    return slice(margin, length - margin)
