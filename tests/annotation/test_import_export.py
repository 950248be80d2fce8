import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.annotation.exports.outline import outlines
from handful.annotation.files.mask_patch import Patch
from handful.annotation.files.project import Project, open_project
from handful.annotation.files.store import AnnotationStore
from handful.annotation.import_export import Format, export_annotations, import_masks
from handful.core.dataset import Mask
from handful.data.load import load_data
from handful.data.masks.attach import attach_masks
from handful.data.masks.polygons import fill
from handful.errors import DataError, OutputError

SIZES = {"cat/1.png": (20, 31), "cat/2.png": (9, 14), "dog/1.png": (17, 17), "dog/3.png": (8, 8)}


def _masks() -> dict[str, Mask]:
    """A ring with a speck in it, noise with holes and corners that touch, and a single pixel at the edge."""
    rng = np.random.default_rng(0)
    ring = np.zeros(SIZES["cat/1.png"], dtype=bool)
    ring[2:18, 3:28] = True
    ring[5:14, 8:20] = False
    ring[8:10, 11:13] = True
    speck = np.zeros(SIZES["dog/1.png"], dtype=bool)
    speck[-1, -1] = True
    return {"cat/1.png": ring, "cat/2.png": rng.random(SIZES["cat/2.png"]) < 0.6, "dog/1.png": speck}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name, (h, w) in SIZES.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Picture.fromarray(np.zeros((h, w, 3), np.uint8)).save(path)
    found = open_project(tmp_path / "photos")
    with AnnotationStore(found.folder, found.data.ids) as store:
        for name, mask in _masks().items():
            store.stroke(name, Patch(0, 0, mask), size=SIZES[name], base=0, key=name, source="brush")
        store.add_class("owl")
        store.set_label("dog/3.png", "owl", base=0, key="l")
    return found


def _same(found: dict[str, Mask]) -> None:
    assert found.keys() == _masks().keys()
    for name, mask in _masks().items():
        assert np.array_equal(found[name], mask), name


@pytest.mark.parametrize(
    ("kind", "with_outlines"),
    [(kind, o) for kind in ("coco", "labelme", "label-studio") for o in (False, True)] + [("png", False)],
)
def test_what_is_written_is_read_back(project: Project, tmp_path: Path, kind: Format, with_outlines: bool) -> None:
    out = tmp_path / ("out" if kind in ("png", "labelme") else "out.json")
    done = export_annotations(project, kind, out, outlines=with_outlines)
    assert done.values["masks"] == 3
    read = attach_masks(project.data, out)
    _same({s.id: s.mask for s in read.samples if s.mask is not None})


def test_what_is_written_can_be_taken_in(project: Project, tmp_path: Path) -> None:
    export_annotations(project, "coco", tmp_path / "out.json")
    other = Project(project.root, tmp_path / "other", project.data)
    assert import_masks(other, tmp_path / "out.json").values["imported"] == 3
    with AnnotationStore(other.folder, other.data.ids) as store:
        _same({name: m for name in SIZES if (m := store.mask(name)) is not None})
    with pytest.raises(OutputError, match="3 of the 3"):
        import_masks(other, tmp_path / "out.json")
    assert import_masks(other, tmp_path / "out.json", overwrite=True).values["replaced"] == 3


def test_the_table_is_data(project: Project, tmp_path: Path) -> None:
    export_annotations(project, "table", tmp_path / "table.csv")
    data = load_data(tmp_path / "table.csv")
    assert data.classes == ("cat", "dog", "owl")
    assert [data.classes[s.label] for s in data.samples if s.label is not None] == ["cat", "cat", "dog", "owl"]
    _same({s.id.removeprefix("photos/"): s.mask for s in data.samples if s.mask is not None})


def test_polygons_have_the_class(project: Project, tmp_path: Path) -> None:
    export_annotations(project, "coco", tmp_path / "out.json", outlines=True)
    content = json.loads((tmp_path / "out.json").read_text())
    names = {c["id"]: c["name"] for c in content["categories"]}
    assert [names[a["category_id"]] for a in content["annotations"]] == ["cat", "cat", "dog"]
    assert content["annotations"][0]["area"] == _masks()["cat/1.png"].sum()


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # of pycocotools' arrays, with NumPy 2
def test_coco_itself_reads_it(project: Project, tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    for name, with_outlines in (("runs.json", False), ("polygons.json", True)):
        export_annotations(project, "coco", tmp_path / name, outlines=with_outlines)
        coco = COCO(str(tmp_path / name))
        for image in coco.loadImgs(coco.getImgIds()):
            for annotation in coco.loadAnns(coco.getAnnIds(image["id"])):
                assert np.array_equal(coco.annToMask(annotation) > 0, _masks()[image["file_name"]])


@pytest.mark.parametrize("seed", range(12))
def test_outlines_cover_exactly_the_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    h, w = (int(v) for v in rng.integers(1, 24, 2))
    mask = rng.random((h, w)) < rng.uniform(0.2, 0.95)
    polygons = outlines(mask)
    assert np.array_equal(fill([np.array(p, dtype=float) for p in polygons], (h, w)), mask)


def test_nothing_is_written_over_unasked(project: Project, tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text("mine")
    with pytest.raises(OutputError, match="already"):
        export_annotations(project, "coco", tmp_path / "out.json")
    assert (tmp_path / "out.json").read_text() == "mine"
    with pytest.raises(OutputError, match="folder"):
        export_annotations(project, "coco", tmp_path / "photos")
    with pytest.raises(OutputError, match="among the images"):
        export_annotations(project, "png", tmp_path / "photos/masks")


def test_nothing_to_write_is_said(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Picture.new("RGB", (4, 4)).save(tmp_path / "photos/a.png")
    with pytest.raises(DataError, match="no image has a mask"):
        export_annotations(open_project(tmp_path / "photos"), "coco", tmp_path / "x.json")


def test_what_an_import_leaves_out_is_said(project: Project, tmp_path: Path) -> None:
    export_annotations(project, "coco", tmp_path / "out.json")
    content = json.loads((tmp_path / "out.json").read_text())
    content["images"].append({"id": 99, "file_name": "fox/9.png", "height": 8, "width": 8})
    content["annotations"].append({"id": 99, "image_id": 99, "segmentation": [[1, 1, 5, 1, 5, 5]]})
    (tmp_path / "out.json").write_text(json.dumps(content))
    done = import_masks(Project(project.root, tmp_path / "other", project.data), tmp_path / "out.json")
    assert "Masks without image: 1 not used (fox/9.png)" in done.text
    assert done.values["left_out"][0]["paths"] == ("fox/9.png",)


def test_the_mask_of_a_renamed_image_is_named_at_export(project: Project, tmp_path: Path) -> None:
    (project.root / "cat/1.png").rename(project.root / "cat/renamed.png")
    (project.root / "dog/3.png").rename(project.root / "dog/4.png")
    renamed = open_project(project.root)
    done = export_annotations(renamed, "coco", tmp_path / "out.json")
    assert done.values["masks"] == 2
    assert [item["paths"] for item in done.values["left_out"]] == [("cat/1.png.png",), ("dog/3.png",)]
    assert "cat/1.png.png" in done.text
    for name in ("cat/2.png", "dog/1.png"):
        (project.root / name).unlink()
    with pytest.raises(DataError, match=r"no image has a mask yet; annotated masks whose image is not there"):
        export_annotations(open_project(project.root), "coco", tmp_path / "none.json")
