"""Scribbles by a rule from hand masks: the middle lines of object and background, in half of the image.

Three pixels wide, in a random half of the squares of a grid of 64 pixels. They become partial masks.
"""

from dataclasses import replace

import cv2
import numpy as np
from skimage.morphology import skeletonize

from handful.core.dataset import Dataset, Mask, Sample

SQUARE, WIDTH = 64, 3


def scribbled(data: Dataset, seed: int) -> Dataset:
    """The data with scribbles in place of masks."""
    samples = (_scribbled(s, np.random.default_rng((seed, i))) for i, s in enumerate(data.samples))
    return replace(data, samples=tuple(samples))


def _scribbled(sample: Sample, rng: np.random.Generator) -> Sample:
    if sample.mask is None:
        return sample
    h, w = sample.mask.shape
    squares = rng.random((-(-h // SQUARE), -(-w // SQUARE))) < 0.5
    here = np.kron(squares, np.ones((SQUARE, SQUARE), dtype=bool))[:h, :w]
    return replace(sample, known=(_middle(sample.mask) | _middle(~sample.mask)) & here)


def _middle(part: Mask) -> Mask:
    """The middle lines of a part, widened inside it."""
    lines = skeletonize(part).astype(np.uint8)
    wide = np.asarray(cv2.dilate(lines, np.ones((WIDTH, WIDTH), np.uint8)), dtype=bool)
    return np.asarray(wide & part)
