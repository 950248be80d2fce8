"""Which recipes fit several labels per image, numbers, bags, class probabilities or candidates: their parts say so."""

from collections.abc import Iterator
from itertools import chain

from handful.core.dataset import Dataset
from handful.core.kind import Kind
from handful.core.recipe import Part, Recipe
from handful.errors import RecipeError, TrainingError, by_interface, option
from handful.parts.traits import (
    TRAITS,
    Folder,
    has_trait,
    names_with,
    weighs_images,
    without_candidates,
    without_probabilities,
)
from handful.recipes.checks import check
from handful.recipes.nested_runs import nested_runs

RECIPES = ("logistic", "ridge", "knn", "nearest-centroid", "fine-tuned", "classification-wrn")
NUMBER_RECIPES = ("ridge", "knn", "fine-tuned", "classification-wrn")
BAG_RECIPES = ("bag-mean", "bag-max", "bag-attention", "bag-contrast")
SOFT_LOSSES = ("cross_entropy", "distillation", "early_learning", "generalized_cross_entropy")
SOFT_RECIPES = ("logistic", "ridge", "fine-tuned", "classification-wrn")
CANDIDATE_RECIPES = ("logistic", "ridge", "fine-tuned", "classification-wrn")


def check_kind(recipe: Recipe, data: Dataset) -> None:
    """Refuse a recipe with a part that does not fit the kind of the data, before anything is trained.

    The recipes that its parts train are checked likewise: teachers, segmenters, members of an ensemble.

    Raises:
        RecipeError: names the part, and parts or recipes that fit; or as `nested_runs`.
        TrainingError: a class that no training image is known to lack, where unknown entries are left out of the loss.
    """
    _check_alone(recipe, data)
    for nested, images in nested_runs(recipe, data):
        check(nested)
        _check_alone(nested, images)


def _check_alone(recipe: Recipe, data: Dataset) -> None:
    unfit = next(_unfit(recipe, data.kind), None)
    if unfit is not None:
        folder, part = unfit
        optional = "leave it out, or " if folder in ("prepare", "posthoc") else ""
        if data.kind == "number":
            raise RecipeError(
                f"{folder}/{part.name} needs a class per image, and these images have a number each",
                where=recipe.name,
                remedy=f"{optional}take one of the recipes {', '.join(NUMBER_RECIPES)}.",
            )
        if data.kind == "bag":
            raise RecipeError(
                f"{folder}/{part.name} needs a label per image, and the labels of these images belong to bags",
                where=recipe.name,
                remedy=f"{optional}take one of the recipes {', '.join(BAG_RECIPES)}.",
            )
        if data.kind == "multilabel" and folder == "posthoc" and part.name == "temperature":
            raise RecipeError(
                "posthoc/temperature needs one label per image, and these images have several each",
                where=recipe.name,
                remedy="take platt_scaling in its place, which calibrates each class by itself, or leave it out.",
            )
        if data.kind == "multilabel" and not _needs(folder, part, "number"):
            raise RecipeError(
                f"{folder}/{part.name} needs one label per image, and these images have several each",
                where=recipe.name,
                remedy=f"{optional}take one of the recipes {', '.join(RECIPES)}.",
            )
        if _needs(folder, part, "bag"):
            name = by_interface(
                command="name the column of bags (--bag COLUMN)",
                python='say the bag of each image (load_data(..., bag="COLUMN") or from_arrays(..., bags=...)) and '
                "train on these data, without the scikit-learn estimator",
            )
            raise RecipeError(
                f"{folder}/{part.name} is for bags of images, and these images have a label each",
                where=recipe.name,
                remedy=f"{name}; or take another recipe, e.g. logistic.",
            )
        if _needs(folder, part, "number"):
            what = "numbers, and these images have classes"
            remedy = f"read the labels as numbers ({option('number', None)}), or take cross_entropy in its place."
        else:
            what, remedy = "images with several labels, and these have one each", "leave it out."
        raise RecipeError(f"{folder}/{part.name} is for {what}", where=recipe.name, remedy=remedy)
    if data.kind == "multilabel":
        _refuse_never_absent(recipe, data)
    check_soft_targets(recipe, data)
    _refuse_candidates(recipe, data)


def _refuse_candidates(recipe: Recipe, data: Dataset) -> None:
    """Refuse candidates where a part needs one label per image.

    Raises:
        RecipeError: names the part, and recipes that fit.
    """
    unfit = next(without_candidates(recipe), None) if data.has_candidates else None
    if unfit is None:
        return
    folder, part = unfit
    n = sum(s.candidates is not None for s in data.samples)
    images = "1 image has" if n == 1 else f"{n:,} images have"
    ways = [f"take a recipe that learns from them, e.g. {', '.join(CANDIDATE_RECIPES)}"]
    if folder in ("augment", "prepare"):
        ways.insert(0, f"leave {part.name} out")
    elif folder == "losses":
        ways.insert(0, "take cross_entropy in its place")
    ways.append("leave out the images whose label names a group of classes")
    raise RecipeError(
        f"{folder}/{part.name} needs one label per image, and {images} several candidates",
        where=recipe.name,
        remedy=f"{'; '.join(ways[:-1])}; or {ways[-1]}.",
    )


