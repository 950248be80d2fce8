"""Multilabel data from COCO, LVIS and Label Studio files."""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.data.load import load_data
from handful.errors import DataError, HandfulWarning
from tests.data.noise_images import save_noise_image

CATEGORIES = [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}, {"id": 7, "name": "bird"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for i, name in enumerate("abcd"):
        save_noise_image(tmp_path / "images" / f"{name}.png", i)
    return tmp_path


def _coco(folder: Path, shown: dict[str, tuple[int, ...]], **fields: dict[str, list[int]]) -> Path:
    images = [
        {"id": i, "file_name": f"images/{name}.png"} | {field: v[name] for field, v in fields.items() if name in v}
        for i, name in enumerate(shown, start=1)
    ]
    pairs = [(i, category) for i, ids in enumerate(shown.values(), start=1) for category in ids]
    annotations = [{"id": n, "image_id": i, "category_id": c, "iscrowd": 0} for n, (i, c) in enumerate(pairs)]
    return _write(folder, {"images": images, "annotations": annotations, "categories": CATEGORIES})


def _write(folder: Path, content: Any) -> Path:
    path = folder / "annotations.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _task(number: int, name: str, **fields: list[str]) -> dict[str, Any]:
    result = [{"type": "choices", "from_name": f, "value": {"choices": names}} for f, names in fields.items()]
    annotations = [{"result": result, "created_at": "2026-01-01"}] if fields else []
    return {"id": number, "data": {"image": f"/data/upload/1/1a2b3c4d-{name}.png"}, "annotations": annotations}


def _targets(data: Dataset) -> list[list[float | None]]:
    return [[None if np.isnan(v) else float(v) for v in row] for row in data.targets()]


def test_the_categories_of_coco_are_present_and_the_others_absent(folder: Path) -> None:
    path = _coco(folder, {"a": (1, 2, 2), "b": (2,), "c": (1,)})
    with pytest.warns(HandfulWarning, match=r"categories that no image shows: 1 not used \(bird\)"):
        data = load_data(path, multilabel="annotations")
    assert (data.kind, data.classes) == ("multilabel", ("cat", "dog"))
    assert data.ids == ("images/a.png", "images/b.png", "images/c.png")
    assert _targets(data) == [[1, 1], [1, 0], [0, 1]]


def test_an_image_without_annotations_is_unlabelled_unless_the_user_says_that_it_shows_nothing(folder: Path) -> None:
    path = _coco(folder, {"a": (1, 2, 7), "b": ()})
    with pytest.warns(HandfulWarning, match=r"1 image has no annotation \(images/b.png\).*unlisted=\"absent\""):
        data = load_data(path, multilabel="annotations")
    assert _targets(data) == [[1, 1, 1], [None, None, None]]
    absent = load_data(path, multilabel="annotations", unlisted="absent")
    assert _targets(absent) == [[1, 1, 1], [0, 0, 0]]
    unknown = load_data(_coco(folder, {"a": (1, 2), "b": (7,)}), multilabel="annotations", unlisted="unknown")
    assert _targets(unknown) == [[None, 1, 1], [1, None, None]]


def test_lvis_states_what_is_absent_and_leaves_the_rest_unknown(folder: Path) -> None:
    path = _coco(
        folder,
        {"a": (1,), "b": (2, 7), "c": (1,)},
        neg_category_ids={"a": [2], "b": [1], "c": [2, 7]},
        not_exhaustive_category_ids={"a": [7], "b": [2], "c": []},
    )
    data = load_data(path, multilabel="annotations")
    assert data.classes == ("bird", "cat", "dog")
    assert _targets(data) == [[None, 0, 1], [1, 1, 0], [0, 0, 1]]
    absent = load_data(path, multilabel="annotations", unlisted="absent")
    assert _targets(absent)[0] == [None, 0, 1], "what the file does not know stays unknown"


def test_lvis_names_images_by_their_address(folder: Path) -> None:
    image = {"id": 5, "coco_url": "http://images.cocodataset.org/images/a.png", "neg_category_ids": [2, 7]}
    annotation = {"id": 1, "image_id": 5, "category_id": 1}
    path = _write(folder, {"images": [image], "annotations": [annotation], "categories": CATEGORIES})
    with pytest.warns(HandfulWarning, match="categories that no image shows"):
        data = load_data(path, multilabel="annotations")
    assert (data.ids, data.classes) == (("images/a.png",), ("dog",))


def test_a_category_that_is_annotated_and_said_to_be_absent_is_an_error(folder: Path) -> None:
    path = _coco(folder, {"a": (1,)}, neg_category_ids={"a": [1]})
    with pytest.raises(DataError, match=r"images/a.png: category 'dog' is annotated, and listed in neg_category_ids"):
        load_data(path, multilabel="annotations")


def test_a_damaged_coco_file_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="category id 3 is not among the file's categories"):
        load_data(_coco(folder, {"a": (3,)}), multilabel="annotations")
    images = [{"id": 1, "file_name": "images/a.png"}, {"id": 1, "file_name": "images/b.png"}]
    content: dict[str, Any] = {"images": images, "annotations": [], "categories": CATEGORIES}
    with pytest.raises(DataError, match="two images have the id 1"):
        load_data(_write(folder, content), multilabel="annotations")
    orphan = {"id": 1, "image_id": 9, "category_id": 1}
    with pytest.raises(DataError, match="image id '9', which is not among the images"):
        load_data(_write(folder, content | {"images": images[:1], "annotations": [orphan]}), multilabel="annotations")
    with pytest.raises(DataError, match="neither COCO JSON nor a full Label Studio export"):
        load_data(_write(folder, {"a": 1}), multilabel="annotations")


