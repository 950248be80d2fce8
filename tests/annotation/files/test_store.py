from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.annotation.files.annotations import read_record
from handful.annotation.files.mask_patch import Patch, apply, pack, unpack
from handful.annotation.files.store import AnnotationStore, StaleError
from handful.annotation.tools.prompts import Prompt
from handful.core.files import safe_path
from handful.data.masks.image_file import read_mask, write_mask
from handful.errors import DataError

SIZE = (6, 9)
IDS = ("a.png", "b/c.jpg")


def _patch(x: int = 1, y: int = 2, w: int = 3, h: int = 2) -> Patch:
    return Patch(x, y, np.ones((h, w), dtype=bool))


def _draw(
    store: AnnotationStore, name: str = "a.png", *, base: int = 0, key: str = "k", patch: Patch | None = None
) -> None:
    store.stroke(name, patch or _patch(), size=SIZE, base=base, key=key, source="brush", seconds=2.0)


def test_a_stroke_is_a_png_that_mirrors_the_image(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path / "n", IDS) as store:
        _draw(store, "b/c.jpg")
    expected = np.zeros(SIZE, dtype=bool)
    expected[2:4, 1:4] = True
    assert np.array_equal(read_mask(tmp_path / "n/masks/b/c.jpg.png"), expected)
    with AnnotationStore(tmp_path / "n", IDS) as store:
        assert np.array_equal(store.mask("b/c.jpg"), expected)  # type: ignore[arg-type]
        assert store["b/c.jpg"].mask_version == 1
        assert store["b/c.jpg"].seconds == {"mask": 2.0}
        assert store.mask("a.png") is None


def test_an_empty_mask_has_no_file(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path, IDS) as store:
        _draw(store)
        _draw(store, base=1, key="wipe", patch=Patch(0, 0, np.zeros(SIZE, dtype=bool)))
        assert store.mask("a.png") is None
        assert store["a.png"].mask_version == 2
    assert not (tmp_path / "masks/a.png.png").exists()


def test_a_repeated_request_is_made_once(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path, IDS) as store:
        _draw(store)
        _draw(store)
        assert store["a.png"].mask_version == 1
        assert store["a.png"].seconds == {"mask": 2.0}


def test_a_stale_stroke_is_refused_and_both_sides_are_kept(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path, IDS) as store:
        _draw(store, key="first")
        with pytest.raises(StaleError) as caught:
            _draw(store, key="second", patch=_patch(x=6))
        assert caught.value.now.mask_version == 1
        theirs = np.zeros(SIZE, dtype=bool)
        theirs[2:4, 1:4] = True
        assert np.array_equal(store.mask("a.png"), theirs)  # type: ignore[arg-type]
        assert caught.value.kept is not None
        assert np.array_equal(read_mask(caught.value.kept), apply(theirs, _patch(x=6)))
        assert caught.value.kept.is_relative_to(tmp_path.resolve())


def test_labels_and_marks_have_versions_of_their_own(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path, IDS) as store:
        _draw(store)
        store.set_label("a.png", "cat", base=0, key="l", seconds=1.5)
        store.set_prompts("a.png", [Prompt("box", ((1, 1), (4, 5)))], base=0, key="m")
        with pytest.raises(StaleError, match="label"):
            store.set_label("a.png", "dog", base=0, key="other")
        with pytest.raises(StaleError, match="marks"):
            store.set_prompts("a.png", [], base=0, key="other")
    found = read_record(tmp_path, IDS).annotations["a.png"]
    assert (found.label, found.label_version, found.mask_version, found.prompts_version) == ("cat", 1, 1, 1)
    assert found.prompts == (Prompt("box", ((1, 1), (4, 5))),)
    assert found.seconds == {"mask": 2.0, "label": 1.5}


def test_what_the_page_adds_comes_back(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path, IDS) as store:
        store.add_class("owl")
        store.add_class("owl")
        store.set_label("a.png", None, base=0, key="l", cannot_tell=True)
        store.skip("b/c.jpg", skipped=True)
        store.review("b/c.jpg", "reject", round_=3)
        store.spend("a.png", "look", 4.0)
        store.spend("a.png", "look", float("nan"))
        store.note_training({"round": 1, "masks": 4})
        before = store.record
    found = read_record(tmp_path, IDS)
    assert found == before
    assert found.classes == ("owl",)
    assert found.annotations["a.png"].cannot_tell
    assert found.annotations["a.png"].seconds == {"look": 4.0}
    assert (found.annotations["b/c.jpg"].verdict, found.annotations["b/c.jpg"].round) == ("reject", 3)
    assert found.trainings[0]["masks"] == 4


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101, " cat"])
def test_a_class_needs_a_name_that_shows(tmp_path: Path, name: str) -> None:
    with AnnotationStore(tmp_path, IDS) as store, pytest.raises(DataError, match="not a valid class name"):
        store.add_class(name)


def test_a_mask_from_another_program_counts_as_a_change(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path, IDS) as store:
        _draw(store)
    write_mask(tmp_path / "masks/a.png.png", np.eye(6, 9, dtype=bool), overwrite=True)
    with AnnotationStore(tmp_path, IDS) as store:
        assert store["a.png"].mask_version == 2
        assert store["a.png"].mask_source == "file"
        with pytest.raises(StaleError):
            _draw(store, base=1, key="old tab")
    (tmp_path / "masks/a.png.png").unlink()
    assert read_record(tmp_path, IDS).annotations["a.png"].mask_source is None


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    write_mask(tmp_path / "masks/a.png.png", np.ones((2, 2), dtype=bool))
    with AnnotationStore(tmp_path, IDS) as store, pytest.raises(DataError, match="2 x 2"):
        _draw(store, base=1)


@pytest.mark.parametrize("name", ["../x.png", "/etc/passwd", "a/../../x", "..\\x", "", "a\0b"])
def test_no_path_leads_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="leads out"):
        safe_path(tmp_path.resolve(), name)


def test_no_link_leads_out(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "n"
    (folder / "masks").mkdir(parents=True)
    outside.mkdir()
    (folder / "masks/b").symlink_to(outside)
    with pytest.raises(DataError, match="leads out"):
        AnnotationStore(folder, IDS)
    (folder / "masks/b").unlink()
    (folder / "masks/.a.png.png.part").symlink_to(outside / "file")
    with AnnotationStore(folder, IDS) as store:
        (folder / "masks/.a.png.png.part").symlink_to(outside / "file")
        _draw(store)
    assert not list(outside.iterdir())


def test_bits_go_there_and_back() -> None:
    mask = np.random.default_rng(0).random((5, 7)) < 0.5
    patch = unpack(pack(mask), (1, 0, 7, 5), size=(5, 8))
    assert np.array_equal(patch.mask, mask)
    for place in ((2, 0, 7, 5), (0, 1, 7, 5), (-1, 0, 7, 5), (0, 0, 0, 5), (0, 0, 4, 4)):
        with pytest.raises(DataError):
            unpack(pack(mask), place, size=(5, 8))


def test_masks_are_pngs_that_any_program_opens(tmp_path: Path) -> None:
    with AnnotationStore(tmp_path, IDS) as store:
        _draw(store)
    with Picture.open(tmp_path / "masks/a.png.png") as picture:
        assert picture.size == (9, 6)
        assert np.asarray(picture.convert("L")).max() == 255
