"""What a step sees is a function of (seed, stage, step) and of nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from handful.core.recipe import Recipe
from handful.recipes.load import load_recipe
from handful.training import batches
from handful.training.batches import BatchSource, StepInput
from handful.training.schedule import stage_order
from tests.support.datasets import CLASSES, recipe, squares
from tests.support.two_streams import half_labelled, two_streams
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


def test_the_sampler_of_masks_draws_as_many_images_with_a_mask_as_without() -> None:
    plan = replace(recipe(), augment=(), fill_batch=True, batch_size=12)
    plan = replace(plan, stages=(replace(plan.stages[0], sampler="masks"),))
    data = squares(5)
    samples = tuple(s if i % 5 == 0 else replace(s, mask=None, mask_source=None) for i, s in enumerate(data.samples))
    setup, assembly = assembled(plan, replace(data, samples=samples))
    given = BatchSource(setup, assembly, 0)
    counts = [int((given.batch(step).batch.pixel_labels >= 0).flatten(1).any(dim=1).sum()) for step in range(4)]
    assert sum(counts) == pytest.approx(15, abs=1)  # half of two epochs of fifteen
    plain = replace(data, samples=tuple(replace(s, mask=None, mask_source=None) for s in data.samples))
    stage = replace(recipe("linear").stages[0], sampler="masks")
    source = BatchSource(*assembled(replace(recipe("linear"), stages=(stage,)), plain), 0)
    assert sorted(len(source.batch(step).batch.labels) for step in range(3)) == [3, 6, 6]


def test_a_stage_may_draw_images_with_a_mask_alone() -> None:
    plan = recipe("segmentation", "augment=[]", "batch_size=4", "stages.0.sampler=masked")
    data = squares(5)
    masked = [0, 5, 6, 10]
    samples = tuple(s if i in masked else replace(s, mask=None, mask_source=None) for i, s in enumerate(data.samples))
    setup, assembly = assembled(plan, replace(data, samples=samples))
    given = BatchSource(setup, assembly, 0)
    for step in range(3):
        assert torch.equal(
            given.batch(step).batch.images.sort(0)[0], setup.tensors.batch(torch.tensor(masked), 3).images.sort(0)[0]
        )


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


def test_rows_know_their_image_and_how_far_the_stage_is() -> None:
    setup, assembly = assembled(replace(recipe("linear", "steps=4"), augment=()), squares(5))
    for step in (0, 3):
        given = BatchSource(setup, assembly, 0).batch(step).batch
        assert given.index is not None
        assert torch.equal(given.images, setup.tensors.images[given.index].float() / 255)
        assert torch.equal(given.labels, setup.tensors.labels[given.index])
        assert given.progress == step / 4
        assert given.views == ()


def test_labelled_images_come_before_those_of_the_other_stream() -> None:
    setup, assembly = assembled(two_streams(), half_labelled(5))  # 15 labelled images and 21 others
    source = BatchSource(setup, assembly, 0)
    sizes, seen = (6, 6, 3), []
    for step in range(9):
        given, size = source.batch(step), sizes[step % 3]
        assert (given.images, given.unlabelled) == (size, 2 * size)
        assert bool((given.batch.labels[:size] >= 0).all())
        assert bool((given.batch.labels[size:] < 0).all())
        assert bool((given.batch.targets[size:] == 0).all())
        assert given.batch.index is not None
        seen += given.batch.index[size:].tolist()
    pile = torch.nonzero(setup.tensors.labels < 0)[:, 0].tolist()
    for number in range(len(seen) // 21):
        assert sorted(seen[number * 21 : (number + 1) * 21]) == pile


def test_the_labelled_stream_is_that_of_the_labelled_images_alone() -> None:
    data = half_labelled(5)
    alone = data.select([i for i, sample in enumerate(data.samples) if sample.label is not None])
    plain = replace(recipe("linear"), augment=())
    both = BatchSource(*assembled(replace(two_streams(), augment=()), data), 0)
    one = BatchSource(*assembled(plain, alone), 0)
    for step in range(6):
        expected = one.batch(step).batch
        assert torch.equal(both.batch(step).batch.images[: len(expected.labels)], expected.images)


def test_further_views_show_the_same_images() -> None:
    plan = replace(two_streams(), augment=())
    source = BatchSource(*assembled(plan, half_labelled()), 0)
    batch = source.batch(1).batch
    unlabelled, everything = batch.views
    of_pile = batch.labels < 0
    assert torch.equal(batch.view_rows(0), of_pile.nonzero()[:, 0])
    assert torch.equal(batch.view_rows(1), torch.arange(len(batch.labels)))
    assert unlabelled.index is not None
    assert batch.index is not None
    assert torch.equal(unlabelled.index, batch.index[of_pile])
    assert not torch.equal(unlabelled.images, batch.images[of_pile])
    assert torch.equal(everything.images, batch.images.flip(-1))  # turned over from the first view


def test_a_view_of_the_image_does_not_show_the_first_views_augmentation() -> None:
    views = [
        BatchSource(*assembled(plan, half_labelled()), 0).batch(2).batch.views[0].images
        for plan in (two_streams(), replace(two_streams(), augment=()))
    ]
    assert torch.equal(*views)


def test_further_views_are_a_function_of_the_step() -> None:
    source, other = (BatchSource(*assembled(two_streams(), half_labelled()), 0) for _ in range(2))
    seen = [source.batch(step).batch for step in range(5)]
    for step in (4, 0, 3):
        again = other.batch(step).batch
        assert torch.equal(again.images, seen[step].images)
        for a, b in zip(again.views, seen[step].views, strict=True):
            assert torch.equal(a.images, b.images)
    assert not torch.equal(seen[0].views[0].images, seen[3].views[0].images)


@pytest.mark.parametrize("process", [0, 1])
def test_a_process_gets_its_rows_of_both_streams_and_of_the_views(
    process: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = BatchSource(*assembled(two_streams(), half_labelled()), 0).batch(1)
    monkeypatch.setattr(batches, "own_rows", lambda _: slice(process, None, 2))
    given = BatchSource(*assembled(two_streams(), half_labelled()), 0).batch(1)
    assert (given.images, given.unlabelled) == (whole.images, whole.unlabelled)
    assert torch.equal(given.batch.images, whole.batch.images[process::2])
    mine = torch.arange(process, len(whole.batch.labels), 2)
    of_pile = [i for i in mine.tolist() if whole.batch.labels[i] < 0]
    positions = [i - whole.images for i in of_pile]
    assert torch.equal(given.batch.views[0].images, whole.batch.views[0].images[positions])
    assert torch.equal(given.batch.views[1].images, whole.batch.views[1].images[process::2])


def test_a_stage_that_learns_from_labels_alone_draws_no_other_images() -> None:
    """Quarter turns are learned from all images, the classes after them from those with a label."""
    small = ("precision=fp32", "batch_size=6", "backbone.depth=10", "backbone.width=1", "stages.1.steps=9")
    data = half_labelled()
    setup, assembly = assembled(load_recipe("rotation-balanced-softmax-wrn", overrides=small), data)
    first, second = (BatchSource(setup, assembly, number) for number in (0, 1))
    assert any(bool((first.batch(step).batch.labels < 0).any()) for step in range(4))
    seen = [second.batch(step).batch for step in range(9)]
    assert all(bool((batch.labels >= 0).all()) and not batch.views for batch in seen)
    assert set(torch.cat([batch.index for batch in seen if batch.index is not None]).tolist()) == {
        i for i, sample in enumerate(setup.data.samples) if sample.labelled
    }
