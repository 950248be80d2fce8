"""Masks from labels alone: where a classifier's own heat map for the image's class is hot.

Chatterjee et al. 2024 (https://github.com/soumickmj/GPModels): a network that can be explained by itself is trained on
the labels (`heads/heat_map`), and Otsu's threshold splits the heat map of each image's own class in two.
"""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float

from handful.core.context import Context, NestedRun
from handful.core.dataset import Dataset, Mask, Sample
from handful.core.recipe import Part, Recipe
from handful.data.images import pixels, sample_size
from handful.data.masks.edges import Edges, cut_edges
from handful.data.masks.threshold import MaskRules
from handful.errors import RecipeError
from handful.parts.prepare._masking import Prepare, warn_dropped
from handful.parts.traits import has_trait

makes_masks = True
automatic = True
covers_all = True
explains_classifier = True
HERE = "prepare/explained_masks"
MAX_SIZE = 1024
SOURCE = "propagated"  # it comes from a model of the training images, and is made anew for others


def build(
    context: Context,
    *,
    recipe: str | None = None,
    edges: Edges = "none",
    min_size: int = 192,
    min_share: float = 0.01,
    max_share: float = 0.9,
) -> Prepare:
    """Give masks to the labelled samples without one; an implausible one is left out, with a warning.

    Args:
        context: trains the classifier, from the run's own seed.
        recipe: whose heat maps are used, by name; its head must score pixels. None: this recipe with the head
            `heat_map` and cross-entropy on the labels.
        edges: refinement to the image: "none", "guided" (filter) or "grabcut".
        min_size: least height and width in pixels at which an embedded network of this recipe sees the images. Its last
            maps have a cell for 32 pixels: at 96 heat says little of where (on development draw 100 of the white blood
            cells an IoU of 0.30, at 192 of 0.67).
        min_share: a mask must cover more of the image than this.
        max_share: and less than this.

    Raises:
        ValueError: an option that does not fit.
        RecipeError: no such recipe, or its head does not score pixels.
    """
    rules = MaskRules(min_share=min_share, max_share=max_share)
    if edges not in ("none", "guided", "grabcut"):
        raise ValueError(f"edges must be none, guided or grabcut, not {edges!r}")
    if isinstance(min_size, bool) or not 1 <= min_size <= MAX_SIZE:
        raise ValueError(f"min_size must be from 1 to {MAX_SIZE} pixels, not {min_size!r}")
    plan = explaining_recipe(context, recipe, min_size)

    def prepare(data: Dataset) -> Dataset:
        wanted = _without_masks(data)
        if not wanted:
            return data
        classifier = context.train(plan, data.labelled(), context.seed, where=HERE)
        samples, dropped = list(data.samples), []
        for i, maps in zip(wanted, classifier.log_maps(data.select(wanted).without_labels()), strict=True):
            mask = _mask(samples[i], maps, classifier, data, edges, context.seed)
            if rules.min_share < mask.mean() < rules.max_share:
                samples[i] = replace(samples[i], mask=mask, mask_source=SOURCE)
            else:
                dropped.append(samples[i].id)
        if dropped:
            why = f"implausible (share of the image not between {min_share:g} and {max_share:g})"
            warn_dropped(dropped, "explained_masks", why)
        return replace(data, samples=tuple(samples))

    return prepare


def nested_runs(context: Context, data: Dataset, *, recipe: str | None, min_size: int) -> Iterator[NestedRun]:
    """The classifier that is explained, where a labelled image has no mask."""
    if _without_masks(data):
        yield explaining_recipe(context, recipe, min_size), data.labelled()


def _without_masks(data: Dataset) -> list[int]:
    """Positions of the labelled images without a mask."""
    return [i for i, s in enumerate(data.samples) if s.mask is None and s.label is not None]


def _mask(
    sample: Sample, maps: Float[np.ndarray, "k1 h w"], classifier: object, data: Dataset, edges: Edges, seed: int
) -> Mask:
    """The hot pixels of the image's own class, at the image's size."""
    assert sample.label is not None
    number = classifier.classes.index(data.classes[sample.label]) + 1  # type: ignore[attr-defined]
    hot: Mask = classifier.own_size(otsu_split(maps[number] - maps[0]), sample_size(sample))  # type: ignore[attr-defined]
    if edges == "none":
        return hot
    return cut_edges(edges, pixels(sample), cv2.GaussianBlur(hot.astype(np.float32), (0, 0), 2.0), seed=seed)


def otsu_split(values: Float[np.ndarray, "h w"]) -> Mask:
    """Values above Otsu's threshold on 256 levels from the least to the largest; none if all are equal."""
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9:
        return np.zeros(values.shape, dtype=bool)
    levels = np.round((values - low) / (high - low) * 255).astype(np.uint8)
    cut, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return np.asarray(levels > cut)


def explaining_recipe(context: Context, name: str | None, min_size: int) -> Recipe:
    """The recipe of the classifier: the named one, or the context's own with heat maps on images that are large enough.

    Raises:
        RecipeError: no such recipe, or its head does not score pixels.
    """
    recipe = context.recipe if name is None else context.recipe_named(name, where=HERE)
    if name is None:
        stages = tuple(replace(stage, losses=(Part("cross_entropy"),)) for stage in recipe.stages)
        heat = replace(recipe, name=f"{recipe.name}-heat", head=Part("heat_map"), stages=stages)
        recipe = replace(heat, hierarchy=None, peers=0)
        if recipe.image_size is not None and has_trait("backbones", recipe.backbone, "imagenet_classifier"):
            height, width = recipe.image_size
            recipe = replace(recipe, image_size=(max(height, min_size), max(width, min_size)))
    if not has_trait("heads", recipe.head, "segments"):
        raise RecipeError(
            f"head {recipe.head.name!r} does not score pixels, so it explains no mask",
            where=recipe.name,
            remedy='use a recipe whose head does, e.g. head.name = "heat_map".',
        )
    return replace(recipe, prepare=(), posthoc=())
