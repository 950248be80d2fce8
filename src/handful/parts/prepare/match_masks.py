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
from handful.core.dataset import Dataset, Image, Mask, Sample
from handful.data.images import pixels
from handful.data.masks.edges import Edges, cut_edges
from handful.data.masks.partial import MARK_BACKGROUND, NO_BACKGROUND
from handful.data.masks.quality import iou
from handful.data.masks.threshold import MaskRules
from handful.errors import DataError, by_interface, hint, offers, option
from handful.models.frozen_maps import LARGEST, SIDE, STRIDES, FrozenMaps, ImageMaps, enlarge
from handful.parts.prepare._masking import Prepare, sample_masks
from handful.parts.prepare._matching import COARSE, Attention, Linear, Support
from handful.parts.prepare._propagation import SOURCE, PropagationReport, completed, log_report, with_new_masks

makes_masks = True
renews_masks = True
HERE = "prepare/match_masks"
MOST_TRIED = 6  # masked images on which the edges are chosen
Cells = Literal["auto", "coarse", "fine"]
Choice = Literal["auto", "grabcut", "guided", "none"]


class Matcher:
    """Masks by likeness to images with masks.

    Args:
        samples: with masks, which may be partial.
        cells: "coarse": cells at stride 8 are compared. "fine": logistic regression at stride 2. "auto": "fine" where
            the objects are thinner than a coarse cell, in the median of the images whose masks are whole.
        edges: "auto": what fits the masked images best, each matched to the others.
        seed: draws cells, and starts GrabCut's color clusters.
        maps: of the frozen network; None: new ones.

    Raises:
        WeightsError: the network is not installed.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        cells: Cells = "auto",
        edges: Choice = "auto",
        seed: int = 0,
        maps: FrozenMaps | None = None,
    ) -> None:
        self.maps = maps or FrozenMaps()
        self.seed = seed
        self.cells = cells if cells != "auto" else "fine" if is_thin(samples, self.maps) else "coarse"
        self._strides = STRIDES if self.cells == "fine" else COARSE
        self._images = [pixels(sample) for sample in samples]
        self._supports = [
            Support(self.maps(image, self._strides), sample.mask, sample.known)
            for image, sample in zip(self._images, samples, strict=True)
            if sample.mask is not None
        ]
        self._fit = self._fitted(self._supports)
        self.edges: Edges = self._best_edges() if edges == "auto" else edges

    def _fitted(self, supports: Sequence[Support]) -> Attention | Linear:
        rng = np.random.default_rng(self.seed)
        return Linear(supports, rng) if self.cells == "fine" else Attention(supports, rng)

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
        """What gives the whole masks best, each image matched to the others."""
        tried: tuple[Edges, ...] = ("none", "guided") if self.cells == "fine" else ("grabcut", "guided", "none")
        whole = [i for i, support in enumerate(self._supports) if support.known is None]
        if len(self._supports) < 2 or not whole:
            return tried[0]
        overlaps: dict[Edges, float] = dict.fromkeys(tried, 0.0)
        for i in np.random.default_rng(self.seed).permutation(whole)[:MOST_TRIED]:
            image, support = self._images[i], self._supports[i]
            others = self._supports[:i] + self._supports[i + 1 :]
            likely = self._likely(self._fitted(others), support.maps, image)
            for edges in tried:
                overlaps[edges] += iou(cut_edges(edges, image, likely, seed=self.seed), support.mask)
        return max(tried, key=lambda edges: overlaps[edges])


def is_thin(samples: Sequence[Sample], maps: FrozenMaps) -> bool:
    """Whether the objects of whole masks are thinner than a cell of the coarse maps, in the median of the images."""
    widths = [thickness(s.mask) * _factor(s.mask, maps) for s in samples if s.mask is not None and s.known is None]
    return bool(widths) and bool(np.median(widths) < COARSE[0])


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


def at_threshold(likely: Float[np.ndarray, "h w"], confidence: float) -> Float[np.ndarray, "h w"]:
    """Probabilities, stretched so that `confidence` becomes 0.5, at which a mask is cut; as they are up to 0.5."""
    if confidence <= 0.5:
        return likely
    above = 0.5 + 0.5 * (likely - confidence) / max(1 - confidence, 1e-6)
    return np.where(likely < confidence, 0.5 * likely / confidence, above).astype(likely.dtype)


def run(
    context: Context,
    data: Dataset,
    *,
    per_class: int | None = None,
    cells: Cells = "auto",
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
    partial = {i for i in chosen if data.samples[i].known is not None}
    keep = {data.samples[i].id for i in chosen if i not in partial}
    if len(keep) == len(data):
        return data, PropagationReport(kept=data.ids, propagated=(), dropped=())
    if not chosen:
        raise DataError(
            "no image has a mask to match with",
            where=HERE,
            remedy=by_interface(
                command=f"give a few masks{hint('masks', 'PATH')}, or make some by "
                + (f"{option('source', 'grabcut')}." if offers("source") else "prepare/grabcut."),
                python="draw a few masks, or make some with prepare/grabcut.",
            ),
        )
    supports = [data.samples[i] for i in chosen]
    if not any(background(sample).any() for sample in supports):
        raise DataError(NO_BACKGROUND, where=HERE, remedy=MARK_BACKGROUND)
    queries = [i for i in range(len(data)) if data.samples[i].id not in keep]
    maps = FrozenMaps(side=side, largest=largest)
    matcher = Matcher(supports, cells=cells, edges=edges, seed=context.seed, maps=maps)
    for _ in range(rounds - 1):
        more = supports + _surest(matcher, [data.samples[i] for i in queries], len(chosen))
        matcher = Matcher(more, cells=matcher.cells, edges=matcher.edges, seed=context.seed, maps=maps)

    def predicted(i: int) -> Mask:
        sample, image = data.samples[i], pixels(data.samples[i])
        likely = at_threshold(matcher.likely(image), (rules or MaskRules()).confidence)
        if i not in partial or sample.mask is None or sample.known is None:
            return matcher.mask(image, likely)
        likely = np.where(sample.known, sample.mask.astype(likely.dtype), likely)  # what is marked is sure
        return completed(sample, matcher.mask(image, likely))

    after, report = with_new_masks(data, queries, map(predicted, queries), rules or MaskRules())
    learned = data.ids if rounds > 1 else tuple(s.id for s in supports)
    return after, replace(report, learned=learned, partial=tuple(data.samples[i].id for i in sorted(partial)))


def background(sample: Sample) -> Mask:
    """The pixels of which the sample's mask says that they are background."""
    assert sample.mask is not None
    return ~sample.mask if sample.known is None else ~sample.mask & sample.known


