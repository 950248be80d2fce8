"""Masks of images with several labels, whose areas name their class."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from handful.core.dataset import Dataset, Mask, Sample
from handful.data.masks.attach import attach_masks
from handful.data.masks.attach_partial import attach_partial_masks
from handful.errors import DataError

H, W = 8, 12
LEFT, RIGHT = (slice(1, 5), slice(1, 5)), (slice(3, 7), slice(7, 11))
CLASSES = ("dent", "scratch", "stain")


def area(where: tuple[slice, slice]) -> Mask:
    mask = np.zeros((H, W), dtype=bool)
    mask[where] = True
    return mask


def dataset(*targets: list[float], folder: str = "") -> Dataset:
    image = np.zeros((3, H, W), dtype=np.uint8)
    samples = (
        Sample(f"{folder}{i}.png", image, target=np.array(target, dtype=np.float32)) for i, target in enumerate(targets)
    )
    return Dataset(tuple(samples), CLASSES, kind="multilabel")


def write(folder: Path, masks: dict[str, Mask]) -> Path:
    for name, mask in masks.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Picture.fromarray(mask.astype(np.uint8) * 255).save(folder / name)
    return folder


def polygon(where: tuple[slice, slice]) -> list[list[float]]:
    rows, columns = where
    top, bottom, left, right = rows.start, rows.stop - 1, columns.start, columns.stop - 1
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def labels(data: Dataset, i: int = 0) -> np.ndarray:
    found = data.samples[i].mask_labels
    assert found is not None
    return found


def expected(left: int, right: int) -> list[list[int]]:
    values: list[list[int]] = (area(LEFT) * left + area(RIGHT) * right).tolist()
    return values


@pytest.mark.parametrize("images", ["", "images/"])
def test_a_folder_of_masks_for_each_class(tmp_path: Path, images: str) -> None:
    folder = write(tmp_path, {"dent/0.png": area(LEFT), "scratch/0.png": area(RIGHT), "scratch/1.png": area(LEFT)})
    data = attach_masks(dataset([1, 1, 0], [0, 1, 0], folder=images), folder)
    assert labels(data).tolist() == expected(1, 2)
    assert (data.samples[0].mask == (area(LEFT) | area(RIGHT))).all()
    assert data.samples[0].known is None
    assert labels(data, 1).tolist() == (area(LEFT) * 2).tolist()
    assert data.samples[0].mask_source == "hand"


def test_folders_of_one_label_per_image_are_paths_as_before(tmp_path: Path) -> None:
    image = np.zeros((3, H, W), dtype=np.uint8)
    data = Dataset((Sample("dent/0.png", image, label=0), Sample("scratch/0.png", image, label=1)), CLASSES)
    found = attach_masks(data, write(tmp_path, {"dent/0.png": area(LEFT), "scratch/0.png": area(RIGHT)}))
    assert [s.mask_labels for s in found.samples] == [None, None]
    assert np.array_equal(np.asarray(found.samples[1].mask), area(RIGHT))


def test_one_mask_of_all_objects_names_no_class(tmp_path: Path) -> None:
    data = attach_masks(dataset([1, 1, 0]), write(tmp_path, {"0.png": area(LEFT)}))
    assert data.samples[0].mask_labels is None
    assert data.samples[0].known is None


def coco(*annotations: tuple[int, tuple[slice, slice]]) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": "0.png", "height": H, "width": W}],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": c, "segmentation": [np.ravel(polygon(where)).tolist()]}
            for i, (c, where) in enumerate(annotations)
        ],
        "categories": [{"id": 5, "name": "dent"}, {"id": 6, "name": "scratch"}, {"id": 7, "name": "object"}],
    }


def labelme(*shapes: tuple[str, tuple[slice, slice]]) -> dict[str, Any]:
    drawn = [{"label": label, "points": polygon(where), "shape_type": "polygon"} for label, where in shapes]
    return {"shapes": drawn, "imagePath": "0.png", "imageHeight": H, "imageWidth": W}


def label_studio(*regions: tuple[str, tuple[slice, slice]]) -> list[dict[str, Any]]:
    result = []
    for i, (label, where) in enumerate(regions):
        rows, columns = where
        value: dict[str, Any] = {"x": 100 * columns.start / W, "y": 100 * rows.start / H}
        value |= {"width": 100 * (columns.stop - columns.start) / W, "height": 100 * (rows.stop - rows.start) / H}
        region = {"id": str(i), "type": "rectanglelabels", "value": value | {"rectanglelabels": [label]}}
        result.append(region | {"original_height": H, "original_width": W})
    return [{"id": 1, "data": {"image": "0.png"}, "annotations": [{"result": result}]}]


@pytest.mark.parametrize(
    "content",
    [
        coco((5, LEFT), (6, RIGHT)),
        labelme(("dent", LEFT), ("scratch", RIGHT)),
        label_studio(("dent", LEFT), ("scratch", RIGHT)),
    ],
    ids=["coco", "labelme", "label studio"],
)
def test_annotation_files_name_the_classes(tmp_path: Path, content: Any) -> None:
    (tmp_path / "masks.json").write_text(json.dumps(content))
    found = labels(attach_masks(dataset([1, 1, 0]), tmp_path / "masks.json"))
    middle = (found[2, 2], found[4, 8], found[0, 0])
    assert middle == (1, 2, 0)
    assert set(np.unique(found)) == {0, 1, 2}


def test_areas_that_overlap_or_name_no_class_are_one_of_those_present(tmp_path: Path) -> None:
    over = (slice(3, 5), slice(3, 9))
    (tmp_path / "masks.json").write_text(json.dumps(coco((7, RIGHT), (5, LEFT), (6, over))))
    data = attach_masks(dataset([1, 1, 0]), tmp_path / "masks.json")
    found = labels(data)
    assert (found[1, 1], found[3, 6], found[3, 3], found[5, 9], found[0, 0]) == (1, 2, 4, 4, 0)
    assert data.samples[0].known is None


def test_outside_the_areas_nothing_is_known_where_a_class_that_is_present_has_none(tmp_path: Path) -> None:
    data = attach_masks(dataset([1, 1, 0]), write(tmp_path, {"dent/0.png": area(LEFT)}))
    assert labels(data).tolist() == area(LEFT).tolist()
    assert data.samples[0].known is not None
    assert (data.samples[0].known == area(LEFT)).all()


def test_empty_masks_say_nothing_of_the_classes_that_an_image_does_not_show(tmp_path: Path) -> None:
    nothing = np.zeros((H, W), dtype=bool)
    masks = {"dent/0.png": area(LEFT), "scratch/0.png": nothing, "stain/0.png": nothing}
    masks |= {f"{name}/1.png": nothing for name in CLASSES}
    data = attach_masks(dataset([1, 0, 0], [0, 0, 0]), write(tmp_path, masks))
    assert labels(data).tolist() == area(LEFT).tolist()
    assert data.samples[0].known is None
    assert data.samples[1].mask is None
    with pytest.raises(DataError, match=r"the mask is empty of 1\.png"):
        attach_masks(dataset([1, 0, 0], [1, 0, 0]), tmp_path)


def test_a_mask_of_a_class_that_the_labels_deny_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, {"stain/0.png": area(LEFT)})
    with pytest.raises(DataError, match=r"the mask of 0\.png is of stain, which the labels say it does not show") as e:
        attach_masks(dataset([1, 1, 0]), folder)
    assert "stain/0.png" in str(e.value)
    unknown = attach_masks(dataset([1, 1, np.nan]), folder)
    assert set(np.unique(labels(unknown))) == {0, 3}


def test_a_mask_of_another_size_names_the_file_of_the_class(tmp_path: Path) -> None:
    folder = write(tmp_path, {"dent/0.png": area(LEFT), "scratch/0.png": np.eye(5) > 0})
    with pytest.raises(DataError, match=r"the mask is 5x5 and its image 0\.png 8x12") as e:
        attach_masks(dataset([1, 1, 0]), folder)
    assert "scratch/0.png" in str(e.value)


def test_two_masks_of_one_class_in_different_places_are_joined_or_refused_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path, {"dent/0.png": area(LEFT), "0.png": area(RIGHT)})
    with pytest.raises(DataError, match=r"two masks for 0\.png"):
        attach_masks(dataset([1, 1, 0]), folder)


def test_partial_masks_of_each_class_are_joined(tmp_path: Path) -> None:
    third = np.full((H, W), 128, dtype=np.uint8)
    for name, where in (("dent", LEFT), ("scratch", RIGHT)):
        (tmp_path / name).mkdir()
        marks = third.copy()
        marks[where], marks[0] = 255, 0
        Picture.fromarray(marks).save(tmp_path / name / "0.png")
    data = attach_partial_masks(dataset([1, 1, 0]), tmp_path)
    mask, known = data.samples[0].mask, data.samples[0].known
    assert mask is not None
    assert known is not None
    assert (mask == (area(LEFT) | area(RIGHT))).all()
    assert known[0].all()
