"""New masks in place of those that are not kept, and a report of what became of them."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from handful.core.dataset import Dataset, Mask, Sample
from handful.data.masks.quality import MaskQuality, quality
from handful.data.masks.threshold import MaskRules
from handful.parts.prepare._masking import warn_dropped

log = logging.getLogger(__name__)
SOURCE = "propagated"


@dataclass(frozen=True)
class PropagationReport:
    """What propagation did. `quality` compares new masks with those the images had before, per class and "all"."""

    kept: tuple[str, ...]  # ids whose masks stayed as they were, and from which the others were propagated
    propagated: tuple[str, ...]  # ids with a new mask
    dropped: tuple[tuple[str, float], ...]  # ids whose predicted mask was implausible, with its share
    quality: dict[str, MaskQuality] = field(default_factory=dict)
    learned: tuple[str, ...] = ()  # ids of the images whose masks the new ones were learned from
    partial: tuple[str, ...] = ()  # ids whose partial masks the new ones were learned from, and completed


def with_new_masks(
    data: Dataset, predicted: Sequence[int], masks: Iterable[Mask], rules: MaskRules
) -> tuple[Dataset, PropagationReport]:
    """The data with a mask for each sample at `predicted`, or none where the new one is implausible.

    A mask such a sample had is gone afterwards; the report measures the new one against it.

    Args:
        data: the samples.
        predicted: positions in increasing order.
        masks: for each of them, at the image's own size.
        rules: smallest and largest share of the image.
    """
    samples = list(data.samples)
    dropped: list[tuple[str, float]] = []
    for i, mask in zip(predicted, masks, strict=True):
        sample, share = samples[i].without_mask(), float(mask.mean())
        if rules.min_share < share < rules.max_share:
            sample = replace(sample, mask=mask, mask_source=SOURCE)
        else:
            dropped.append((sample.id, share))
        samples[i] = sample
    after = replace(data, samples=tuple(samples))
    truth = replace(data, samples=tuple(s for s in data.samples if s.mask_source != SOURCE))
    new = frozenset(predicted)
    report = PropagationReport(
        kept=tuple(s.id for i, s in enumerate(data.samples) if i not in new),
        propagated=tuple(samples[i].id for i in predicted if samples[i].mask is not None),
        dropped=tuple(dropped),
        quality=quality(after.select(list(predicted)), truth),
    )
    return after, report


def completed(sample: Sample, mask: Mask) -> Mask:
    """A new mask with what the sample's own partial mask says."""
    if sample.mask is None or sample.known is None:
        return mask
    return np.where(sample.known, sample.mask, mask)


def log_report(report: PropagationReport, rules: MaskRules, *, source: str) -> None:
    """Warn of dropped masks, and log how well the new ones agree with those that were there.

    Args:
        report: what propagation did.
        rules: those that dropped masks.
        source: the part's name.
    """
    if report.dropped:
        why = f"implausible (share of the image not between {rules.min_share:g} and {rules.max_share:g})"
        warn_dropped([name for name, _ in report.dropped], source, why)
    for name, q in report.quality.items():
        log.info("propagated masks, %s: IoU %.3f, Dice %.3f over %d images", name, q.iou, q.dice, q.images)
