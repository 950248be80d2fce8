import math
from typing import Any

import pytest
import torch

from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts.losses.prototypical import build, episode
from tests.parts.losses.examples import MIXED, ONE_HOT, example
from tests.support.datasets import context, recipe


def picked(labels: list[int], *, way: int, shots: int) -> tuple[list[int], list[int], list[int]]:
    """Support and queries of an episode as positions in the batch, and its classes, written as plain loops."""
    classes: list[int] = []
    for label in labels:
        if label >= 0 and label not in classes:
            classes.append(label)
    classes = classes[:way] if way else classes
    support, queries = [], []
    for label in classes:
        own = [i for i, other in enumerate(labels) if other == label]
        size = min(shots, max(1, len(own) - 1))
        support += own[:size]
        queries += own[size:]
    return sorted(support), sorted(queries), sorted(classes)


@pytest.mark.parametrize(("way", "shots"), [(0, 5), (0, 2), (2, 1), (3, 4), (9, 1)])
def test_an_episode_is_the_first_images_of_the_first_classes(way: int, shots: int) -> None:
    for seed in range(5):
        _, batch = example(ONE_HOT, n=17, k=5, seed=seed)
        support, queries, part = episode(batch.targets, way=way, shots=shots)
        found = tuple(mask.nonzero()[:, 0].tolist() for mask in (support, queries, part))
        assert found == picked(batch.labels.tolist(), way=way, shots=shots)


@pytest.mark.parametrize(("way", "shots"), [(0, 5), (0, 1), (2, 2)])
def test_equals_the_papers_equations_by_hand(way: int, shots: int) -> None:
    output, batch = example(ONE_HOT, n=13)
    labels, x = batch.labels.tolist(), output.features.tolist()
    support, queries, classes = picked(labels, way=way, shots=shots)
    means = []
    for label in classes:
        own = [x[i] for i in support if labels[i] == label]
        means.append([sum(column) / len(own) for column in zip(*own, strict=True)])
    expected = [0.0] * 13
    for i in queries:
        apart = [sum((a - b) ** 2 for a, b in zip(x[i], mean, strict=True)) for mean in means]
        expected[i] = apart[classes.index(labels[i])] + math.log(sum(math.exp(-d) for d in apart))
    found = build(context(), way=way, shots=shots)(output, batch)
    assert found.tolist() == pytest.approx([value * 13 / len(queries) for value in expected], rel=1e-4, abs=1e-5)
    assert found.mean().item() == pytest.approx(sum(expected) / len(queries), rel=1e-4)


def test_mixed_images_weigh_in_the_means_by_their_targets() -> None:
    x = torch.tensor([[0.0, 1.0], [4.0, 0.0], [2.0, 2.0]])
    targets = torch.tensor([[0.75, 0.25], [0.0, 1.0], [0.6, 0.4]])
    batch = Batch(torch.rand(3, 3, 1, 1), targets.argmax(dim=1), targets, torch.zeros(3, 1, 1, dtype=torch.long))
    found = build(context())(Output(x, x, x), batch)  # support: the first of class 0 and class 1's only one
    means = [x[0], (0.25 * x[0] + x[1]) / 1.25]
    p = torch.stack([-(x[2] - mean).square().sum() for mean in means]).softmax(dim=0)
    assert found.tolist() == pytest.approx([0, 0, 3 * float(-(targets[2] * p.log()).sum())], rel=1e-5)


def test_support_learns_as_well_as_queries() -> None:
    output, batch = example(MIXED, n=9)
    build(context())(output, batch).sum().backward()  # type: ignore[no-untyped-call]
    assert output.features.grad is not None
    assert (output.features.grad[:-1].abs().sum(dim=1) > 0).all()
    assert not output.features.grad[-1].any()


@pytest.mark.parametrize("options", [{"way": 1}, {"way": -2}, {"shots": 0}, {"shots": True}])
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"way must be 0 or|shots must be a whole"):
        build(context(), **options)


def test_a_recipe_that_trains_no_classifier_is_refused() -> None:
    losses = 'stages=[{steps=3, losses=["prototypical"]}]'
    with pytest.raises(RecipeError, match=r"(?s)'prototypical' trains no classifier.*class_means"):
        recipe("linear", losses)
    assert recipe("linear", losses, 'posthoc=["class_means"]').posthoc[0].name == "class_means"
    assert recipe("linear", 'stages=[{steps=3, losses=["prototypical", "cross_entropy"]}]').posthoc == ()
