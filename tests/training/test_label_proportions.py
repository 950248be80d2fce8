"""Labels from the class shares of bags."""

from dataclasses import replace

import numpy as np
import pytest

from handful import load_recipe, train
from handful.core.dataset import Dataset
from handful.data.arrays import from_arrays
from handful.errors import DataError, TrainingError
from handful.training import label_proportions
from handful.training.label_proportions import class_counts, infer_labels, labels_from_proportions

BAGS, SIZE = 12, 5
NAMES = tuple(f"b{i}" for i in range(BAGS))
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, BAGS * SIZE)
FEATURES = np.abs(5 * np.eye(6)[LABELS] + RNG.normal(size=(BAGS * SIZE, 6)))
INDEX = np.repeat(np.arange(BAGS), SIZE)
COUNTS = np.stack([np.bincount(LABELS[b == INDEX], minlength=3) for b in range(BAGS)])
SHARES = {
    name: {c: float(n) / SIZE for c, n in zip("xyz", row, strict=True) if n}
    for name, row in zip(NAMES, COUNTS, strict=True)
}


@pytest.fixture(scope="module")
def data() -> Dataset:
    images = np.zeros((BAGS * SIZE, 8, 8, 3), np.uint8)
    images[np.arange(len(LABELS)), ..., LABELS] = 200
    return from_arrays(images, bags=np.repeat(NAMES, SIZE))


def test_images_get_their_labels_and_bags_have_their_shares(data: Dataset) -> None:
    labelled = labels_from_proportions(data, SHARES, features=FEATURES)
    assert (labelled.kind, labelled.classes, labelled.ids) == ("multiclass", ("x", "y", "z"), data.ids)
    assert (labelled.labels == LABELS).mean() > 0.95
    for b in range(BAGS):
        np.testing.assert_array_equal(np.bincount(labelled.labels[b == INDEX], minlength=3), COUNTS[b])


def test_any_recipe_trains_on_them(data: Dataset) -> None:
    labelled = labels_from_proportions(data, SHARES, features=FEATURES)
    recipe = load_recipe("logistic", overrides=("backbone.name=pixels", "image_size=[8,8]"))
    model = train(recipe, labelled, device="cpu", progress=False)
    assert (model.predict(data.without_labels()) == LABELS).mean() > 0.9


def test_features_are_the_backbones_where_none_are_given(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def features(images: object, *, device: str, backbone: str | None) -> list[np.ndarray]:
        assert (device, backbone) == ("cpu", "timm/other")
        assert len(list(images)) == BAGS * SIZE  # type: ignore[call-overload]
        return [FEATURES[:40], FEATURES[40:]]

    monkeypatch.setattr("handful.training.image_features.features", features)
    assert (labels_from_proportions(data, SHARES, backbone="timm/other").labels == LABELS).mean() > 0.95


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ({"x": 0.5, "y": 0.5}, r"proportions\['b0'\]: the shares 0.5, 0.5, 0 of 5 images are not whole numbers"),
        ({"x": 0.4, "y": 0.4}, r"the shares 0.4, 0.4, 0 have the sum 0.8, not 1"),
        ({"x": 40, "y": 60}, r"have the sum 100, not 1(.*\n)+.*0.25 for 25 %"),
        ({"x": 1.2, "y": -0.2}, r"shares are from 0 to 1, not 1.2, -0.2, 0"),
        ({"x": float("nan"), "y": 1.0}, r"shares are from 0 to 1, not nan, 1, 0"),
        ({"x": float("inf"), "y": 0.0}, r"have the sum inf, not 1"),
    ],
)
def test_shares_that_no_images_have_are_refused(data: Dataset, shares: dict[str, float], says: str) -> None:
    with pytest.raises(DataError, match=says):
        labels_from_proportions(data, {**SHARES, "b0": shares}, features=FEATURES)


@pytest.mark.parametrize("row", [[0.5, 0.5], {"x": "half"}, {0: 1.0}])
def test_what_is_not_a_share_for_each_class_is_refused(row: object) -> None:
    with pytest.raises(DataError, match=r"proportions\['b0'\]: .* is not a share for each class"):
        label_proportions._check_row("b0", row)


def test_shares_may_be_rounded() -> None:
    classes, counts = class_counts({"a": {"x": 0.33, "y": 0.67}, "b": {"y": 1}}, ("a", "b"), np.array([3, 2]))
    assert (classes, counts.tolist()) == (("x", "y"), [[1, 2], [0, 2]])


def test_bags_without_shares_and_shares_without_a_bag_are_refused(data: Dataset) -> None:
    with pytest.raises(DataError, match="bag 'b11': the bag has no proportions"):
        labels_from_proportions(data, {name: SHARES[name] for name in NAMES[:-1]}, features=FEATURES)
    with pytest.raises(DataError, match=r"\['b12'\]: no image is in this bag(.*\n)+.*did you mean"):
        labels_from_proportions(data, SHARES | {"b12": {"x": 1.0}}, features=FEATURES)
    with pytest.raises(DataError, match="a classifier needs two classes"):
        labels_from_proportions(data, {name: {"x": 1.0} for name in NAMES}, features=FEATURES)


def test_images_with_a_label_without_a_bag_or_of_the_test_part_are_refused(data: Dataset) -> None:
    for wrong, says in (
        (replace(data.samples[0], label=0), "000000: the image has a label"),
        (replace(data.samples[0], bag=None), "000000: the image is in no bag"),
        (replace(data.samples[0], split="test"), "000000: the image is of the test split"),
    ):
        with pytest.raises(DataError, match=says):
            labels_from_proportions(replace(data, samples=(wrong, *data.samples[1:])), SHARES, features=FEATURES)
    with pytest.raises(DataError, match="no images found"):
        labels_from_proportions(data.select([]), SHARES)


def test_features_of_other_images_are_refused(data: Dataset) -> None:
    with pytest.raises(DataError, match=r"60 images, and features of shape \[59, 6\]"):
        labels_from_proportions(data, SHARES, features=FEATURES[1:])


def test_three_bags_are_refused() -> None:
    with pytest.raises(DataError, match="fewer than four bags"):
        infer_labels(FEATURES[:15], INDEX[:15], COUNTS[:3])


def test_bags_of_the_same_shares_are_refused() -> None:
    with pytest.raises(DataError, match="all bags have the same shares"):
        infer_labels(FEATURES[:20], np.repeat([0, 1, 2, 3], 5), np.array([[2, 3]] * 4))


def test_features_that_do_not_tell_the_shares_are_refused() -> None:
    noise = np.random.default_rng(3).normal(size=FEATURES.shape)
    with pytest.raises(TrainingError, match=r"do not determine the labels: with those of half(.*\n)+.*smaller bags"):
        infer_labels(noise, INDEX, COUNTS)


def test_messages_that_do_not_settle_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_proportions, "ROUNDS", 1)
    with pytest.raises(TrainingError, match="do not settle: after 1 rounds, log-odds change by"):
        infer_labels(FEATURES, INDEX, COUNTS)
