"""The command line on bags of images: fit, evaluate and predict, and what is said of bags that do not fit."""

import csv
from pathlib import Path

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.saving.classifier import load_classifier
from tests.support.command_line import fails, ok, ok_json, run, write_images
from tests.support.datasets import bags_of_squares

FORM = ("--bag", "slide")
FAST = ("--backbone", "pixels", "--set", "image_size=[12,12]")


def table(data: Dataset, folder: Path, *, labels: bool = True) -> Path:
    write_images(data, folder)
    path = folder / "tiles.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "slide", *(["label"] if labels else [])))
        for sample in data.samples:
            assert sample.label is not None
            rows.writerow((sample.id, sample.bag, *([data.classes[sample.label]] if labels else [])))
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("recipe", ["bag-mean", "bag-max", "bag-attention", "bag-contrast"])
def test_a_model_is_fitted_to_bags_and_predicts_bags_and_their_images(recipe: str, tmp_path: Path) -> None:
    train = table(bags_of_squares(40), tmp_path / "train")
    test = table(bags_of_squares(10, seed=1), tmp_path / "test", labels=False)
    model, out = tmp_path / "model", tmp_path / "p.csv"
    said = ok_json("fit", train, "-o", model, "-r", recipe, *FORM, *FAST)
    assert (said["card"]["kind"], said["card"]["bags"], said["card"]["train_images"]) == ("bag", 40, 200)
    shown = " ".join(ok("predict", model, test, "-o", out, *FORM).split())
    assert "10 rows in" in shown
    bags, images = rows_of(out), rows_of(tmp_path / "p-images.csv")
    assert (len(bags), len(images)) == (10, 50)
    assert [row["id"] for row in bags] == [f"1-{bag:02d}" for bag in range(10)]
    right = [row["prediction"] == ("negative", "positive")[i % 2] for i, row in enumerate(bags)]
    assert np.mean(right) > 0.7
    assert all(row["telling"].split("|")[0] in {i["id"] for i in images if i["bag"] == row["id"]} for row in bags)
    assert ("weight" in images[0]) == (recipe == "bag-attention")
    assert np.isfinite([float(image["p_positive"]) for image in images]).all()
    assert fails("predict", model, test, "-o", out, *FORM)  # the output exists


def test_tables_say_what_the_model_says_in_python(tmp_path: Path) -> None:
    data = bags_of_squares(12)
    model, out = tmp_path / "model", tmp_path / "p.csv"
    ok("fit", table(data, tmp_path / "data"), "-o", model, "-r", "bag-attention", *FORM, *FAST)
    ok("predict", model, tmp_path / "data" / "tiles.csv", "-o", out, *FORM)
    names, probabilities = load_classifier(model).bag_probabilities(data)
    rows = rows_of(out)
    assert [row["id"] for row in rows] == list(names)
    assert [row["label"] for row in rows] == ["negative", "positive"] * 6
    np.testing.assert_allclose([float(row["p_positive"]) for row in rows], probabilities[:, 1], atol=1e-5)
    weights = np.array([float(row["weight"]) for row in rows_of(tmp_path / "p-images.csv")]).reshape(12, 5)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-4)
    said = fails("predict", model, tmp_path / "data" / "tiles.csv", "-o", tmp_path / "q.csv", *FORM, "--tta", "flip")
    assert "images of bags are not pooled with test-time augmentation" in " ".join(said.split())
    assert not (tmp_path / "q.csv").exists()


def test_an_evaluation_draws_and_scores_bags(tmp_path: Path) -> None:
    data = table(bags_of_squares(24), tmp_path / "data")
    log = tmp_path / "log.jsonl"
    told = " ".join(ok("evaluate", data, *FORM, *FAST, "-r", "bag-mean", "-n", 2, "-m", 6, "--log", log).split())
    assert "scored on 12 bags a run" in told
    again = ok_json("evaluate", data, *FORM, *FAST, "-r", "bag-mean", "-n", 2, "-m", 6, "--log", log)
    assert (again["scores"]["accuracy"]["n_train"], again["scores"]["accuracy"]["n_test"]) == (12, 12)


