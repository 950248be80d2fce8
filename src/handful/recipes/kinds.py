"""Which recipes fit data with several labels per image: those all of whose parts say so, by the trait `multilabel`."""

from collections.abc import Iterator

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.errors import RecipeError, TrainingError, option
from handful.parts.traits import Folder, has_trait

RECIPES = ("logistic", "ridge", "knn", "nearest-centroid", "fine-tuned", "classification-wrn")


def check_kind(recipe: Recipe, data: Dataset) -> None:
    """Refuse a recipe with a part that does not fit the kind of the data, before anything is trained.

    Raises:
        RecipeError: names the part, and parts or recipes that fit.
        TrainingError: a class that no training image is known to lack, where unknown entries are left out of the loss.
    """
    unfit = next(_unfit(recipe, data.kind == "multilabel"), None)
    if unfit is not None:
        folder, part = unfit
        optional = "leave it out, or " if folder in ("prepare", "posthoc") else ""
        if data.kind == "multilabel":
            raise RecipeError(
                f"{folder}/{part.name} needs one label per image, and these images have several each",
                where=recipe.name,
                remedy=f"{optional}take one of the recipes {', '.join(RECIPES)}.",
            )
        raise RecipeError(
            f"{folder}/{part.name} is for images with several labels, and these have one each",
            where=recipe.name,
            remedy="leave it out.",
        )
    if data.kind == "multilabel":
        _refuse_never_absent(recipe, data)


def unfit_part(recipe: Recipe, data: Dataset) -> str | None:
    """The first part of a recipe that does not fit the kind of the data, as "losses/ldam"; None: all fit."""
    unfit = next(_unfit(recipe, data.kind == "multilabel"), None)
    return None if unfit is None else f"{unfit[0]}/{unfit[1].name}"


_TRAITS: dict[Folder, tuple[str, ...]] = {
    "prepare": (),
    "labels": ("multilabel",),
    "hierarchies": (),
    "heads": ("multilabel",),
    "losses": ("multilabel",),
    "posthoc": ("multilabel", "needs_multilabel"),
}


def _unfit(recipe: Recipe, several: bool) -> Iterator[tuple[Folder, Part]]:
    """The parts that do not fit data with several labels per image, or one."""
    parts: list[tuple[Folder, Part]] = [("prepare", part) for part in recipe.prepare]
    parts.append(("labels", recipe.labels))
    if recipe.hierarchy is not None:
        parts.append(("hierarchies", recipe.hierarchy))
    parts.append(("heads", recipe.head))
    parts += [("losses", part) for stage in recipe.stages for part in stage.losses]
    parts += [("posthoc", part) for part in recipe.posthoc]
    for folder, part in parts:
        if several and not ("multilabel" in _TRAITS[folder] and has_trait(folder, part, "multilabel")):
            yield folder, part
        if not several and folder == "posthoc" and has_trait(folder, part, "needs_multilabel"):
            yield folder, part


def _refuse_never_absent(recipe: Recipe, data: Dataset) -> None:
    """Refuse a class of which no absent entry is known; a loss that takes unknown entries for absent needs none."""
    losses = [part for stage in recipe.stages for part in stage.losses]
    if losses and all(part.options.get("unknown", "mask") != "mask" for part in losses):
        return
    for name, present, absent in zip(data.classes, data.counts, data.absents, strict=True):
        if present and not absent:
            raise TrainingError(
                "no training image is known not to show it, so nothing tells what it looks like without",
                where=f"class {name!r}",
                remedy="say of some images that they do not show it, or read what is not listed as absent "
                f"({option('unlisted', 'absent')}).",
            )
