"""Losses that need more than an output and a batch, trained as a recipe asks for them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.core.recipe import Part, Recipe
from handful.errors import RecipeError
from handful.recipes.checks import check
from handful.recipes.load import from_toml
from handful.recipes.write import to_toml
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import recipe, squares
from tests.support.resume import stopped_and_resumed

VIPF = (
    Part("positive_class", {"smoothing": 0.1}),
    Part("center", {"centers": "learned"}, weight=0.01),
    Part("tree_supervision", weight=0.5),
)


def vipf(folder: Path) -> Recipe:
    (folder / "tree.yaml").write_text("cold: [blue, green]\nred:\n")
    own = recipe("linear")
    tree = Part("nested_yaml", {"path": str(folder / "tree.yaml")})
    return replace(own, hierarchy=tree, stages=(replace(own.stages[0], losses=VIPF),))


def test_a_recipe_with_a_hierarchy_survives_the_way_to_text(tmp_path: Path) -> None:
    own = vipf(tmp_path)
    assert "[hierarchy]" in to_toml(own)
    assert from_toml(to_toml(own), where="tiny") == own


def test_predicting_needs_neither_the_tree_nor_the_centers(tmp_path: Path) -> None:
    data = squares(2)
    classifier = train(vipf(tmp_path), data, progress=False)
    assert "losses.0.centers" in classifier.network.state_dict()
    save_classifier(classifier, tmp_path / "model")
    (tmp_path / "tree.yaml").unlink()
    loaded = load_classifier(tmp_path / "model")
    np.testing.assert_array_equal(loaded.probabilities(data), classifier.probabilities(data))


def test_centers_go_on_where_a_stopped_run_left_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, data = vipf(tmp_path), squares(2)
    whole = train(own, data, progress=False)
    resumed = stopped_and_resumed(own, data, tmp_path / "run", monkeypatch, at=5)
    for name, value in whole.network.state_dict().items():
        assert value.equal(resumed.network.state_dict()[name]), name


def test_a_tree_loss_without_a_tree_is_refused_before_training() -> None:
    own = recipe("linear")
    with pytest.raises(RecipeError, match=r"(?s)'tree_supervision' needs a hierarchy.*nested_yaml"):
        check(replace(own, stages=(replace(own.stages[0], losses=VIPF),)))
    with pytest.raises(RecipeError, match="did you mean 'nested_yaml'"):
        check(replace(own, hierarchy=Part("nested_yml")))
