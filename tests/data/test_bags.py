"""Bags of images: their tables and folders, and draws, folds and splits of whole bags."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from handful.core.dataset import Dataset
from handful.data.bags import bag_dataset, bag_index, bag_labels, one_per_bag
from handful.data.check import check
from handful.data.fingerprint import fingerprint
from handful.data.load import load_data
from handful.data.splits import draw, draw_counts, folds, holdout
from handful.errors import DataError
from tests.data.noise_images import save_noise_image
from tests.support.command_line import write_images
from tests.support.datasets import bags_of_squares


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, name in enumerate("abcd"):
        save_noise_image(tmp_path / f"{name}.png", i)
    return tmp_path


def _table(folder: Path, *rows: str) -> Path:
    path = folder / "t.csv"
    path.write_text("\n".join(("path,label,slide,split,group", *rows)) + "\n", encoding="utf-8")
    return path


def _bags(data: Dataset) -> Counter[str | None]:
    return Counter(s.bag for s in data.samples)


def test_a_column_names_the_bag_whose_label_one_row_may_give_for_all(folder: Path) -> None:
    data = load_data(_table(folder, "a.png,ill,s1", "b.png,,s1", "c.png,well,s2", "d.png,,s3"), bag="slide")
    assert (data.kind, data.classes, data.counts.tolist()) == ("bag", ("ill", "well"), [1, 1])
    assert [(s.bag, s.label) for s in data.samples] == [("s1", 0), ("s1", 0), ("s2", 1), ("s3", None)]
    names, index = bag_index(data)
    assert (names, index.tolist(), bag_labels(data).tolist()) == (("s1", "s2", "s3"), [0, 0, 1, 2], [0, 1, -1])
    assert "bag='s1'" in repr(data.samples[0])


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (("a.png,ill,s1", "b.png,well,s1"), r"bag 's1' has two labels: ill \(a.png\) and well(.*\n)+.*leave bag out"),
        (("a.png,ill,s1,train", "b.png,,s1,test"), r"in two splits: train \(a.png\) and test"),
        (("a.png,ill,s1,,p1", "b.png,,s1,,p2"), r"in two groups: p1 \(a.png\) and p2"),
        (("a.png,ill,s1", "b.png,ill,"), r"line 3, slide: the image is in no bag"),
    ],
)
def test_a_bag_with_two_labels_splits_or_groups_is_refused_and_an_image_without_a_bag(
    folder: Path, rows: tuple[str, ...], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        load_data(_table(folder, *rows), bag="slide")


def test_a_column_that_is_not_there_is_refused_with_the_nearest_and_so_are_other_targets(folder: Path) -> None:
    table = _table(folder, "a.png,ill,s1")
    with pytest.raises(DataError, match=r"no column 'slid'(.*\n)+.*'slide'"):
        load_data(table, bag="slid")
    with pytest.raises(DataError, match=r'a bag has one label(.*\n)+.*number="age"'):
        load_data(table, bag="slide", number="age")
    with pytest.raises(DataError, match=r"digits has no bags|no such"):
        load_data("digits", bag="slide")


def test_each_folder_of_images_in_a_class_folder_is_a_bag(tmp_path: Path) -> None:
    write_images(bags_of_squares(4, folders=True), tmp_path / "data")
    data = load_data(tmp_path / "data", bag="folders")
    assert (data.kind, len(data), data.counts.tolist()) == ("bag", 20, [2, 2])
    assert {s.bag for s in data.samples} == {f"{('negative', 'positive')[b % 2]}/0-{b:02d}" for b in range(4)}
    with pytest.raises(DataError, match=r'is a folder, which has no columns(.*\n)+.*bag="folders"'):
        load_data(tmp_path / "data", bag="slide")
    save_noise_image(tmp_path / "data" / "negative" / "loose.png", 1)
    with pytest.raises(DataError, match=r"loose.png: the image lies in no folder of a bag(.*\n)+.*class/bag/image"):
        load_data(tmp_path / "data", bag="folders")


def test_draws_folds_and_splits_take_whole_bags_of_each_class() -> None:
    data = bags_of_squares(20)
    drawn, rest = draw(data, 3, 0)
    assert (drawn.kind, drawn.counts.tolist(), rest.counts.tolist()) == ("bag", [3, 3], [7, 7])
    assert not _bags(drawn).keys() & _bags(rest).keys()
    assert set(_bags(drawn).values()) == {5}
    assert set(draw(data, 1, 0)[0].ids) <= set(drawn.ids)
    held_out = [part for _, part in folds(data, 5, 0)]
    assert [part.counts.tolist() for part in held_out] == [[2, 2]] * 5
    assert sum(len(part) for part in held_out) == len(data)
    assert [part.counts.tolist() for part in holdout(data, 0.2, 0)] == [[8, 8], [2, 2]]


def test_bags_of_one_patient_are_never_on_two_sides() -> None:
    data = bags_of_squares(16)
    grouped = replace(data, samples=tuple(replace(s, group=f"p{int((s.bag or '')[-2:]) // 4}") for s in data.samples))
    for train, held_out in folds(grouped, 2, 0):
        assert not {s.group for s in train.samples} & {s.group for s in held_out.samples}


def test_too_few_bags_are_counted_as_bags() -> None:
    data = bags_of_squares(6)
    for call in (lambda: draw(data, 4, 0), lambda: folds(data, 4, 0), lambda: check(data, per_class=4)):
        with pytest.raises(DataError, match=r"has 3 labelled bags for training, fewer than the 4 needed"):
            call()
    with pytest.raises(DataError, match="a long tail"):
        draw_counts(data, [1, 2], 0)


def test_code_that_needs_a_label_per_image_is_told_so_and_ids_of_bags_count_in_the_fingerprint() -> None:
    data = bags_of_squares(4)
    with pytest.raises(DataError, match="labels of these images belong to bags"):
        _ = data.labels
    assert one_per_bag(data).labels.tolist() == [0, 1, 0, 1]
    other = replace(data, samples=tuple(replace(s, bag="x" + (s.bag or "")) for s in data.samples))
    assert fingerprint(data) != fingerprint(other)
    assert all(s.bag and s.label is None for s in data.without_labels().samples)


def test_the_same_tile_in_bags_of_two_classes_is_no_fault() -> None:
    data = bags_of_squares(4)
    copies = tuple(replace(s, image=data.samples[0].image) if s.id.endswith("/3.png") else s for s in data.samples)
    assert check(replace(data, samples=copies)) == []
    assert bag_dataset(data).counts.tolist() == [2, 2]
