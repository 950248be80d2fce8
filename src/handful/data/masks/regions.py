"""Regions of a mask: connected pieces, or groups of pixels whose embeddings lie together."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage

EPS, FEWEST = 0.3, 40  # DBSCAN's, as U3HS has them: distance in the embedding, and pixels of a group
SMALLEST_REGION = 16  # pixels at the working size of an unknown region that is shown


def number_regions(
    mask: Bool[np.ndarray, "h w"], embedding: Float[np.ndarray, "e h2 w2"] | None = None, *, smallest: int = 1
) -> Int[np.ndarray, "h w"]:
    """Numbers of the regions: 0 where the mask is not set, then 1 and up, the largest first.

    Args:
        mask: the pixels.
        embedding: of coarser cells; a region is then a connected piece of one DBSCAN cluster of the cells' embeddings,
            each cell counted by its pixels in the mask, and pixels of no cluster are in none. None: connected pieces.
        smallest: pixels of a region, at least; smaller ones are left out.
    """
    pieces = connected_pieces(mask.astype(np.int64) if embedding is None else _clusters(mask, embedding))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    order = [int(piece) for piece in np.argsort(-sizes, kind="stable") if sizes[piece] >= max(1, smallest)]
    numbers = np.zeros(len(sizes), dtype=np.int64)
    numbers[order] = np.arange(1, len(order) + 1)
    return np.asarray(numbers[pieces], dtype=np.int64)


def connected_pieces(labels: Int[np.ndarray, "h w"]) -> Int[np.ndarray, "h w"]:
    """Numbers of the connected pieces of each label from 1 up, in the order of the labels; 0 elsewhere."""
    pieces = np.zeros(labels.shape, dtype=np.int64)
    for label in np.unique(labels[labels > 0]):
        numbered, _ = ndimage.label(labels == label)
        pieces = np.where(numbered > 0, numbered + pieces.max(), pieces)
    return pieces


def _clusters(mask: Bool[np.ndarray, "h w"], embedding: Float[np.ndarray, "e h2 w2"]) -> Int[np.ndarray, "h w"]:
    from sklearn.cluster import DBSCAN

    h, w = embedding.shape[1:]
    rows, columns = (np.arange(side) * cells // side for side, cells in zip(mask.shape, (h, w), strict=True))
    cell = rows[:, None] * w + columns[None]
    pixels = np.bincount(cell[mask], minlength=h * w)
    groups = np.zeros(h * w, dtype=np.int64)
    shown = np.flatnonzero(pixels)
    if len(shown):
        scan = DBSCAN(eps=EPS, min_samples=FEWEST)
        groups[shown] = (
            scan.fit_predict(embedding.reshape(len(embedding), -1).T[shown], sample_weight=pixels[shown]) + 1
        )
    return np.where(mask, groups[cell], 0)
