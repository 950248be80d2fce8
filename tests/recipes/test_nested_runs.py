"""Recipes that a recipe's parts train are checked, with the images they get, before anything is trained."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.comparison.compare import compare
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.data.fingerprint import TRAINED_ON, image_digest, unpack_digests
from handful.errors import ProtocolError, RecipeError, TrainingError
from handful.evaluation.evaluate import Protocol, evaluate, sweep
from handful.parts import registry
from handful.recipes.kinds import check_kind, unfit_reason
from handful.recipes.load import load_recipe
from handful.recipes.nested_runs import nested_runs
from handful.saving.classifier import save_classifier
from handful.training.train import train
from tests.support.datasets import context, recipe, squares

NAMING = [
    (folder, name, option)
    for folder in registry.FOLDERS
    for name in registry.names(folder)
    for option in ("recipe", "recipes")
    if option in registry.options(folder, name)
]
SEGMENTING = {"propagate_masks", "explained_masks"}


@pytest.mark.parametrize(("folder", "name", "option"), NAMING)
def test_a_part_that_names_a_recipe_says_so_in_its_nested_runs(folder: registry.Folder, name: str, option: str) -> None:
    """Another backbone is handed on by these options."""
    assert option in registry.nested_recipe_options(folder, name)


def part(name: str, option: str, inner: str) -> Part:
    return Part(name, {option: (inner,) if option == "recipes" else inner})


def containing(folder: str, inner: Part, base: Recipe | None = None) -> Recipe:
    """A recipe with this part."""
    base = recipe("linear") if base is None else base
    if folder == "losses":
        return replace(base, stages=(replace(base.stages[0], losses=(inner,)),))
    return replace(base, **{"hierarchy": inner} if folder == "hierarchies" else {folder: (inner,)})


def weighted(data: Dataset) -> Dataset:
    return replace(data, samples=(replace(data.samples[0], weight=2.0), *data.samples[1:]))


def with_unlabelled(data: Dataset) -> Dataset:
    pile = squares(1, seed=7, masks=False).without_labels().samples
    return replace(data, samples=(*data.samples, *pile))


def voted(data: Dataset) -> Dataset:
    votes = np.array([0.6, 0.4, 0.0], dtype=np.float32)
    return replace(data, samples=(replace(data.samples[0], probabilities=votes), *data.samples[1:]))


def test_every_part_that_trains_a_recipe_says_which() -> None:
    """The parts of `posthoc/_folds` train the recipe itself, which is checked as it is."""
    assert {name for _, name, _ in NAMING} >= {"pseudo_label", "propagate_masks", "distillation", "classifier_weights"}
    for folder, name, option in NAMING:
        module = registry.part_module(folder, name)
        assert option in inspect.signature(module.nested_runs).parameters, f"{folder}/{name}"
    for folder in registry.FOLDERS:
        for name in registry.names(folder):
            module = registry.part_module(folder, name)
            trains = any(word in inspect.getsource(module) for word in ("context.train(", "context.fit("))
            assert not trains or hasattr(module, "nested_runs"), f"{folder}/{name} trains a recipe"


@pytest.mark.parametrize(("folder", "name", "option"), NAMING)
def test_a_recipe_that_a_part_names_is_checked_against_the_data(
    folder: registry.Folder, name: str, option: str, tmp_path: Path
) -> None:
    """k-NN does not weigh images, and a loss for several labels per image is out of place in a segmenter."""
    inner = "knn"
    if name in SEGMENTING:
        inner = str(tmp_path / "segmenter.toml")
        losses = '{ name = "pixel_cross_entropy" }, { name = "positive_unlabelled" }'
        text = f'extends = "cvs-wrn"\n[search]\n[[stages]]\nlosses = [{losses}]\n'
        Path(inner).write_text(text, encoding="utf-8")
    data = with_unlabelled(weighted(squares(2, masks=name == "propagate_masks")))
    plan = containing(folder, part(name, option, inner))
    with pytest.raises((RecipeError, TrainingError)) as caught:
        check_kind(plan, data)
    assert caught.value.where == f"{load_recipe(inner).name}, which {folder}/{name} of {plan.name} trains"
    assert (
        "positive_unlabelled is for images with several labels"
        if name in SEGMENTING
        else "head 'knn' does not weigh samples"
    ) in str(caught.value)
    assert caught.value.remedy
    assert unfit_reason(plan, data) is not None
    fitting = containing(folder, part(name, option, "cvs-wrn" if name in SEGMENTING else "logistic"))
    check_kind(fitting, data)
    assert unfit_reason(fitting, data) is None
    with pytest.raises(RecipeError, match="did you mean"):
        check_kind(containing(folder, part(name, option, "logistik")), data)


@pytest.mark.parametrize("name", ["propagate_masks", "explained_masks"])
def test_what_a_part_makes_of_the_own_recipe_is_checked(name: str) -> None:
    """A fitted head has no stages: nothing can be made of it that scores pixels."""
    with pytest.raises(RecipeError, match=r"needs a stage|does not segment"):
        check_kind(containing("prepare", Part(name), load_recipe("logistic")), squares(2, masks=False))
    fitting = containing("prepare", Part(name), recipe("segmentation"))
    check_kind(fitting, squares(2, masks=False))


def test_a_teacher_is_checked_where_there_are_images_for_it() -> None:
    """Without unlabelled images nothing is trained, so what the teacher is does not matter."""
    plan, data = containing("prepare", Part("pseudo_label")), voted(squares(2, masks=False))
    check_kind(plan, data)
    with pytest.raises(RecipeError, match="heads/pseudo_labels needs one label per image, and 1 image has class prob"):
        check_kind(plan, with_unlabelled(data))
    cleaning = containing("prepare", part("clean_labels", "recipe", "knn"))
    check_kind(cleaning, voted(squares(1, masks=False)))
    with pytest.raises(RecipeError, match="heads/knn needs one label per image"):
        check_kind(cleaning, data)


def test_recipes_that_named_ones_name_are_checked_too(tmp_path: Path) -> None:
    middle = tmp_path / "middle.toml"
    text = 'extends = "fine-tuned"\n[[stages]]\nlosses = [{ name = "distillation", recipe = "knn" }]\n'
    middle.write_text(text, encoding="utf-8")
    plan = containing("posthoc", part("ensemble", "recipes", str(middle)))
    check_kind(plan, squares(2))
    with pytest.raises(TrainingError, match="does not weigh samples") as caught:
        check_kind(plan, weighted(squares(2)))
    name = load_recipe(middle).name
    first = f"{name}, which posthoc/ensemble of {plan.name} trains"
    assert caught.value.where == f"knn, which losses/distillation of {name} trains"
    assert [nested.name for nested, _ in nested_runs(plan, squares(2))] == [first, caught.value.where]


@pytest.mark.parametrize("text", ['[[posthoc]]\nname = "ensemble"\nrecipes = ["{}"]\n', "{}"], ids=["ensemble", "loss"])
def test_a_recipe_that_leads_back_to_itself_is_refused(text: str, tmp_path: Path) -> None:
    files = [tmp_path / "one.toml", tmp_path / "two.toml"]
    for own, other in zip(files, reversed(files), strict=True):
        if text == "{}":
            body = f'extends = "fine-tuned"\n[[stages]]\nlosses = [{{ name = "distillation", recipe = "{other}" }}]\n'
        else:
            body = 'extends = "logistic"\n' + text.format(other)
        own.write_text(body, encoding="utf-8")
    with pytest.raises(RecipeError, match="would train itself, without end"):
        train(load_recipe(files[0]), squares(2), progress=False)


@pytest.mark.parametrize(
    "start",
    [
        lambda plans, data, protocol, folder: evaluate(plans[1], data, protocol=protocol, log=folder / "log.jsonl"),
        lambda plans, data, protocol, folder: sweep(
            plans, data, protocol=protocol, per_class=(1,), log=folder / "log.jsonl"
        ),
        lambda plans, data, protocol, folder: compare(
            plans, data, folder=folder, per_class=(1,), protocol=protocol, trials=1
        ),
    ],
    ids=["evaluate", "sweep", "compare"],
)
def test_nothing_is_trained_if_a_teacher_does_not_fit(start: Callable[..., object], tmp_path: Path) -> None:
    """The unlabelled images are those that a draw leaves: the data have none before."""
    data = voted(squares(4, masks=False))
    plans = [load_recipe("logistic-pixels"), containing("prepare", Part("pseudo_label"))]
    protocol = Protocol(draws=(0,), per_class=1, unlabelled="rest")
    with pytest.raises(RecipeError, match="heads/pseudo_labels needs one label per image") as caught:
        start(plans, data, protocol, tmp_path / "out")
    assert caught.value.where == f"pseudo-labels, which prepare/pseudo_label of {plans[1].name} trains"
    assert not list(tmp_path.rglob("*"))


def test_unlabelled_images_that_a_protocol_leaves_out_ask_for_no_teacher() -> None:
    data = voted(with_unlabelled(squares(4, masks=False)))
    plan = containing("prepare", Part("pseudo_label"), recipe("linear", "steps=1"))
    result = evaluate(plan, data, protocol=Protocol(draws=(0,), per_class=1), device="cpu", progress=False)
    assert len(result.runs) == 1


def test_a_model_that_a_nested_recipe_loads_is_refused_on_its_training_images(tmp_path: Path) -> None:
    data, others = squares(4), squares(4, seed=1)
    save_classifier(train(recipe("linear", "steps=1"), data, device="cpu", progress=False), tmp_path / "teacher")
    loss = f'[[stages]]\nlosses = [{{ name = "distillation", teacher = "{tmp_path / "teacher"}" }}]\n'
    (tmp_path / "member.toml").write_text(f'extends = "fine-tuned"\n{loss}', encoding="utf-8")
    plan = containing("posthoc", part("ensemble", "recipes", str(tmp_path / "member.toml")))
    with pytest.raises(ProtocolError, match="12 of the 12 scored images were training images of this model"):
        evaluate(plan, data, protocol=Protocol(draws=(0,), folds=2), progress=False)
    small = 'extends = "classification-wrn"\nimage_size = [12, 12]\nbackbone.depth = 10\nbackbone.width = 1\n[search]\n'
    small = f"{small}{loss}steps = 1\n"
    (tmp_path / "member.toml").write_text(small, encoding="utf-8")
    plan = containing(
        "posthoc", part("ensemble", "recipes", str(tmp_path / "member.toml")), recipe("linear", "steps=1")
    )
    model = train(plan, others, device="cpu", progress=False)
    assert unpack_digests(model.card[TRAINED_ON]) == {image_digest(s) for s in (*data.samples, *others.samples)}


def test_a_context_without_recipes_says_so() -> None:
    alone = replace(context("linear"), named=None)
    with pytest.raises(TrainingError, match="recipes cannot be loaded here"):
        registry.nested_runs("posthoc", part("ensemble", "recipes", "knn"), alone, squares(2))