def check_soft_targets(recipe: Recipe, data: Dataset) -> None:
    """Refuse class probabilities, or weights of images, where a part learns labels alone or images all alike.

    Raises:
        RecipeError: names the part, and what learns from them.
        TrainingError: a head that does not weigh images.
    """
    unfit = next(without_probabilities(recipe), None) if data.has_probabilities else None
    if unfit is not None:
        folder, part = unfit
        n = sum(s.probabilities is not None for s in data.samples)
        images = "1 image has" if n == 1 else f"{n:,} images have"
        remedy = f"a recipe that learns from them, e.g. {', '.join(SOFT_RECIPES)}"
        if folder == "losses":
            remedy = f"cross_entropy in its place, or another loss that learns from them: {', '.join(SOFT_LOSSES)}"
        columns = by_interface(command="the columns votes:CLASS", python="the probabilities")
        raise RecipeError(
            f"{folder}/{part.name} needs one label per image, and {images} class probabilities, such as votes",
            where=recipe.name,
            remedy=f"take {remedy}; or give each image one label and leave {columns} out.",
        )
    if data.has_weights and not weighs_images(recipe, data.kind):
        heads = ""
        if data.kind == "multiclass":
            heads = f"head {' or '.join(names_with('heads', 'soft_targets'))}, or "
        raise TrainingError(
            f"head {recipe.head.name!r} does not weigh samples, and some have a weight",
            where=recipe.name,
            remedy=f"leave the weights out, or use {heads}a recipe that is trained in steps, e.g. fine-tuned.",
        )


def unfit_reason(recipe: Recipe, data: Dataset) -> str | None:
    """Why a recipe does not fit the data, as "losses/ldam needs one label per image"; None: it does.

    Raises:
        RecipeError: as `nested_runs`.
    """
    reasons = (_reason_alone(*each) for each in chain([(recipe, data)], nested_runs(recipe, data)))
    return next((reason for reason in reasons if reason is not None), None)


def _reason_alone(recipe: Recipe, data: Dataset) -> str | None:
    unfit = next(_unfit(recipe, data.kind), None)
    if unfit is None and data.has_probabilities:
        unfit = next(without_probabilities(recipe), None)
    if unfit is None and data.has_candidates:
        unfit = next(without_candidates(recipe), None)
    if unfit is not None:
        return f"{unfit[0]}/{unfit[1].name} needs one label per image"
    if data.has_weights and not weighs_images(recipe, data.kind):
        return f"heads/{recipe.head.name} does not weigh images"
    return None


def _unfit(recipe: Recipe, kind: Kind) -> Iterator[tuple[Folder, Part]]:
    """The parts that do not fit a kind of data."""
    parts: list[tuple[Folder, Part]] = [("prepare", part) for part in recipe.prepare]
    parts.append(("labels", recipe.labels))
    if recipe.hierarchy is not None:
        parts.append(("hierarchies", recipe.hierarchy))
    parts.append(("heads", recipe.head))
    parts += [("losses", part) for stage in recipe.stages for part in stage.losses]
    parts += [("posthoc", part) for part in recipe.posthoc]
    for folder, part in parts:
        fits = kind == "multiclass" or (kind in TRAITS[folder] and has_trait(folder, part, kind))
        if not fits or any(_needs(folder, part, other) for other in ("multilabel", "number", "bag") if other != kind):
            yield folder, part


def _needs(folder: Folder, part: Part, kind: Kind) -> bool:
    """Whether a part fits no other kind of data."""
    return f"needs_{kind}" in TRAITS[folder] and has_trait(folder, part, f"needs_{kind}")


def _takes_unknown_for_absent(loss: Part) -> bool:
    """Whether a loss learns a class of which no absent entry is known."""
    return has_trait("losses", loss, "needs_no_absent") or loss.options.get("unknown", "mask") != "mask"


def _refuse_never_absent(recipe: Recipe, data: Dataset) -> None:
    """Refuse a class of which no absent entry is known; a loss that takes unknown entries for absent needs none."""
    losses = [part for stage in recipe.stages for part in stage.losses]
    if losses and all(_takes_unknown_for_absent(part) for part in losses):
        return
    for name, present, absent in zip(data.classes, data.counts, data.absents, strict=True):
        if present and not absent:
            raise TrainingError(
                "no training image is known not to show it, so nothing tells what it looks like without",
                where=f"class {name!r}",
                remedy="say of some images that they do not show it, or read what is not listed as absent "
                f"({option('unlisted', 'absent')}).",
            )