def test_missing_files_are_counted_and_a_path_out_of_the_folder_is_refused(folder: Path) -> None:
    (folder / "images" / "b.png").unlink()
    (folder / "images" / "c.png").unlink()
    with pytest.raises(
        DataError, match=r"2 files that the file names are missing: images/b.png \(image images/b.png\)"
    ):
        load_data(_coco(folder, {"a": (1,), "b": (2,), "c": (1,)}), multilabel="annotations")
    content = {"images": [{"id": 1, "file_name": "../x.png"}], "annotations": [], "categories": CATEGORIES}
    inner = _write(folder / "images", content)
    with pytest.raises(DataError, match=r"leads out of the file's folder(.*\n)+.*if you trust the file"):
        load_data(inner, multilabel="annotations")


def test_a_file_of_annotations_is_read_only_where_the_user_says_so(folder: Path) -> None:
    path = _coco(folder, {"a": (1,)})
    with pytest.raises(DataError, match=r"may give an image several labels(.*\n)+.*to be read.*annotations"):
        load_data(path)
    with pytest.raises(DataError, match=r"no lists of labels(.*\n)+.*multilabel=\"annotations\""):
        load_data(path, multilabel="|")
    table = folder / "t.csv"
    table.write_text("path,label\nimages/a.png,dog\n", encoding="utf-8")
    with pytest.raises(DataError, match="no annotations of several labels"):
        load_data(table, multilabel="annotations")


def test_the_choices_of_label_studio(folder: Path) -> None:
    tasks = [
        _task(1, "a", kind=["dog", "cat"]),
        _task(2, "b", kind=["none"]),
        _task(3, "c"),
        _task(4, "d", kind=["cat"]),
    ]
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        data = load_data(_write(folder, tasks), multilabel="annotations")
    assert any("1 image has no annotation" in str(note.message) for note in notes)
    assert data.classes == ("cat", "dog")
    assert _targets(data) == [[1, 1], [0, 0], [None, None], [1, 0]]
    assert data.ids[0].endswith("a.png")


def test_a_field_of_choices_is_named_where_there_are_several(folder: Path) -> None:
    path = _write(folder, [_task(1, "a", kind=["dog"], quality=["good"]), _task(2, "b", kind=["cat"])])
    with pytest.raises(DataError, match=r"several fields have choices: kind, quality(.*\n)+.*\"label\": \"kind\""):
        load_data(path, multilabel="annotations")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*names? no folder")
        data = load_data(path, multilabel="annotations", columns={"label": "kind"})
    assert (data.classes, _targets(data)) == (("cat", "dog"), [[0, 1], [1, 0]])
    with pytest.raises(DataError, match=r"no field of choices is called 'kinds'(.*\n)+.*'kind'"):
        load_data(path, multilabel="annotations", columns={"label": "kinds"})
    with pytest.raises(DataError, match="no task has choices"):
        load_data(_write(folder, [_task(1, "a")]), multilabel="annotations")
    with pytest.raises(DataError, match="name classes, and none"):
        load_data(_write(folder, [_task(1, "a", kind=["dog", "none"])]), multilabel="annotations")
