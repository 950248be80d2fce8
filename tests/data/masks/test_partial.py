"""Partial masks: marks of annotation files and images with a third value, and which pixels they speak of."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from handful.core.dataset import Dataset, Sample
from handful.data.fingerprint import fingerprint
from handful.data.load import load_data
from handful.data.masks.attach_partial import attach_partial_masks
from handful.data.masks.partial import Mark, rasterize_marks, read_partial_mask
from handful.errors import DataError, HandfulWarning

SIZE = (20, 30)


def data() -> Dataset:
    image = np.zeros((3, *SIZE), dtype=np.uint8)
    return Dataset((Sample("a/1.png", image, 0), Sample("b/2.png", image + 1, 1)), ("a", "b"))


def written(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def sparse(got: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Mask and known pixels of the first sample."""
    mask, known = got.samples[0].mask, got.samples[0].known
    assert mask is not None
    assert known is not None
    assert got.samples[0].mask_source == "hand"
    return mask, known


def test_a_point_and_a_line_speak_of_what_is_under_them() -> None:
    line = np.array([[2.5, 10.5], [25.5, 10.5]])
    mask, known = rasterize_marks([Mark(line), Mark(np.array([[5.5, 3.5]]), foreground=False)], SIZE)
    assert mask[10, 3:25].all()
    assert mask.sum() <= 5 * 27
    assert known[3, 5]
    assert not mask[3, 5]
    assert not known[0, 20]
    assert known.sum() < 170


def test_outside_of_all_boxes_is_background_and_inside_nothing_is_known_save_where_a_shape_or_line_is() -> None:
    boxes = [Mark(np.array([(x, 2.0), (x + 8, 2.0), (x + 8, 12.0), (x, 12.0)]), is_box=True) for x in (2.0, 15.0)]
    mask, known = rasterize_marks(boxes, SIZE)
    assert not mask.any()
    assert not known[2:12, 2:10].any()
    assert not known[2:12, 15:23].any()
    assert known.sum() == 600 - 160
    area = np.zeros(SIZE, dtype=bool)
    area[14:18, 1:4] = True
    mask, known = rasterize_marks([*boxes, Mark(area=lambda _: area), Mark(np.array([[5.5, 5.5]]))], SIZE)
    assert mask[15, 2]
    assert mask[5, 5]
    assert not known[3, 3]


def test_a_later_line_covers_an_earlier_one() -> None:
    point = np.array([[5.5, 5.5]])
    mask, known = rasterize_marks([Mark(point), Mark(point, foreground=False)], SIZE)
    assert known[5, 5]
    assert not mask[5, 5]


def test_labelme_points_lines_and_boxes(tmp_path: Path) -> None:
    shapes = [
        {"label": "cell", "shape_type": "point", "points": [[5.5, 5.5]]},
        {"label": "Background", "shape_type": "linestrip", "points": [[20.5, 2.5], [20.5, 15.5]]},
        {"label": "cell", "shape_type": "rectangle", "points": [[1, 1], [27, 18]]},
        {"label": "cell", "shape_type": "polygon", "points": [[10, 8], [14, 8], [14, 12], [10, 12]]},
    ]
    written(tmp_path / "a" / "1.json", {"shapes": shapes, "imagePath": "1.png", "imageHeight": 20, "imageWidth": 30})
    got = attach_partial_masks(data(), tmp_path)
    mask, known = sparse(got)
    assert mask[5, 5]
    assert mask[9, 11]
    assert known[10, 20]
    assert not mask[10, 20]
    assert known[19, 29]
    assert not known[15, 5]
    assert got.samples[1].mask is None


def test_coco_boxes_and_keypoints(tmp_path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "a/1.png", "height": 20, "width": 30}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 4, 10, 10], "keypoints": [9, 9, 2, 1, 1, 0]}
        ],
    }
    mask, known = sparse(attach_partial_masks(data(), written(tmp_path / "coco.json", content)))
    assert mask[8, 8]
    assert mask.sum() <= 25
    assert known[1, 1]
    assert not mask[1, 1]
    assert not known[5, 5]


def test_label_studio_keypoints_and_boxes(tmp_path: Path) -> None:
    def region(kind: str, value: dict[str, Any]) -> dict[str, Any]:
        return {"id": kind, "type": kind, "value": value, "original_height": 20, "original_width": 30}

    results = [
        region("keypointlabels", {"x": 50, "y": 50, "width": 1, "keypointlabels": ["cell"]}),
        region("keypointlabels", {"x": 10, "y": 10, "width": 1, "keypointlabels": ["background"]}),
        region("rectanglelabels", {"x": 30, "y": 30, "width": 40, "height": 40, "rectanglelabels": ["cell"]}),
    ]
    content = [{"id": 1, "data": {"image": "a/1.png"}, "annotations": [{"result": results}]}]
    mask, known = sparse(attach_partial_masks(data(), written(tmp_path / "export.json", content)))
    assert mask[10, 15]
    assert known[2, 3]
    assert not mask[2, 3]
    assert not known[7, 10]
    assert known[1, 28]


def test_images_with_a_third_value_are_read_by_load_data(tmp_path: Path) -> None:
    values = np.full(SIZE, 128, dtype=np.uint8)
    values[3:6], values[15:] = 255, 0
    for name in ("a/1.png", "b/2.png"):
        for folder in ("images", "masks"):
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name in ("a/1.png", "b/2.png"):
        Picture.fromarray(rng.integers(0, 255, (*SIZE, 3), dtype=np.uint8)).save(tmp_path / "images" / name)
    Picture.fromarray(values).save(tmp_path / "masks" / "a" / "1.png")
    Picture.fromarray(np.where(values == 128, 0, values)).save(tmp_path / "masks" / "b" / "2.png")
    got = load_data(tmp_path / "images", masks=tmp_path / "masks", partial_masks=True)
    mask, known = sparse(got)
    assert (mask == (values == 255)).all()
    assert (known == (values != 128)).all()
    assert got.samples[1].known is None  # it has no unknown pixel
    assert got.without_labels().samples[0].known is None
    with pytest.warns(HandfulWarning, match=r"levels 0, 128 and 255, and 128 is read as object.*partial_masks=True"):
        whole = load_data(tmp_path / "images", masks=tmp_path / "masks")
    assert fingerprint(whole) != fingerprint(got)


def test_other_values_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    Picture.fromarray(np.array([[0, 1], [2, 255]], dtype=np.uint8)).save(path)
    with pytest.raises(DataError, match="has 1, 2"):
        read_partial_mask(path)


def test_marks_of_other_images_or_of_another_size_are_refused(tmp_path: Path) -> None:
    shape = {"label": "cell", "shape_type": "point", "points": [[5.5, 5.5]]}
    file = {"shapes": [shape], "imagePath": "9.png", "imageHeight": 20, "imageWidth": 30}
    with pytest.raises(DataError, match="belongs to an image"):
        attach_partial_masks(data(), written(tmp_path / "one" / "a" / "9.json", file).parents[1])
    wrong = {**file, "imagePath": "1.png", "imageHeight": 21}
    with pytest.raises(DataError, match=r"21x30 and its image a/1\.png 20x30"):
        attach_partial_masks(data(), written(tmp_path / "two" / "a" / "1.json", wrong).parents[1])


def test_partial_masks_without_masks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="partial masks are asked for"):
        load_data("digits", partial_masks=True)
