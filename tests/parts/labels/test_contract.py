"""What every kind of labels in the folder keeps to. A new file is tested from its first run."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from handful.core.context import Context
from handful.core.recipe import Part
from handful.core.tensors import LabelEmbedding
from handful.errors import RecipeError
from handful.parts import registry
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.parts.labels.required_options import NEEDS
from tests.support.datasets import CLASSES, context, recipe, squares

VARIANTS: list[tuple[str, Mapping[str, Any]]] = [(name, {}) for name in registry.names("labels")] + [
    ("one_hot", {"similarity": "cosine", "temperature": 0.05, "learn_temperature": True}),
    ("word_embeddings", {"temperature": 0.1}),
    ("word_embeddings", {"similarity": "dot", "learn_temperature": True}),
    ("random_embeddings", {"low": -1.0, "size": 7, "learn_temperature": True}),
]
every = pytest.mark.parametrize(("name", "options"), VARIANTS, ids=lambda v: str(v))


def part(name: str, options: Mapping[str, Any], folder: Path) -> Part:
    return Part(name, {**(NEEDS[name](folder) if name in NEEDS else {}), **options})


def make(name: str, options: Mapping[str, Any], folder: Path, given: Context | None = None) -> LabelEmbedding:
    found = registry.build("labels", part(name, options, folder), given or context())
    assert isinstance(found, LabelEmbedding)
    return found


@every
def test_one_finite_vector_per_class_and_no_two_alike(name: str, options: Mapping[str, Any], tmp_path: Path) -> None:
    vectors = make(name, options, tmp_path).vectors
    assert vectors.shape[0] == len(CLASSES)
    assert vectors.dtype == torch.float32
    assert vectors.isfinite().all()
    assert len(set(map(tuple, vectors.tolist()))) == len(CLASSES)
    assert (vectors.norm(dim=1) > 0).all()


@every
def test_a_class_is_its_own_nearest(name: str, options: Mapping[str, Any], tmp_path: Path) -> None:
    labels = make(name, options, tmp_path)
    unit = torch.nn.functional.normalize(labels.vectors, dim=1)
    assert (replace(labels, vectors=unit).logits(unit).argmax(dim=1) == torch.arange(len(CLASSES))).all()


@every
def test_the_same_twice_and_the_random_state_is_left_alone(
    name: str, options: Mapping[str, Any], tmp_path: Path
) -> None:
    before = torch.get_rng_state()
    first, second = make(name, options, tmp_path), make(name, options, tmp_path)
    assert torch.equal(first.vectors, second.vectors)
    assert torch.equal(torch.get_rng_state(), before)


@every
def test_trained_saved_and_loaded_it_predicts_the_same(name: str, options: Mapping[str, Any], tmp_path: Path) -> None:
    plan = replace(recipe("linear", "steps=2"), labels=part(name, options, tmp_path))
    classifier = train(plan, squares(), progress=False)
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    assert torch.equal(loaded.labels.vectors, classifier.labels.vectors)
    for key in ("similarity", "temperature", "learn_temperature", "read_as"):
        assert getattr(loaded.labels, key) == getattr(classifier.labels, key)
    np.testing.assert_array_equal(loaded.probabilities(squares(2)), classifier.probabilities(squares(2)))


@pytest.mark.parametrize(
    "name", [n for n in registry.names("labels") if "temperature" in registry.options("labels", n)]
)
@pytest.mark.parametrize(
    "options", [{"temperature": 0.0}, {"temperature": -1.0}, {"temperature": True}, {"similarity": "euclidean"}]
)
def test_a_comparison_that_cannot_be_made_is_refused(name: str, options: Mapping[str, Any], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"temperature must be a number|similarity"):
        make(name, options, tmp_path)
