from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from handful.core.dataset import Dataset, Sample
from handful.data.long_tail import Order, class_balanced, long_tail, tail_counts, tail_sizes
from handful.data.splits import draw
from handful.errors import DataError

CLASSES = tuple("abcde")
PIXEL = np.zeros((3, 1, 1), np.uint8)


def pool(*counts: int, test: int = 0) -> Dataset:
    samples = [
        Sample(f"{CLASSES[c]}/{split}{i:02d}", PIXEL, c, split=split)  # type: ignore[arg-type]
        for c, n in enumerate(counts)
        for split, m in (("train", n), ("test", test))
        for i in range(m)
    ]
    return Dataset(tuple(samples), CLASSES[: len(counts)])


def counts(data: Dataset) -> list[int]:
    found = Counter(data.labels.tolist())
    return [found[c] for c in range(len(data.classes))]


def test_sizes_are_the_published_ones() -> None:
    assert tail_sizes(10, 5000, 100) == [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    assert tail_sizes(10, 5000, 10)[-1] == 500
    assert tail_sizes(100, 500, 100)[::33] == [500, 107, 23, 5]
    assert sum(tail_sizes(100, 500, 100)) == 10847


@pytest.mark.parametrize("largest", [1, 7, 50, 100])
@pytest.mark.parametrize("ratio", [1.0, 2.5, 10.0, 100.0])
def test_sizes_fall_and_never_below_one(largest: int, ratio: float) -> None:
    sizes = tail_sizes(7, largest, ratio)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == largest
    assert sizes[-1] == max(1, int(largest / ratio + 1e-9))


def test_draws_are_nested_in_the_ratio_and_in_the_largest_class() -> None:
    data = pool(*[30] * 5, test=3)
    orders: tuple[Order, ...] = ("classes", "seeded")
    for order in orders:
        sets = [
            set(long_tail(data, m, r, 4, order=order)[0].ids)
            for m, r in ((30, 1), (30, 3), (30, 30), (10, 30), (2, 30))
        ]
        assert all(small < large for large, small in pairwise(sets))
    assert long_tail(data, 8, 1, 4)[0].ids == draw(data, 8, 4)[0].ids


def test_the_rest_is_what_is_left_of_the_training_part() -> None:
    data = pool(*[20] * 5, test=3)
    chosen, rest = long_tail(data, 20, 10, 0)
    assert counts(chosen) == [20, 11, 6, 3, 2]
    assert counts(rest) == [0, 9, 14, 17, 18]
    assert not any(s.split == "test" for s in (*chosen.samples, *rest.samples))


def test_a_seeded_order_permutes_the_classes() -> None:
    seen = {tuple(tail_counts(CLASSES, 40, 10, seed, "seeded")) for seed in range(20)}
    assert len(seen) > 10
    assert all(sorted(found, reverse=True) == tail_sizes(5, 40, 10) for found in seen)
    largest = Counter(int(np.argmax(tail_counts(CLASSES, 40, 10, seed, "seeded"))) for seed in range(500))
    assert min(largest[c] for c in range(5)) > 60
    assert {tuple(tail_counts(CLASSES, 40, 10, seed)) for seed in range(20)} == {tuple(tail_sizes(5, 40, 10))}


def test_only_the_large_classes_need_many_images() -> None:
    assert counts(long_tail(pool(20, 11, 6, 3, 2), 20, 10, 0)[0]) == [20, 11, 6, 3, 2]
    with pytest.raises(DataError, match=r"(?s)class 'b'.*10 labelled.*fewer than the 11"):
        long_tail(pool(20, 10, 6, 3, 2), 20, 10, 0)


@pytest.mark.parametrize(
    ("largest", "ratio", "message"),
    [
        (0, 10, "cannot draw 0"),
        (9, 0.5, "ratio 0.5"),
        (9, float("inf"), "ratio inf"),
        (9, float("nan"), "ratio nan"),
    ],
)
def test_what_is_no_long_tail_is_refused(largest: int, ratio: float, message: str) -> None:
    with pytest.raises(DataError, match=message):
        long_tail(pool(9, 9), largest, ratio, 0)


def test_class_balanced_takes_as_many_of_each_and_leaves_what_is_balanced() -> None:
    data = pool(9, 4, 6)
    assert counts(class_balanced(data, 0)) == [4, 4, 4]
    assert class_balanced(data, 0).ids != class_balanced(data, 1).ids
    even = pool(5, 5)
    assert class_balanced(even, 3).ids == even.ids
    missing = replace(data, samples=tuple(s for s in data.samples if s.label != 1))
    assert counts(class_balanced(missing, 0)) == [6, 0, 6]
    assert len(class_balanced(Dataset((), CLASSES), 0)) == 0
