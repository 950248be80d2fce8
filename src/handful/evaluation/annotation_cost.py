"""Accuracy against annotation hours (CvS paper, section V-E and figure 4), with break-even point and compute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.errors import ProtocolError
from handful.evaluation.metrics import AnyMetric
from handful.evaluation.multilabel_metrics import is_multilabel
from handful.evaluation.statistics import headline_metric, summarise
from handful.parts import traits


@dataclass(frozen=True)
class AnnotationTimes:
    """Seconds of a person's time: to name an image's class, and to draw its mask."""

    label: float
    mask: float

    def __post_init__(self) -> None:
        """Refuse a time that is not positive."""
        if not (self.label > 0 and self.mask >= 0):
            raise ProtocolError(
                "annotation times must be positive",
                where=f"{self}",
                remedy="give seconds, e.g. AnnotationTimes(3.5, 29.52).",
            )

    def hours(self, labels: float, masks: float = 0) -> float:
        """Hours to label and mask so many images; a mask comes on top of its image's label."""
        return (labels * self.label + masks * self.mask) / 3600


# Section V-E. CIFAR-100 was never masked by hand: its masks are propagated from masks drawn on CIFAR-10.
PAPER = {"cifar10": AnnotationTimes(3.5, 29.52), "cifar100": AnnotationTimes(8.5, 29.52)}


@dataclass(frozen=True)
class CostPoint:
    """A recipe at one number of images: its score (a share, with interval and worst draw), hours and compute.

    `low`, `high` and `worst` are NaN and `draws` is 0 for a score from a paper. `flops` counts the training of one
    run, None where unknown; `metric` is that of the score.
    """

    recipe: str
    per_class: int | None
    labels: int
    masks: int
    hours: float
    mean: float
    low: float = np.nan
    high: float = np.nan
    worst: float = np.nan
    draws: int = 0
    flops: float | None = None
    metric: AnyMetric = "accuracy"


@dataclass(frozen=True)
class BreakEven:
    """Where the costlier recipe's curve overtakes the cheaper one's. `hours` is None where it does not in range."""

    costly: str
    cheap: str
    hours: float | None
    score: float | None
    says: str


def masks_drawn(recipe: Recipe, per_class: int | None) -> int | None:
    """Hand masks per class that a recipe needs with this many images per class; None: one for every image.

    None at all without a loss that reads masks, or where the masks are made automatically; `per_class` of the part
    that makes the others' masks (`propagate_masks`) where it is set.
    """
    automatic = any(traits.has_trait("prepare", part, "automatic") for part in recipe.prepare)
    if automatic or not traits.reads_masks(recipe):
        return 0
    for part in recipe.prepare:
        if traits.has_trait("prepare", part, "makes_masks") and part.options.get("per_class") is not None:
            drawn = int(part.options["per_class"])
            return drawn if per_class is None else min(drawn, per_class)
    return per_class


def masks_to_draw(recipe: Recipe, per_class: int | None, *, images: int, classes: int) -> int:
    """Hand masks that a recipe needs with so many training images; `masks_drawn` says how many per class."""
    drawn = masks_drawn(recipe, per_class)
    return images if drawn is None else min(images, drawn * classes)


def cost_points(
    results: Sequence[Result],
    times: AnnotationTimes,
    *,
    masks_per_class: Mapping[str, int] | None = None,
    flops: Mapping[str, float] | None = None,
) -> list[CostPoint]:
    """A point for each result.

    Args:
        results: of one or more recipes.
        times: seconds per label and per mask.
        masks_per_class: recipe name to hand masks per class, where `masks_drawn` cannot know (masks that came with
            the data but were made automatically, say). Never more than there are images.
        flops: recipe name to the operations of one image's forward pass (`operations.forward_flops`). Without it, no
            PyTorch is imported.
    """
    points = []
    for result in results:
        (row,) = summarise(result, headline_metric(result) if is_multilabel(result) else "accuracy")
        name, classes = row.recipe, len(result.classes)
        masks = masks_to_draw(result.recipe, row.per_class, images=row.n_train, classes=classes)
        if masks_per_class is not None and name in masks_per_class:
            masks = min(row.n_train, masks_per_class[name] * classes)
        forward = None if flops is None else flops.get(name)
        points.append(
            CostPoint(
                recipe=name,
                per_class=row.per_class,
                labels=row.n_train,
                masks=masks,
                hours=times.hours(row.n_train, masks),
                mean=row.mean,
                low=row.low,
                high=row.high,
                worst=row.worst,
                draws=row.draws,
                flops=None if forward is None else _training_flops(result.recipe, row.n_train, forward),
                metric=row.metric,
            )
        )
    return points


def _training_flops(recipe: Recipe, n_train: int, forward: float) -> float:
    from handful.evaluation.operations import training_flops  # imports PyTorch

    return training_flops(recipe, n_train, forward)


def break_even(points: Sequence[CostPoint], costly: str, cheap: str) -> BreakEven:
    """Where `costly` first overtakes `cheap`: straight lines between points over the logarithm of the hours.

    Only the hours that both curves span are looked at, and only the means: whether a difference is more than chance
    is for `paired_difference` to say.

    Raises:
        ProtocolError: a recipe has no points.
    """
    curves = {}
    for name in (costly, cheap):
        scores = sorted({(p.hours, p.mean) for p in points if p.recipe == name})
        if not scores:
            raise ProtocolError("no result of this recipe", where=name, remedy="evaluate it first.")
        curves[name] = (np.log([h for h, _ in scores]), np.array([s for _, s in scores]))
    (xa, ya), (xb, yb) = curves[costly], curves[cheap]
    start, end = max(xa[0], xb[0]), min(xa[-1], xb[-1])
    if start > end:
        return BreakEven(costly, cheap, None, None, f"{costly} and {cheap} have no hours in common: none in range")
    grid = np.unique(np.concatenate([[start, end], *(x[(x >= start) & (x <= end)] for x in (xa, xb))]))
    gap = np.interp(grid, xa, ya) - np.interp(grid, xb, yb)
    span = f"{_hours(start)} to {_hours(end)}"
    if gap[0] > 0:
        back = next((grid[i] for i in range(len(gap)) if gap[i] < 0), None)
        until = "" if back is None else f", though not beyond {_hours(back)}"
        text = f"{costly} is ahead of {cheap} from the first hours they share ({span}){until}: none in range"
        return BreakEven(costly, cheap, None, None, text)
    for (i, left), right in zip(enumerate(gap[:-1]), gap[1:], strict=True):
        if left <= 0 < right:
            at = float(grid[i] + (grid[i + 1] - grid[i]) * -left / (right - left))
            score = float(np.interp(at, xa, ya))
            falls = any(later < 0 for later in gap[i + 1 :])
            text = f"{costly} overtakes {cheap} at {_hours(at)} of annotation, at {100 * score:.1f} %"
            text += ", and falls behind again later" if falls else ""
            return BreakEven(costly, cheap, float(np.exp(at)), score, text)
    return BreakEven(costly, cheap, None, None, f"{costly} never overtakes {cheap} ({span}): none in range")


def break_evens(points: Sequence[CostPoint]) -> list[BreakEven]:
    """Every recipe that needs masks against every recipe that needs none."""
    names = list(dict.fromkeys(p.recipe for p in points))
    masked = [n for n in names if any(p.masks for p in points if p.recipe == n)]
    return [break_even(points, a, b) for a in masked for b in names if b not in masked]


def _hours(log: float) -> str:
    return f"{np.exp(log):.3g} h"
