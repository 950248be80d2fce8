"""Accuracy against annotation hours (CvS paper, section V-E and figure 4), with break-even point and compute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from handful.core.context import Task
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.errors import ProtocolError
from handful.evaluation.statistics import summarise
from handful.parts import registry
from handful.parts.posthoc.ensemble import members_of
from handful.recipes.load import load_recipe
from handful.training.schedule import plan_steps


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
    run, None where unknown.
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
    automatic = any(registry.has_trait("prepare", part, "automatic") for part in recipe.prepare)
    if automatic or not registry.reads_masks(recipe):
        return 0
    for part in recipe.prepare:
        if registry.has_trait("prepare", part, "makes_masks") and part.options.get("per_class") is not None:
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
        flops: recipe name to the operations of one image's forward pass (`forward_flops`).
    """
    points = []
    for result in results:
        (row,) = summarise(result)
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
                flops=None if forward is None else training_flops(result.recipe, row.n_train, forward),
            )
        )
    return points


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


def training_flops(recipe: Recipe, n_train: int, forward: float) -> float:
    """Operations of one training: steps x batch x 3 x forward (a backward pass costs about two forward ones).

    Leaves out what `prepare` trains. Each stage counts in full, also where part of the network is frozen.
    """
    plan = plan_steps(recipe, n_train)
    return float(plan.total * float(np.mean(plan.batch_sizes)) * 3 * forward)


def flops_by_recipe(results: Sequence[Result], *, side: int | None = None) -> dict[str, float]:
    """Operations of one image's forward pass (`forward_flops`) of each recipe, by its name.

    Args:
        results: of one or more recipes.
        side: height and width of the images; None: the recipe's image size. Recipes without one are left out.

    Raises:
        RecipeError, WeightsError: a network cannot be built.
    """
    flops = {}
    for result in results:
        size = result.recipe.image_size if side is None else (side, side)
        if size is not None:
            flops[result.recipe.name] = forward_flops(result.recipe, result.classes, size=size)
    return flops


def forward_flops(recipe: Recipe, classes: Sequence[str], *, size: tuple[int, int]) -> float:
    """Operations (a multiply-add counts as 2) of one image's forward pass at h x w, counted by torch.

    Those of an ensemble's members are added up, each at its recipe's own size where it has one.

    Raises:
        RecipeError, WeightsError: the network cannot be built.
    """
    for part in recipe.posthoc:
        if part.name == "ensemble":
            numbers = {k: v for k, v in part.options.items() if k in ("members", "recipes")}
            plans = members_of(recipe, load_recipe, **numbers)
            each = {id(plan): forward_flops(plan, classes, size=plan.image_size or size) for plan in plans}
            return sum(each[id(plan)] for plan in plans)
    task = Task(tuple(classes), np.ones(len(classes), dtype=np.int64))
    with torch.random.fork_rng():
        labels = registry.build_labels(recipe, task)
        network = registry.build_network(recipe, registry.make_context(recipe, task, labels=labels)).eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, *size))
    return float(counter.get_total_flops())


def _hours(log: float) -> str:
    return f"{np.exp(log):.3g} h"
