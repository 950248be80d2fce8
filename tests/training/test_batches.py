"""What a step sees is a function of (seed, stage, step) and of nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from handful.core.recipe import Recipe
from handful.training import batches
from handful.training.batches import BatchSource, StepInput
from handful.training.schedule import stage_order
from tests.support.datasets import CLASSES, recipe, squares
from tests.training.runs import assembled

N = 15  # images: batches of six, six and three


def source(plan: Recipe, *, stage: int = 0, seed: int = 0) -> BatchSource:
    return BatchSource(*assembled(plan, squares(5), seed=seed), stage)


def same(a: StepInput, b: StepInput) -> bool:
    return torch.equal(a.batch.images, b.batch.images) and torch.equal(a.batch.labels, b.batch.labels)


def test_a_step_is_the_same_whatever_was_asked_for_before() -> None:
    first = source(recipe("linear"))
    seen = [first.batch(step) for step in range(7)]
    other = source(recipe("linear"))
    for step in (6, 0, 3, 5, 3):
        torch.manual_seed(step)
        assert same(other.batch(step), seen[step])


def test_steps_seeds_and_stages_differ() -> None:
    plan = recipe("linear")
    plan = replace(plan, stages=(*plan.stages, *plan.stages))
    given = source(plan).batch(0)
    assert not same(given, source(plan).batch(3))  # the same place in the next epoch
    assert not same(given, source(plan, seed=1).batch(0))
    assert not same(given, source(plan, stage=1).batch(0))


def test_each_epoch_holds_every_image_once() -> None:
    plan = replace(recipe("linear"), augment=())
    given = source(plan)
    images = squares(5)
    order = sorted(images.samples, key=lambda sample: sample.id)
    expected = {torch.from_numpy(np.array(s.image)).float().div(255).numpy().tobytes(): s.label for s in order}
    assert len(expected) == N
    for epoch in range(3):
        steps = [given.batch(3 * epoch + i) for i in range(3)]
        assert [len(step.batch.labels) for step in steps] == [6, 6, 3] == [step.images for step in steps]
        seen = {
            image.contiguous().numpy().tobytes(): int(label)
            for step in steps
            for image, label in zip(step.batch.images, step.batch.labels, strict=True)
        }
        assert seen == expected


def test_a_balanced_sampler_and_a_filled_batch_follow_the_stage() -> None:
    plan = replace(recipe("linear"), augment=(), fill_batch=True, batch_size=40)
    stage = replace(plan.stages[0], sampler="balanced")
    plan = replace(plan, stages=(stage,))
    data = squares(5).select([0, 1, 2, 3, 4, 5, 6, 10])  # five, two and one of a class
    setup, assembly = assembled(plan, data)
    given = BatchSource(setup, assembly, 0).batch(0)
    labels = setup.tensors.labels.numpy()
    order = stage_order(stage, 0, 0, 0, labels.tobytes(), 40)
    np.testing.assert_array_equal(given.batch.labels.numpy(), labels[order])
    assert np.bincount(given.batch.labels.numpy()).tolist() in ([13, 13, 14], [13, 14, 13], [14, 13, 13])
    assert torch.equal(given.batch.targets, torch.eye(len(CLASSES))[given.batch.labels])


def test_an_augmentation_sees_its_share_of_the_whole_training() -> None:
    plan = recipe("linear", "steps=6")
    plan = replace(plan, stages=(*plan.stages, *plan.stages))
    noise = replace(plan.augment[0], start=0.5)
    plan, plain = replace(plan, augment=(noise,)), replace(plan, augment=())
    for stage, changed in ((0, False), (1, True)):
        assert same(source(plan, stage=stage).batch(5), source(plain, stage=stage).batch(5)) != changed
        assert same(source(plan, stage=stage).batch(0), source(plain, stage=stage).batch(0)) != changed


@pytest.mark.parametrize("process", [0, 1])
def test_a_process_gets_its_rows_of_the_batch_of_all(process: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = source(recipe("linear")).batch(2)

    def rows(_: Accelerator) -> slice:
        return slice(process, None, 2)

    monkeypatch.setattr(batches, "own_rows", rows)
    given = source(recipe("linear")).batch(2)
    assert torch.equal(given.batch.images, whole.batch.images[process::2])
    assert torch.equal(given.batch.pixel_labels, whole.batch.pixel_labels[process::2])
    assert (given.images, whole.images) == (3, 3)
    assert len(given.batch.labels) == 2 - process


def test_cached_views_come_with_their_maps_and_the_same_images() -> None:
    lite = "backbone={name='efficientnet_lite0',freeze=2,stride=8,expand=false,pretrained=false}"
    plan = replace(recipe("linear", lite), cache_views=2)
    given = BatchSource(*assembled(plan, squares(5)), 0).batch(1)
    assert given.maps is not None
    assert len(given.maps) == len(given.batch.labels) == 6
    again = BatchSource(*assembled(plan, squares(5)), 0).batch(1)
    assert again.maps is not None
    assert torch.equal(given.maps, again.maps)
    plain = BatchSource(*assembled(replace(plan, cache_views=0), squares(5)), 0).batch(1)
    assert plain.maps is None
    assert torch.equal(plain.batch.labels, given.batch.labels)
