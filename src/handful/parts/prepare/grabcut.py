"""Masks for images that have none at all: GrabCut (Rother, Kolmogorov and Blake 2004) seeded by a center box.

Pixels near the edge start as background and those in the center as object, so it suits photographs of a single object.
Small images are enlarged for it: at 32 pixels it mostly finds nothing, at 128 it mostly finds the object.
"""

import cv2
import numpy as np
from jaxtyping import UInt8

from handful.core.context import Context
from handful.core.dataset import Dataset, Image, Mask
from handful.data.images import pixels
from handful.data.masks.edges import ITERATIONS, LARGEST, SIDE, refine
from handful.parts.prepare._masking import Prepare, make_masks, sample_masks

makes_masks = True
automatic = True
multilabel = True
BOX, CORE = 0.94, 0.25  # the defaults


def build(
    context: Context,
    *,
    box: float = BOX,
    core: float = CORE,
    iterations: int = ITERATIONS,
    side: int = SIDE,
    largest: int = LARGEST,
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


def grabcut(
    image: Image,
    *,
    seed: int,
    box: float = BOX,
    core: float = CORE,
    iterations: int = ITERATIONS,
    side: int = SIDE,
    largest: int = LARGEST,
) -> Mask:
    """The object in the center of an image; the same seed gives the same mask."""

    def centered(h: int, w: int) -> UInt8[np.ndarray, "h2 w2"]:
        trimap = np.full((h, w), cv2.GC_BGD, dtype=np.uint8)
        trimap[_center(h, box), _center(w, box)] = cv2.GC_PR_FGD
        if core:
            trimap[_center(h, core), _center(w, core)] = cv2.GC_FGD
        return trimap

    return refine(image, centered, seed=seed, iterations=iterations, side=side, largest=largest)


def _center(length: int, share: float) -> slice:
    margin = round(length * (1 - share) / 2)
    return slice(margin, length - margin)
