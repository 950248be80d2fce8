"""Coarse masks moved to the edges of their images: only a band around the outline may change.

Outside of the band, which is as wide as the outline may be off, pixels are surely object or background (a trimap). In
it, GrabCut (Rother, Kolmogorov and Blake 2004) decides by color, the guided filter (He, Sun and Tang 2013,
https://ieeexplore.ieee.org/document/6319316) by local edges, or the random walker (Grady 2006) by the way to the sure
pixels. It is the converter's job in ZIM (Kim et al. 2024, https://arxiv.org/abs/2411.00626), without weights.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from handful.core.context import Context
from handful.core.dataset import Dataset, Image, Mask
from handful.data.images import pixels
from handful.data.masks.edges import guided_filter, refine
from handful.errors import RecipeError
from handful.parts.prepare._masking import Prepare

Method = Literal["grabcut", "guided", "random_walker"]
METHODS = ("grabcut", "guided", "random_walker")
BETA = 1000.0  # of the random walker: penalty of steps across edges


def build(context: Context, *, method: Method = "grabcut", width: float = 0.04, hand: bool = True) -> Prepare:
    """Refine the masks that there are; a mask that would become empty or full stays as it is, and partial ones too.

    Args:
        context: its seed starts GrabCut's color clusters.
        method: "grabcut", "guided" or "random_walker" (needs scikit-image).
        width: how far the outline may be off, as a share of the shorter side; at least one pixel.
        hand: refine hand masks too; False: only those that a program made.

    Raises:
        ValueError: an option that does not fit.
        RecipeError: scikit-image is not installed.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    if not 0 < width < 0.5:
        raise ValueError(f"width must be above 0 and below 0.5, not {width}")
    if method == "random_walker":
        _walker()

    def prepare(data: Dataset) -> Dataset:
        samples = list(data.samples)
        for i, sample in enumerate(samples):
            if sample.mask is None or sample.known is not None or (sample.mask_source == "hand" and not hand):
                continue
            band = max(1.0, width * min(sample.mask.shape))
            mask = refined(pixels(sample), sample.mask, method=method, width=band, seed=context.seed)
            if mask.any() and not mask.all():
                samples[i] = replace(sample, mask=mask)
        return replace(data, samples=tuple(samples))

    return prepare


def refined(image: Image, mask: Mask, *, method: Method, width: float, seed: int) -> Mask:
    """The mask with its outline moved by at most `width` pixels.

    Args:
        image: uint8 [3 h w].
        mask: of the image's size, neither empty nor full.
        method: as for `build`.
        width: of the band on either side, in pixels.
        seed: of GrabCut's color clusters.
    """
    distance = signed_distance(mask)
    inside, outside = distance > width, distance < -width
    if method == "guided":
        likely = guided_filter(image, mask.astype(np.float32), radius=max(1, round(width)), eps=1e-4)
        new = np.asarray(likely > 0.5)
    elif method == "grabcut":
        new = _grabcut(image, distance, width, seed)
    else:
        new = _walk(image, inside, outside)
    return np.where(inside, True, np.where(outside, False, new))


def signed_distance(mask: Mask) -> Float[np.ndarray, "h w"]:
    """Distance to the outline in pixels, positive inside."""
    inner, outer = (
        cv2.distanceTransform(m.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for m in (mask, ~mask)
    )
    return np.asarray(np.where(mask, inner - 0.5, 0.5 - outer))


def _grabcut(image: Image, distance: Float[np.ndarray, "h w"], width: float, seed: int) -> Mask:
    """GrabCut in the band; where nothing of the object is sure, its middle is."""
    sure = min(width, 0.5 * float(distance.max()))

    def trimap(h: int, w: int) -> UInt8[np.ndarray, "h2 w2"]:
        values = cv2.resize(distance, (w, h), interpolation=cv2.INTER_LINEAR)
        classes = np.full((h, w), cv2.GC_BGD, dtype=np.uint8)
        for above, value in ((-width, cv2.GC_PR_BGD), (0, cv2.GC_PR_FGD), (sure, cv2.GC_FGD)):
            classes[values > above] = value
        return classes

    return refine(image, trimap, seed=seed)


def _walk(image: Image, inside: Mask, outside: Mask) -> Mask:
    if not inside.any() or not outside.any():
        return inside
    seeds = np.where(inside, 1, np.where(outside, 2, 0)).astype(np.int32)
    picture = image.transpose(1, 2, 0).astype(np.float64) / 255
    walk = _walker()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The probability range is outside")  # of pixels that are certain
        share = walk(picture, seeds, beta=BETA, mode="cg_j", channel_axis=2, prob_tol=0.1, return_full_prob=True)
    return np.asarray(share[0] > 0.5)


def _walker() -> Callable[..., Any]:
    """The random walker of scikit-image.

    Raises:
        RecipeError: it is not installed.
    """
    try:
        from skimage.segmentation import random_walker
    except ImportError as error:
        raise RecipeError(
            "the random walker needs scikit-image",
            where="prepare/refine_masks",
            remedy="pip install 'handful[annotate]'.",
        ) from error
    walker: Callable[..., Any] = random_walker
    return walker
