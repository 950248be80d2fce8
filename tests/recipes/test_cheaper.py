from dataclasses import replace

import pytest

from handful.recipes.cheaper import OF_BACKBONE, OF_RECIPE, OTHERWISE, cheaper_than
from handful.recipes.load import load_recipe
from handful.recipes.read import recipe_names


def test_fine_tuning_all_layers_is_compared_with_fine_tuning_the_last_ones() -> None:
    text = cheaper_than(load_recipe("fine-tuned")) or ""
    assert text.startswith("Cheaper: partial-fine-tuning, ")
    assert load_recipe("partial-fine-tuning").about["expected"] in text


def test_another_pretrained_network_has_a_fitted_head_with_the_scores_of_both_if_they_were_measured() -> None:
    own = replace(load_recipe("partial-fine-tuning"), about={"expected": "60.0; logistic on the same: 70.0"})
    text = cheaper_than(own) or ""
    assert text.startswith("Cheaper: logistic, seconds a run")
    assert text.endswith("Accuracy of partial-fine-tuning: 60.0; logistic on the same: 70.0.")
    assert "Accuracy" not in (cheaper_than(load_recipe("cvs")) or "")


def test_a_network_from_random_weights_is_not_sent_to_pretrained_ones() -> None:
    text = cheaper_than(load_recipe("classification-wrn")) or ""
    assert text.startswith("Cheaper: logistic-hog, ")
    assert "Accuracy" not in text


@pytest.mark.parametrize("name", sorted({OTHERWISE, *OF_RECIPE.values(), *OF_BACKBONE.values()}))
def test_cheaper_recipes_exist_and_state_their_time(name: str) -> None:
    assert name in recipe_names()
    assert load_recipe(name).about["time"]


def test_the_cheapest_has_no_cheaper_one() -> None:
    assert cheaper_than(load_recipe("logistic")) is None
