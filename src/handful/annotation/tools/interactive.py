"""Interactive segmentation: masks from prompts by GrabCut and random walker, and superpixels.

Each tool computes at a size of its own and returns masks at the size of the image.
"""

import warnings

import cv2
import numpy as np
from jaxtyping import Int, UInt8

from handful.annotation.tools.prompts import BACKGROUND, OBJECT, Prompt, newest_box, rasterize_prompts
from handful.core.dataset import Image, Mask
from handful.errors import DataError, RecipeError

GRABCUT_MIN_SIDE, GRABCUT_MAX_SIDE = 128, 640  # smaller images are enlarged, larger ones reduced
MARGIN = 0.25  # around a box, relative to its size; it shows GrabCut some background
WALKER_MAX_SIDE = 400  # the random walker's system of equations grows with the number of pixels
SLIC_MAX_SIDE = 1200


def grabcut(
    image: Image, prompts: tuple[Prompt, ...], *, current: Mask | None = None, iterations: int = 5, seed: int = 0
) -> Mask:
    """Segment the object in a box or under scribbles with GrabCut (Rother, Kolmogorov and Blake 2004).

    Everything outside the newest box is background. Without a box, every pixel without a prompt may be either, and the
    current mask says which is more probable.

    Args:
        image: uint8 [3 h w].
        prompts: a box, or scribbles or points on the object, or both.
        current: the current mask, at the image's size.
        iterations: of GrabCut.
        seed: of its color clusters.

    Raises:
        DataError: there is neither a box nor a prompt on the object, or the box is too small.
    """
    h, w = image.shape[1:]
    box, drawn = newest_box(prompts, (h, w)), rasterize_prompts(prompts, (h, w))
    if box is not None and (box[2] - box[0] < 2 or box[3] - box[1] < 2):
        raise DataError("this box holds fewer than 2 x 2 pixels", where="the box", remedy="draw a larger one.")
    if box is None and not (drawn == OBJECT).any() and (current is None or not current.any()):
        raise DataError(
            "no box or scribble marks the object",
            where="the prompts",
            remedy="draw a box, or a scribble on the object.",
        )
    guess = np.full((h, w), cv2.GC_PR_BGD, dtype=np.uint8)
    if current is not None:
        guess[current] = cv2.GC_PR_FGD
    top, bottom, left, right = 0, h, 0, w
    if box is not None:
        left, top, right, bottom = _with_margin(box, (h, w))
        inner = (slice(box[1], box[3]), slice(box[0], box[2]))
        inside = np.full((h, w), cv2.GC_BGD, dtype=np.uint8)
        has_mask = current is not None and current[inner].any()
        inside[inner] = guess[inner] if has_mask else cv2.GC_PR_FGD
        guess = inside
    elif current is None:
        guess[drawn == 0] = cv2.GC_PR_BGD if (drawn == BACKGROUND).any() else cv2.GC_PR_FGD
    guess[drawn == OBJECT], guess[drawn == BACKGROUND] = cv2.GC_FGD, cv2.GC_BGD
    cut = (slice(top, bottom), slice(left, right))
    mask = np.zeros((h, w), dtype=bool)
    mask[cut] = _cut(image[:, cut[0], cut[1]], guess[cut], iterations, seed)
    mask[drawn == OBJECT], mask[drawn == BACKGROUND] = True, False
    return mask