def test_folders_of_bags_are_read_with_classes_and_predicted_without(tmp_path: Path) -> None:
    data = bags_of_squares(12, folders=True)
    write_images(data, tmp_path / "train")
    for sample in data.samples[:20]:
        target = tmp_path / "new" / Path(sample.id).parent.name / Path(sample.id).name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((tmp_path / "train" / sample.id).read_bytes())
    model = tmp_path / "model"
    shown = ok("fit", tmp_path / "train", "-o", model, "--bag", "folders", *FAST)
    assert "60 images in 12 bags of 2 classes (6 each)" in " ".join(shown.split())
    ok("predict", model, tmp_path / "new", "-o", tmp_path / "p.csv", "--bag", "folders")
    assert [row["id"] for row in rows_of(tmp_path / "p.csv")] == [f"0-{bag:02d}" for bag in range(4)]


def test_an_unreadable_image_is_left_out_of_its_bag_and_a_bag_without_any_other_says_why(tmp_path: Path) -> None:
    train = table(bags_of_squares(12), tmp_path / "train")
    test = table(bags_of_squares(4, size=2, seed=1), tmp_path / "test")
    broken = [row["path"] for row in rows_of(test)]
    for path in (broken[0], broken[2], broken[3]):
        (tmp_path / "test" / path).write_bytes(b"no image")
    ok("fit", train, "-o", tmp_path / "model", *FORM, *FAST)
    assert run("predict", tmp_path / "model", test, "-o", tmp_path / "p.csv", *FORM).exit_code == 3
    bags = rows_of(tmp_path / "p.csv")
    assert [row["images"] for row in bags] == ["1", "", "2", "2"]
    assert [bool(row["error"]) for row in bags] == [False, True, False, False]
    assert [bool(row["error"]) for row in rows_of(tmp_path / "p-images.csv")] == [True, False, True, True, *[False] * 4]


def test_commands_recipes_and_models_that_take_no_bags_say_so_with_what_does(tmp_path: Path) -> None:
    data = table(bags_of_squares(12), tmp_path / "data")
    for command in (("run", data), ("compare", data), ("inspect", data)):
        said = " ".join(fails(*command, *FORM).split())
        assert "labels of these images belong to bags" in said
        assert "fit, evaluate and predict take bags" in said
    said = " ".join(fails("fit", data, "-o", tmp_path / "m", "-r", "logistic-pixels", *FORM).split())
    assert "heads/logistic needs a label per image" in said
    assert "bag-mean, bag-max, bag-attention, bag-contrast" in said
    said = " ".join(fails("fit", data, "-o", tmp_path / "m", "-r", "bag-mean", *FAST).split())
    assert "heads/bag_mean is for bags of images" in said
    assert "--bag COLUMN" in said
    said = " ".join(fails("evaluate", data, "-r", "bag-mean", "-m", 7, *FORM, *FAST).split())
    assert "has 6 labelled bags for training, fewer than the 7 needed" in said
    said = " ".join(fails("fit", data, "-o", tmp_path / "m", "--bag", "slid").split())
    assert "no column 'slid'" in said
    assert "'slide'" in said

    ok("fit", data, "-o", tmp_path / "images", "-r", "logistic-pixels")
    assert "was not trained on bags" in fails("predict", tmp_path / "images", data, *FORM)
    ok("fit", data, "-o", tmp_path / "bags", *FORM, *FAST)
    assert "--bag COLUMN (or folders) predicts bags" in " ".join(run("predict", tmp_path / "bags", data).stderr.split())
    assert "pooled over all" in fails("predict", tmp_path / "bags", data, "-o", tmp_path / "chunks", *FORM)
    assert "in bags or in groups" in fails("predict", tmp_path / "bags", data, "--per-group", *FORM)
    for export in ("m.onnx", "m.html"):
        assert "was trained on bags" in " ".join(fails("export", tmp_path / "bags", "-o", tmp_path / export).split())
