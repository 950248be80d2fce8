"""Masks for images that have none at all: the salient object by U2NetP, refined by GrabCut, where plain GrabCut agrees.

U2NetP (Qin et al. 2020, https://arxiv.org/abs/2005.09007) is a small network for salient objects in photographs.
GrabCut started from its map sharpens the outline; GrabCut started from a center box (`prepare/grabcut`) fails on other
images. So the mask is what both call object, and their agreement says how far it can be trusted.
"""

import dataclasses

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from handful.core.context import Context
from handful.core.dataset import Dataset, Image, Mask, Sample
from handful.data.images import pixels
from handful.data.masks.edges import refine
from handful.data.masks.quality import iou
from handful.models.u2netp import U2NetP
from handful.parts.prepare._masking import Prepare, make_masks, sample_masks, warn_dropped
from handful.parts.prepare.grabcut import grabcut as centered_grabcut

makes_masks = True
automatic = True
multilabel = True
THRESHOLD = 0.5  # saliency above which a pixel is rather object than background
SURE, UNLIKELY = 0.9, 0.1  # saliency above which a pixel is object, and up to which it is background, for GrabCut


def build(
    context: Context,
    *,
    grabcut: bool = True,
    threshold: float = THRESHOLD,
    min_agreement: float = 0.0,
    per_class: int | None = None,
    replace: bool = False,
) -> Prepare:
    """Give masks to the samples without one; an empty, full or doubtful one is left out, with a warning.

    Args:
        context: its seed draws the samples, and starts GrabCut's color clusters.
        grabcut: intersect with GrabCut's masks; False: the salient pixels as they are, in half the time.
        threshold: saliency above which a pixel is rather object than background.
        min_agreement: masks are left out where GrabCut from the saliency and GrabCut from a center box overlap less
            (IoU).
        per_class: largest number of masks per class, drawn from the labelled samples; None: one for every sample.
        replace: make masks also for samples that have one.

    Raises:
        ValueError: an option that does not fit.
        WeightsError: the network or onnxruntime is not installed.
    """
    low, high = (UNLIKELY, SURE) if grabcut else (0.0, 1.0)
    if not low < threshold < high:
        raise ValueError(f"threshold must be between {low:g} and {high:g}, and is {threshold}")
    if not 0 <= min_agreement <= 1 or (min_agreement and not grabcut):
        raise ValueError("min_agreement must be in [0, 1], and needs grabcut = true")
    if per_class is not None and per_class < 1:
        raise ValueError("per_class must be at least 1")
    network = U2NetP()

    def prepare(data: Dataset) -> Dataset:
        candidates = [i for i, s in enumerate(data.samples) if replace or s.mask is None]
        selected = candidates if per_class is None else sample_masks(data, candidates, per_class, context.seed)
        doubtful: set[str] = set()

        def make(sample: Sample) -> Mask:
            image = pixels(sample)
            saliency = network.saliency(image)
            if not grabcut:
                return np.asarray(saliency > threshold)
            mask, agreement = intersect(image, saliency, threshold=threshold, seed=context.seed)
            if agreement < min_agreement:
                doubtful.add(sample.id)
            return mask

        made = make_masks(data, make, source="salient", which=selected, again=replace)
        return _without_doubtful(made, doubtful, min_agreement)

    return prepare


def intersect(image: Image, saliency: Float[np.ndarray, "h w"], *, threshold: float, seed: int) -> tuple[Mask, float]:
    """What GrabCut from the saliency and GrabCut from a center box both call object, and their agreement (IoU)."""

    def trimap(h: int, w: int) -> UInt8[np.ndarray, "h2 w2"]:
        values = cv2.resize(saliency, (w, h), interpolation=cv2.INTER_LINEAR)
        classes = np.full((h, w), cv2.GC_BGD, dtype=np.uint8)
        for above, value in ((UNLIKELY, cv2.GC_PR_BGD), (threshold, cv2.GC_PR_FGD), (SURE, cv2.GC_FGD)):
            classes[values > above] = value
        return classes

    salient, centered = refine(image, trimap, seed=seed), centered_grabcut(image, seed=seed)
    return salient & centered, iou(salient, centered)


def _without_doubtful(data: Dataset, doubtful: set[str], min_agreement: float) -> Dataset:
    """The data without the masks of these samples; one warning names them."""
    dropped = {s.id for s in data.samples if s.id in doubtful and s.mask is not None}
    if dropped:
        warn_dropped(sorted(dropped), "salient", f"doubtful (GrabCut agrees to less than {min_agreement:g})")
    samples = tuple(s.without_mask() if s.id in dropped else s for s in data.samples)
    return dataclasses.replace(data, samples=samples)
