from dataclasses import replace

import numpy as np
import pytest
import torch

from handful.core.context import Context
from handful.core.hierarchy import Hierarchy
from handful.core.recipe import Part
from handful.core.tensors import LabelEmbedding
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.posthoc.loki import groups_above, of_hierarchy, of_labels, scaled, with_groups
from handful.recipes.load import from_toml
from handful.recipes.write import to_toml
from handful.training.train import train
from tests.support.classifiers import untrained
from tests.support.datasets import context, recipe, squares

# blue and green are near each other, red is far from both
VECTORS = torch.tensor([[1.0, 0.0], [0.9, 0.3], [-1.0, 0.1]])
TREE = Hierarchy((3, 3, 4, 4, -1), ("blue", "green", "red", "cold", "all"))


def applied(given: Context, **options: object) -> tuple[np.ndarray, np.ndarray]:
    before, data = untrained("linear"), squares(3, seed=3)
    after = registry.build("posthoc", Part("loki", options), given)((before,), data)
    return before.probabilities(data), after.probabilities(data)


def test_the_class_is_the_frechet_mean_as_a_loop_finds_it() -> None:
    labels = LabelEmbedding(VECTORS, "cosine")
    p, found = applied(replace(context("linear"), labels=labels))
    unit = (VECTORS / VECTORS.norm(dim=1, keepdim=True)).numpy()
    mean = np.mean([((unit[i] - unit[j]) ** 2).sum() for i in range(3) for j in range(3) if i != j])
    for row, own in zip(p, found, strict=True):
        cost = [sum(row[i] * ((unit[y] - unit[i]) ** 2).sum() for i in range(3)) / mean for y in range(3)]
        assert own.argmax() == int(np.argmin(cost))
        wanted = np.exp(-np.array(cost) / 0.1)
        np.testing.assert_allclose(own, wanted / wanted.sum(), rtol=1e-3)


def test_a_near_class_wins_over_a_far_one_that_is_a_little_more_probable() -> None:
    squared = scaled(of_labels(LabelEmbedding(VECTORS, "cosine")))
    p = torch.tensor([[0.3, 0.3, 0.4]])
    assert int(p.argmax()) == 2
    assert int((p @ squared).argmin()) in (0, 1)


def test_one_hot_labels_change_no_prediction() -> None:
    p, found = applied(context("linear"))
    np.testing.assert_array_equal(found.argmax(axis=1), p.argmax(axis=1))


def test_distances_in_a_tree_are_its_edges() -> None:
    edges = np.array([[0, 2, 3], [2, 0, 3], [3, 3, 0]])
    np.testing.assert_array_equal(of_hierarchy(TREE).numpy(), edges**2)


def test_the_tree_of_the_recipe_is_used() -> None:
    overrides = ("hierarchy={name='nested_yaml',path='tree.yaml'}",)
    with pytest.raises(RecipeError, match="needs a tree of the classes"):
        applied(context("linear"), metric="hierarchy")
    given = replace(context("linear"), recipe=recipe("linear", *overrides), hierarchy=TREE)
    p, found = applied(given, metric="hierarchy")
    squared = scaled(of_hierarchy(TREE)).numpy()
    np.testing.assert_array_equal(found.argmax(axis=1), (p @ squared).argmin(axis=1))


def test_it_trains_from_a_recipe_with_a_tree(tmp_path_factory: pytest.TempPathFactory) -> None:
    tree = tmp_path_factory.mktemp("tree") / "tree.yaml"
    tree.write_text("all: {cold: [blue, green], warm: [red]}\n")
    overrides = (f"hierarchy={{name='nested_yaml',path='{tree}'}}", "posthoc=[{name='loki',metric='hierarchy'}]")
    wanted = recipe("linear", *overrides, "steps=2")
    assert from_toml(to_toml(wanted), where="again").posthoc == wanted.posthoc
    found = train(wanted, squares(), seed=0, progress=False).probabilities(squares(2, seed=1))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_groups_are_predicted_as_a_loop_over_the_paths_finds_them() -> None:
    before, data = untrained("linear"), squares(3, seed=3)
    # teal was never trained on; "sea" has it alone, "cold" lies above blue, green and "sea"
    tree = Hierarchy((5, 5, 6, 7, -1, 4, 4, 5), ("blue", "green", "red", "teal", "all", "cold", "warm", "sea"))
    after = with_groups(before, tree)
    assert after.classes == ("blue", "green", "red", "cold", "warm")
    assert after.counts.tolist() == [*before.counts, 0, 0]
    assert before.classes == ("blue", "green", "red")
    nodes = [0, 1, 2, 5, 6]
    for row, found in zip(before.probabilities(data), after.probabilities(data), strict=True):
        cost = [sum(row[i] * _edges(tree, i, node) ** 2 for i in range(3)) for node in nodes]
        assert found.argmax() == int(np.argmin(cost))
        assert found.sum() == pytest.approx(1, abs=1e-5)


def _edges(tree: Hierarchy, a: int, b: int) -> int:
    above = tree.path(a)
    meeting = next(node for node in tree.path(b) if node in above)
    return above.index(meeting) + tree.path(b).index(meeting)


@pytest.mark.parametrize("seed", range(20))
def test_an_untrained_leaf_is_farther_than_its_group_from_every_trained_class(seed: int) -> None:
    rng = np.random.default_rng(seed)
    leaves, groups = 12, 5
    parents = [*range(leaves, leaves + groups), *rng.integers(leaves, leaves + groups, leaves - groups)]
    parents += [-1, *(leaves + int(rng.integers(0, i)) for i in range(1, groups))]
    tree = Hierarchy(tuple(map(int, parents)), tuple(f"node {i}" for i in range(leaves + groups)))
    for leaf in range(8, leaves):
        for trained in range(8):
            assert _edges(tree, trained, leaf) == _edges(tree, trained, tree.parents[leaf]) + 1


def test_only_groups_above_trained_classes_count() -> None:
    tree = Hierarchy((4, 4, 5, 5, 6, 6, -1), ("a", "b", "c", "d", "ab", "cd", "all"))
    assert groups_above(tree, 4) == (4, 5)
    assert groups_above(tree, 2) == (4,)


@pytest.mark.parametrize("options", [{"metric": "euclid"}, {"temperature": 0.0}])
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match="invalid option value"):
        applied(context("linear"), **options)
