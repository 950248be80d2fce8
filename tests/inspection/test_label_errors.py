from dataclasses import replace

import numpy as np

from handful.core.dataset import Dataset
from handful.inspection.cross_validate_features import cross_validate
from handful.inspection.findings import balance, label_errors
from tests.inspection.smooth_images import CLASSES, measure, smooth_dataset, with_changed_samples


def test_swapped_labels_are_found() -> None:
    data = smooth_dataset(30)
    known = measure(data, separation=8)
    wrong = with_changed_samples(data, cat_03={"label": 1}, dog_07={"label": 2})
    known = type(known)(wrong, known.statistics, features=known.features)
    (found,) = label_errors.find(known)
    assert found.kind == "label suspects"
    assert set(found.ids) == {"cat/03.png", "dog/07.png"}
    suspects = found.numbers["suspects"]
    assert isinstance(suspects, dict)
    assert suspects["cat/03.png"]["looks_like"] == "cat"


def test_what_cannot_be_judged_is_said() -> None:
    rare = Dataset(tuple(s for s in smooth_dataset().samples if s.label != 2 or s.id < "emu/03"), CLASSES)
    (found,) = label_errors.find(measure(rare, separation=8))
    assert (found.kind, "emu" in found.what) == ("labels not judged", True)
    (found,) = label_errors.find(measure(smooth_dataset(3), separation=8))
    assert found.kind == "labels not judged"
    (found,) = label_errors.find(measure(smooth_dataset(20), separation=0))
    assert "quick trial" in found.what
    assert label_errors.find(measure(smooth_dataset())) == ()


def test_probabilities_come_from_folds_that_leave_out_the_image_and_its_group() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 2)
    labels = np.repeat(rng.permutation(np.arange(40) % 2), 2)
    twins = np.repeat(rng.normal(size=(40, 60)), 2, axis=0) + 0.01 * rng.normal(size=(80, 60))
    leaky = cross_validate(twins, labels, np.arange(80), np.arange(80), classes=2)
    tied = cross_validate(twins, labels, groups, np.arange(80), classes=2)
    assert leaky is not None
    assert tied is not None
    assert tied.accuracy < 0.75
    assert leaky.accuracy > tied.accuracy + 0.1


def test_balance_names_the_classes() -> None:
    data = smooth_dataset(24)
    some = [i for i, s in enumerate(data.samples) if s.label != 1 or s.id < "dog/04"]
    found = {f.kind: f for f in balance.find(measure(data.select(some)))}
    assert found["imbalance"].severity == "warning"
    assert found["few images"].numbers["classes"] == {"dog": 4}
    assert balance.find(measure(data)) == ()
    bare = with_changed_samples(data, cat_00={"label": None}, cat_01={"split": "test"})
    assert [f.kind for f in balance.find(measure(bare))] == ["not tested", "unlabelled"]


def test_what_training_refuses_is_an_error() -> None:
    data = smooth_dataset(24)
    (one,) = balance.find(measure(data.select([i for i, s in enumerate(data.samples) if s.label == 1])))
    assert (one.kind, one.severity) == ("one class", "error")
    assert one.what.startswith("dog is the only class")
    moved = Dataset(tuple(replace(s, split="test") if s.label == 1 else s for s in data.samples), data.classes)
    found = {f.kind: f for f in balance.find(measure(moved))}
    assert found["no training image"].severity == "error"
    assert found["no training image"].numbers["classes"] == ["dog"]
    assert "few images" not in found
