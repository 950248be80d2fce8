"""Generated photographs with exact masks: a digit of one grainy color on a photograph of mini-ImageNet.

The class is the digit. Color, place, size and turn are random in each image, and so is the photograph, so that neither
brightness nor the center of the image gives the object away.
"""

from pathlib import Path

import cv2
import numpy as np

from bench.support.data import mini_imagenet, mnist
from handful.core.dataset import Dataset, Image, Mask, Sample
from handful.data.images import pixels

DIGITS, SIDE = (2, 3, 5), 128


def collages(folder: Path, *, each: int = 20, seed: int = 0) -> Dataset:
    """So many collages of each digit; the same seed gives the same."""
    rng = np.random.default_rng(seed)
    grounds = mini_imagenet(folder).samples
    digits = mnist(folder)
    samples = []
    for label, digit in enumerate(DIGITS):
        shapes = [s for s in digits.samples if s.label is not None and digits.classes[s.label] == str(digit)]
        for i, at in enumerate(rng.permutation(len(shapes))[:each]):
            ground = _enlarged(pixels(grounds[int(rng.integers(len(grounds)))]))
            mask = _placed(pixels(shapes[at])[0], rng)
            samples.append(Sample(f"{digit}/{i}.png", _painted(ground, mask, rng), label, mask, "hand"))
    return Dataset(tuple(samples), tuple(str(d) for d in DIGITS))


def _enlarged(image: Image) -> Image:
    rows = np.ascontiguousarray(image.transpose(1, 2, 0))
    larger = cv2.resize(rows, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(larger.transpose(2, 0, 1))


def _placed(digit: np.ndarray, rng: np.random.Generator) -> Mask:
    """A digit of 28 x 28 at a random size, turn and place."""
    scale, turn = rng.uniform(2.6, 3.8), rng.uniform(-25, 25)
    matrix: np.ndarray = cv2.getRotationMatrix2D((13.5, 13.5), turn, scale)
    matrix[:, 2] += SIDE / 2 - 13.5 + rng.uniform(-14, 14, 2)
    return np.asarray(cv2.warpAffine(digit, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC) > 100)


def _painted(ground: Image, mask: Mask, rng: np.random.Generator) -> Image:
    """The ground with the mask in one color, with grain, and an edge of a pixel's blur."""
    color = rng.integers(30, 226, 3)[:, None, None]
    grain = cv2.GaussianBlur(rng.normal(0, 60, (SIDE, SIDE)), (0, 0), 1.0)
    share = cv2.GaussianBlur(mask.astype(np.float64), (0, 0), 0.7)
    painted: np.ndarray = np.rint(ground + share * (color + grain - ground))
    return painted.clip(0, 255).astype(np.uint8)
