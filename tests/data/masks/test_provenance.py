"""Provenance of masks: a mask that a program made is read back as what it is, and says what its model has seen."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.annotation.exports import coco, label_studio, labelme
from handful.annotation.files.mask_file import MaskMetadata, replace_mask
from handful.core.dataset import Dataset
from handful.data.fingerprint import image_digest
from handful.data.masks.attach import attach_masks
from handful.data.masks.attach_partial import attach_partial_masks
from handful.data.masks.image_file import read_mask, write_mask, write_masks
from handful.data.masks.provenance import (
    FILE,
    Provenance,
    images_seen,
    least_sure,
    provenance_path,
    read_provenance,
    read_source,
    source_of_entry,
    write_provenance,
)
from handful.errors import DataError
from tests.support.datasets import squares


def _mixed() -> Dataset:
    """Squares of which the first is masked by hand, the second by GrabCut, and all others by a model."""
    data = squares(2)
    sources = ["hand", "grabcut", *["propagated"] * 4]
    samples = tuple(replace(s, mask_source=source) for s, source in zip(data.samples, sources, strict=True))
    return replace(data, samples=samples, segmenter_saw=frozenset({image_digest(data.samples[0])}))


def _bare(data: Dataset) -> Dataset:
    samples = tuple(replace(s, mask=None, mask_source=None) for s in data.samples)
    return replace(data, samples=samples, segmenter_saw=None)


def test_written_masks_are_read_back_with_their_sources_and_with_what_their_model_saw(tmp_path: Path) -> None:
    data = _mixed()
    write_masks(data, tmp_path)
    write_provenance(tmp_path, Provenance("cvs", images_seen(data)))
    again = attach_masks(_bare(data), tmp_path)
    assert [s.mask_source for s in again.samples] == [s.mask_source for s in data.samples]
    assert again.segmenter_saw == data.segmenter_saw
    assert again.left_out == ()
    assert json.loads((tmp_path / FILE).read_text())["saw"] == {
        data.samples[0].id: image_digest(data.samples[0]),
    }
    for sample in data.samples:
        assert np.array_equal(read_mask(tmp_path / f"{sample.id}.png"), np.asarray(sample.mask))


@pytest.mark.parametrize("outlines", [False, True])
@pytest.mark.parametrize(
    ("write", "name"), [(coco.write, "a.json"), (label_studio.write, "a.json"), (labelme.write, "folder")]
)
def test_annotation_files_say_what_made_their_masks(
    tmp_path: Path, write: Callable[..., int], name: str, outlines: bool
) -> None:
    data = _mixed()
    write(data, tmp_path / name, tmp_path, outlines=outlines)
    sources = [s.mask_source for s in data.samples]
    assert [s.mask_source for s in attach_masks(_bare(data), tmp_path / name).samples] == sources
    assert attach_masks(_bare(data), tmp_path / name).segmenter_saw is None
    write_provenance(tmp_path / name, Provenance("cvs", images_seen(data)))
    again = attach_masks(_bare(data), tmp_path / name)
    assert again.segmenter_saw == data.segmenter_saw
    assert again.left_out == ()
    assert [s.mask_source for s in attach_partial_masks(_bare(data), tmp_path / name).samples] == sources
    assert provenance_path(tmp_path / name).name in (FILE, f"a.{FILE}")


@pytest.mark.parametrize("told", [None, 3, {"handful": 3}, {"handful": {"source": []}}, {"handful": {"source": "x"}}])
def test_an_entry_that_says_nothing_of_its_source_was_drawn_by_hand(told: object) -> None:
    assert source_of_entry(told) == "hand"


def test_without_the_file_it_is_unknown_what_the_model_saw(tmp_path: Path) -> None:
    data = _mixed()
    write_masks(data, tmp_path)
    again = attach_masks(_bare(data), tmp_path)
    assert again.samples[2].mask_source == "propagated"
    assert again.segmenter_saw is None
    assert read_provenance(tmp_path) is None


def test_a_mask_that_another_program_saved_again_is_one_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    write_mask(path, np.eye(4, dtype=bool), source="propagated")
    assert read_source(path) == "propagated"
    with Picture.open(path) as picture:
        picture.convert("L").save(tmp_path / "2.png")
    assert read_source(tmp_path / "2.png") == "hand"


@pytest.mark.parametrize(("tool", "source"), [("brush", "hand"), ("import", "hand"), ("propagated", "propagated")])
def test_masks_of_the_annotation_page_say_whether_a_model_drew_them(tmp_path: Path, tool: str, source: str) -> None:
    replace_mask(tmp_path / "1.png", np.eye(4, dtype=bool), MaskMetadata(1, "key", tool))
    assert read_source(tmp_path / "1.png") == source


def test_the_folder_that_holds_the_masks_has_their_provenance(tmp_path: Path) -> None:
    write_provenance(tmp_path / "masks", Provenance("cvs", {"a": "0" * 12}))
    assert read_provenance(tmp_path) == read_provenance(tmp_path / "masks") == Provenance("cvs", {"a": "0" * 12})


def test_a_union_of_masks_is_propagated_if_one_of_them_is() -> None:
    assert least_sure(["hand", "propagated", "grabcut"]) == "propagated"
    assert least_sure(["hand", "hand"]) == "hand"


def test_masks_of_two_models_have_seen_the_images_of_both() -> None:
    one, other = Provenance("a", {"1": "x"}), Provenance("b", {"2": "y"})
    assert one.joined(other).saw == {"1": "x", "2": "y"}
    assert one.joined(None) == one
    assert one.joined(Provenance("c", None)).saw is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "does not say where the masks come from"),
        ('{"format": 1, "model": "a", "saw": [1]}', "does not say where the masks come from"),
        ('{"format": 2, "model": "a", "saw": null}', "newer version"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_provenance(tmp_path)
    assert FILE in str(caught.value.where)
