import json
from pathlib import Path

from tests.support.command_line import fails, files, ok, ok_json


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
