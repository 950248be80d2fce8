"""Coarse object probabilities refined to the edges of an image: guided filter and GrabCut."""

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from handful.core.dataset import Image, Mask

Edges = Literal["grabcut", "guided", "none"]
SURE, UNLIKELY = 0.9, 0.1  # probability above which a pixel is object, and up to which it is background, for GrabCut
ITERATIONS, SIDE, LARGEST = 5, 128, 512  # of GrabCut: the defaults


def cut_edges(edges: Edges, image: Image, likely: Float[np.ndarray, "h w"], *, seed: int) -> Mask:
    """The mask where a pixel is rather object than background.

    Args:
        edges: "grabcut": by color, between what is surely one or the other. "guided": of the filtered probabilities.
            "none": of the probabilities as they are.
        image: uint8 [3 h w].
        likely: probability of the object, of each pixel.
        seed: of GrabCut's color clusters.
    """
    if edges == "grabcut":
        return grabcut_edges(image, likely, seed=seed)
    return np.asarray((guided_filter(image, likely) if edges == "guided" else likely) > 0.5)


def grabcut_edges(image: Image, likely: Float[np.ndarray, "h w"], *, seed: int) -> Mask:
    """GrabCut started from probabilities; where all or nothing is likely the object, that stays so."""

    def trimap(h: int, w: int) -> UInt8[np.ndarray, "h2 w2"]:
        values = cv2.resize(likely, (w, h), interpolation=cv2.INTER_LINEAR)
        classes = np.full((h, w), cv2.GC_BGD, dtype=np.uint8)
        for above, value in ((UNLIKELY, cv2.GC_PR_BGD), (0.5, cv2.GC_PR_FGD), (SURE, cv2.GC_FGD)):
            classes[values > above] = value
        return classes

    if not (likely > 0.5).any() or (likely > 0.5).all():
        return np.asarray(likely > 0.5)
    return refine(image, trimap, seed=seed)


def guided_filter(
    image: Image, values: Float[np.ndarray, "h w"], *, radius: int = 4, eps: float = 1e-3
) -> Float[np.ndarray, "h w"]:
    """The guided filter with a color guide (He, Sun and Tang 2013, https://ieeexplore.ieee.org/document/6319316).

    In each window the output is linear in the colors, so that its edges are those of the image.

    Args:
        image: the guide.
        values: what is filtered.
        radius: of the windows, in pixels.
        eps: penalty of the slope, for colors in [0, 1].
    """
    guide = image.transpose(1, 2, 0).astype(np.float32) / 255
    values = values.astype(np.float32)
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(x: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.boxFilter(np.ascontiguousarray(x), -1, size))

    center, level = mean(guide), mean(values)
    shared = mean(guide * values[..., None]) - center * level[..., None]
    spread = np.empty((*values.shape, 3, 3), dtype=np.float32)
    for i in range(3):
        for j in range(3):
            spread[..., i, j] = mean(guide[..., i] * guide[..., j]) - center[..., i] * center[..., j] + eps * (i == j)
    slope = np.linalg.solve(spread, shared[..., None])[..., 0]
    offset = level - (slope * center).sum(axis=-1)
    return np.asarray((mean(slope) * guide).sum(axis=-1) + mean(offset))


def refine(
    image: Image,
    make_trimap: Callable[[int, int], UInt8[np.ndarray, "h2 w2"]],
    *,
    seed: int,
    iterations: int = ITERATIONS,
    side: int = SIDE,
    largest: int = LARGEST,
) -> Mask:
    """What GrabCut makes of a first guess.

    Args:
        image: the image.
        make_trimap: height and width to OpenCV's four values (GC_BGD, GC_FGD, GC_PR_BGD, GC_PR_FGD) of each pixel; a
            guess without object, or without background, gives an empty mask.
        seed: the same seed gives the same mask.
        iterations: rounds of GrabCut.
        side: images whose shorter side is less are enlarged to it by a whole factor.
        largest: images whose longer side is more are reduced to it.
    """
    _, h, w = image.shape
    factor = float(-(-side // min(h, w))) if min(h, w) < side else min(1.0, largest / max(h, w))
    H, W = max(1, round(h * factor)), max(1, round(w * factor))
    resized = np.ascontiguousarray(image.transpose(1, 2, 0))
    if factor != 1:
        interpolation = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
        resized = cv2.resize(resized, (W, H), interpolation=interpolation)
    trimap = make_trimap(H, W)
    if _is_object(trimap).all() or not _is_object(trimap).any():
        return np.zeros((h, w), dtype=bool)
    cv2.setRNGSeed(seed % 2**31)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(resized, trimap, (0, 0, 0, 0), background, foreground, iterations, cv2.GC_INIT_WITH_MASK)
    mask: np.ndarray = _is_object(trimap).astype(np.uint8) * 255
    if factor != 1:
        mask = cv2.resize(mask, (w, h), interpolation=cv2.INTER_AREA if factor > 1 else cv2.INTER_LINEAR)
    return np.asarray(mask >= 128)


def _is_object(trimap: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    return np.asarray((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD))
