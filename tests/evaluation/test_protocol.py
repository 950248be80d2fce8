from dataclasses import replace
from typing import Any

import pytest

from handful.core.dataset import Dataset
from handful.errors import DataError, ProtocolError
from handful.evaluation.protocol import Protocol, splits_of
from tests.support.datasets import squares


@pytest.fixture
def data() -> Dataset:
    """Six images per class to train on and four to test."""
    train = squares(6, seed=1, split="train")
    test = squares(4, seed=2, split="test")
    return Dataset(train.samples + test.samples, train.classes)


def test_rest_never_touches_the_test_part(data: Dataset) -> None:
    test = set(data.split("test").ids)
    for cell in splits_of(data, Protocol((100, 101), per_class=2, score_on="rest")):
        assert not test & {*cell.train.ids, *cell.test.ids}
        assert not set(cell.train.ids) & set(cell.test.ids)
        assert len(cell.test) == 12


def test_without_a_test_part_the_rest_is_scored() -> None:
    found = splits_of(squares(5), Protocol((0, 1), per_class=2))
    assert [len(c.test) for c in found] == [9, 9]
    assert set(found[0].test.ids) != set(found[1].test.ids)


def with_validation(data: Dataset) -> Dataset:
    """The data with two more images per class in a val split."""
    validation = squares(2, seed=3, split="val")
    return Dataset(data.samples + validation.samples, data.classes)


def test_the_val_split_is_scored_on_request_and_never_trained_on(data: Dataset) -> None:
    everything = with_validation(data)
    validation = everything.split("val").ids
    for per_class in (None, 2):
        for cell in splits_of(everything, Protocol((0, 1), per_class=per_class, score_on="val")):
            assert cell.test.ids == validation
            assert all(s.split == "train" for s in cell.train.samples)
    with pytest.raises(DataError, match=r"there is no val split(.|\n)*score_on=\"test\""):
        splits_of(data, Protocol((0,), per_class=2, score_on="val"))
    with pytest.raises(ProtocolError, match="the data has a val split, and folds would leave it out"):
        splits_of(everything, Protocol((0,), folds=2, score_on="val"))


def test_without_anything_to_score_the_remedy_names_the_val_split(data: Dataset) -> None:
    rest = Dataset(tuple(s for s in with_validation(data).samples if s.split != "test"), data.classes)
    with pytest.raises(ProtocolError) as error:
        splits_of(rest, Protocol((0,)))
    for way in ("folds=5", "per_class=5", 'the 6 images of the val split (score_on="val")'):
        assert way in error.value.remedy


def test_folds_hold_out_every_image_once_per_draw() -> None:
    data = squares(6)
    found = splits_of(data, Protocol((0, 1), folds=3))
    assert [(c.draw, c.fold) for c in found] == [(d, f) for d in (0, 1) for f in range(3)]
    for draw in (0, 1):
        held = [i for c in found if c.draw == draw for i in c.test.ids]
        assert sorted(held) == sorted(data.ids)
    limited = splits_of(data, Protocol((0,), folds=3, per_class=2))
    assert all(len(c.train) == 6 and not set(c.train.ids) & set(c.test.ids) for c in limited)


def test_groups_stay_on_one_side() -> None:
    plain = squares(6)
    grouped = replace(plain, samples=tuple(replace(s, group=f"p{i // 2}") for i, s in enumerate(plain.samples)))
    group = {s.id: s.group for s in grouped.samples}
    for cell in splits_of(grouped, Protocol((0,), folds=3)):
        assert not {group[i] for i in cell.train.ids} & {group[i] for i in cell.test.ids}


def test_unlabelled_images_take_no_part(data: Dataset) -> None:
    nameless = replace(data, samples=(*data.samples, replace(data.samples[0], id="new", label=None)))
    for cell in splits_of(nameless, Protocol((0,))) + splits_of(nameless, Protocol((0,), per_class=2, score_on="rest")):
        assert "new" not in cell.train.ids + cell.test.ids


@pytest.mark.parametrize(
    ("protocol", "remedy"),
    [
        (Protocol((0,), folds=3), 'score_on="rest"'),
        (Protocol((0,), score_on="rest"), "folds=5"),
        (Protocol((0,), per_class=6, score_on="rest"), "draw fewer"),
    ],
)
def test_a_protocol_that_does_not_fit_is_refused(data: Dataset, protocol: Protocol, remedy: str) -> None:
    with pytest.raises(ProtocolError, match=remedy):
        splits_of(data, protocol)


@pytest.mark.parametrize("draws", [(), (1, 1), (-1,)])
def test_draws_must_be_different_numbers(draws: tuple[int, ...]) -> None:
    with pytest.raises(ProtocolError, match="draws"):
        Protocol(draws)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"long_tail": 10.0}, "per_class=50"),
        ({"long_tail": 10.0, "folds": 3, "per_class": 3}, "leave one"),
        ({"tail_order": "seeded"}, "an order needs a long tail"),
    ],
)
def test_a_long_tail_that_does_not_fit_is_refused(data: Dataset, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        splits_of(data, Protocol((0,), **options))
