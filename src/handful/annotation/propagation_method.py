"""How masks are propagated: by matching or by a segmenter, of which recipe, and the options that each has a use for."""

from pathlib import Path
from typing import Literal

from handful.core.recipe import Part, Recipe
from handful.errors import RecipeError, option
from handful.parts.prepare import match_masks
from handful.parts.prepare.propagate_masks import MaskRules
from handful.parts.traits import has_trait

Method = Literal["train", "match"]


def explains_classifier(source: str | None) -> bool:
    """Whether the first masks explain a classifier, of the recipe, that is trained on all labels."""
    return _has(source, "explains_classifier")


def covers_all(source: str | None) -> bool:
    """Whether the first masks are of nearly all images, so that few are left to propagate to."""
    return _has(source, "covers_all")


def default_recipe(source: str | None, backbone: str | None = None) -> str:
    """The recipe where none is named: of the classifier that is explained, or of the segmenter."""
    return "cvs" if backbone is not None or explains_classifier(source) else "cvs-wrn"


def _has(source: str | None, trait: str) -> bool:
    return source is not None and has_trait("prepare", Part(source), trait)


def choose_method(recipe: Recipe | None, source: str | None, model: Path | None, rules: MaskRules | None) -> Method:
    """Match, unless the first masks are to be made too, or something is given that only a segmenter has a use for."""
    train = (recipe is not None or source is not None) and not covers_all(source)
    train = train or any(_segmenter_options(model, rules).values())
    return "train" if train else "match"


def _segmenter_options(model: Path | None, rules: MaskRules | None) -> dict[str, bool]:
    """Which options of a segmenter are given."""
    return {
        "model": model is not None,
        "restrict": rules is not None and rules.restrict != "any",
        "confidence": rules is not None and rules.confidence > 0,
    }


def refuse_unused(
    method: Method, *, model: Path | None, rules: MaskRules | None, cells: match_masks.Cells = "auto"
) -> None:
    """Refuse options of a segmenter where none is used, and of matching where a segmenter is.

    Raises:
        RecipeError: names the option.
    """
    if method == "train" and cells != "auto":
        raise RecipeError(
            "this option is for matching, and a segmentation model is used",
            where=option("cells", None),
            remedy=f"leave it out, or set {option('method', 'match')}.",
        )
    for name, is_used in _segmenter_options(model, rules).items():
        if method == "match" and is_used and name != "confidence":
            raise RecipeError(
                "this option is for a segmentation model, and matching uses none",
                where=option(name, None),
                remedy=f"leave it out, or leave out {option('method', 'match')}.",
            )
