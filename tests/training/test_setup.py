"""A run is refused, or has its data and plan, before a network is built."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.data.fingerprint import fingerprint, part_fingerprints
from handful.errors import DataError, HandfulError, RecipeError, TrainingError
from handful.parts import registry
from handful.recipes.load import load_recipe
from handful.training import setup as module
from handful.training.setup import make_task
from handful.training.train import train
from tests.support.datasets import CLASSES, recipe, squares
from tests.training.runs import set_up


def unlabelled(data: Dataset, *positions: int) -> Dataset:
    """The data without the labels and masks at these positions."""
    samples = [
        replace(s, label=None, mask=None, mask_source=None) if i in positions else s for i, s in enumerate(data.samples)
    ]
    return replace(data, samples=tuple(samples))


def test_samples_are_sorted_and_lie_in_memory_in_that_order() -> None:
    data = squares(4)
    setup = set_up(recipe(), data.select([7, 2, 11, 0, 5, 9]))
    assert list(setup.data.ids) == sorted(setup.data.ids)
    assert setup.tensors.labels.tolist() == [s.label for s in setup.data.samples]
    for sample, image in zip(setup.data.samples, setup.tensors.images, strict=True):
        np.testing.assert_array_equal(image.numpy(), np.asarray(sample.image))
    assert setup.size == (12, 12)
    assert setup.device == torch.device("cpu")
    assert setup.context.task.counts.tolist() == [2, 2, 2]


def test_the_plan_is_that_of_the_images_seen() -> None:
    setup = set_up(recipe("linear", "steps=7"), squares(5))
    assert setup.plan.stages[0].batch_sizes == (6, 6, 3)
    assert (setup.plan.total, setup.plan.stage_steps) == (7, (7,))


def test_unlabelled_images_are_seen_only_by_recipes_that_learn_from_them() -> None:
    data = unlabelled(squares(3), 1, 5)
    plain = set_up(recipe("linear"), data)
    assert len(plain.data) == len(plain.tensors) == 7
    assert plain.context.task.counts.tolist() == [2, 2, 3]
    names = [n for n in registry.names("losses") if registry.has_trait("losses", Part(n), "uses_unlabelled")]
    assert names
    stage = recipe("linear").stages[0]
    learning = replace(
        recipe("linear"), stages=(replace(stage, losses=(*stage.losses, *(Part(n) for n in names[:1]))),)
    )
    setup = set_up(learning, data)
    assert len(setup.data) == 9
    assert (setup.tensors.labels < 0).sum() == 2
    assert setup.context.data is not None
    assert setup.context.data.ids == plain.data.ids
    assert setup.labelled.ids == plain.data.ids


def test_what_a_prepare_part_labels_is_trained_on_and_not_calibrated_on(monkeypatch: pytest.MonkeyPatch) -> None:
    data = unlabelled(squares(3), 1, 5)
    build = registry.build

    def labelling(folder: registry.Folder, part: Part, context: Any, **wiring: Any) -> Any:
        if folder != "prepare":
            return build(folder, part, context, **wiring)
        return lambda given: replace(
            given, samples=tuple(replace(s, label=0) if s.label is None else s for s in given.samples)
        )

    monkeypatch.setattr(registry, "build", labelling)
    setup = set_up(replace(recipe("linear"), prepare=(Part("binarize"),)), data)
    assert setup.data.counts.tolist() == [4, 2, 3]
    assert setup.context.task.counts.tolist() == [2, 2, 3]  # those that had a label
    assert len(setup.labelled) == 7
    assert setup.labelled_ids == frozenset(setup.labelled.ids)


def test_a_task_needs_two_classes_and_an_image_of_each() -> None:
    task = make_task(squares(2))
    assert (task.classes, task.counts.tolist()) == (CLASSES, [2, 2, 2])
    with pytest.raises(TrainingError, match=r"no training image of green, red"):
        make_task(squares(2).select([0, 1]))
    one = squares(2).select([0, 1])
    with pytest.raises(TrainingError, match="a classifier needs two classes"):
        make_task(replace(one, classes=("blue",)))


MIXED = 'stages.0.losses=[{name="cross_entropy"},{name="pixel_cross_entropy"}]'
REFUSED: list[tuple[Recipe, Dataset, type[HandfulError], str]] = [
    (recipe("linear"), squares(2).select([0, 1]), TrainingError, "no training image of green, red"),
    (recipe("segmentation"), squares(2, masks=False), TrainingError, "learns from masks, and no training image has"),
    (
        recipe("segmentation", MIXED, "stages.0.sampler=masked"),
        squares(2, masks=False),
        TrainingError,
        "learns from masks, and no training image has",
    ),
    (recipe("linear", "precision=fp16"), squares(2), TrainingError, "fp16 does not train on a CPU"),
    (replace(recipe("linear"), prepare=(Part("propagate_masks"),)), squares(2), RecipeError, "does not segment"),
]


@pytest.mark.parametrize(("plan", "data", "error", "message"), REFUSED)
def test_refused_before_a_network_is_built(
    plan: Recipe, data: Dataset, error: type[HandfulError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built(*_: object) -> None:
        raise AssertionError("a network was built")

    monkeypatch.setattr(registry, "build_network", built)
    with pytest.raises(error, match=message):
        train(plan, data, device="cpu", progress=False)


def test_a_batch_that_leaves_a_process_without_an_image_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[tuple[int, ...], int, str]] = []

    def check(sizes: tuple[int, ...], processes: int, *, recipe: str) -> None:
        asked.append((sizes, processes, recipe))

    monkeypatch.setattr(module, "check_batches", check)
    set_up(recipe("linear"), squares(3))
    assert asked == [((6, 3), 1, recipe("linear").name)]


def test_a_recipe_of_which_only_one_loss_reads_masks_trains_without_them() -> None:
    plan = recipe("segmentation")
    stage = replace(plan.stages[0], losses=(*plan.stages[0].losses, Part("cross_entropy")))
    assert set_up(replace(plan, stages=(stage,)), squares(2, masks=False)).tensors.pixel_labels is None


def test_bfloat16_is_what_the_accelerator_multiplies_in() -> None:
    assert set_up(recipe("linear", "precision=bf16")).accelerator.mixed_precision == "bf16"
    assert set_up(recipe("linear")).accelerator.mixed_precision == "no"


def weighted(data: Dataset, **weights: float) -> Dataset:
    """The data, with weights by the number of a sample."""
    given = {int(key[1:]): value for key, value in weights.items()}
    samples = (replace(s, weight=given.get(i, 1.0)) for i, s in enumerate(data.samples))
    return replace(data, samples=tuple(samples))


def test_weights_of_samples_come_with_their_images() -> None:
    data = weighted(squares(3), _0=0.5, _4=2.0)
    setup = set_up(recipe("linear"), data)
    assert setup.tensors.weights is not None
    assert setup.tensors.weights.tolist() == [s.weight for s in setup.data.samples]
    index = torch.tensor([4, 0, 4])
    batch = setup.tensors.batch(index, 3)
    assert batch.weights is not None
    assert torch.equal(batch.weights, setup.tensors.weights[index])
    assert set_up(recipe("linear"), squares(3)).tensors.weights is None
    assert all(sample.weight == 1 for sample in data.without_labels().samples)


def test_weights_enter_the_fingerprint_and_only_where_there_are_some() -> None:
    data = squares(2)
    assert fingerprint(weighted(data, _1=1.0)) == fingerprint(data)
    assert fingerprint(weighted(data, _1=0.5)) != fingerprint(data)
    one, other = part_fingerprints(weighted(data, _1=0.5)), part_fingerprints(data)
    assert {key for key in one if one[key] != other[key]} == {"labels"}


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_factor_is_refused(weight: float) -> None:
    with pytest.raises(DataError, match="the weight of a sample is"):
        set_up(recipe("linear"), weighted(squares(2), _1=weight))


def test_most_fitted_heads_do_not_weigh_samples() -> None:
    with pytest.raises(TrainingError, match=r"(?s)'knn' does not weigh samples.*logistic.*fine-tuned"):
        set_up(load_recipe("logistic-pixels", overrides=("head.name=knn",)), weighted(squares(2), _1=0.5))
    assert set_up(load_recipe("logistic-pixels"), weighted(squares(2), _1=0.5)).tensors.weights is not None


def test_class_probabilities_are_what_steps_learn() -> None:
    data = squares(2, masks=False)
    soft = np.array([0.5, 0.3, 0.2], np.float32)
    first = replace(data.samples[0], probabilities=soft)
    data = replace(data, samples=(first, *data.samples[1:]))
    setup = set_up(recipe("linear"), data)
    batch = setup.tensors.batch(torch.tensor([setup.data.ids.index(first.id)]), 3)
    assert batch.targets.tolist() == [soft.tolist()]


def test_a_class_that_has_votes_but_is_nowhere_ahead_is_named_with_its_votes() -> None:
    data = squares(2, masks=False)
    soft = np.array([0.6, 0.0, 0.4], np.float32)
    voted = [replace(s, label=0, probabilities=soft) if s.label == 2 else s for s in data.samples]
    with pytest.raises(TrainingError, match=f"{CLASSES[2]} has votes, but is the most probable class of no") as error:
        set_up(recipe("linear"), replace(data, samples=tuple(voted)))
    assert f"the label {CLASSES[2]} beside its votes" in error.value.remedy
    without = [replace(s, label=0) if s.label == 2 else s for s in data.samples]
    with pytest.raises(TrainingError, match=f"no training image of {CLASSES[2]}"):
        set_up(recipe("linear"), replace(data, samples=tuple(without)))
