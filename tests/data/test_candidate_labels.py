"""Labels that name groups of classes: which classes there are, the candidates, draws and folds, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from handful.core.dataset import Dataset, Sample
from handful.core.hierarchy import Tree
from handful.data.arrays import from_arrays
from handful.data.candidate_labels import candidate_dataset, label_of_candidates
from handful.data.check import check
from handful.data.class_names import with_classes
from handful.data.fingerprint import fingerprint, part_fingerprints
from handful.data.in_memory import load_tensors
from handful.data.load import load_data
from handful.data.splits import draw, folds, holdout, scored_split
from handful.errors import DataError, HandfulWarning
from tests.support.datasets import squares

TREE = Tree(
    "animal",
    (
        Tree("bird", (Tree("song bird", (Tree("robin"), Tree("wren"))), Tree("duck"))),
        Tree("pet", (Tree("cat"), Tree("dog"))),
    ),
)


def named(*names: str | None) -> Dataset:
    classes = tuple(sorted({n for n in names if n is not None}))
    image = np.zeros((3, 4, 4), dtype=np.uint8)
    labels = [None if n is None else classes.index(n) for n in names]
    return Dataset(tuple(Sample(f"{i}", image, label) for i, label in enumerate(labels)), classes)


def candidates(data: Dataset) -> list[set[str]]:
    return [{data.classes[c] for c in np.flatnonzero(row)} for row in data.candidates()]


def partly(per_class: int = 4, *, groups: dict[int, str] | None = None) -> Dataset:
    """Squares of which the last of each class are "blue or green", or of class red, which stays."""
    data = squares(per_class, masks=False)
    among = np.array([True, True, False])
    samples = []
    for i, s in enumerate(data.samples):
        sample = replace(s, group=(groups or {}).get(i))
        last = i % per_class == per_class - 1 and s.label != 2
        samples.append(replace(sample, label=None, candidates=among) if last else sample)
    return replace(data, samples=tuple(samples))


def test_a_label_with_labels_below_it_is_a_group_and_the_others_are_classes() -> None:
    data = candidate_dataset(named("robin", "wren", "duck", "cat", "dog", "bird", "song bird", "pet", None), tree=TREE)
    assert data.classes == ("cat", "dog", "duck", "robin", "wren")
    assert [s.label for s in data.samples] == [3, 4, 2, 0, 1, None, None, None, None]
    assert candidates(data)[5:] == [{"robin", "wren", "duck"}, {"robin", "wren"}, {"cat", "dog"}, set()]
    assert data.counts.tolist() == [1] * 5
    assert [s.labelled for s in data.samples[4:6]] == [True, False]
    assert [s.supervised for s in data.samples[4:]] == [True, True, True, True, False]


def test_a_group_whose_members_have_no_image_is_a_class() -> None:
    data = candidate_dataset(named("song bird", "duck", "bird", "cat"), tree=TREE)
    assert data.classes == ("cat", "duck", "song bird")
    assert candidates(data)[2] == {"duck", "song bird"}


def test_a_group_of_all_classes_says_nothing() -> None:
    data = candidate_dataset(named("cat", "duck", "animal", "robin"), tree=TREE)
    assert data.samples[2].candidates is None
    assert not data.samples[2].supervised


def test_what_has_no_image_is_named_and_a_class_that_is_expected_counts() -> None:
    data = named("robin", "duck", "cat", "bird")
    with pytest.warns(HandfulWarning, match="no image is labelled 'wren', so an image labelled 'bird'"):
        assert candidates(candidate_dataset(data, tree=TREE))[3] == {"robin", "duck"}
    found = candidate_dataset(data, tree=TREE, expected=("wren",))
    assert candidates(found)[3] == {"robin", "duck", "wren"}


def test_a_label_may_list_classes_and_groups() -> None:
    data = candidate_dataset(named("cat", "dog", "duck", "cat|duck", "dog | cat"), separator="|")
    assert candidates(data)[3:] == [{"cat", "duck"}, {"cat", "dog"}]
    assert label_of_candidates(data.samples[3], data.classes) == "cat|duck"
    assert label_of_candidates(data.samples[0], data.classes) == ""
    both = candidate_dataset(named("cat", "dog", "robin", "wren", "duck", "pet|duck"), tree=TREE, separator="|")
    assert candidates(both)[5] == {"cat", "dog", "duck"}


@pytest.mark.parametrize(
    ("names", "options", "what", "remedy"),
    [
        (("cat", "brid"), {"tree": TREE}, "'brid' is not in the tree", "did you mean 'bird'"),
        (("cat", "robin", "bird"), {"tree": TREE}, "only one class below 'bird'", "another class below 'bird'"),
        (("cat", "dog", "cat|"), {"separator": "|"}, "lists an empty name", "write names"),
        (("cat", "dog"), {"separator": " "}, "no separator", "'|'"),
    ],
)
def test_what_cannot_be_read_is_refused(
    names: tuple[str, ...], options: dict[str, object], what: str, remedy: str
) -> None:
    with pytest.raises(DataError) as caught:
        candidate_dataset(named(*names), **options)  # type: ignore[arg-type]
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_votes_and_groups_are_refused() -> None:
    data = squares(1, masks=False)
    data = replace(data, samples=(replace(data.samples[0], probabilities=np.full(3, 1 / 3, np.float32)),))
    with pytest.raises(DataError, match="some images have votes"):
        candidate_dataset(data, separator="|")


def test_labels_are_removed_with_candidates_and_nothing_else_keeps_them() -> None:
    data = partly()
    assert data.has_candidates
    assert not data.without_labels().has_candidates
    assert "2 with candidate labels" in repr(data)
    assert "without a label" not in repr(data)
    assert "candidates=[0, 1]" in repr(data.samples[3])


def test_fingerprints_tell_candidates() -> None:
    data = partly()
    bare = replace(data, samples=tuple(replace(s, candidates=None) for s in data.samples))
    other = replace(data, samples=tuple(_among(s, [True, False, True]) for s in data.samples))
    assert len({fingerprint(one) for one in (data, bare, other)}) == 3
    assert len({part_fingerprints(one)["labels"] for one in (data, bare, other)}) == 3


def _among(sample: Sample, row: list[bool]) -> Sample:
    return sample if sample.candidates is None else replace(sample, candidates=np.array(row))


def test_more_classes_move_the_candidates() -> None:
    data = with_classes(partly(), ("blue", "cyan", "green", "red"))
    assert candidates(data)[3] == {"blue", "green"}


def test_tensors_and_batches_hold_them() -> None:
    tensors = load_tensors(partly(), size=(12, 12))
    batch = tensors.batch(tensors.labels.argsort()[:3], 3)
    assert batch.candidates is not None
    assert batch.candidates.tolist() == [[True, True, False]] * 2 + [[False] * 3]
    assert tensors.supervised.all()
    assert batch.rows(slice(1, 3)).candidates.shape == (2, 3)  # type: ignore[union-attr]
    assert load_tensors(squares(), size=(12, 12)).candidates is None


def test_all_of_them_are_drawn_and_none_is_scored() -> None:
    data = partly()
    train, rest = draw(data, 1, 0)
    assert sum(s.candidates is not None for s in train.samples) == 2
    assert train.counts.tolist() == [1, 1, 1]
    assert not rest.has_candidates
    for train, held_out in [*folds(data, 3, 0), holdout(data, 0.3, 0)]:
        assert sum(s.candidates is not None for s in train.samples) == 2
        assert held_out.labelled().ids == held_out.ids
    split = replace(data, samples=tuple(replace(s, split="test") for s in data.samples))
    assert not scored_split(split, "test").has_candidates


def test_one_whose_group_is_held_out_is_not_learned() -> None:
    data = partly(groups={3: "a", 0: "a"})
    for train, held_out in folds(data, 3, 0):
        ids = {s.id for s in train.samples}
        assert (data.samples[3].id in ids) == (data.samples[0].id not in held_out.ids)
    _, rest = draw(data, 1, 0)
    assert data.samples[0].id not in rest.ids


def test_arrays_hold_them_beside_labels() -> None:
    images = np.zeros((5, 4, 4, 3), np.uint8)
    rows = np.array([[0, 0, 0], [1, 0, 1], [0, 1, 0], [1, 1, 1], [1, 1, 0]], dtype=bool)
    data = from_arrays(images, ["a", None, None, None, "b"], candidates=rows, classes=("a", "b", "c"))
    assert [s.label for s in data.samples] == [0, None, 1, None, 1]
    assert candidates(data) == [set(), {"a", "c"}, set(), set(), set()]


def test_arrays_of_candidates_alone_name_classes_by_position_or_by_column() -> None:
    images, rows = np.zeros((12, 4, 4, 3), np.uint8), np.eye(12, dtype=bool)
    rows[0, 10] = rows[3] = True
    data = from_arrays(images, candidates=rows)
    assert data.classes == tuple(sorted(map(str, range(12))))
    assert [None if s.label is None else int(data.classes[s.label]) for s in data.samples[1:3]] == [1, 2]
    assert candidates(data)[0] == {"0", "10"}
    assert not data.samples[3].supervised
    same = from_arrays(images, [None, *range(1, 3), None, *range(4, 12)], candidates=rows.astype(np.uint8))
    assert candidates(same) == candidates(data)
    frame = pd.DataFrame({"owl": [True, True, False], "cat": [True, False, True]})
    named = from_arrays(images[:3], candidates=frame)
    assert (named.classes, [s.label for s in named.samples]) == (("cat", "owl"), [None, 1, 0])
    labels = from_arrays(images[:3], ["owl", "cat", None], candidates=np.array([[0, 0], [1, 0], [0, 1]], bool))
    assert [labels.classes[s.label or 0] for s in labels.samples] == ["owl", "cat", "owl"]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"candidates": np.zeros((2, 3), bool)}, "candidates of shape"),
        ({"candidates": np.zeros((3, 2))}, "candidates of shape"),
        ({"candidates": np.full((3, 2), 2)}, "2 to 2, for 3 images and 2 classes"),
        ({"candidates": np.zeros(3, bool)}, "candidates of shape"),
        ({"candidates": np.array([[0, 0], [1, 0], [0, 0]], bool)}, "label '1' is not one of the image's candidates"),
        ({"candidates": np.eye(2)[[0, 1, 1]] > 0, "targets": np.eye(2)[[0, 1, 1]]}, "both given"),
        ({"candidates": np.zeros((3, 2), bool), "probabilities": np.eye(2)[[0, 1, 1]]}, "both given"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(given: dict[str, np.ndarray], what: str) -> None:
    with pytest.raises(DataError, match=what):
        from_arrays(np.zeros((3, 4, 4, 3), np.uint8), [0, 1, 1], classes=("0", "1"), **given)  # type: ignore[arg-type]


def test_an_image_without_candidates_and_without_labels_is_refused() -> None:
    rows = np.array([[1, 0], [0, 0], [0, 0]], bool)
    with pytest.raises(DataError, match=r"candidates\[1\]: the image has no candidate and no label, nor have 1 more"):
        from_arrays(np.zeros((3, 4, 4, 3), np.uint8), candidates=rows)


def test_an_archive_holds_candidates_of_every_part(tmp_path: Path) -> None:
    path, images = tmp_path / "a.npz", np.zeros((4, 4, 4), np.uint8)
    arrays = {"train_images": images, "test_images": images[:2], "test_labels": np.array([1, 0])}
    rows = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1]], bool)
    names = np.array(["owl", "cat", "dog"])
    np.savez(path, **arrays, train_candidates=rows, class_names=names)  # type: ignore[arg-type]
    data = load_data(path)
    assert data.classes == ("cat", "dog", "owl")
    assert [s.label for s in data.samples] == [2, None, 1, None, 0, 2]
    assert candidates(data)[:4] == [set(), {"cat", "dog"}, set(), set()]
    np.savez(path, **arrays, train_candidates=rows)  # type: ignore[arg-type]
    assert load_data(path).classes == ("0", "1", "2")
    tree = tmp_path / "tree.yaml"
    tree.write_text("pet: [cat, dog]\nowl:\n", encoding="utf-8")
    np.savez(path, **arrays, train_candidates=rows, class_names=names)  # type: ignore[arg-type]
    assert candidates(load_data(path, tree=tree)) == candidates(data)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"candidates": np.zeros((3, 2), bool)}, r"a\.npz, candidates\[0\]: the image has no candidate"),
        ({"candidates": np.ones((2, 2), bool)}, r"a\.npz, candidates: candidates of shape \[2, 2\]"),
        ({"candidates": np.ones((3, 2))}, r"a\.npz, candidates: .* type float64"),
        ({"candidates": np.ones(3, bool)}, r"a\.npz, candidates: candidates of shape \[3\]"),
        ({"candidates": np.ones((3, 2), bool), "class_names": np.array(["a", "b", "c"])}, "and 3 classes"),
        ({"candidates": np.ones((3, 2), bool), "probabilities": np.ones((3, 2))}, "both given"),
        ({"candidates": np.ones((3, 2), bool), "targets": np.ones((3, 2))}, "both given"),
        ({"candidates": np.eye(3, dtype=bool), "labels": np.array([0, 1, 1])}, "label '1' is not one of"),
    ],
)
def test_candidates_of_an_archive_that_do_not_fit_are_refused(
    tmp_path: Path, given: dict[str, np.ndarray], what: str
) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((3, 4, 4), np.uint8), **given)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=what):
        load_data(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("change", "what"),
    [({"label": 0}, "a label and candidates"), ({"candidates": np.zeros(3, bool)}, "0 of them True")],
)
def test_improper_candidates_are_refused(change: dict[str, object], what: str) -> None:
    data = partly()
    samples = tuple(s if s.candidates is None else replace(s, **change) for s in data.samples)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=what):
        check(replace(data, samples=samples))


def test_a_folder_and_its_tree_are_read(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("robin", "duck", "bird", "cat"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(2):
            Image.new("RGB", (8, 8), (i, 0, 0)).save(tmp_path / "photos" / name / f"{i}.png")
    tree = tmp_path / "tree.yaml"
    tree.write_text("bird: [robin, duck]\ncat:\n")
    data = load_data(tmp_path / "photos", tree=tree)
    assert data.classes == ("cat", "duck", "robin")
    assert [candidates(data)[i] for i, s in enumerate(data.samples) if s.id.startswith("bird")] == [
        {"duck", "robin"}
    ] * 2
    listed = load_data(tmp_path / "photos", tree=tree, classes=("cat", "duck", "robin"))
    assert fingerprint(listed) == fingerprint(data)


def test_other_kinds_are_refused(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("path,label\na.png,cat|dog\n")
    with pytest.raises(DataError, match="candidates are for images with one class each"):
        load_data(tmp_path / "t.csv", multilabel="|", candidates="/")
