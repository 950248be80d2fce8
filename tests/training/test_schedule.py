import numpy as np
import pytest
import torch

from handful.core.recipe import Part, Recipe, Schedule, Stage
from handful.training.schedule import (
    batch_sizes,
    epoch_order,
    learning_rate,
    plan_steps,
    sampled_order,
    stage_order,
    stage_steps,
    step_generator,
    unlabelled_order,
)

LOSS = (Part("cross_entropy"),)


@pytest.mark.parametrize("n", range(2, 40))
@pytest.mark.parametrize("size", [2, 3, 8])
def test_no_image_is_dropped_and_none_is_alone(n: int, size: int) -> None:
    sizes = batch_sizes(n, size)
    assert sum(sizes) == n
    assert min(sizes) >= 2
    assert max(sizes) <= size + 1


def test_remainder_of_one_joins_the_batch_before() -> None:
    assert batch_sizes(9, 4) == [4, 5]
    assert batch_sizes(10, 4) == [4, 4, 2]
    assert batch_sizes(3, 8) == [3]


def test_stage_steps_resolves_epochs_with_a_floor() -> None:
    assert stage_steps(Stage(LOSS, steps=7), 3) == 7
    assert stage_steps(Stage(LOSS, epochs=5), 3) == 15
    assert stage_steps(Stage(LOSS, epochs=5, floor=100), 3) == 100


def test_every_epoch_is_a_permutation_and_filling_repeats_evenly() -> None:
    assert sorted(epoch_order(0, 0, 0, 7, 7)) == list(range(7))
    assert not np.array_equal(epoch_order(0, 0, 0, 50, 50), epoch_order(0, 0, 1, 50, 50))
    filled = epoch_order(0, 0, 0, 5, 12)
    assert set(np.bincount(filled)) == {2, 3}


LONG_TAIL = np.repeat([0, 1, 2, 3], [60, 25, 11, 4])


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("length", [100, 37])
def test_sampled_classes_come_by_a_power_of_their_size(power: float, length: int) -> None:
    wanted = np.array([60, 25, 11, 4]) ** power
    wanted = length * wanted / wanted.sum()
    sums = np.zeros(4)
    for epoch in range(200):
        index = sampled_order(1, 0, epoch, LONG_TAIL.tobytes(), length, power)
        assert len(index) == length
        counts = np.bincount(LONG_TAIL[index], minlength=4)
        assert (abs(counts - wanted) < 1 + 1e-6).all()
        own = np.bincount(index, minlength=100)
        for c in range(4):
            assert np.ptp(own[c == LONG_TAIL]) <= 1  # none comes again before all have
        sums += counts
    np.testing.assert_allclose(sums / 200, wanted, atol=0.15)


def test_samplers_are_functions_of_seed_stage_and_epoch() -> None:
    labels = LONG_TAIL.tobytes()
    balanced, root = (Stage(LOSS, steps=1, sampler=s) for s in ("balanced", "square_root"))
    first = stage_order(balanced, 0, 0, 0, labels, 100).copy()
    assert np.array_equal(np.bincount(LONG_TAIL[first]), [25] * 4)
    others = [(balanced, 0, 0, 1), (balanced, 0, 1, 0), (balanced, 1, 0, 0), (root, 0, 0, 0)]
    assert all(not np.array_equal(first, stage_order(*key, labels, 100)) for key in others)
    assert np.array_equal(first, stage_order(balanced, 0, 0, 0, labels, 100))
    plain = stage_order(Stage(LOSS, steps=1), 0, 0, 0, labels, 100)
    assert np.array_equal(plain, epoch_order(0, 0, 0, 100, 100))


def test_images_without_a_label_keep_their_share_of_a_balanced_epoch() -> None:
    labels = np.array([0] * 60 + [1] * 20 + [-1] * 40)
    index = sampled_order(0, 0, 0, labels.tobytes(), 120, 0.0)
    assert np.unique(labels[index], return_counts=True)[1].tolist() == [40, 40, 40]


def test_augmentation_depends_on_nothing_but_the_step() -> None:
    a = torch.rand(3, generator=step_generator(0, 0, 5, torch.device("cpu")))
    b = torch.rand(3, generator=step_generator(0, 0, 5, torch.device("cpu")))
    c = torch.rand(3, generator=step_generator(0, 0, 6, torch.device("cpu")))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_learning_rate_warms_up_then_follows_its_schedule() -> None:
    cosine = Schedule("cosine", warmup=0.1, final=0.01)
    assert learning_rate(cosine, 1.0, 0.0) < 0.02
    assert learning_rate(cosine, 1.0, 0.1) == pytest.approx(1.0)
    assert learning_rate(cosine, 1.0, 0.55) == pytest.approx(0.505)
    assert learning_rate(cosine, 1.0, 1.0) == pytest.approx(0.01)
    step = Schedule("step", warmup=0.0, milestones=(0.5, 0.75), factor=0.1)
    assert [learning_rate(step, 1.0, s) for s in (0.2, 0.6, 0.9)] == pytest.approx([1.0, 0.1, 0.01])
    assert learning_rate(Schedule("constant", warmup=0.0), 0.3, 0.9) == 0.3
    started = Schedule("constant", warmup=0.1, initial=0.01)
    assert [learning_rate(started, 0.1, s) for s in (0.0, 0.05, 0.1)] == pytest.approx([0.01, 0.055, 0.1])


def test_a_stage_counts_labelled_images_where_it_has_two_streams_or_learns_from_no_other() -> None:
    two = Stage(LOSS, epochs=3, unlabelled=1.5)
    alone, one = Stage(LOSS, epochs=3), Stage((Part("rotation"),), epochs=3)
    recipe = Recipe("r", Part("pixels"), Part("linear"), (alone, one, two), batch_size=4)
    of_labels, one_stream, both = plan_steps(recipe, 30, 10).stages
    assert (of_labels.batch_sizes, of_labels.steps) == ((4, 4, 2), 9)
    assert (one_stream.batch_sizes, one_stream.unlabelled) == ((4,) * 7 + (2,), ())
    assert (one_stream.steps, one_stream.rows) == (24, one_stream.batch_sizes)
    assert (both.batch_sizes, both.unlabelled, both.rows) == ((4, 4, 2), (6, 6, 3), (10, 10, 5))
    assert (both.steps, both.epoch_length) == (9, 10)


def test_few_unlabelled_images_for_each_labelled_one_are_at_least_one_a_batch() -> None:
    recipe = Recipe("r", Part("pixels"), Part("linear"), (Stage(LOSS, steps=3, unlabelled=0.1),), batch_size=4)
    assert plan_steps(recipe, 30, 8).stages[0].unlabelled == (1, 1)


@pytest.mark.parametrize("n", [1, 5, 12])
def test_the_stream_of_unlabelled_images_is_one_permutation_after_the_other(n: int) -> None:
    stream = np.concatenate([unlabelled_order(0, 0, start, 7, n) for start in range(0, 70, 7)])
    for number in range(len(stream) // n):
        assert sorted(stream[number * n : (number + 1) * n]) == list(range(n))
    np.testing.assert_array_equal(unlabelled_order(0, 0, 3, 40, n), stream[3:43])
    if n == 12:
        assert not np.array_equal(stream[:n], stream[n : 2 * n])
        assert not np.array_equal(unlabelled_order(1, 0, 0, n, n), stream[:n])
        assert not np.array_equal(unlabelled_order(0, 1, 0, n, n), stream[:n])
