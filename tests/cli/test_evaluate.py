import json
from pathlib import Path

from handful.evaluation.results_log import read_results
from tests.support.command_line import fails, files, grouped_table, ok, ok_json, write_images
from tests.support.datasets import squares


def test_evaluate_says_draws_interval_and_worst(inputs: Path, tmp_path: Path) -> None:
    log = tmp_path / "runs.jsonl"
    command = ("evaluate", inputs / "images", "-r", inputs / "linear.toml", "-n", 2, "-m", 2, "--log", log)
    text = ok(*command)
    assert all(word in text for word in ("draws", "95 % interval", "worst", "re-split"))
    assert max(len(line) for line in text.splitlines()) <= 60
    assert len(log.read_text().splitlines()) == 2
    scores = ok_json(*command)["scores"]  # from the log
    assert len(log.read_text().splitlines()) == 2
    assert scores["accuracy"]["draws"] == 2
    assert set(scores) == {"accuracy", "balanced_accuracy", "macro_f1"}


def test_evaluate_cross_validates(inputs: Path) -> None:
    said = ok_json("evaluate", inputs / "images", "-r", inputs / "linear.toml", "-n", 1, "-k", 2)
    assert said["scores"]["accuracy"]["runs"] == 2
    assert [row["images"] for row in said["recall"]] == [4, 4, 4]


def test_evaluate_draws_a_long_tail_and_tells_it(tmp_path: Path) -> None:
    files(tmp_path, per_class=8)
    log = tmp_path / "runs.jsonl"
    tail = ("--long-tail", 3, "--per-class", 6, "-n", 2, "--log", log)
    command = ("evaluate", tmp_path / "images", "-r", tmp_path / "linear.toml", *tail, "--set", "steps=2")
    text = ok(*command)
    assert max(len(line) for line in text.splitlines()) <= 60
    assert all(word in text for word in ("balanced", "6:2", "larger", "medium", "smaller"))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["long_tail"], line["counts"]) for line in lines] == [(3, [6, 3, 2])] * 2
    said = ok_json(*command)  # from the log
    assert len(log.read_text().splitlines()) == 2
    assert said["headline"] == "balanced_accuracy"
    row = said["scores"]["balanced_accuracy"]
    assert (row["per_class"], row["smallest"]) == (6, 2)
    assert [(t["name"], t["most"]) for t in row["thirds"]] == [("larger", 6), ("medium", 3), ("smaller", 2)]
    ok_json(*command, "--tail-order", "seeded")
    assert len(log.read_text().splitlines()) == 4
    assert "--per-class" in fails("evaluate", tmp_path / "images", "-r", tmp_path / "linear.toml", "--long-tail", 3)


def test_train_and_val_without_test_name_three_ways_that_work(inputs: Path, tmp_path: Path) -> None:
    for part, seed in (("train", 1), ("val", 2)):
        write_images(squares(4, seed=seed), tmp_path / "data" / part)
    command = ("evaluate", tmp_path / "data", "-r", inputs / "linear.toml", "-n", 2)
    said = " ".join(fails(*command).split())
    assert "cross-validate (--folds 5)" in said
    assert "the draws leave unused (--per-class 5)" in said
    assert "the 12 images of the val split (--score-on val)" in said
    for way in (("--folds", 2), ("--per-class", 2)):
        assert ok_json(*command, *way)["scores"]["accuracy"]["recipe"] == "linear"
    log = tmp_path / "runs.jsonl"
    text = ok(*command, "--score-on", "val", "--log", log)
    assert "linear (val split)" in " ".join(text.split())
    assert "Scored on the val split." in text
    assert {json.loads(line)["score_on"] for line in log.read_text().splitlines()} == {"val"}
    assert [result.recipe.name for result in read_results(log)] == ["linear (val split)"]
    assert all(name.startswith("val/") for run in read_results(log)[0].runs for name in run.ids)


def test_evaluate_scores_groups_whose_images_vote(inputs: Path, tmp_path: Path) -> None:
    files(tmp_path, per_class=8)  # draws depend on the names of images, which are the same in every run here
    table = grouped_table(tmp_path / "images", tmp_path)
    command = ("evaluate", table, "-r", inputs / "linear.toml", "-n", 2, "-m", 2, "--set", "steps=2")
    said = ok_json(*command, "--per-group")
    told = said["per_group"]
    assert told["groups"] < told["images"] <= 24
    assert 0 <= told["low"] <= told["high"] <= 1
    assert said["scores"]["accuracy"]["n_test"] <= told["groups"]
    text = " ".join(ok(*command, "--per-group").split())
    assert f"scored on {said['scores']['accuracy']['n_test']} groups a run" in text
    assert "whose probabilities are averaged" in text
    assert "no image has a group" in fails(
        "evaluate", inputs / "images", "-r", inputs / "linear.toml", "-n", 2, "-m", 2, "--per-group"
    )
    rows = table.read_text().replace("red-0\n", "blue-0\n", 1)
    table.write_text(rows)
    assert "group 'blue-0' has images of several classes" in fails(*command, "--per-group")


def test_evaluate_says_how_often_the_group_of_the_tree_is_right(inputs: Path, tmp_path: Path) -> None:
    tree, log = tmp_path / "tree.yaml", tmp_path / "runs.jsonl"
    tree.write_text("warm: [red]\ncold: [blue, green]\n", encoding="utf-8")
    command = ("evaluate", inputs / "images", "-r", inputs / "linear.toml", "-n", 2, "-m", 2)
    text = ok(*command, "--tree", tree, "--log", log)
    assert max(len(line) for line in text.splitlines()) <= 60
    assert "right is a predicted class in the group of the true one" in " ".join(text.split())
    (row, *_) = ok_json(*command, "--tree", tree, "--log", log)["tree_levels"]
    assert (row["level"], row["groups"], row["metric"]) == (1, ["cold", "warm"], "accuracy")
    means = [json.loads(line)["level_accuracy"][0] for line in log.read_text().splitlines()]
    assert abs(row["mean"] - sum(means) / 2) < 1e-9
    plain = ok_json(*command, "--log", log)
    assert "tree_levels" not in plain
    assert "group" not in ok(*command, "--log", log)
    tree.write_text("warm: [red]\n", encoding="utf-8")
    assert "is not in the tree" in fails(*command, "--tree", tree)
