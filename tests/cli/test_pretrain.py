"""`handful pretrain`: a backbone from images, which the other commands take."""

from pathlib import Path

from tests.support.command_line import fails, ok, ok_json, write_images
from tests.support.datasets import squares

SMALL = ("--set", "backbone.depth=10", "--set", "backbone.width=1", "--set", "steps=4", "--set", "batch_size=8")


def test_a_backbone_is_written_that_evaluate_takes(tmp_path: Path) -> None:
    images = write_images(squares(4), tmp_path / "pile")
    text = ok("pretrain", images, *SMALL, "-o", tmp_path / "b")
    assert "12 images, without labels" in text
    assert "handful evaluate DATA --recipe logistic --backbone" in " ".join(text.split())
    other = write_images(squares(6, seed=1), tmp_path / "images")
    scored = ("evaluate", other, "-r", "logistic", "--backbone", tmp_path / "b", "-n", 1, "-m", 2)
    assert ok_json(*scored)
    said = fails("evaluate", images, "-r", "logistic", "--backbone", tmp_path / "b", "-n", 1, "-m", 2)
    assert "were training images of this model" in " ".join(said.split())
    assert "pretrained backbone" in " ".join(
        fails("predict", tmp_path / "b", images, "--out", tmp_path / "c.csv").split()
    )


def test_what_is_there_is_not_overwritten_unless_it_is_asked_for(tmp_path: Path) -> None:
    images = write_images(squares(2), tmp_path / "pile")
    command = ("pretrain", images, *SMALL, "-o", tmp_path / "b")
    assert ok_json(*command)["card"]["unlabelled_images"] == 6
    assert "--overwrite" in fails(*command)
    assert ok_json(*command, "--overwrite")["recipe"] == "contrastive-wrn"
