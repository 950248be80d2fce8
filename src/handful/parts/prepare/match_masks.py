"""Masks for every image from a few, without training: its cells are compared with those of the images with masks.

The idea is token matching (VTM, Kim et al. 2023, https://arxiv.org/abs/2303.14969; UniAP and Chameleon after it), which
these train on many tasks. Here the cells are those of the frozen EfficientNet-Lite0, and no network is trained: see
`prepare._matching`. The result is refined to the edges of the image.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import cv2
import numpy as np
import torch
from jaxtyping import Float

from handful.core.context import Context
from handful.core.dataset import Dataset, Image, Mask
from handful.data.images import pixels
from handful.data.masks.quality import iou
from handful.data.masks.threshold import MaskRules
from handful.errors import DataError
from handful.models.frozen_maps import LARGEST, SIDE, STRIDES, FrozenMaps, ImageMaps, enlarge
from handful.parts.prepare._edges import Edges, cut_edges
from handful.parts.prepare._masking import Prepare, sample_masks
from handful.parts.prepare._matching import COARSE, Attention, Linear
from handful.parts.prepare._propagation import SOURCE, PropagationReport, log_report, with_new_masks

makes_masks = True
renews_masks = True
HERE = "prepare/match_masks"
MOST_TRIED = 6  # masked images on which the edges are chosen
Choice = Literal["auto", "grabcut", "guided", "none"]


class Matcher:
    """Masks by likeness to images with masks.

    Args:
        images: images with masks.
        masks: their masks.
        edges: "auto": what fits the masked images best, each matched to the others.
        seed: draws cells, and starts GrabCut's color clusters.
        maps: of the frozen network; None: new ones.

    Raises:
        WeightsError: the network is not installed.
    """

    def __init__(
        self,
        images: Sequence[Image],
        masks: Sequence[Mask],
        *,
        edges: Choice = "auto",
        seed: int = 0,
        maps: FrozenMaps | None = None,
    ) -> None:
        self.maps = maps or FrozenMaps()
        self.seed = seed
        self.thin = is_thin(masks, self.maps)
        self._strides = STRIDES if self.thin else COARSE
        self._images, self._supports = list(images), []
        for image, mask in zip(images, masks, strict=True):
            self._supports.append((self.maps(image, self._strides), mask))
        self._fit = self._fitted(self._supports)
        self.edges: Edges = self._best_edges() if edges == "auto" else edges

    def _fitted(self, supports: Sequence[tuple[ImageMaps, Mask]]) -> Attention | Linear:
        rng = np.random.default_rng(self.seed)
        return Linear(supports, rng) if self.thin else Attention(supports, rng)

    def likely(self, image: Image) -> Float[np.ndarray, "h w"]:
        """Probability of the object, of each pixel."""
        return self._likely(self._fit, self.maps(image, self._strides), image)

    def mask(self, image: Image, likely: Float[np.ndarray, "h w"]) -> Mask:
        """The mask of these probabilities, with the image's edges."""
        return cut_edges(self.edges, image, likely, seed=self.seed)

    @staticmethod
    def _likely(fit: Attention | Linear, maps: ImageMaps, image: Image) -> Float[np.ndarray, "h w"]:
        with torch.inference_mode():
            return np.asarray(enlarge(fit(maps)[None], (image.shape[1], image.shape[2]))[0].numpy())

    def _best_edges(self) -> Edges:
        """What gives the masks of the masked images best, each matched to the others."""
        tried: tuple[Edges, ...] = ("none", "guided") if self.thin else ("grabcut", "guided", "none")
        n = len(self._supports)
        if n < 2:
            return tried[0]
        overlaps: dict[Edges, float] = dict.fromkeys(tried, 0.0)
        for i in np.random.default_rng(self.seed).permutation(n)[:MOST_TRIED]:
            maps, truth = self._supports[i]
            image = self._images[i]
            likely = self._likely(self._fitted(self._supports[:i] + self._supports[i + 1 :]), maps, image)
            for edges in tried:
                overlaps[edges] += iou(cut_edges(edges, image, likely, seed=self.seed), truth)
        return max(tried, key=lambda edges: overlaps[edges])


def is_thin(masks: Sequence[Mask], maps: FrozenMaps) -> bool:
    """Whether the objects are thinner than a cell of the coarse maps, in the median of the images."""
    return bool(np.median([thickness(mask) * _factor(mask, maps) for mask in masks]) < COARSE[0])


def thickness(mask: Mask) -> float:
    """Mean thickness in pixels: four times the mean distance to the edge, the width of a strip."""
    inside = np.pad(mask, 1).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return 4 * (float(distance[inside > 0].mean()) - 0.5) if mask.any() else 0.0