def _with_margin(box: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box with a margin of background, clipped to the image."""
    left, top, right, bottom = box
    dx, dy = max(4, round(MARGIN * (right - left))), max(4, round(MARGIN * (bottom - top)))
    return max(0, left - dx), max(0, top - dy), min(size[1], right + dx), min(size[0], bottom + dy)


def _cut(image: Image, guess: UInt8[np.ndarray, "h w"], iterations: int, seed: int) -> Mask:
    h, w = guess.shape
    factor = float(-(-GRABCUT_MIN_SIDE // min(h, w))) if min(h, w) < GRABCUT_MIN_SIDE else 1.0
    factor = min(factor, GRABCUT_MAX_SIDE / max(h, w))
    H, W = max(1, round(h * factor)), max(1, round(w * factor))
    picture = _scaled(image, (H, W))
    small = cv2.resize(guess, (W, H), interpolation=cv2.INTER_NEAREST)
    if factor < 1:  # thin scribbles survive the reduction
        for value in (cv2.GC_BGD, cv2.GC_FGD):
            share = cv2.resize((guess == value).astype(np.float32), (W, H), interpolation=cv2.INTER_AREA)
            small[(share > 0) if value == cv2.GC_FGD else (share >= 0.5)] = value
    sure = np.isin(small, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if sure.all() or not sure.any():  # GrabCut needs both to learn their colors
        return np.asarray(np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD)))
    cv2.setRNGSeed(seed)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(picture, small, (0, 0, 0, 0), *models, iterations, cv2.GC_INIT_WITH_MASK)
    foreground = np.isin(small, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return np.asarray(cv2.resize(foreground, (w, h), interpolation=cv2.INTER_LINEAR) >= 0.5)


def random_walker(image: Image, prompts: tuple[Prompt, ...], *, beta: float = 1000.0) -> Mask:
    """Segment the pixels from which a random walk reaches the object's scribbles first (Grady 2006).

    Args:
        image: uint8 [3 h w].
        prompts: scribbles or points on the object and on the background.
        beta: penalty of steps across edges; scikit-image's default is 130.

    Raises:
        DataError: prompts on the object or on the background are missing.
        RecipeError: scikit-image is not installed.
    """
    try:
        from skimage.segmentation import random_walker as walk
    except ImportError as error:
        raise _missing("the random walker") from error
    h, w = image.shape[1:]
    seeds = rasterize_prompts(prompts, (h, w))
    if not ((seeds == OBJECT).any() and (seeds == BACKGROUND).any()):
        raise DataError(
            "the random walker needs a scribble on the object and one on the background",
            where="the prompts",
            remedy="draw one of each.",
        )
    factor = min(1.0, WALKER_MAX_SIDE / max(h, w))
    H, W = max(1, round(h * factor)), max(1, round(w * factor))
    small = np.zeros((H, W), dtype=np.int32)
    for value in (BACKGROUND, OBJECT):
        rows, columns = np.nonzero(seeds == value)
        small[(rows * H) // h, (columns * W) // w] = value
    if not ((small == OBJECT).any() and (small == BACKGROUND).any()):
        raise DataError("the two scribbles overlap", where="the prompts", remedy="draw them without overlap.")
    picture = _scaled(image, (H, W)).astype(np.float64) / 255
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The probability range is outside")  # of pixels that are certain
        share = walk(picture, small, beta=beta, mode="cg_j", prob_tol=0.1, channel_axis=2, return_full_prob=True)[0]
    mask = np.asarray(cv2.resize(share.astype(np.float32), (w, h), interpolation=cv2.INTER_LINEAR) >= 0.5)
    mask[seeds == OBJECT], mask[seeds == BACKGROUND] = True, False
    return mask


def superpixels(image: Image, *, count: int) -> Int[np.ndarray, "h2 w2"]:
    """Labels of about `count` superpixels from 0 (SLIC, Achanta et al. 2012), at the image's size or a reduced one.

    Raises:
        RecipeError: scikit-image is not installed.
    """
    try:
        from skimage.segmentation import slic
    except ImportError as error:
        raise _missing("superpixels") from error
    h, w = image.shape[1:]
    factor = min(1.0, SLIC_MAX_SIDE / max(h, w))
    picture = _scaled(image, (max(1, round(h * factor)), max(1, round(w * factor))))
    labels = slic(picture, n_segments=count, compactness=10, sigma=1, start_label=0, channel_axis=2)
    return np.asarray(labels, dtype=np.int64)


def available_tools() -> dict[str, bool]:
    """Which tools are installed."""
    from importlib.util import find_spec

    installed = find_spec("skimage") is not None
    return {"grabcut": True, "random_walker": installed, "superpixels": installed}


def _scaled(image: Image, size: tuple[int, int]) -> UInt8[np.ndarray, "h2 w2 3"]:
    picture = np.ascontiguousarray(image.transpose(1, 2, 0))
    if size == image.shape[1:]:
        return picture
    way = cv2.INTER_CUBIC if size[0] > image.shape[1] else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=way))


def _missing(tool: str) -> RecipeError:
    return RecipeError(f"{tool} needs scikit-image", remedy="pip install 'handful[annotate]'.")
