"""Leaks from scored images into training: masks and saved models that have seen them.

A mask that a model propagated carries what that model learned from its training images. Where a scored image was among
these, the mask is made again inside the split, or left out. A saved model that a recipe loads is refused if it has
seen one.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from warnings import warn

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.data.fingerprint import image_digest
from handful.data.unlabelled import with_an_unlabelled_sample
from handful.errors import HandfulWarning, ProtocolError
from handful.parts.traits import has_trait, loaded_models, needs_masks, reads_masks
from handful.recipes.nested_runs import nested_runs
from handful.saving.training_images import digests_seen_by

PROPAGATED = "propagated"
RENEWAL = Part("propagate_masks", {"renew": True})


def check_leaks(plans: Sequence[tuple[Recipe, Dataset, Dataset]]) -> None:
    """Refuse saved models that have seen scored images, and splits whose masks cannot be made again.

    Says once that masks are made again, and that a saved model does not know its training images.

    Args:
        plans: recipe, training images and scored images of each run.

    Raises:
        ProtocolError: before anything is trained; names the model, or the masks.
    """
    _check_models(plans)
    renewed: set[str] = set()
    removed: set[str] = set()
    for recipe, train, test in plans:
        readers = _mask_readers(recipe, train, test)
        if not readers:
            continue
        others = _has_other_masks(train)
        needy = None if others else next((reader for reader in readers if needs_masks(reader)), None)
        if needy is not None:
            raise ProtocolError(
                "masks of a training part were propagated by a model that may have seen the scored images, and fewer "
                "than two classes have others to make them again from",
                where=needy.name,
                remedy="give the masks that they come from too, or a test split that the model has not seen.",
            )
        concerned = renewed if others and readers[0] is recipe else removed
        concerned |= {s.id for s in train.samples if s.mask_source == PROPAGATED}
    for images, consequence in (
        (renewed, "each training part makes them again from its other masks"),
        (removed, "training parts leave them out"),
    ):
        if images:
            text = f"the masks of {len(images)} images were propagated by a model that may have seen the scored images"
            warn(f"{text}: {consequence}", HandfulWarning, stacklevel=3)


def without_leaks(recipe: Recipe, train: Dataset, test: Dataset) -> tuple[Recipe, Dataset]:
    """The recipe and the training images of a split, with propagated masks that leak to be made again first.

    Masks leak if the model behind them was trained on a scored image, or if it is unknown what it was trained on. They
    are made again by the recipe's own network with its pixel losses, from the other masks of the split; where there is
    none, or only recipes that its parts train learn from masks, they are removed. A recipe that learns from no mask,
    or propagates masks itself, is left as it is.
    """
    readers = _mask_readers(recipe, train, test)
    if not readers:
        return recipe, train
    if readers[0] is not recipe or not _has_other_masks(train):
        bare = (s.without_mask() if s.mask_source == PROPAGATED else s for s in train.samples)
        return recipe, replace(train, samples=tuple(bare))
    return replace(recipe, prepare=(RENEWAL, *recipe.prepare)), train


def masks_leak(train: Dataset, test: Dataset) -> bool:
    """Whether the model behind propagated training masks may have seen a scored image."""
    if not any(s.mask is not None and s.mask_source == PROPAGATED for s in train.samples):
        return False
    saw = train.segmenter_saw
    return saw is None or any(image_digest(s) in saw for s in test.samples)


def _mask_readers(recipe: Recipe, train: Dataset, test: Dataset) -> tuple[Recipe, ...]:
    """Where masks leak: the recipes of a run that learn from masks as they are, its own ahead of those its parts train.

    A part that propagates masks itself makes its segmenter's again.
    """
    if not masks_leak(train, test):
        return ()
    prepare = tuple(part for part in recipe.prepare if not has_trait("prepare", part, "renews_masks"))
    nested = nested_runs(replace(recipe, prepare=prepare), with_an_unlabelled_sample(train))
    each = (recipe, *(inner for inner, images in nested if any(s.mask_source == PROPAGATED for s in images.samples)))
    return tuple(reader for reader in each if _reads_as_they_are(reader))


def _reads_as_they_are(recipe: Recipe) -> bool:
    return reads_masks(recipe) and not any(has_trait("prepare", part, "renews_masks") for part in recipe.prepare)


def _has_other_masks(train: Dataset) -> bool:
    """Whether a segmenter can be trained: two classes have a mask that is not propagated."""
    others = (s for s in train.samples if s.mask is not None and s.mask_source != PROPAGATED)
    return len({s.label for s in others if s.label is not None}) > 1


def _check_models(plans: Sequence[tuple[Recipe, Dataset, Dataset]]) -> None:
    each = {id(recipe): (recipe, train) for recipe, train, _ in plans}
    loaded = {key: _models_of_run(recipe, train) for key, (recipe, train) in each.items()}
    for place, path in sorted(set[tuple[str, str]]().union(*loaded.values())):
        seen = digests_seen_by(Path(path))
        if seen is None:
            text = (
                f"{place}: {path} does not say which images it was trained on; if it has seen images that are scored "
                "here, the score is too high"
            )
            warn(text, HandfulWarning, stacklevel=4)
            continue
        scored = {s.id: s for recipe, _, test in plans if (place, path) in loaded[id(recipe)] for s in test.samples}
        number = sum(image_digest(s) in seen for s in scored.values())
        if number:
            raise ProtocolError(
                f"{number} of the {len(scored)} scored images were training images of this model",
                where=f"{place}: {path}",
                remedy="use a model that was trained on other images, or score images that it has not seen.",
            )


def _models_of_run(recipe: Recipe, train: Dataset) -> set[tuple[str, str]]:
    """The part and the path of each saved model that a run loads, itself or in a run that its parts start."""
    nested = (inner for inner, _ in nested_runs(recipe, with_an_unlabelled_sample(train)))
    return {found for each in (recipe, *nested) for found in loaded_models(each)}
