"""What every hierarchy in the folder keeps to. A new file is tested from its first run."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.hierarchy import Hierarchy
from handful.core.recipe import Part, Recipe
from handful.errors import HandfulError
from handful.parts import registry
from handful.training.train import train
from tests.parts.hierarchies.wordnet_files import write_wordnet
from tests.support.datasets import context, squares

CLASSES = ("bus", "cat", "dog", "poodle")
Prepare = Callable[[Path], Mapping[str, Any]]


def _own_vectors(folder: Path) -> Mapping[str, Any]:
    (folder / "v.csv").write_text("bus,9,0\ncat,1,3\ndog,1,5\npoodle,1,6\n")
    return {"source": "vectors", "path": str(folder / "v.csv")}


def _yaml(folder: Path) -> Mapping[str, Any]:
    (folder / "t.yaml").write_text("- bus\n- animal: [cat, {dogs: [dog, poodle]}]\n")
    return {"path": str(folder / "t.yaml")}


def _wordnet(folder: Path) -> Mapping[str, Any]:
    write_wordnet(folder)
    return {"path": str(folder)}


NEEDS: dict[str, Prepare] = {"embeddings": _own_vectors, "nested_yaml": _yaml, "wordnet": _wordnet}
EXTRA = {"wordnet": "nltk"}  # packages that a part cannot do without
every = pytest.mark.parametrize("name", registry.names("hierarchies"))


def fit(plan: Recipe, data: Dataset, seed: int) -> object:
    return train(replace(plan, stages=(replace(plan.stages[0], steps=2),)), data, seed=seed, progress=False)


def given(*classes: str) -> Context:
    """Four images of each class; what they show does not matter."""
    samples = [replace(s, id=f"{i}", label=i % len(classes)) for i, s in enumerate(squares(2).samples)]
    return replace(context("linear", classes=classes), data=Dataset(tuple(samples), classes), fit=fit)


def make(name: str, folder: Path, *classes: str) -> Hierarchy:
    if name in EXTRA and importlib.util.find_spec(EXTRA[name]) is None:
        pytest.skip(f"{EXTRA[name]} is not installed")
    options = NEEDS[name](folder) if name in NEEDS else {}
    found = registry.build("hierarchies", Part(name, options), given(*classes))
    assert isinstance(found, Hierarchy)
    return found


@every
def test_the_leaves_are_the_classes_in_their_order(name: str, tmp_path: Path) -> None:
    found = make(name, tmp_path, *CLASSES)
    assert found.leaves == len(CLASSES)
    assert found.names[: len(CLASSES)] == CLASSES
    assert all(len(found.children(i)) > 1 for i in range(found.leaves, len(found.parents)))
    assert len(set(found.names)) == len(found.names)


@every
def test_the_same_twice_and_the_random_state_is_left_alone(name: str, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    assert make(name, tmp_path, *CLASSES) == make(name, tmp_path, *CLASSES)
    assert torch.equal(torch.get_rng_state(), before)


@every
def test_one_class_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(HandfulError, match="two classes"):
        make(name, tmp_path, "cat")


@every
def test_an_unknown_class_is_refused_or_needs_no_knowledge(name: str, tmp_path: Path) -> None:
    if name == "classifier_weights":
        assert make(name, tmp_path, "cat", "xyzzy").leaves == 2
        return
    with pytest.raises(HandfulError, match="xyzzy"):
        make(name, tmp_path, "cat", "xyzzy")
