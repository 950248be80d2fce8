import numpy as np
import pytest
from scipy import stats

from handful.inspection.measures import complexity, examples, learning_curve, resolution
from handful.inspection.measures.complexity import distances, intrinsic_dimension
from handful.inspection.measures.learning_curve import _fit
from handful.inspection.measures.resolution import smallest_difference
from tests.inspection.smooth_images import measure, smooth_dataset


def test_the_smallest_difference_has_the_power_it_promises() -> None:
    n, disagree = 300, 0.2
    d = smallest_difference(n, disagree)
    rng = np.random.default_rng(0)
    better, worse = (disagree + d) / 2, (disagree - d) / 2
    counts = rng.multinomial(n, [better, worse, 1 - disagree], size=4000)
    z = (counts[:, 0] - counts[:, 1]) / np.sqrt(counts[:, 0] + counts[:, 1])
    assert (np.abs(z) > stats.norm.ppf(0.975)).mean() == pytest.approx(0.8, abs=0.03)


def test_more_images_resolve_less_and_few_resolve_nothing() -> None:
    assert smallest_difference(1000, 0.1) < smallest_difference(200, 0.1)
    assert np.isnan(smallest_difference(20, 0.05))


def test_resolution_counts_the_test_part_where_there_is_one() -> None:
    from tests.inspection.smooth_images import with_changed_samples

    whole = resolution.measure(measure(smooth_dataset(20), separation=4))
    assert whole is not None
    assert (whole.images, whole.crossed) == (60, True)
    parted = with_changed_samples(smooth_dataset(20), **{f"cat_{i:02d}": {"split": "test"} for i in range(8)})
    part = resolution.measure(measure(parted, separation=4))
    assert part is not None
    assert (part.images, part.crossed) == (8, False)
    assert resolution.measure(measure(smooth_dataset(20))) is None


def test_a_power_law_is_fitted_back() -> None:
    sizes = np.array([1, 2, 5, 10, 20, 50])
    at = np.array([70.0, 100.0])
    np.testing.assert_allclose(_fit(sizes, 0.05 + 0.5 * sizes**-0.5, at), 0.05 + 0.5 * at**-0.5, atol=2e-3)
    np.testing.assert_allclose(_fit(sizes, np.full(6, 0.3), at), 0.3, atol=1e-9)


@pytest.mark.filterwarnings("error")
def test_the_learning_curve_rises_and_says_what_ten_more_bring() -> None:
    curve = learning_curve.measure(measure(smooth_dataset(20), separation=1))
    assert curve is not None
    assert curve.sizes == (1, 2, 3, 5, 8, 12)
    assert curve.scores.shape == (learning_curve.DRAWS, 6)
    assert curve.scores.mean(axis=0)[-1] > curve.scores.mean(axis=0)[0] + 0.1
    assert curve.gain_low <= curve.gain <= curve.gain_high
    assert curve.at[-1] == 30
    assert learning_curve.measure(measure(smooth_dataset(3), separation=3)) is None


@pytest.mark.parametrize("dimension", [2, 6])
def test_intrinsic_dimension_is_that_of_the_subspace(dimension: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.random((1500, dimension)) @ rng.normal(size=(dimension, 40))
    assert intrinsic_dimension(distances(x)) == pytest.approx(dimension, rel=0.15)


def test_intrinsic_dimension_is_that_of_a_slow_sum() -> None:
    x = np.random.default_rng(1).normal(size=(40, 3))
    k, total = 10, []
    for i in range(40):
        t = sorted(float(np.linalg.norm(x[i] - x[j])) for j in range(40) if j != i)[:k]
        total += [np.log(t[-1] / t[j]) for j in range(k - 1)]
    assert intrinsic_dimension(distances(x), k) == pytest.approx(1 / np.mean(total))


def test_label_sharpness_is_one_over_the_closest_pair_of_two_classes() -> None:
    data = smooth_dataset(5)
    found = complexity.measure(measure(data))
    assert found is not None
    small = measure(data).statistics.small.reshape(15, -1) * (7 / 255)
    gaps = {
        (a.id, b.id): float(np.linalg.norm(small[i] - small[j]))
        for i, a in enumerate(data.samples)
        for j, b in enumerate(data.samples)
        if i < j and a.label != b.label
    }
    assert found.closest == min(gaps, key=lambda pair: gaps[pair])
    assert found.sharpness == pytest.approx(1 / min(gaps.values()))
    assert np.isnan(found.feature_dimension)


def test_medoids_lower_the_sum_and_the_farthest_is_far() -> None:
    x = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2], [30.0]])
    gaps = distances(x)
    assert examples.medoids(gaps[:6, :6], 2) in ([3, 1], [2, 4])
    assert examples.farthest(gaps, [1, 4], 1) == [6]


def test_examples_are_of_their_class_and_never_both() -> None:
    for e in examples.measure(measure(smooth_dataset(6), separation=3)):
        assert all(i.startswith(e.name) for i in (*e.representative, *e.unusual))
        assert not set(e.representative) & set(e.unusual)
        assert len(e.representative) == 3
    assert examples.measure(measure(smooth_dataset(6))) == ()
