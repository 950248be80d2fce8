from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from handful.core.dataset import Dataset, Sample, Split
from handful.data import splits
from handful.data.splits import draw, folds, holdout, training_split
from handful.errors import DataError
from tests.data.noise_images import noise_dataset

CLASSES = ("a", "b", "c")
PIXEL = np.zeros((3, 1, 1), np.uint8)


def _data(
    counts: tuple[int, ...] = (12, 9, 7),
    *,
    group_of: int | None = None,
    extra: tuple[tuple[int | None, Split | None], ...] = (),
) -> Dataset:
    samples = []
    for label, n in enumerate(counts):
        for i in range(n):
            group = None if group_of is None else f"{label}-{i // group_of}"
            samples.append(Sample(f"{CLASSES[label]}/{i:02d}", PIXEL, label, group=group))
    samples += [Sample(f"x/{i}", PIXEL, label, split=split) for i, (label, split) in enumerate(extra)]
    return Dataset(tuple(samples), CLASSES[: len(counts)])


def _counts(data: Dataset) -> list[int]:
    return [Counter(data.labels.tolist())[k] for k in range(len(data.classes))]


def _groups(data: Dataset) -> set[str | None]:
    return {s.group for s in data.samples}


def test_a_draw_takes_m_of_each_class_and_leaves_the_rest() -> None:
    data = _data()
    chosen, rest = draw(data, 5, 0)
    assert _counts(chosen) == [5, 5, 5]
    assert _counts(rest) == [7, 4, 2]
    assert sorted(chosen.ids + rest.ids) == sorted(data.ids)
    assert draw(data, 7, 0)[1].ids == tuple(sorted(set(data.ids) - set(draw(data, 7, 0)[0].ids)))


def test_a_draw_depends_on_the_seed_and_not_on_the_order() -> None:
    data = _data()
    shuffled = data.select(np.random.default_rng(1).permutation(len(data)))
    assert draw(data, 3, 7)[0].ids == draw(shuffled, 3, 7)[0].ids
    assert len({draw(data, 3, seed)[0].ids for seed in range(10)}) == 10


def test_draws_are_nested() -> None:
    for seed in range(5):
        sets = [set(draw(_data(), m, seed)[0].ids) for m in range(1, 8)]
        assert all(small < large for small, large in pairwise(sets))


def test_another_class_moves_nothing() -> None:
    small, large = draw(_data((12, 9)), 4, 0)[0], draw(_data((12, 9, 7)), 4, 0)[0]
    assert set(small.ids) < set(large.ids)


def test_every_sample_is_drawn_equally_often() -> None:
    times = Counter(name for seed in range(600) for name in draw(_data((6, 6)), 2, seed)[0].ids)
    assert len(times) == 12
    assert all(150 < n < 250 for n in times.values())  # expected 200, standard deviation 11.5


def test_a_draw_looks_at_the_labelled_training_part_only() -> None:
    extra: tuple[tuple[int | None, Split | None], ...] = ((None, None), (0, "test"), (0, "val"), (0, "train"))
    chosen, rest = draw(_data((2, 2), extra=extra), 2, 0)
    assert {"x/0", "x/1", "x/2"}.isdisjoint(chosen.ids + rest.ids)
    assert "x/3" in chosen.ids + rest.ids


def test_the_rest_shares_no_group_with_the_draw() -> None:
    data = _data((12, 12), group_of=3)
    for seed in range(10):
        chosen, rest = draw(data, 2, seed)
        assert _counts(chosen) == [2, 2]
        assert len(rest)
        assert _groups(chosen).isdisjoint(_groups(rest))


