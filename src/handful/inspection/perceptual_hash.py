"""Perceptual hashes: 64 bits that stay nearly the same when a picture is compressed, scaled or made brighter.

The DCT hash (pHash): signs of the 8 x 8 lowest frequencies of the picture at 32 x 32, against their median.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.fft import dctn

SIDE = 32


def perceptual_hash(gray: Float[np.ndarray, "n 32 32"]) -> Bool[np.ndarray, "n 64"]:
    """The bits of pictures that are gray and 32 x 32 already."""
    low = dctn(gray.astype(np.float64), axes=(1, 2))[:, :8, :8].reshape(len(gray), 64)
    bits: Bool[np.ndarray, "n 64"] = low > np.median(low, axis=1, keepdims=True)
    return bits


def close_pairs(bits: Bool[np.ndarray, "n 64"], most: int, *, chunk: int = 2048) -> Int[np.ndarray, "m 2"]:
    """Pairs i < j whose hashes differ in at most `most` bits, ordered."""
    signs = bits.astype(np.float32) * 2 - 1
    pairs = []
    for start in range(0, len(signs), chunk):
        agreement = signs[start : start + chunk] @ signs[start:].T  # 64 less twice the bits that differ
        i, j = np.nonzero(agreement >= 64 - 2 * most)
        keep = i < j
        pairs.append(np.stack([i[keep], j[keep]], axis=1) + start)
    return np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)
