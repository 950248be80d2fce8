"""Masks from COCO, labelme and Label Studio files, written here with each tool's own encoder where it has one."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from label_studio_brush_rle_rs import encode_rle
from PIL import Image as Picture
from pycocotools import mask as coco_mask

from handful.core.dataset import Dataset, Mask, Sample
from handful.data.masks.attach import attach_masks
from handful.errors import DataError, HandfulWarning

H, W = 40, 60


def blob(seed: int = 0) -> Mask:
    """Some runs and holes, not the same in rows and columns."""
    rng = np.random.default_rng(seed)
    return np.asarray(np.kron(rng.random((H // 4, W // 4)) < 0.3, np.ones((4, 4))) > 0)


def box(top: int, left: int, bottom: int, right: int) -> Mask:
    mask = np.zeros((H, W), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def dataset(*ids: str) -> Dataset:
    image = np.zeros((3, H, W), dtype=np.uint8)
    return Dataset(tuple(Sample(name, image, label=0) for name in ids), ("cat", "dog"))


def attached(content: Any, folder: Path, *ids: str) -> list[Mask | None]:
    path = folder / "masks.json"
    path.write_text(json.dumps(content))
    return [s.mask for s in attach_masks(dataset(*ids), path).samples]


def same(got: Mask | None, wanted: Mask) -> bool:
    return got is not None and bool((got == wanted).all())


# COCO


def coco(*segmentations: Any, name: str = "1.jpg") -> dict[str, Any]:
    annotations = [{"id": i, "image_id": 7, "category_id": 1, "segmentation": s} for i, s in enumerate(segmentations)]
    return {
        "images": [
            {"id": 7, "file_name": name, "height": H, "width": W},
            {"id": 8, "file_name": "2.jpg", "height": H, "width": W},
        ],
        "annotations": annotations,
    }


def compressed(mask: Mask) -> dict[str, Any]:
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": rle["size"], "counts": rle["counts"].decode()}


def uncompressed(mask: Mask) -> dict[str, Any]:
    flat = np.concatenate([[False], mask.ravel(order="F"), [not mask[-1, -1]]])
    at = np.flatnonzero(flat[1:] != flat[:-1])
    return {"size": list(mask.shape), "counts": np.diff(at, prepend=0).tolist()}


@pytest.mark.parametrize("encode", [compressed, uncompressed])
@pytest.mark.parametrize("seed", range(4))
def test_coco_run_lengths(tmp_path: Path, encode: Any, seed: int) -> None:
    mask = blob(seed)
    if seed == 3:
        mask[0, 0] = True  # the first run, of background, has length 0
    got = attached(coco(encode(mask)), tmp_path, "1.jpg", "2.jpg")
    assert same(got[0], mask)
    assert got[1] is None


def test_coco_polygons_and_several_annotations_are_united(tmp_path: Path) -> None:
    square = [10, 5, 30, 5, 30, 20, 10, 20]
    triangle = [[40.0, 30.0, 55.5, 30.0, 40.0, 38.5]]
    extra = box(0, 50, 3, 60)
    (got,) = attached(coco([square], triangle, compressed(extra)), tmp_path, "1.jpg")
    assert got is not None
    assert (got[:, :32] == box(5, 10, 20, 30)[:, :32]).all()
    assert got[:3, 50:].all()
    assert got[31, 42]
    assert not got[37, 54]


def test_coco_polygons_are_cut_at_the_edge(tmp_path: Path) -> None:
    (got,) = attached(coco([[-20, 10, 20, 10, 20, 99, -20, 99]]), tmp_path, "1.jpg")
    assert same(got, box(10, 0, H, 20))


def test_coco_names_match_below_folders(tmp_path: Path) -> None:
    got = attached(coco(compressed(blob()), name="dog\\1.jpg"), tmp_path, "cat/1.jpg", "dog/1.jpg")
    assert got[0] is None
    assert same(got[1], blob())


@pytest.mark.parametrize(
    ("segmentation", "what"),
    [
        ({"size": [H, W], "counts": [5, 40]}, "cover 45 pixels and the image has 2400"),
        ({"size": [H, W], "counts": [-5, 2405]}, "below 0"),
        ({"size": [H, W], "counts": "12abc"}, "run lengths"),
        ({"size": [H, W], "counts": "\x01"}, "character"),
        ({"size": [H, W], "counts": "o" * 3_000_000}, "more than 7 characters"),
        ({"size": [H, W], "counts": 10**12}, "neither a list nor a text"),
        ({"size": [None, W], "counts": [2400]}, "for .None, 60."),
        ([[1e300, 2, 3, 4, 5, 6]], "not a position"),
        ([[float("nan"), 2, 3, 4, 5, 6]], "finite"),
        ([[float("inf"), 2, 3, 4, 5, 6]], "finite"),
        ([1, 2, 3, 4, 5, 6], "not a list of numbers"),
        ({"size": [W, H], "counts": [2400]}, "for .60, 40. and the image is .40, 60."),
        ({"counts": [2400]}, "'size' is missing"),
        ([[1, 2, 3, 4]], "three points"),
        ([[1, 2, 3, 4, 5]], "not valid COCO JSON"),
        ([[1, 2, 3, 4, 5, "x"]], "not valid COCO JSON"),
        ([], "empty"),
        ("M 10 10", "neither polygons nor run lengths"),
    ],
)
def test_damaged_coco_is_an_error_that_names_the_annotation(tmp_path: Path, segmentation: Any, what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        attached(coco(segmentation), tmp_path, "1.jpg")
    assert "masks.json: annotation 0 of 1.jpg" in str(caught.value)


def test_coco_boxes_are_masks_where_there_is_no_outline_and_that_is_said(tmp_path: Path) -> None:
    content = coco()
    boxed = {"id": 3, "image_id": 7, "bbox": [10, 5, 20, 15]}
    for annotation in (boxed, {**boxed, "segmentation": []}, {**boxed, "segmentation": None}):
        content["annotations"] = [annotation]
        with pytest.warns(HandfulWarning, match="1 annotations have a bounding box and no outline"):
            assert same(attached(content, tmp_path, "1.jpg")[0], box(5, 10, 20, 30))
    content["annotations"][0]["image_id"] = 99
    with pytest.raises(DataError, match="image id 99"):
        attached(content, tmp_path, "1.jpg")


def test_coco_annotations_that_are_not_masks(tmp_path: Path) -> None:
    content = coco(compressed(blob()))
    content["annotations"].append({"id": 4, "image_id": 7, "keypoints": [1, 2, 2]})
    data = attach_masks(dataset("1.jpg"), write(content, tmp_path))
    assert [(item.kind, item.paths) for item in data.left_out] == [
        ("COCO annotations without a segmentation or a box", ("annotation 4 of 1.jpg",))
    ]
    content["annotations"] = content["annotations"][1:]
    said = r"(?s)no masks in it; COCO annotations without.*annotation 4 of 1\.jpg.*partial_masks=True"
    with pytest.raises(DataError, match=said):
        attached(content, tmp_path, "1.jpg")


def test_coco_of_a_larger_set(tmp_path: Path) -> None:
    content = coco(compressed(blob()))
    content["annotations"].append({**content["annotations"][0], "id": 9, "image_id": 8})
    data = attach_masks(dataset("1.jpg", "5.jpg"), write(content, tmp_path))
    assert same(data.samples[0].mask, blob())
    assert [(item.kind, item.paths) for item in data.left_out] == [("masks without image", ("2.jpg",))]


def test_coco_ids_as_text_and_sizes_left_out(tmp_path: Path) -> None:
    content = coco(compressed(blob()))
    content["annotations"][0]["image_id"] = "7"
    content["images"][0]["height"] = content["images"][0]["width"] = None
    assert same(attached(content, tmp_path, "1.jpg")[0], blob())
    del content["images"][0]["height"]
    assert same(attached(content, tmp_path, "1.jpg")[0], blob())
    for wrong in ("high", -1, 0, [5], 1e300, 2.5):
        content["images"][0].update(height=wrong, width=W)
        with pytest.raises(DataError, match="not valid COCO JSON"):
            attached(content, tmp_path, "1.jpg")


def test_coco_images_that_share_an_id(tmp_path: Path) -> None:
    content = coco(compressed(blob()))
    content["annotations"].append({**content["annotations"][0], "image_id": 8})
    content["images"].append({**content["images"][0], "file_name": "3.jpg"})
    data = attach_masks(dataset("1.jpg", "2.jpg", "3.jpg"), write(content, tmp_path))
    assert [s.mask is not None for s in data.samples] == [False, True, False]
    assert data.left_out[0].paths == ("1.jpg", "3.jpg")
    content["images"][-1]["file_name"] = "1.jpg"  # the same image twice
    assert attached(content, tmp_path, "1.jpg", "2.jpg")[0] is not None


def test_a_hash_before_a_coco_name(tmp_path: Path) -> None:
    content = coco(compressed(blob()), name="images/0a1b2c3d-1.jpg")
    assert same(attached(content, tmp_path, "cat/1.jpg")[0], blob())


@pytest.mark.parametrize("far", [1e6, 1e8, 4e8])
def test_far_corners_of_any_format(tmp_path: Path, far: float) -> None:
    lower = np.tri(H, W, dtype=bool)
    (got,) = attached(coco([[0, 0, far, far, 0, far]]), tmp_path, "1.jpg")
    assert same(got, lower)
    shape = {"shape_type": "polygon", "points": [[0, 0], [far, far], [0, far]]}
    (got,) = attached(labelme(shape), tmp_path, "1.jpg")
    assert same(got, lower)
    circle = {"shape_type": "circle", "points": [[10 - far, 10], [10, 10]]}  # its rim passes through the image
    (got,) = attached(labelme(circle), tmp_path, "1.jpg")
    assert got is not None
    assert got[9:11, :9].all()
    assert not got[9:11, 11:].any()
    points = [[0, 0], [far, far * W / H], [0, far]]
    (got,) = attached([task(region("polygon", {"points": points}))], tmp_path, "1.jpg")
    assert got is not None
    assert got[-1, 0]


def write(content: Any, folder: Path) -> Path:
    path = folder / "masks.json"
    path.write_text(json.dumps(content))
    return path


def test_coco_of_another_image_or_size(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"mask without image: '1\.jpg'"):
        attached(coco(compressed(blob())), tmp_path, "3.jpg")
    content = coco(compressed(blob()))
    content["images"][0]["height"] = H + 1
    with pytest.raises(DataError, match=rf"mask is {H + 1}x{W} and its image 1\.jpg {H}x{W}"):
        attached(content, tmp_path, "1.jpg")
    content = coco(compressed(blob()))
    content["images"].append({**content["images"][0], "id": 9})
    content["annotations"].append({**content["annotations"][0], "image_id": 9})
    with pytest.raises(DataError, match="two masks for"):
        attached(content, tmp_path, "1.jpg")


# files that the tools themselves wrote: labelme 6.3.1 (a polygon, a rectangle, a circle, an oriented rectangle, a mask,
# a line and a point) and label-studio-sdk 2.1.2 (a brush), with the mask that labelme paints of its own shapes

WRITTEN = Path(__file__).parent / "written"


def test_a_file_written_by_labelme_itself(tmp_path: Path) -> None:
    (tmp_path / "cell.json").write_text((WRITTEN / "labelme-6.3.1.json").read_text())
    got = attach_masks(dataset("cell.png"), tmp_path).samples[0].mask
    painted = np.asarray(Picture.open(WRITTEN / "cell-mask.png")) > 0
    assert got is not None
    assert (got == painted)[24:34, 43:56].all()  # the mask; labelme paints outlines too, half a pixel further out
    inner, outer = (way(painted.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for way in (cv2.erode, cv2.dilate))
    assert not (inner & ~got).any()
    assert not (got & ~outer).any()


def test_a_file_written_by_label_studio_itself(tmp_path: Path) -> None:
    content = json.loads((WRITTEN / "label-studio-sdk-2.1.2.json").read_text())
    (got,) = attached(content, tmp_path, "cell.png")
    assert same(got, np.asarray(Picture.open(WRITTEN / "cell-mask.png")) > 0)


# labelme


def labelme(*shapes: dict[str, Any], name: str = "1.jpg") -> dict[str, Any]:
    return {"version": "5.4", "shapes": list(shapes), "imagePath": name, "imageHeight": H, "imageWidth": W}


def png(mask: np.ndarray) -> str:
    buffer = io.BytesIO()
    Picture.fromarray(mask).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_a_labelme_folder(tmp_path: Path) -> None:
    cat, dog = tmp_path / "cat", tmp_path / "dog"
    cat.mkdir()
    dog.mkdir()
    square = {"label": "x", "shape_type": "polygon", "points": [[10, 5], [30, 5], [30, 20], [10, 20]]}
    (cat / "1.json").write_text(json.dumps(labelme(square)))
    (dog / "1.json").write_text(json.dumps(labelme({**square, "points": [[0, 0], [60, 0], [60, 9], [0, 9]]})))
    (dog / "2.json").write_text(json.dumps(labelme(name="2.jpg")))
    (dog / "note.json").write_text("[]")
    Picture.new("RGB", (W, H)).save(cat / "1.jpg")  # labelme lies beside the images
    data = attach_masks(dataset("cat/1.jpg", "dog/1.jpg", "dog/2.jpg"), tmp_path)
    assert same(data.samples[0].mask, box(5, 10, 20, 30))
    assert same(data.samples[1].mask, box(0, 0, 9, 60))
    assert data.samples[2].mask is None
    assert data.samples[0].mask_source == "hand"


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ({"shape_type": "rectangle", "points": [[30, 20], [10, 5]]}, box(5, 10, 20, 30)),
        ({"points": [[10, 5], [30, 5], [30, 20], [10, 20]]}, box(5, 10, 20, 30)),  # old files name no type
        ({"shape_type": "mask", "points": [[10, 5], [17, 8]], "mask": png(np.ones((4, 8)) > 0)}, box(5, 10, 9, 18)),
    ],
)
def test_labelme_shapes(tmp_path: Path, shape: dict[str, Any], wanted: Mask) -> None:
    (got,) = attached(labelme({"label": "x", **shape}), tmp_path, "1.jpg")
    assert same(got, wanted)


def test_a_labelme_circle_and_shapes_without_area(tmp_path: Path) -> None:
    line = {"shape_type": "linestrip", "points": [[0, 0], [50, 30]]}
    circle = {"shape_type": "circle", "points": [[30, 20], [40, 20]]}
    (got,) = attached(labelme(line, circle), tmp_path, "1.jpg")
    assert got is not None
    rows, columns = np.mgrid[:H, :W] + 0.5
    exact = (rows - 20) ** 2 + (columns - 30) ** 2 < 100
    assert (got != exact).sum() < 20
    data = attach_masks(dataset("1.jpg"), write(labelme(line, circle), tmp_path))
    assert [item.paths for item in data.left_out] == [("masks.json (linestrip)",)]
    said = r"(?s)no masks in it; points and lines in labelme files: 1 not used.*partial_masks=True"
    with pytest.raises(DataError, match=said):
        attached(labelme(line), tmp_path, "1.jpg")


def test_labelme_without_size_or_image_path(tmp_path: Path) -> None:
    shape = {"shape_type": "rectangle", "points": [[10, 5], [30, 20]]}
    content = labelme(shape) | {"imageHeight": None, "imageWidth": None, "imageData": "AAAA"}
    assert same(attached(content, tmp_path, "1.jpg")[0], box(5, 10, 20, 30))
    (tmp_path / "labels").mkdir()
    del content["imagePath"]
    (tmp_path / "labels/1.JSON").write_text(json.dumps(content))
    assert attach_masks(dataset("1.jpg"), tmp_path / "labels").samples[0].mask is not None


def test_labelme_takes_the_name_in_the_file_if_its_own_is_no_image(tmp_path: Path) -> None:
    shape = {"shape_type": "rectangle", "points": [[10, 5], [30, 20]]}
    (got,) = attached(labelme(shape, name="..\\pictures\\1.jpg"), tmp_path, "1.jpg")
    assert same(got, box(5, 10, 20, 30))


@pytest.mark.parametrize(
    ("shape", "what"),
    [
        ({"shape_type": "spiral", "points": [[1, 1]]}, "unknown shape type 'spiral'"),
        ({"shape_type": "polygon"}, "'points' is missing"),
        ({"shape_type": "polygon", "points": [[1, 1], [2, 2]]}, "three points"),
        (
            {"shape_type": "mask", "points": [[58, 5], [65, 8]], "mask": png(np.ones((4, 8)) > 0)},
            "over the image's edge",
        ),
        ({"shape_type": "mask", "points": [[1, 1], [2, 2]], "mask": "QUJD"}, "not an image"),
    ],
)
def test_damaged_labelme_names_the_shape(tmp_path: Path, shape: dict[str, Any], what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        attached(labelme(shape), tmp_path, "1.jpg")
    assert "masks.json: shape 1" in str(caught.value)


# Label Studio


def brush(mask: Mask, *, alpha_only: bool = False) -> dict[str, Any]:
    layer = np.repeat(mask.astype(np.uint8)[..., None] * 255, 4, axis=2)
    if alpha_only:
        layer[..., :3] = 0
    runs = list(encode_rle(layer.ravel(), 8, [3, 4, 8, 16]))
    return region("brushlabels", {"format": "rle", "rle": runs, "brushlabels": ["cell"]})


def region(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": "r1", "type": kind, "value": value, "original_height": H, "original_width": W, "image_rotation": 0}


def task(*regions: dict[str, Any], image: str = "/data/upload/3/0a1b2c3d-1.jpg", **more: Any) -> dict[str, Any]:
    return {"id": 5, "data": {"image": image}, "annotations": [{"id": 1, "result": list(regions), **more}]}


@pytest.mark.parametrize("alpha_only", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_label_studio_brush(tmp_path: Path, seed: int, alpha_only: bool) -> None:
    (got,) = attached([task(brush(blob(seed), alpha_only=alpha_only))], tmp_path, "1.jpg")
    assert same(got, blob(seed))


def test_label_studio_shapes_are_in_per_cent_and_united(tmp_path: Path) -> None:
    polygon = region("polygonlabels", {"points": [[50, 50], [100, 50], [100, 100], [50, 100]], "closed": True})
    rectangle = region("rectanglelabels", {"x": 0, "y": 0, "width": 10, "height": 50, "rotation": 0})
    choice = {"id": "c", "type": "choices", "value": {"choices": ["blurred"]}}
    (got,) = attached([task(polygon, rectangle, choice)], tmp_path, "1.jpg")
    assert same(got, box(20, 30, 40, 60) | box(0, 0, 20, 6))


def test_label_studio_turned_shapes(tmp_path: Path) -> None:
    # A quarter turn clockwise about the top left corner: width goes down, height goes left.
    turned = region("rectangle", {"x": 50, "y": 25, "width": 25, "height": 25, "rotation": 90})
    (got,) = attached([task(turned)], tmp_path, "1.jpg")
    assert same(got, box(10, 20, 25, 30))
    ellipse = region("ellipselabels", {"x": 50, "y": 50, "radiusX": 25, "radiusY": 12.5, "rotation": 90})
    (got,) = attached([task(ellipse)], tmp_path, "1.jpg")
    assert got is not None
    rows, columns = np.mgrid[:H, :W] + 0.5
    assert (got != (((rows - 20) / 15) ** 2 + ((columns - 30) / 5) ** 2 < 1)).sum() < 25


@pytest.mark.parametrize(
    "image",
    [
        "/data/upload/3/0a1b2c3d-1.jpg",
        "/data/local-files/?d=sets%2Fdog/1.jpg",
        "s3://bucket/dog/1.jpg",
        "https://host/dog/1.jpg?token=ab",
    ],
)
def test_label_studio_names(tmp_path: Path, image: str) -> None:
    (got,) = attached([task(brush(blob()), image=image)], tmp_path, "dog/1.jpg")
    assert same(got, blob())


def test_an_upload_prefix_that_is_part_of_the_name_wins(tmp_path: Path) -> None:
    got = attached([task(brush(blob()))], tmp_path, "1.jpg", "0a1b2c3d-1.jpg")
    assert got[0] is None
    assert same(got[1], blob())


def test_an_uploaded_name_that_two_images_have(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cat/1\.jpg, dog/1\.jpg"):
        attached([task(brush(blob()))], tmp_path, "cat/1.jpg", "dog/1.jpg")


def test_of_several_annotations_the_truth_or_the_newest_counts(tmp_path: Path) -> None:
    one = task(brush(blob(1)), created_at="2024-05-01T00:00:00Z")
    new = task(brush(blob(2)), created_at="2024-06-01T00:00:00Z")["annotations"]
    cancelled = task(brush(blob(3)), created_at="2024-07-01T00:00:00Z", was_cancelled=True)["annotations"]
    both = {**one, "annotations": [*cancelled, *new, *one["annotations"]]}
    assert same(attached([both], tmp_path, "1.jpg")[0], blob(2))
    both["annotations"][-1]["ground_truth"] = True
    assert same(attached([both], tmp_path, "1.jpg")[0], blob(1))
    older = attach_masks(dataset("1.jpg"), write([both], tmp_path)).left_out
    assert [item.paths for item in older] == [("task 5",)]
    for unused in (cancelled, list[Any]()):
        with pytest.raises(DataError, match="no masks in it"):
            attached([{**one, "annotations": unused}], tmp_path, "1.jpg")


def test_label_studio_bitmask(tmp_path: Path) -> None:
    layer = np.zeros((H, W, 4), np.uint8)
    layer[blob(), 3] = 255  # black on a transparent background
    url = f"data:image/png;base64,{png(layer)}"
    (got,) = attached([task(region("bitmasklabels", {"imageDataURL": url}))], tmp_path, "1.jpg")
    assert same(got, blob())
    for wrong, what in ((png(layer), "not a data URL"), ("data:image/png;base64,QUJD", "not an image")):
        with pytest.raises(DataError, match=what):
            attached([task(region("bitmask", {"imageDataURL": wrong}))], tmp_path, "1.jpg")
    wide = f"data:image/png;base64,{png(np.zeros((H, W + 1)) > 0)}"
    with pytest.raises(DataError, match="over the image's edge"):
        attached([task(region("bitmask", {"imageDataURL": wide}))], tmp_path, "1.jpg")


def test_label_studio_vectors(tmp_path: Path) -> None:
    corners = [(10, 10), (60, 10), (60, 80), (10, 80)]
    vertices = [{"id": str(i), "x": x, "y": y, "isBezier": False} for i, (x, y) in enumerate(corners)]
    closed = region("vectorlabels", {"vertices": vertices, "closed": True})
    (got,) = attached([task(closed)], tmp_path, "1.jpg")
    assert same(got, box(4, 6, 32, 36))
    control = {"isBezier": True, "controlPoint1": {"x": 60, "y": 10}, "controlPoint2": {"x": 60, "y": 10}}
    curved = region("vector", {"vertices": [vertices[0], {**vertices[1], **control}, *vertices[2:]], "closed": True})
    (got,) = attached([task(curved)], tmp_path, "1.jpg")
    assert same(got, box(4, 6, 32, 36))  # its control points are its own corner
    line = region("vector", {"vertices": vertices, "closed": False})
    point = region("keypointlabels", {"x": 5, "y": 5})
    data = attach_masks(dataset("1.jpg"), write([task(closed, line, point)], tmp_path))
    assert same(data.samples[0].mask, box(4, 6, 32, 36))
    (item,) = data.left_out
    assert (item.kind, len(item.paths)) == ("Label Studio regions without an area", 2)
    with pytest.raises(DataError, match="no masks in it; Label Studio regions without an area: 1 not used"):
        attached([task(line)], tmp_path, "1.jpg")


@pytest.mark.parametrize(
    ("regions", "what"),
    [
        ([region("brush", {"rle": [0, 0, 0, 9]})], "covers 2 pixels and the image has 2400"),
        ([region("brush", {"rle": brush(blob())["value"]["rle"][:-9]})], "not valid Label Studio JSON"),
        ([region("brush", {"rle": [300]})], "not valid Label Studio JSON"),
        ([region("polygon", {})], "'points' is missing"),
        ([{**region("polygon", {}), "image_rotation": 90}], "turn it back"),
        ([brush(blob()), {**brush(blob()), "original_width": 3}], "different sizes"),
    ],
)
def test_damaged_label_studio_names_the_task(tmp_path: Path, regions: list[dict[str, Any]], what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        attached([task(*regions)], tmp_path, "1.jpg")
    assert "masks.json: task 5" in str(caught.value)


def test_a_task_without_image(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="name of an image"):
        attached([{**task(brush(blob())), "data": {"text": "hello"}}], tmp_path, "1.jpg")


# Whatever it is


@pytest.mark.parametrize("content", [{}, [{"image": "1.jpg"}], 3, {"images": [], "labels": []}])
def test_json_of_no_known_kind(tmp_path: Path, content: Any) -> None:
    with pytest.raises(DataError, match="not read from this kind of JSON"):
        attached(content, tmp_path, "1.jpg")


def test_not_json(tmp_path: Path) -> None:
    (tmp_path / "masks.json").write_text('{"images": [')
    with pytest.raises(DataError, match=r"masks\.json: not readable as JSON"):
        attach_masks(dataset("1.jpg"), tmp_path / "masks.json")


def test_a_value_makes_no_sense_for_shapes(tmp_path: Path) -> None:
    (tmp_path / "masks.json").write_text(json.dumps(coco(compressed(blob()))))
    with pytest.raises(DataError, match="shapes without pixel values"):
        attach_masks(dataset("1.jpg"), tmp_path / "masks.json", value=1)


def test_an_empty_drawing_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mask is empty"):
        attached(coco([[-9, -9, -5, -9, -5, -5]]), tmp_path, "1.jpg")
