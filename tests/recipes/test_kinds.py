"""Which recipes fit data with several labels per image."""

from dataclasses import replace

import numpy as np
import pytest

from handful.core.recipe import Part
from handful.errors import RecipeError, TrainingError
from handful.parts import registry
from handful.recipes.kinds import (
    BAG_RECIPES,
    CANDIDATE_RECIPES,
    RECIPES,
    SOFT_LOSSES,
    SOFT_RECIPES,
    check_kind,
    unfit_reason,
)
from handful.recipes.load import load_recipe
from handful.recipes.read import recipe_names
from tests.support.datasets import bags_of_squares, numbered_squares, recipe, several_squares, squares

OTHER_KINDS = {
    "positive-unlabelled": "multilabel",
    "soft-teacher": "multilabel",
    "laso": "multilabel",
    "label-density": "number",
    "conr": "number",
}


@pytest.mark.parametrize(("name", "kind"), OTHER_KINDS.items())
def test_recipes_of_several_labels_and_of_numbers_fit_these_alone(name: str, kind: str) -> None:
    data = {"multiclass": squares(), "multilabel": several_squares(), "number": numbered_squares()}
    for other, images in data.items():
        if other == kind:
            check_kind(load_recipe(name), images)
        else:
            with pytest.raises(RecipeError, match=r"(losses|heads)/\w+ (is for|needs)"):
                check_kind(load_recipe(name), images)


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipes_that_a_remedy_names_fit(name: str) -> None:
    check_kind(load_recipe(name), several_squares())


def test_every_recipe_fits_or_is_refused_with_those_that_fit() -> None:
    fitting, remedies = [], []
    for name in set(recipe_names()) - set(BAG_RECIPES) - set(OTHER_KINDS):
        check_kind(load_recipe(name), squares())
        try:
            check_kind(load_recipe(name), several_squares())
            fitting.append(name)
        except RecipeError as error:
            remedies.append(error.remedy)
    assert all(known in remedy for known in RECIPES for remedy in remedies)
    assert {"classification", "layer-decay", "logistic-hog"} <= set(fitting)
    assert not {"cvs-matched", "cvs-unknown", "soft-labels", "pseudo-labels", "lda", "ldam-wrn"} & set(fitting)


def test_recipes_fit_class_probabilities_or_are_refused_with_those_that_do() -> None:
    data, weighted = squares(), squares()
    half = np.array([0.5, 0.5, 0], np.float32)
    data = replace(data, samples=(replace(data.samples[0], probabilities=half), *data.samples[1:]))
    weighted = replace(weighted, samples=(replace(data.samples[0], probabilities=None, weight=2.0), *data.samples[1:]))
    fitting, refused = set(), []
    for name in set(recipe_names()) - set(BAG_RECIPES) - set(OTHER_KINDS):
        plan = load_recipe(name)
        try:
            check_kind(plan, data)
            fitting.add(name)
            assert unfit_reason(plan, data) is None
        except RecipeError as error:
            refused.append((str(error), unfit_reason(plan, data)))
        if unfit_reason(plan, weighted) is not None:
            with pytest.raises(TrainingError, match="does not weigh samples"):
                check_kind(plan, weighted)
    assert {*SOFT_RECIPES, "distilled-self-training", "ldam-wrn"} <= fitting
    assert all("1 image has class probabilities" in text for text, _ in refused)
    assert all("cross_entropy" in text or "logistic" in text for text, _ in refused)
    assert all(str(why).endswith("needs one label per image") for _, why in refused)
    assert not {"cvs", "knn", "pseudo-labels", "ldr-kl-wrn"} & fitting


def test_recipes_fit_candidates_or_are_refused_with_those_that_do() -> None:
    data = squares()
    among = replace(data.samples[0], label=None, candidates=np.array([True, True, False]))
    data = replace(data, samples=(among, *data.samples[1:]))
    fitting, refused = set(), []
    for name in set(recipe_names()) - set(BAG_RECIPES) - set(OTHER_KINDS):
        plan = load_recipe(name)
        try:
            check_kind(plan, data)
            fitting.add(name)
            assert unfit_reason(plan, data) is None
        except RecipeError as error:
            refused.append(str(error))
            assert str(unfit_reason(plan, data)).endswith("needs one label per image")
    assert {*CANDIDATE_RECIPES, "soft-labels", "logistic-pixels"} <= fitting
    assert all("1 image has several candidates" in text and "logistic" in text for text in refused)
    assert {"pseudo-labels", "self-training", "fixmatch", "uda", "shrink-match", "distilled-self-training"} <= fitting
    assert not {"cvs", "knn", "elr", "ldam-wrn"} & fitting


