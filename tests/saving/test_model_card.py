"""The text of a card: what it says of cross-validation, of masks and of groups."""

from dataclasses import replace
from typing import Any

import pytest

from handful.core.recipe import Part
from handful.reports.card_scores import card_scores
from handful.saving.model_card import data_facts, to_markdown
from tests.data.noise_images import noise_dataset
from tests.support.datasets import recipe
from tests.support.results import result, run


def card_of(kind: str = "linear", **entries: Any) -> str:
    text = to_markdown(entries, recipe(kind), classes=("a", "b"), counts=(9, 9), size=(8, 8))
    return " ".join(text.split())


def test_one_repeat_of_cross_validation_names_all_images_and_no_worst_draw() -> None:
    folds = result("r", run([0, 1], [0, 1], fold=0), run([0, 1], [0, 0], fold=1, first=2))
    text = card_of(**card_scores(folds))
    assert "by cross-validation: each of 4 images was scored by a model that had not learned from it (2 folds" in text
    assert "worst draw" not in text
    assert "Measured on the folds above" in text


def test_draws_have_a_worst_one() -> None:
    text = card_of(**card_scores(result("r", run([0, 1], [0, 1]), run([0, 1], [0, 0], draw=1))))
    assert "Of this recipe on 2 draws of the training images" in text
    assert "worst draw" in text


def test_the_scores_of_an_older_card_are_still_told() -> None:
    entries = card_scores(result("r", run([0, 1], [0, 1])))
    del entries["scores"]["folds"], entries["scores"]["images"]
    assert "Of this recipe on 1 draw of the training images" in card_of(**entries)


@pytest.mark.parametrize(("kind", "said"), [("linear", False), ("segmentation", True)])
def test_masks_are_counted_where_the_recipe_learns_from_them(kind: str, said: bool) -> None:
    facts = {"fingerprint": "f", "images": 18, "masks": 5, "groups": 0}
    assert ("5 of 18 have a mask" in card_of(kind, data=facts)) is said


def test_groups_are_explained() -> None:
    facts = data_facts(noise_dataset([0, 0, 1, 1, 0], groups=["a", "a", "b", "b", None]))
    text = card_of(data=facts)
    assert "4 of the images are in 2 groups of images that belong together" in text
    del facts["grouped"]
    assert "2 groups of images that belong together" in card_of(data=facts)


def test_the_name_of_the_recipe_is_the_title() -> None:
    named = replace(recipe("linear"), name="mine")
    assert to_markdown({}, named, classes=("a",), counts=(9,), size=(8, 8)).startswith("# mine: 1 classes")


def test_what_the_network_was_pretrained_on_is_in_short() -> None:
    lite = replace(recipe("linear"), backbone=Part("efficientnet_lite0"))
    text = to_markdown({}, lite, classes=("a", "b"), counts=(9, 9), size=(8, 8))
    assert "(efficientnet_lite0) was pretrained on ImageNet-1k" in text.partition("What follows")[0]
    assert "pretrained on" not in card_of()


def test_classes_that_are_numbers_are_called_classes() -> None:
    scores = card_scores(result("r", run([0, 1, 1, 1], [0, 1, 0, 1])))
    scores["failures"]["confusions"][0].update(label="2", predicted="4")
    assert "of the images of class 2 are taken for class 4." in card_of(**scores)