def _surest(matcher: Matcher, samples: Sequence[Sample], count: int) -> list[Sample]:
    """The samples with the surest new masks."""
    sure = []
    for i, sample in enumerate(samples):
        image = pixels(sample)
        likely = matcher.likely(image)
        mask = matcher.mask(image, likely)
        if mask.any() and not mask.all():
            sure.append((certainty(likely), i, replace(sample.without_mask(), mask=mask)))
    return [sample for _, _, sample in sorted(sure, key=lambda each: (-each[0], each[1]))[:count]]


def build(
    context: Context,
    *,
    per_class: int | None = None,
    cells: Cells = "auto",
    edges: Choice = "auto",
    rounds: int = 1,
    confidence: float = 0.0,
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
        cells: "coarse": the cells of a stride of 8 pixels are compared. "fine": logistic regression on the maps of all
            strides, for thin objects such as vessels. "auto": by the thickness of the masks.
        edges: how a mask is refined to the image: "grabcut", "guided" (filter), "none", or "auto": what fits the
            images with masks best, each matched to the others.
        rounds: 2: match again, also with the surest new masks, as many as there are given ones.
        confidence: least probability of a pixel of the object; up to 0.5: the likelier of object and background.
            Scribbles that stay away from the objects' edges give masks that are too large without it: try 0.8.
        min_share: a mask must cover more of the image than this.
        max_share: and less than this.
        side: images whose shorter side is less are enlarged to it for the network.
        largest: images whose longer side is more are reduced to it for the network.

    Raises:
        ValueError: an option that does not fit.
    """
    rules = MaskRules(confidence=confidence, min_share=min_share, max_share=max_share)
    if edges not in ("auto", "grabcut", "guided", "none"):
        raise ValueError(f"edges must be auto, grabcut, guided or none, not {edges!r}")
    if cells not in ("auto", "coarse", "fine"):
        raise ValueError(f"cells must be auto, coarse or fine, not {cells!r}")
    if rounds < 1 or (per_class is not None and per_class < 1):
        raise ValueError("rounds and per_class must be at least 1")
    if not STRIDES[-1] <= side <= largest:
        raise ValueError(f"side must be at least {STRIDES[-1]}, and largest at least side")

    def prepare(data: Dataset) -> Dataset:
        after, report = run(
            context,
            data,
            per_class=per_class,
            cells=cells,
            edges=edges,
            rounds=rounds,
            rules=rules,
            side=side,
            largest=largest,
        )
        log_report(report, rules, source="match_masks")
        return after

    return prepare