@pytest.mark.parametrize(
    ("data", "per_class", "message"),
    [
        (_data(), 8, r"class 'c': has 7 labelled images for training, fewer than the 8(.|\n)*at most 7"),
        (_data((3, 0)), 1, r"class 'b': has 0 labelled images(.|\n)*label images of it"),
        (_data(), 0, r"cannot draw 0 images per class(.|\n)*1 or more"),
        (_data((0,), extra=((0, "test"),)), 1, r"no training split(.|\n)*train"),
        (_data((0,), extra=((None, None),)), 1, r"x/0: no training image has a label(.|\n)*label some"),
    ],
)
def test_draws_that_cannot_be(data: Dataset, per_class: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        draw(data, per_class, 0)


@pytest.mark.parametrize("group_of", [None, 2])
def test_folds_hold_every_image_out_once(group_of: int | None) -> None:
    data = _data((12, 9, 7) if group_of is None else (12, 8, 8), group_of=group_of, extra=((0, "test"), (0, "val")))
    pairs = folds(data, 4, 3)
    assert len(pairs) == 4
    held = [name for _, test in pairs for name in test.ids]
    assert sorted(held) == sorted(training_split(data).ids)
    for train, test in pairs:
        assert set(train.ids).isdisjoint(test.ids)
        assert len(train) + len(test) == len(training_split(data))
        assert all(
            abs(n - total / 4) <= (1 if group_of is None else 2)
            for n, total in zip(_counts(test), _counts(training_split(data)), strict=True)
        )
        if group_of:
            assert _groups(train).isdisjoint(_groups(test))


def test_folds_depend_on_the_seed_and_not_on_the_order() -> None:
    data = _data()
    shuffled = data.select(np.random.default_rng(1).permutation(len(data)))
    assert [t.ids for _, t in folds(data, 3, 0)] == [t.ids for _, t in folds(shuffled, 3, 0)]
    assert [t.ids for _, t in folds(data, 3, 0)] != [t.ids for _, t in folds(data, 3, 1)]


def test_folds_that_cannot_be() -> None:
    with pytest.raises(DataError, match=r"class 'c': has 7 labelled images .*fewer than 8(.|\n)*7 folds or fewer"):
        folds(_data(), 8, 0)
    with pytest.raises(DataError, match=r"class 'a': has 4 groups .*fewer than 5(.|\n)*4 folds or fewer"):
        folds(_data((12, 12), group_of=3), 5, 0)
    with pytest.raises(DataError, match=r"class 'a': has 1 groups(.|\n)*label more images"):
        folds(_data((4, 4), group_of=4), 2, 0)
    with pytest.raises(DataError, match=r"1 folds(.|\n)*2 or more"):
        folds(_data(), 1, 0)


def test_holdout_is_stratified_and_reproducible() -> None:
    data = _data((20, 10, 5), extra=((0, "test"),))
    train, held = holdout(data, 0.2, 0)
    assert _counts(held) == [4, 2, 1]
    assert sorted(train.ids + held.ids) == sorted(training_split(data).ids)
    shuffled = data.select(np.random.default_rng(1).permutation(len(data)))
    assert holdout(shuffled, 0.2, 0)[1].ids == held.ids
    assert holdout(data, 0.2, 1)[1].ids != held.ids
    assert _counts(holdout(_data((2, 2)), 0.01, 0)[1]) == [1, 1]
    assert _counts(holdout(_data((2, 2)), 0.99, 0)[1]) == [1, 1]


def test_holdout_keeps_groups_whole() -> None:
    for seed in range(10):
        train, held = holdout(_data((12, 9), group_of=3), 0.3, seed)
        assert _groups(train).isdisjoint(_groups(held))
        assert _counts(held) == [3, 3]  # 3.6 and 2.7 wanted, in whole groups of 3


def test_holdout_takes_a_group_larger_than_the_share_rather_than_none() -> None:
    _, held = holdout(_data((12, 12), group_of=6), 0.1, 0)
    assert _counts(held) == [6, 6]


def test_holdouts_that_cannot_be() -> None:
    for share in (0.0, 1.0, -1.0):
        with pytest.raises(DataError, match=r"hold out a share(.|\n)*between 0 and 1"):
            holdout(_data(), share, 0)
    with pytest.raises(DataError, match=r"class 'b': has 1 labelled images"):
        holdout(_data((4, 1)), 0.5, 0)


def test_the_test_part_is_the_labelled_test_samples() -> None:
    extra: tuple[tuple[int | None, Split | None], ...] = ((1, "test"), (None, "test"), (0, "val"))
    data = _data(extra=extra)
    assert splits.scored_split(data, "test").ids == ("x/0",)
    assert len(training_split(data)) == 28
    assert set(training_split(data).ids).isdisjoint({"x/0", "x/1", "x/2"})


def test_the_training_part_keeps_unlabelled_images() -> None:
    assert "x/0" in training_split(_data(extra=((None, None),))).ids


def test_no_part_stands_in_for_a_missing_one() -> None:
    with pytest.raises(DataError, match=r"no split: 28(.|\n)*no test split|no test split(.|\n)*folds=5"):
        splits.scored_split(_data(extra=((0, "val"),)), "test")
    with pytest.raises(DataError, match=r"x/0: the test split has no labels(.|\n)*folds=5"):
        splits.scored_split(_data(extra=((None, "test"),)), "test")
    held_only = replace(_data(), samples=tuple(replace(s, split="val") for s in _data().samples))
    with pytest.raises(DataError, match=r"val: 28.*no training split"):
        training_split(held_only)


def test_without_a_test_split_the_error_names_three_ways_and_the_val_split() -> None:
    data = _data(extra=((0, "val"), (1, "val")))
    with pytest.raises(DataError) as error:
        splits.scored_split(data, "test")
    for words in ("folds=5", "per_class=5", 'the 2 images of the val split (score_on="val")'):
        assert words in error.value.remedy
    with pytest.raises(DataError) as error:
        splits.scored_split(_data(), "test")
    for words in ("folds=5", "per_class=5", "folder test/"):
        assert words in error.value.remedy
    assert "score_on" not in error.value.remedy


def test_the_val_split_is_scored_on_request() -> None:
    data = _data(extra=((0, "val"), (1, "test"), (None, "val")))
    assert splits.scored_split(data, "val").ids == ("x/0",)
    with pytest.raises(DataError, match=r"there is no val split(.|\n)*score_on=\"test\""):
        splits.scored_split(_data(extra=((0, "test"),)), "val")
    with pytest.raises(DataError, match=r'there is no val split(.|\n)*mark images "val" .*folder val/'):
        splits.scored_split(_data(), "val")


def test_images_of_one_group_are_not_split() -> None:
    data = noise_dataset([0, 0, 1, 1], groups=["p"] * 4)
    for split in (lambda: splits.folds(data, 2, 0), lambda: splits.holdout(data, 0.5, 0)):
        with pytest.raises(DataError, match=r"all 4 training images are of the group 'p'(.|\n)*group of its own"):
            split()
