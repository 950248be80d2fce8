from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.core.tensors import LabelEmbedding
from handful.errors import ModelError, RecipeError, TrainingError
from handful.parts.heads.linear import Linear
from handful.parts.hierarchies.classifier_weights import build, class_rows, plain_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import CLASSES, context, recipe, squares


def with_tree(**options: object) -> Recipe:
    own = recipe("linear", "steps=3")
    stage = replace(own.stages[0], losses=(Part("cross_entropy"), Part("tree_supervision", weight=0.5)))
    return replace(own, stages=(stage,), hierarchy=Part("classifier_weights", options))


def given(plan: Recipe) -> tuple[Context, list[tuple[Recipe, Dataset, int]]]:
    """A context that trains, and what it was asked to."""
    asked: list[tuple[Recipe, Dataset, int]] = []

    def fit(plan: Recipe, data: Dataset, seed: int) -> object:
        asked.append((plan, data, seed))
        return train(plan, data, seed=seed, progress=False)

    return replace(context("linear", seed=7), recipe=plan, data=squares(2), fit=fit, load=load_classifier), asked


def test_trains_the_plain_recipe_on_the_training_split_and_clusters_its_rows() -> None:
    own, asked = given(with_tree())
    found = build(own)
    ((plan, data, seed),) = asked
    assert data is own.data
    assert seed == 7
    assert plan.hierarchy is None
    assert plan.stages[0].losses == (Part("cross_entropy"),)
    rows = class_rows(train(plan, data, seed=seed, progress=False), CLASSES)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    apart = {(a, b): float(np.linalg.norm(rows[a] - rows[b])) for a in range(3) for b in range(a)}
    first = min(apart, key=lambda pair: apart[pair])
    assert [i for i in range(3) if found.parents[i] == 3] == sorted(first)


def test_a_recipe_with_such_a_tree_trains_saves_and_loads_without_it(tmp_path: Path) -> None:
    data = squares(2)
    classifier = train(with_tree(), data, progress=False)
    save_classifier(classifier, tmp_path / "model")
    loaded = load_classifier(tmp_path / "model")
    np.testing.assert_array_equal(loaded.probabilities(data), classifier.probabilities(data))
    again = train(with_tree(model=str(tmp_path / "model")), data, progress=False)
    assert np.isfinite(again.probabilities(data)).all()


def test_rows_are_those_that_give_the_logits() -> None:
    classifier = train(recipe("linear", "steps=2"), squares(2), progress=False)
    features = next(iter(classifier.outputs(squares(1)))).features
    logits = next(iter(classifier.outputs(squares(1)))).logits
    rows = torch.from_numpy(class_rows(classifier, CLASSES))
    head = classifier.network.head
    assert isinstance(head, Linear)
    bias = head.linear.bias
    torch.testing.assert_close(features @ rows.T + bias, logits)
    turned = class_rows(classifier, ("red", "blue", "green"))
    np.testing.assert_array_equal(turned, rows.numpy()[[2, 0, 1]])
    scaled = replace(classifier, labels=LabelEmbedding(2 * torch.eye(3)))
    np.testing.assert_array_equal(class_rows(scaled, CLASSES), 2 * rows.numpy())


def test_models_that_cannot_serve_are_refused(tmp_path: Path) -> None:
    classifier = train(recipe("linear", "steps=1"), squares(2), progress=False)
    with pytest.raises(ModelError, match=r"other classes: 'pink', 'red'"):
        class_rows(classifier, ("blue", "green", "pink"))
    segmenter = train(recipe("segmentation", "steps=1"), squares(2), progress=False)
    with pytest.raises(ModelError, match="no linear layer"):
        class_rows(segmenter, CLASSES)
    with pytest.raises(TrainingError, match="training is not possible here"):
        build(context("linear"))
    with pytest.raises(TrainingError, match="cannot be loaded here"):
        build(context("linear"), model=str(tmp_path))
    own, _ = given(with_tree())
    with pytest.raises(ValueError, match="not both"):
        build(own, model="a", recipe="b")
    with pytest.raises(RecipeError, match="has a hierarchy itself"):
        plain_recipe(replace(own, named=lambda name: with_tree()), "tree")
    assert plain_recipe(replace(own, named=lambda name: recipe()), "plain") == recipe()
