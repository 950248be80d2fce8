import json
from pathlib import Path

import pytest

from handful.recipes.write import to_toml
from tests.support.command_line import fails, files, ok, ok_json, write_images
from tests.support.comparisons import searched
from tests.support.datasets import recipe, squares

SPACE = "[search]\nlr = { low = 0.001, high = 0.5, log = true }"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    files(folder)
    (folder / "tuned.toml").write_text(to_toml(searched("tuned", "lr=0.05", search=SPACE)))
    return folder


def command(inputs: Path, *more: object) -> tuple[object, ...]:
    named = ("-r", inputs / "tuned.toml", "-r", inputs / "cvs.toml", "--masks", inputs / "masks", "--no-controls")
    return ("compare", inputs / "images", *named, "-m", 3, "-n", 2, "--trials", 2, "-j", 1, *more)


def test_one_command_answers_and_the_same_one_goes_on(inputs: Path) -> None:
    out = inputs / "out"
    text = ok(*command(inputs, "-o", out))
    lines = text.splitlines()
    assert max(len(line) for line in lines if "/" not in line) <= 60  # paths stay whole
    assert lines[0].startswith("With 3 labelled images per class, ")
    assert "The controls were left out" in " ".join(lines)
    runs = (out / "results.jsonl").read_text()
    said = ok_json(*command(inputs, "-o", out))
    assert (out / "results.jsonl").read_text() == runs
    assert said["answer"] == json.loads((out / "comparison.json").read_text())["answer"]
    assert " ".join(text.split()).startswith(said["answer"])
    assert said["report"] == str(out / "report.html")
    assert (out / "report.html").stat().st_size > 1000
    assert "differs in: draws" in fails(*command(inputs, "-o", out, "-n", 3))


def test_what_is_wrong_is_said_before_anything_is_trained(inputs: Path, tmp_path: Path) -> None:
    images = inputs / "images"
    out = ("-o", tmp_path / "out")
    assert "did you mean 'cvs'" in fails("compare", images, "-r", "cvs-lite", *out)
    assert "a positive number of trials" in fails("compare", images, "--trials", 0, *out)
    assert "a positive duration" in fails("compare", images, "--budget", "0m", *out)
    assert "not a duration" in fails("compare", images, "--budget", "ten", *out)
    assert "either a duration or a number" in fails("compare", images, "--budget", "1m", "--trials", 3, *out)
    assert "not a list of numbers" in fails("compare", images, "-m", "five", *out)
    assert "fewer than" in fails("compare", images, "-m", 60, *out)
    assert not (tmp_path / "out").exists()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    assert "thesis.txt" in fails(*command(inputs, "-o", tmp_path / "taken"))
    (tmp_path / "file").write_text("mine")
    assert "this is a file" in fails(*command(inputs, "-o", tmp_path / "file"))


def test_fit_auto_picks_and_keeps_the_reason_in_the_card(inputs: Path, tmp_path: Path) -> None:
    images = write_images(squares(1), tmp_path / "one")
    said = ok_json("fit", images, "-r", "auto", "-o", tmp_path / "model", "--set", "image_size=[32, 32]")
    assert said["recipe"].split("@")[0] in ("logistic-names", "nearest-centroid")  # by the packages that are installed
    assert "too small to hold images out" in said["card"]["auto"]["why"]
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["auto"] == said["card"]["auto"]
    assert "--recipe auto" in fails(
        "fit", images, "-r", inputs / "linear.toml", "--budget", "1m", "-o", tmp_path / "m2"
    )


def test_a_real_recipe_is_tuned_in_a_real_study(inputs: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text(to_toml(recipe("linear", "name=one")))
    said = ok_json(
        "compare",
        inputs / "images",
        "-r",
        path,
        "-r",
        inputs / "tuned.toml",
        "--no-controls",
        "-k",
        2,
        "--trials",
        1,
        "-j",
        1,
        "-o",
        tmp_path / "out",
    )
    (level,) = said["levels"]
    assert level["design"] == "re-split"
    assert level["per_class"] is None
    assert {e["summary"]["runs"] for e in level["entries"]} == {2}
    assert [s["trials"] for s in said["studies"]] == [0] * 4
    assert any("Nothing was tuned" in note for note in said["notes"])


def test_a_comparison_on_a_tree_scores_its_groups(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "tree.yaml").write_text("warm: [red]\ncold: [blue, green]\n", encoding="utf-8")
    recipes = ("-r", "logistic-pixels", "--no-controls", "--tree", tmp_path / "tree.yaml")
    command = ("compare", inputs / "images", *recipes, "-m", 3, "-n", 2, "--trials", 1, "-j", 1, "-o", tmp_path / "out")
    assert "right is a predicted class in the group" in " ".join(ok(*command).split())
    (level,) = json.loads((tmp_path / "out" / "comparison.json").read_text())["levels"]
    assert [(row["level"], row["groups"]) for row in level["tree_levels"]] == [(1, ["cold", "warm"])]
    assert level["tree_levels"][0]["mean"] >= level["entries"][0]["summary"]["mean"]
    assert "Groups of the class tree" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    ok(*command)  # from the log
