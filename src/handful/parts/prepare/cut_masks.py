"""Masks without labels or masks: the normalized cut of an image's cells into two groups that are unlike each other.

MaskCut of CutLER (Wang et al. 2023, https://arxiv.org/abs/2301.11320) and U2Seg: cells that are more alike than
a threshold are joined, the second eigenvector of the graph (Shi and Malik 2000) is split at its mean, and the
group with the largest entry is the object unless it has two corners of the image. They have a self-supervised
transformer, whose cells know objects; here the cells are those of the frozen EfficientNet-Lite0, which was trained on
labels, and the threshold is the mean likeness plus a share of the rest, as its likeness has another range. They repeat
the cut for further objects; here there is one. `propagate_masks` after it is the self-training of U2Seg, which gained
nothing on the sets where it was measured (`bench`, table `masks-from-less`).
"""

import cv2
import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import eigh

from handful.core.context import Context
from handful.core.dataset import Dataset, Image, Mask, Sample
from handful.data.images import pixels
from handful.data.masks.edges import Edges, cut_edges
from handful.models.frozen_maps import LARGEST, SIDE, FrozenMaps
from handful.parts.prepare._masking import Prepare, make_masks

makes_masks = True
automatic = True
multilabel = True
covers_all = True
STRIDES = (16, 32)
APART = 1e-5  # weight between cells that are not joined


def build(
    context: Context,
    *,
    threshold: float = 0.2,
    edges: Edges = "grabcut",
    replace: bool = False,
) -> Prepare:
    """Give masks to the samples without one; an empty or full one is left out, with a warning.

    Args:
        context: its seed starts GrabCut's color clusters.
        threshold: cells are joined whose cosine is above the mean by this share of what is left up to 1.
        edges: refinement to the image: "grabcut", "guided" (filter) or "none".
        replace: make masks also for samples that have one.

    Raises:
        ValueError: an option that does not fit.
        WeightsError: the network is not installed.
    """
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold must be at least 0 and below 1, not {threshold}")
    if edges not in ("none", "guided", "grabcut"):
        raise ValueError(f"edges must be none, guided or grabcut, not {edges!r}")
    maps = FrozenMaps(side=SIDE, largest=min(LARGEST, 2 * SIDE))

    def make(sample: Sample) -> Mask:
        image = pixels(sample)
        cells = cut(_vectors(maps, image), threshold)
        likely = cv2.resize(cells.astype(np.float32), image.shape[:0:-1], interpolation=cv2.INTER_LINEAR)
        return cut_edges(edges, image, likely, seed=context.seed)

    def prepare(data: Dataset) -> Dataset:
        return make_masks(data, make, source="cut", which=None, again=replace)

    return prepare


def _vectors(maps: FrozenMaps, image: Image) -> Float[np.ndarray, "h2 w2 c"]:
    with torch.inference_mode():
        joined = maps(image, STRIDES).joined(STRIDES, normalize=True)
        return np.asarray(joined.permute(1, 2, 0).double().numpy())


def cut(vectors: Float[np.ndarray, "h w c"], threshold: float) -> Mask:
    """The object's cells.

    Args:
        vectors: of length 1.
        threshold: as for `build`.
    """
    h, w, _ = vectors.shape
    cosines = vectors.reshape(h * w, -1) @ vectors.reshape(h * w, -1).T
    tau = cosines.mean() + threshold * (1 - cosines.mean())
    weights = np.where(cosines > tau, 1.0, APART)
    degree = np.diag(weights.sum(axis=1))
    _, second = eigh(degree - weights, degree, subset_by_index=[1, 1])
    vector = second.reshape(h, w)
    group = vector > vector.mean()
    at = np.unravel_index(np.abs(vector - vector.mean()).argmax(), vector.shape)
    is_object = group if group[at] else ~group
    corners = is_object[[0, 0, -1, -1], [0, -1, 0, -1]].sum()
    return np.asarray(~is_object if corners >= 2 else is_object)
