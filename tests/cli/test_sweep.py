import json
import re
from pathlib import Path

import pytest

from tests.support.command_line import fails, files, ok, ok_json, write_images
from tests.support.datasets import squares

MADE = {"results.jsonl", "results-predictions", "report.html", "shown-model"}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    files(folder)
    return folder


def command(inputs: Path, out: Path) -> tuple[object, ...]:
    recipes = ("-r", inputs / "linear.toml", "-r", inputs / "cvs.toml")
    return ("sweep", inputs / "images", *recipes, "--masks", inputs / "masks", "-m", "1,2", "-n", 2, "-o", out)


@pytest.fixture(scope="module")
def swept(inputs: Path) -> Path:
    said = ok_json(*command(inputs, inputs / "swept"))
    assert [(row["recipe"], row["per_class"]) for row in said["scores"]] == [
        ("linear", 1),
        ("cvs", 1),
        ("linear", 2),
        ("cvs", 2),
    ]
    assert [(row["a"], row["b"], row["per_class"]) for row in said["comparisons"]] == [
        ("cvs", "linear", 1),
        ("cvs", "linear", 2),
    ]
    assert said["report"] == str(inputs / "swept" / "report.html")
    return inputs / "swept"


def test_sweep_writes_the_runs_and_a_report(swept: Path) -> None:
    assert {p.name for p in swept.iterdir()} == MADE
    assert len((swept / "results.jsonl").read_text().splitlines()) == 8
    report = (swept / "report.html").read_text(encoding="utf-8")
    assert "linear" in report
    assert not re.search(r"(src|href)=[\"']https?://[^\"']*\.(js|css|png)", report)


def test_sweep_again_is_refused_resumed_or_made_anew(
    inputs: Path, swept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (swept / "results.jsonl").read_text()
    page = (swept / "report.html").read_text(encoding="utf-8")
    assert "already exists" in fails(*command(inputs, swept))
    with monkeypatch.context() as patch:
        patch.setattr(
            "handful.evaluation.retrain.train", lambda *_, **__: pytest.fail("trained what is in shown-model")
        )
        text = ok(*command(inputs, swept), "--resume")
    pictures = [re.findall(r"data:image/png[^\"']*", p) for p in (page, (swept / "report.html").read_text("utf-8"))]
    assert pictures[0] == pictures[1]
    assert (swept / "results.jsonl").read_text() == before
    assert max(len(line) for line in text.splitlines() if "/" not in line) <= 60  # paths stay whole
    ok(*command(inputs, swept), "--overwrite")
    after = [json.loads(line) for line in (swept / "results.jsonl").read_text().splitlines()]
    assert len(after) == 8
    assert [line["predictions"] for line in after] == [json.loads(line)["predictions"] for line in before.splitlines()]


def test_cost_is_hours_of_labels_and_masks(swept: Path, tmp_path: Path) -> None:
    said = ok_json("cost", swept / "results.jsonl", "--label-seconds", 3600, "--mask-seconds", 1800)
    hours = {(p["recipe"], p["per_class"]): p["hours"] for p in said["points"]}
    assert hours == {("linear", 1): 3, ("cvs", 1): 4.5, ("linear", 2): 6, ("cvs", 2): 9}
    (found,) = said["break_even"]
    assert (found["costly"], found["cheap"]) == ("cvs", "linear")
    text = ok("cost", swept / "results.jsonl", "--image-size", 12, "--report", tmp_path / "cost.html")
    assert "hours" in text
    assert (tmp_path / "cost.html").stat().st_size > 1000
    assert "already exists" in fails("cost", swept / "results.jsonl", "--report", tmp_path / "cost.html")
    free = ok_json("cost", swept / "results.jsonl", "--masks-per-class", "cvs=0", "--label-seconds", 3600)
    assert {p["hours"] for p in free["points"]} == {3, 6}
    assert "RECIPE=N" in fails("cost", swept / "results.jsonl", "--masks-per-class", "cvs")


def test_sweep_over_long_tails(tmp_path: Path) -> None:
    files(tmp_path, per_class=8)
    command = ("sweep", tmp_path / "images", "-r", tmp_path / "linear.toml", "-m", "3,6", "--long-tail", 3, "-n", 2)
    said = ok_json(*command, "-o", tmp_path / "out", "--set", "steps=2")
    assert said["headline"] == "balanced_accuracy"
    assert [(row["per_class"], row["smallest"]) for row in said["scores"]] == [(3, 1), (6, 2)]
    assert "Larger, medium and smaller classes" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_sweep_scores_on_the_val_split(inputs: Path, tmp_path: Path) -> None:
    for part, seed in (("train", 1), ("val", 2)):
        write_images(squares(4, seed=seed), tmp_path / "data" / part)
    recipes = ("-r", inputs / "linear.toml", "-r", "logistic-pixels")
    command = ("sweep", tmp_path / "data", *recipes, "-m", "1,2", "-n", 2, "--score-on", "val", "-o", tmp_path / "out")
    said = ok_json(*command)
    assert [(row["recipe"], row["n_test"]) for row in said["scores"]] == 2 * [
        ("linear (val split)", 12),
        ("logistic-pixels (val split)", 12),
    ]
    assert [(row["a"], row["b"], row["per_class"]) for row in said["comparisons"]] == [
        ("logistic-pixels (val split)", "linear (val split)", m) for m in (1, 2)
    ]
    assert "Scored on the val split." in ok(*command, "--resume")


def test_a_sweep_of_a_tree_scores_its_groups(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "tree.yaml").write_text("warm: [red]\ncold: [blue, green]\n", encoding="utf-8")
    recipes = ("-r", inputs / "linear.toml", "-r", "logistic-pixels", "--tree", tmp_path / "tree.yaml")
    command = ("sweep", inputs / "images", *recipes, "-m", "1,2", "-n", 2, "-o", tmp_path / "out")
    said = ok_json(*command)
    assert [(row["recipe"], row["per_class"], row["classes"]) for row in said["tree_levels"]] == [
        (name, m, 2) for m in (1, 2) for name in ("linear", "logistic-pixels")
    ]
    assert "right is a predicted class in the group" in " ".join(ok(*command, "--resume").split())
    assert "Groups of the class tree" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
