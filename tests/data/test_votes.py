"""Class probabilities in place of one label: shares of votes, labels, ties, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.data.arrays import from_arrays
from handful.data.bags import bag_dataset
from handful.data.check import check
from handful.data.class_names import with_classes
from handful.data.fingerprint import fingerprint, part_fingerprints
from handful.data.in_memory import load_tensors
from handful.data.votes import refuse_improper, weight_of, with_votes, with_weights
from handful.errors import DataError, HandfulWarning
from tests.support.datasets import squares

VOTES = np.array([[3.0, 1.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0]])


def voted(votes: np.ndarray = VOTES, *, labelled: bool = False) -> Dataset:
    data = squares(1, masks=False)
    return with_votes(data if labelled else data.without_labels(), votes, data.classes, where="votes")


def test_shares_of_votes_are_the_probabilities_and_most_votes_the_label() -> None:
    data = voted()
    shares = data.samples[0].probabilities
    assert shares is not None
    assert shares.tolist() == [0.75, 0.25, 0]
    assert [s.label for s in data.samples] == [0, 1, None]
    assert data.probabilities().tolist() == [[0.75, 0.25, 0], [0, 1, 0], [0, 0, 0]]


def test_an_image_whose_annotators_agree_is_as_one_with_a_label() -> None:
    data, plain = voted(np.eye(3) * 4), squares(1, masks=False)
    assert not data.has_probabilities
    assert fingerprint(data) == fingerprint(plain)


def test_a_label_beside_the_votes_stays() -> None:
    data = voted(VOTES[[1, 0, 2]], labelled=True)
    assert [s.label for s in data.samples] == [0, 1, 2]
    assert data.probabilities()[0].tolist() == [0, 1, 0]  # all of them contradict it


def test_ties_are_noted_and_the_first_class_by_name_is_the_label() -> None:
    with pytest.warns(HandfulWarning, match="1 image has as many votes of two classes or more"):
        data = voted(np.array([[0.0, 2.0, 2.0], [1, 0, 0], [0, 0, 1]]))
    assert data.samples[0].label == 1


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_votes_that_are_no_numbers_are_refused(bad: float) -> None:
    votes = VOTES.copy()
    votes[1, 2] = bad
    with pytest.raises(DataError, match="votes of 'red'"):
        voted(votes)


def test_classes_with_votes_are_classes_of_the_data() -> None:
    data = squares(1)
    with pytest.raises(DataError, match="'rad' is not one of the 3 classes"):
        with_votes(data, VOTES[[0, 1]].repeat([1, 2], axis=0), ("blue", "rad", "red"), where="votes")


def test_tensors_have_the_probabilities_as_targets() -> None:
    tensors = load_tensors(voted(), size=(12, 12))
    _, targets, known = tensors.knowledge(tensors.labels.new_tensor([2, 0]), 3)
    assert targets.tolist() == [[0, 0, 0], [0.75, 0.25, 0]]
    assert known is None
    assert load_tensors(squares(1), size=(12, 12)).probabilities is None


def test_probabilities_enter_the_fingerprint() -> None:
    one, other = part_fingerprints(voted()), part_fingerprints(voted(VOTES * [1, 2, 1]))
    assert fingerprint(voted()) != fingerprint(voted(VOTES * [1, 2, 1]))
    assert {key for key in one if one[key] != other[key]} == {"labels"}


def test_images_to_predict_have_neither_probabilities_nor_weights() -> None:
    data = voted()
    data = replace(data, samples=tuple(with_weights(data.samples, [0.5, 1, 1])))
    assert data.has_weights
    assert data.has_probabilities
    assert not data.without_labels().has_weights
    assert not data.without_labels().has_probabilities


def test_other_classes_move_the_columns() -> None:
    data = with_classes(voted(), ("blue", "cyan", "green", "red"))
    assert data.probabilities()[0].tolist() == [0.75, 0, 0.25, 0]


def test_improper_probabilities_are_refused_by_the_check() -> None:
    data = squares(2)
    bad = replace(data.samples[0], probabilities=np.array([0.5, 0.2, 0.1], np.float32))
    with pytest.raises(DataError, match="no probabilities of 3 classes"):
        check(replace(data, samples=(bad, *data.samples[1:])))
    with pytest.raises(DataError, match="class probabilities and no label"):
        refuse_improper(replace(bad, label=None, probabilities=np.array([1, 0, 0], np.float32)), 3)


def test_bags_have_one_label() -> None:
    data = voted()
    with pytest.raises(DataError, match="class probabilities, and the labels belong to bags"):
        bag_dataset(replace(data, samples=tuple(replace(s, bag="one") for s in data.samples)))


def test_arrays_have_probabilities_and_weights() -> None:
    images = np.stack([np.asarray(s.image) for s in squares(1).samples]).transpose(0, 2, 3, 1)
    data = from_arrays(images, probabilities=VOTES, weights=[2, 1, 0], classes=("blue", "green", "red"))
    assert [s.label for s in data.samples] == [0, 1, None]
    assert [s.weight for s in data.samples] == [2, 1, 0]
    assert from_arrays(images, probabilities=VOTES).classes == ("0", "1")  # no vote for the third


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"probabilities": VOTES[:2]}, r"shape \[2, 3\].*for 3 images and 3 classes"),
        ({"probabilities": VOTES, "numbers": [1, 2, 3]}, "probabilities and numbers are both given"),
        ({"labels": ["a", "b", "a"], "weights": [1, 2]}, r"weights of shape \[2\]"),
        ({"labels": ["a", "b", "a"], "weights": [1, -2, 1]}, "the weight of a sample is -2"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(given: dict[str, object], match: str) -> None:
    images = np.stack([np.asarray(s.image) for s in squares(1).samples]).transpose(0, 2, 3, 1)
    with pytest.raises(DataError, match=match):
        from_arrays(images, **given)  # type: ignore[arg-type]


def test_an_empty_cell_is_a_weight_of_one() -> None:
    assert [weight_of(cell, "line 2") for cell in ("", "0.5", "0")] == [1, 0.5, 0]
    for cell in ("-1", "much"):
        with pytest.raises(DataError, match="line 2"):
            weight_of(cell, "line 2")
