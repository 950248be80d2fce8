"""`handful proportions`: from the class shares of bags to a table that `fit` trains on."""

import csv
from pathlib import Path

import numpy as np
import pytest

from handful import load_data
from handful.core.dataset import Dataset, Sample
from tests.support.command_line import fails, ok_json, run, write_images

BAGS, SIZE = 12, 5
LABELS = np.random.default_rng(0).integers(0, 2, BAGS * SIZE)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of which half are bright, a table of their batches, and the shares of each batch."""
    folder = tmp_path_factory.mktemp("proportions")
    rng = np.random.default_rng(1)
    pictures = (np.full((3, 8, 8), 40 + 160 * int(label), np.uint8) for label in LABELS)
    images = [picture + rng.integers(0, 30, picture.shape, dtype=np.uint8) for picture in pictures]
    samples = tuple(Sample(f"img/{i:02d}.png", image) for i, image in enumerate(images))
    write_images(Dataset(samples, ()), folder)
    with (folder / "tiles.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "batch"), *((s.id, f"b{i // SIZE}") for i, s in enumerate(samples))])
    with (folder / "shares.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("batch", "bright", "dark"))
        for bag, labels in enumerate(LABELS.reshape(BAGS, SIZE)):
            rows.writerow((f"b{bag}", labels.mean(), 1 - labels.mean()))
    return folder


def command(inputs: Path, out: Path, **changes: object) -> tuple[object, ...]:
    options = {"bag": "batch", "shares": inputs / "shares.csv", "out": out, "backbone": "pixels"} | changes
    flags = [text for name, value in options.items() if value is not None for text in (f"--{name}", value)]
    return ("proportions", inputs / "tiles.csv", *flags)


def test_each_image_gets_a_label_and_fit_trains_on_the_table(inputs: Path) -> None:
    said = ok_json(*command(inputs, inputs / "labels.csv"))
    bright = int(LABELS.sum())
    assert said["images_per_class"] == {"bright": bright, "dark": len(LABELS) - bright}
    assert (said["images"], said["bags"]) == (60, BAGS)
    data = load_data(inputs / "labels.csv")
    assert ((data.labels == 0) == LABELS).mean() > 0.95
    with (inputs / "labels.csv").open(newline="") as file:
        assert [row["bag"] for row in csv.DictReader(file)] == [f"b{i // SIZE}" for i in range(len(LABELS))]
    assert "--overwrite" in fails(*command(inputs, inputs / "labels.csv"))


def test_a_table_elsewhere_names_the_images_outside_of_its_folder(inputs: Path, tmp_path: Path) -> None:
    result = run(*command(inputs, tmp_path / "labels.csv"))
    assert "not used" not in result.stderr
    said = " ".join(result.stdout.split())
    assert f"60 images in 12 bags: {LABELS.sum()} bright" in said
    assert "--allow-outside" in said
    assert len(load_data(tmp_path / "labels.csv", allow_outside=True)) == 60


def test_help_has_the_options_that_the_command_takes(inputs: Path, tmp_path: Path) -> None:
    text = run("proportions", "--help").stdout
    assert "--bag" in text
    assert "--allow-outside" in text
    for refused in ("multilabel", "unlisted", "number"):
        assert f"--{refused}" not in text
    assert "No such option: --number" in fails(*command(inputs, tmp_path / "labels.csv", number="age"))


def test_what_cannot_be_is_refused_before_anything_is_computed(inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    assert "name the column of bags, or folders" in fails(*command(inputs, out, bag=None))
    assert "no column 'bacth'" in fails(*command(inputs, out, bag="bacth"))
    assert "ends in .csv" in fails(*command(inputs, tmp_path / "labels.parquet"))
    shares = tmp_path / "shares.csv"
    text = (inputs / "shares.csv").read_text()
    shares.write_text(text.replace("b11,", "b13,"))
    assert "bag 'b11'" in fails(*command(inputs, out, shares=shares))
    shares.write_text(text + "b13,0.5,0.5\n")
    said = fails(*command(inputs, out, shares=shares))
    assert "no image is in this bag" in said
    assert "the shares of bag 'b13'" in said
    assert not out.exists()
