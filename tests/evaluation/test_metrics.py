import numpy as np
import pytest

from handful.evaluation.metrics import thirds, uneven


@pytest.mark.parametrize(
    ("k", "sizes"),
    [(3, [1, 1, 1]), (4, [1, 1, 2]), (5, [1, 2, 2]), (10, [3, 3, 4]), (20, [6, 7, 7]), (100, [33, 33, 34])],
)
def test_thirds_part_the_classes_by_their_images(k: int, sizes: list[int]) -> None:
    counts = np.random.default_rng(0).permutation(k).astype(float)
    found = thirds(counts)
    assert found.sum(axis=1).tolist() == sizes
    assert found.sum(axis=0).tolist() == [1] * k
    larger, medium, smaller = (counts[own] for own in found)
    assert larger.min() > medium.max() >= medium.min() > smaller.max()


def test_of_classes_alike_the_first_is_the_larger() -> None:
    assert thirds(np.full(3, 5.0)).tolist() == np.eye(3, dtype=bool).tolist()


def test_thirds_of_ten_reproduce_the_papers_averages() -> None:
    """Table 4 of the soft-label paper at rho = 100: its method and LDAM, whose thirds average to the column "All"."""
    sizes = thirds(np.arange(10)[::-1].astype(float)).sum(axis=1)
    for row, everything in (((93.27, 73.33, 55.38), 72.13), ((93.70, 76.50, 63.55), 76.48)):
        assert sizes @ np.array(row) / 10 == pytest.approx(everything, abs=0.02)


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ((5, 5, 5), False),
        ((4, 5, 4), False),
        ((100, 80, 70), False),
        ((2, 1, 1), False),
        ((3, 2, 1), True),
        ((60, 50, 40), True),
    ],
)
def test_uneven_is_more_than_folds_make(counts: tuple[int, ...], wanted: bool) -> None:
    assert uneven(np.array(counts, dtype=float)) is wanted
