from dataclasses import replace

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.data.finding import Finding
from handful.inspection.findings import shortcuts
from handful.inspection.neighbors import cross_fitted_neighbors, weighted_vote
from handful.inspection.shortcut_tests import NuisanceVariable, find_shortcuts, nuisance_variables
from tests.inspection.smooth_images import measure, smooth_dataset


def test_neighbors_come_from_other_folds_and_groups_stay_whole() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 3)
    x = groups[:, None] * 10.0 + rng.random((60, 1))
    near = cross_fitted_neighbors(x, groups, 4, rng)
    assert near.shape == (60, 4)
    assert not (groups[near] == groups[:, None]).any()


def test_a_vote_counts_classes_alike() -> None:
    labels = np.array([0] * 9 + [1])
    near = np.array([[0, 1, 9]] * 5 + [[0, 1, 2]] * 5)
    assert weighted_vote(near, labels, 2).tolist() == [1] * 5 + [0] * 5


def test_equal_values_in_a_sorted_table_predict_nothing() -> None:
    labels = np.repeat([0, 1], 100)
    near = cross_fitted_neighbors(np.zeros((200, 1)), np.arange(200), 5, np.random.default_rng(0))
    assert 0.3 < (weighted_vote(near, labels, 2) == labels).mean() < 0.7


def test_p_is_uniform_where_there_is_nothing_and_small_where_there_is() -> None:
    rng = np.random.default_rng(0)
    labels, rows = np.repeat([0, 1, 2], 20), np.arange(60)
    noise = [
        find_shortcuts([NuisanceVariable("x", rows, rng.random((60, 1)))], labels, rows, shuffles=39)[0].p
        for _ in range(30)
    ]
    assert 0.3 < np.mean(noise) < 0.7
    assert np.mean(np.array(noise) <= 0.05) <= 0.2
    (found,) = find_shortcuts(
        [NuisanceVariable("x", rows, labels[:, None] + 0.1 * rng.random((60, 1)))], labels, rows, shuffles=99
    )
    assert found.p == 0.01
    assert found.score > 0.9
    assert found.low > found.chance_high
    assert found.chance == pytest.approx(1 / 3, abs=0.08)


def test_images_of_one_group_alone_predict_nothing() -> None:
    rng = np.random.default_rng(0)
    labels, x = np.repeat([0, 1], 20), rng.random((40, 1))
    one, two = NuisanceVariable("mask area", np.arange(5, 35), x[5:35]), NuisanceVariable("file size", np.arange(40), x)
    groups = np.array([0] * 5 + [1] * 30 + [2] * 5)  # the images with a mask are all of one patient
    assert [s.name for s in find_shortcuts([one, two], labels, groups, shuffles=9)] == ["file size"]
    assert find_shortcuts([one, two], labels, np.zeros(40, dtype=np.int64), shuffles=9) == ()


def _quick(data: Dataset) -> tuple[Finding, ...]:
    known = measure(data)
    looked_at = nuisance_variables(data, known.statistics, rows=known.training)
    return shortcuts.shortcut_findings(find_shortcuts(looked_at, known.labels, known.groups, shuffles=99))


def test_a_colored_border_per_class_is_a_warning_and_its_like_is_not() -> None:
    data = smooth_dataset()
    for sample in data.samples:
        assert isinstance(sample.image, np.ndarray)
        sample.image[:, :2] = 60 * (sample.label or 0)
        sample.image[:, :, :2] = 60 * (sample.label or 0)
    found = {str(f.numbers["name"]): f for f in _quick(data)}
    assert found["border color"].severity == "warning"
    assert "frames" in found["border color"].remedy
    assert _quick(smooth_dataset()) == ()


def test_only_what_varies_is_looked_at() -> None:
    data = smooth_dataset()
    known = measure(data)
    assert [c.name for c in nuisance_variables(data, known.statistics, rows=known.training)] == [
        "mean color",
        "border color",
    ]
    masked = replace(
        data,
        samples=tuple(
            replace(s, mask=np.eye(40, dtype=bool) | (np.arange(40) < i)) for i, s in enumerate(data.samples)
        ),
    )
    names = [c.name for c in nuisance_variables(masked, known.statistics, rows=known.training, bytes_=np.arange(36))]
    assert names == ["mask area", "mean color", "border color", "file size"]