def _factor(mask: Mask, maps: FrozenMaps) -> float:
    h, w = maps.working_size((mask.shape[0], mask.shape[1]))
    return float(np.sqrt(h * w / mask.size))


def certainty(likely: Float[np.ndarray, "h w"]) -> float:
    """How far probabilities and their mask agree, in [0, 1]: the sum of minima over that of maxima."""
    mask = likely > 0.5
    either = np.maximum(likely, mask).sum()
    return float(np.minimum(likely, mask).sum() / either) if either > 0 else 0.0


def run(
    context: Context,
    data: Dataset,
    *,
    per_class: int | None = None,
    edges: Choice = "auto",
    rounds: int = 1,
    rules: MaskRules | None = None,
    side: int = SIDE,
    largest: int = LARGEST,
) -> tuple[Dataset, PropagationReport]:
    """Draw masks, match the other images to them; the part's work, with its report. Arguments as for `build`.

    Raises:
        DataError: there is no mask to match with.
        WeightsError: the network is not installed.
    """
    masked = [i for i, s in enumerate(data.samples) if s.mask is not None and s.mask_source != SOURCE]
    chosen = masked if per_class is None else sample_masks(data, masked, per_class, context.seed)
    keep = {data.samples[i].id for i in chosen}
    if len(keep) == len(data):
        return data, PropagationReport(kept=data.ids, propagated=(), dropped=())
    if not chosen:
        raise DataError(
            "no image has a mask to match with",
            where=HERE,
            remedy="draw a few masks, or make some with prepare/grabcut.",
        )
    images = [pixels(data.samples[i]) for i in chosen]
    masks = [mask for i in chosen if (mask := data.samples[i].mask) is not None]
    queries = [i for i in range(len(data)) if data.samples[i].id not in keep]
    maps = FrozenMaps(side=side, largest=largest)
    matcher = Matcher(images, masks, edges=edges, seed=context.seed, maps=maps)
    for _ in range(rounds - 1):
        more = _surest(matcher, data, queries, len(chosen))
        matcher = Matcher(
            images + [image for image, _ in more],
            masks + [mask for _, mask in more],
            edges=matcher.edges,
            seed=context.seed,
            maps=maps,
        )

    def predicted(i: int) -> Mask:
        image = pixels(data.samples[i])
        return matcher.mask(image, matcher.likely(image))

    after, report = with_new_masks(data, queries, map(predicted, queries), rules or MaskRules())
    return after, replace(report, learned=data.ids if rounds > 1 else report.kept)


def _surest(matcher: Matcher, data: Dataset, queries: Sequence[int], count: int) -> list[tuple[Image, Mask]]:
    """The images with the surest masks."""
    sure = []
    for i in queries:
        image = pixels(data.samples[i])
        likely = matcher.likely(image)
        mask = matcher.mask(image, likely)
        if mask.any() and not mask.all():
            sure.append((certainty(likely), i, mask))
    sure.sort(key=lambda each: (-each[0], each[1]))
    return [(pixels(data.samples[i]), mask) for _, i, mask in sure[:count]]


def build(
    context: Context,
    *,
    per_class: int | None = None,
    edges: Choice = "auto",
    rounds: int = 1,
    min_share: float = 0.0,
    max_share: float = 1.0,
    side: int = SIDE,
    largest: int = LARGEST,
) -> Prepare:
    """Match masks within the training split.

    Warns of dropped masks, and logs how well the new masks agree with those that were there but not drawn.

    Args:
        context: its seed draws the masks.
        per_class: M: at most so many masks per class are drawn to match with, and all others are replaced, as if they
            had never been there. None: every mask is kept and matched with.
        edges: how a mask is refined to the image: "grabcut", "guided" (filter), "none", or "auto": what fits the
            images with masks best, each matched to the others.
        rounds: 2: match again, also with the surest new masks, as many as there are given ones.
        min_share: a mask must cover more of the image than this.
        max_share: and less than this.
        side: images whose shorter side is less are enlarged to it for the network.
        largest: images whose longer side is more are reduced to it for the network.

    Raises:
        ValueError: an option that does not fit.
    """
    rules = MaskRules(min_share=min_share, max_share=max_share)
    if edges not in ("auto", "grabcut", "guided", "none"):
        raise ValueError(f"edges must be auto, grabcut, guided or none, not {edges!r}")
    if rounds < 1 or (per_class is not None and per_class < 1):
        raise ValueError("rounds and per_class must be at least 1")
    if not STRIDES[-1] <= side <= largest:
        raise ValueError(f"side must be at least {STRIDES[-1]}, and largest at least side")

    def prepare(data: Dataset) -> Dataset:
        after, report = run(
            context, data, per_class=per_class, edges=edges, rounds=rounds, rules=rules, side=side, largest=largest
        )
        log_report(report, rules, source="match_masks")
        return after

    return prepare
