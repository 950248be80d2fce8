from dataclasses import replace

import numpy as np
import pytest

from handful.automl import candidates
from handful.automl.candidates import (
    DESCRIPTIONS,
    Candidate,
    choose_candidates,
    describe,
    describe_name,
    run_order,
    without_scores,
)
from handful.comparison import candidate_rules
from handful.core.dataset import Dataset
from handful.recipes.kinds import unfit_reason
from handful.recipes.load import load_recipe
from tests.support.datasets import squares


def names(*recipes: str) -> list[str]:
    return [c.recipe.name for c in run_order([Candidate(load_recipe(name), False) for name in recipes])]


def test_the_promising_recipe_runs_before_a_weaker_one_on_the_same_features() -> None:
    assert names("nearest-centroid", "logistic", "logistic-pixels") == [
        "logistic",
        "nearest-centroid",
        "logistic-pixels",
    ]


@pytest.mark.parametrize("what", ["votes", "weights", "candidates"])
def test_recipes_that_do_not_fit_what_the_labels_are_are_no_candidates(what: str) -> None:
    data = squares(4)
    values = {
        "votes": {"probabilities": np.array([0.6, 0.3, 0.1], np.float32)},
        "weights": {"weight": 2.0},
        "candidates": {"label": None, "candidates": np.array([True, True, False])},
    }[what]
    changed = replace(data, samples=(*data.samples[:-1], replace(data.samples[0], id="other", **values)))  # type: ignore[arg-type]
    recipes = [c.recipe for c in choose_candidates(changed)]
    assert all(unfit_reason(recipe, changed) is None for recipe in recipes)
    assert {r.name for r in recipes} < {c.recipe.name for c in choose_candidates(data)}


def test_other_orders_stay() -> None:
    assert names("logistic-pixels", "logistic-hog") == ["logistic-pixels", "logistic-hog"]
    assert names("logistic", "nearest-centroid") == ["logistic", "nearest-centroid"]


def test_two_networks_run_after_all_that_one_network_gives_unless_they_were_named() -> None:
    both = Candidate(load_recipe("logistic@lite0+lite2"), False)
    cheap = [Candidate(load_recipe(name), False) for name in ("nearest-centroid", "logistic", "logistic-pixels")]
    assert run_order([cheap[0], both, *cheap[1:]])[-1] is both
    named = replace(both, requested=True)
    assert run_order([cheap[0], named, *cheap[1:]]) == [named, cheap[1], cheap[0], cheap[2]]


def test_without_scores_the_names_are_a_prior_where_they_can_be_else_the_nearest_class_mean() -> None:
    def best(*recipes: str) -> str:
        return without_scores([Candidate(load_recipe(name), False) for name in recipes]).recipe.name

    assert best("nearest-centroid", "logistic", "logistic-names") == "logistic-names"
    assert best("logistic-names", "logistic-names@lite0+lite2") == "logistic-names@lite0+lite2"
    assert best("logistic", "nearest-centroid@resnet18") == "nearest-centroid@resnet18"
    assert best("logistic-pixels", "logistic-hog") == "logistic-pixels"


def chosen(data: Dataset) -> list[Candidate]:
    return [c for c in choose_candidates(data) if not c.trained]


def test_two_networks_and_names_as_a_prior_are_tried_where_they_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = [c.recipe for c in chosen(squares(2))]
    both, prior = "logistic@lite0+lite2", "logistic-names"
    assert {both, prior, f"{prior}@lite0+lite2"} <= {recipe.name for recipe in tried}
    assert all(describe(recipe) != recipe.name for recipe in tried)
    monkeypatch.setattr(candidates, "has_text_encoder", lambda: False)
    assert prior not in {c.recipe.name for c in chosen(squares(2))}
    monkeypatch.setattr(candidate_rules, "SECOND", "a_package_that_is_not_installed")
    assert both not in {c.recipe.name for c in chosen(squares(2))}


def test_names_that_are_no_words_are_no_prior() -> None:
    data = replace(squares(2), classes=("1", "2", "3"))
    assert not [c for c in chosen(data) if "names" in c.recipe.name]


def test_names_are_spread_to_unlabelled_images_where_they_are_words(monkeypatch: pytest.MonkeyPatch) -> None:
    data = squares(4)
    first = tuple(replace(s, label=None) if i < 3 else s for i, s in enumerate(data.samples))
    partly = replace(data, samples=first)
    assert {c.recipe.name for c in chosen(partly) if c.unlabelled} == {"pseudo-labels"}  # too few
    monkeypatch.setattr(candidates, "ENOUGH", 1)
    both = [c for c in chosen(partly) if c.unlabelled]
    assert {c.recipe.name for c in both} == {"pseudo-labels", "pseudo-labels-names"}
    assert without_scores(chosen(partly)).recipe.name == "pseudo-labels-names"
    assert all(describe(c.recipe) != c.recipe.name for c in both)
    assert not [c for c in chosen(data) if c.unlabelled]
    monkeypatch.setattr(candidates, "has_text_encoder", lambda: False)
    assert {c.recipe.name for c in chosen(partly) if c.unlabelled} == {"pseudo-labels"}


def test_a_recipe_on_another_backbone_is_called_after_it() -> None:
    assert describe_name("logistic@lite0+lite2") == "logistic regression on two pretrained networks' features"
    assert describe_name("logistic@resnet18") == "logistic regression on resnet18's features"
    assert describe_name("mine") == "mine"
    assert describe_name("logistic") == DESCRIPTIONS["logistic"]