def test_images_with_candidates_are_not_mixed() -> None:
    data = squares()
    among = replace(data.samples[0], label=None, candidates=np.array([True, True, False]))
    plan = load_recipe("classification-wrn")
    plan = replace(plan, augment=(*plan.augment, Part("mixup")))
    check_kind(plan, data)
    with pytest.raises(RecipeError, match="augment/mixup needs one label per image"):
        check_kind(plan, replace(data, samples=(among, *data.samples[1:])))


def test_the_recipes_that_an_ensemble_names_are_checked_before_anything_is_trained() -> None:
    data = squares()
    among = replace(data.samples[0], label=None, candidates=np.array([True, True, False]))
    with_candidates = replace(data, samples=(among, *data.samples[1:]))
    joined = replace(load_recipe("logistic"), posthoc=(Part("ensemble", {"recipes": ("ldam-wrn", "logistic")}),))
    check_kind(joined, data)
    with pytest.raises(RecipeError, match="losses/ldam needs one label per image") as caught:
        check_kind(joined, with_candidates)
    assert caught.value.where == "ldam-wrn, which posthoc/ensemble of logistic trains"
    assert unfit_reason(joined, with_candidates) == "losses/ldam needs one label per image"
    assert unfit_reason(joined, data) is None
    fitting = replace(joined, posthoc=(Part("ensemble", {"recipes": ("logistic", "fine-tuned")}),))
    check_kind(fitting, with_candidates)
    with pytest.raises(RecipeError, match="heads/cosine needs one label per image, and these images have several each"):
        check_kind(joined, several_squares())


def test_the_losses_that_a_remedy_names_learn_class_probabilities() -> None:
    assert set(SOFT_LOSSES) <= set(registry.names_with("losses", "soft_targets"))


def test_recipes_of_bags_fit_bags_alone_and_others_are_refused_with_them() -> None:
    for name in BAG_RECIPES:
        check_kind(load_recipe(name), bags_of_squares())
        with pytest.raises(RecipeError, match=r"for bags of images, and these images have a label each"):
            check_kind(load_recipe(name), squares())
        with pytest.raises(RecipeError, match="needs one label per image, and these images have several each"):
            check_kind(load_recipe(name), several_squares())
    for name in ("logistic", "classification-wrn", "cvs"):
        with pytest.raises(RecipeError, match=r"belong to bags(.*\n)+.*bag-mean, bag-max, bag-attention, bag-contrast"):
            check_kind(load_recipe(name), bags_of_squares())


@pytest.mark.parametrize("part", ["temperature", "out_of_distribution"])
def test_posthoc_parts_for_one_label_are_refused(part: str) -> None:
    tested = replace(recipe("linear"), posthoc=(Part(part),))
    with pytest.raises(RecipeError, match=f"posthoc/{part} needs one label per image"):
        check_kind(tested, several_squares())


def test_thresholds_are_refused_for_one_label_per_image() -> None:
    with pytest.raises(RecipeError, match="for images with several labels, and these have one each"):
        check_kind(replace(recipe("linear"), posthoc=(Part("thresholds"),)), squares())


def test_a_class_that_is_never_known_to_be_absent_is_refused_where_unknown_entries_do_not_count() -> None:
    data = several_squares()
    samples = []
    for sample in data.samples:
        assert sample.target is not None
        samples.append(replace(sample, target=np.where(sample.target == 1, 1, np.nan).astype(np.float32)))
    positives = replace(data, samples=tuple(samples))
    with pytest.raises(TrainingError, match="known not to show it"):
        check_kind(load_recipe("logistic"), positives)
    check_kind(recipe("linear", "stages.0.losses.0.unknown=weak"), positives)
    check_kind(load_recipe("positive-unlabelled"), positives)
    check_kind(load_recipe("soft-teacher"), positives)


def test_what_a_trait_says_of_a_head_is_kept_by_it() -> None:
    for name in registry.names_with("heads", "multilabel"):
        head = Part(name)
        trained = name == "linear" or registry.has_trait("heads", head, "segments")
        assert trained or registry.has_trait("heads", head, "fitted")


@pytest.mark.parametrize("name", ["cvs", "cvs-joint", "cvs-wrn", "multitask"])
def test_segmentation_heads_fit_several_labels(name: str) -> None:
    check_kind(load_recipe(name), several_squares())
    with pytest.raises(RecipeError, match="pixel_dice needs one label per image"):
        check_kind(recipe("segmentation", 'stages.0.losses=[{name="pixel_dice"}]'), several_squares())
