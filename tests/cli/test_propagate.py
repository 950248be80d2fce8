from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Picture

from handful.data.fingerprint import image_digest
from handful.data.images import pixels
from handful.data.load import load_data
from handful.data.masks.image_file import write_mask
from handful.data.masks.provenance import read_provenance
from handful.models import u2netp
from tests.support.command_line import fails, ok, ok_json, write_images
from tests.support.datasets import squares


def test_propagate_writes_masks_that_can_be_used(inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("propagate", inputs / "images", "--masks", inputs / "masks", "-r", inputs / "cvs.toml", "-o", out)
    said = ok_json(*command, "-m", 2, "--set", "steps=60")
    assert said["kept"] == 6
    assert said["propagated"] + len(said["dropped"]) == 6
    assert said["quality"]["all"]["iou"] > 0.3
    reread = load_data(inputs / "images", masks=out / "masks")
    assert Counter(s.mask_source for s in reread.samples if s.mask is not None) == {
        "hand": 6,
        "propagated": said["propagated"],
    }
    assert reread.segmenter_saw == frozenset(image_digest(s) for s in reread.samples if s.mask_source == "hand")
    assert {p.name for p in out.iterdir()} == {"masks", "contact-sheet.png", "quality.csv", "propagation.json"}
    with Picture.open(out / "contact-sheet.png") as sheet:
        assert sheet.size[0] > 4 * 128
    assert "already exists" in fails(*command, "-m", 2)
    again = ok(*command, "-m", 1, "--overwrite", "--set", "steps=20")
    assert "IoU" in again or "0 masks" in again
    fitted = ("fit", inputs / "images", "--masks", out / "masks", "-r", inputs / "cvs.toml", "-o", tmp_path / "model")
    assert "12 images" in ok(*fitted, "--set", "steps=2")


def test_propagate_by_matching_trains_nothing_and_refuses_what_is_for_training(inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("propagate", inputs / "images", "--masks", inputs / "masks", "--method", "match", "-o", out)
    said = ok_json(*(word for word in command if word not in ("--method", "match")), "-m", 1)  # the default
    assert said["segmenter"] == "match_masks"
    assert (said["kept"], said["propagated"] + len(said["dropped"])) == (3, 9)
    assert said["quality"]["all"]["iou"] > 0.6
    fine = ok_json(*command, "-m", 1, "--overwrite", "--cells", "fine")
    assert fine["quality"]["all"]["iou"] != said["quality"]["all"]["iou"]
    sure = ok_json(*command, "-m", 1, "--overwrite", "--cells", "fine", "--confidence", "0.8")
    assert sure["quality"]["all"]["iou"] != fine["quality"]["all"]["iou"]
    trained = (*(word if word != "match" else "train" for word in command), "--overwrite", "--cells", "fine")
    assert "--cells: this option is for matching" in fails(*trained)
    shown = ok(*command, "-m", 1, "--overwrite")
    assert "IoU" in shown
    assert "masks from 3 by matching, without training" in shown
    for options, named in (
        (("--model", inputs / "model"), "--model"),
        (("--restrict", "own"), "--restrict"),
        (("--recipe", inputs / "cvs.toml"), "--recipe"),
        (("--backbone", "efficientnet_lite0"), "--backbone"),
        (("--set", "steps=4"), "--set"),
    ):
        message = fails(*command, "--overwrite", *options)
        assert f"leave out {named}" in message or f"{named}:" in message


def test_propagate_from_salient_masks_names_their_extra_before_training(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(u2netp, "PACKAGE", "handful-has-no-such-package")
    out = tmp_path / "out"
    command = ("propagate", inputs / "images", "-r", inputs / "cvs.toml", "--source", "salient", "-m", 1, "-o", out)
    assert "handful[salient]" in fails(*command, "--set", "steps=1000000")


def test_masks_from_a_cut_or_from_explanations_are_written_and_seen(inputs: Path, tmp_path: Path) -> None:
    images = write_images(squares(2, seed=6, masks=False), tmp_path / "images")
    said = ok("propagate", images, "--source", "cut_masks", "-o", tmp_path / "cut")
    assert "6 masks by cut_masks." in said
    cut = load_data(images, masks=tmp_path / "cut/masks")
    assert {s.mask_source for s in cut.samples} == {"cut"}
    short = ("-r", inputs / "cvs.toml", "--set", "steps=2")
    ok("propagate", images, "--source", "explained_masks", *short, "-o", tmp_path / "heat")
    heat = load_data(images, masks=tmp_path / "heat/masks")
    assert {s.mask_source for s in heat.samples if s.mask is not None} == {"propagated"}
    assert heat.segmenter_saw == frozenset(image_digest(s) for s in heat.samples)


def test_given_masks_are_refined_and_partial_ones_counted(inputs: Path, tmp_path: Path) -> None:
    images, masks = inputs / "images", tmp_path / "masks"
    for sample in load_data(images, masks=inputs / "masks").samples:
        assert sample.mask is not None
        write_mask(masks / sample.id, cv2.dilate(sample.mask.astype(np.uint8), np.ones((3, 3))) > 0)
    said = ok("propagate", images, "--masks", masks, "--refine", "grabcut", "-o", tmp_path / "out")
    assert "No image is without a mask (12 have one), and none was made." in said
    coarse, fine = load_data(images, masks=masks), load_data(images, masks=tmp_path / "out/masks")
    pairs = [(a.mask, b.mask) for a, b in zip(coarse.samples, fine.samples, strict=True)]
    assert any((a != b).any() for a, b in pairs if a is not None and b is not None)
    for path in sorted(masks.rglob("*.png"))[1:]:
        path.unlink()
    (path,) = masks.rglob("*.png")
    values = np.asarray(Picture.open(path)).copy()
    values[0] = 128
    Picture.fromarray(values).save(path)
    assert "12 masks from 1 partial one by matching" in ok(
        "propagate", images, "--masks", masks, "--partial-masks", "-o", tmp_path / "partial"
    )


def test_propagate_without_any_mask_makes_the_first_ones(inputs: Path, tmp_path: Path) -> None:
    data = squares(3, seed=6, masks=False)
    black = [replace(s, image=pixels(s) * (pixels(s) >= 60).astype(np.uint8)) for s in data.samples]
    images = write_images(replace(data, samples=tuple(black)), tmp_path / "images")
    command = ("propagate", images, "-r", inputs / "cvs.toml", "--source", "binarize", "-m", 1, "--set", "steps=40")
    said = ok_json(*command, "-o", tmp_path / "out")
    assert said["kept"] == 3
    assert said["propagated"] + len(said["dropped"]) == 6
    assert said["quality"] == {}
    model = ok_json("propagate", images, "--model", inputs / "model", "-o", tmp_path / "other")
    assert model["kept"] == 0
    provenance = read_provenance(tmp_path / "other/masks")
    assert provenance is not None
    assert provenance.model.endswith("model")
    assert provenance.saw
    assert not set(provenance.saw.values()) & {image_digest(s) for s in load_data(images).samples}
    masked = ("--source", "grabcut", "--masks", inputs / "masks")
    assert "masks are given twice: by --masks and by --source" in fails(
        "propagate", inputs / "images", *masked, "-o", tmp_path / "third"
    )
