import csv
import json
import webbrowser
from dataclasses import replace
from pathlib import Path

import pytest

from handful.automl import demo as demo_module
from handful.automl.demo import demo_data
from handful.core.dataset import Dataset
from tests.support.command_line import fails, ok, ok_json, write_images
from tests.support.datasets import squares


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 18 images in the current folder."""
    monkeypatch.chdir(tmp_path)
    return write_images(squares(6), tmp_path / "photos")


def test_run_answers_in_plain_words_and_its_folder_is_a_model(photos: Path) -> None:
    text = ok("run", "photos", "--budget", "5s", "--device", "cpu")
    joined = " ".join(text.split())
    assert joined.startswith("Right for about")
    assert "Next: handful predict handful-photos NEW_IMAGES" in joined
    assert all(len(line) <= 60 for line in text.splitlines())
    folder = Path("handful-photos")
    for file in ("report.html", "CARD.md", "run.json", "model/weights.safetensors"):
        assert (folder / file).is_file()
    ok("predict", folder, "photos", "--out", "p.csv")
    with Path("p.csv").open() as table:
        assert len(list(csv.DictReader(table))) == 18
    assert "# " in ok("card", folder)
    ok("export", folder, "--out", "model.onnx")


def test_run_says_on_standard_error_what_it_found_and_prints_json(photos: Path) -> None:
    values = ok_json("run", photos, "--budget", "5s", "--out", "out", "--device", "cpu")
    assert values["score"]["scored_by"] == "cross-validation"
    assert values == {"folder": "out", **json.loads(Path("out/run.json").read_text())}


def test_run_refuses_a_budget_that_is_not_a_duration_and_another_run(photos: Path) -> None:
    assert "not a duration" in fails("run", photos, "--budget", "soon")
    ok("run", photos, "--budget", "5s", "--out", "out", "--device", "cpu")
    said = fails("run", photos, "--budget", "5s", "--out", "out", "--seed", 1)
    assert "differs in: seed" in said
    assert "--overwrite" in said


def few_digits() -> Dataset:
    data = demo_data()
    test = data.split("test")
    return replace(data, samples=(*data.split("train").samples, *test.samples[::40]))


def test_demo_answers_names_its_page_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = few_digits()
    opened: list[str] = []
    monkeypatch.setattr(demo_module, "demo_data", lambda: data)
    monkeypatch.setattr(demo_module, "SECONDS", 5.0)
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.chdir(tmp_path)
    text = ok("demo", "--open")
    assert opened == [(tmp_path / "demo-out" / "report.html").as_uri()]
    assert "Right for about" in text
    assert "report.html" in text
    runs = (tmp_path / "demo-out" / "results.jsonl").read_text()
    assert ok_json("demo")["score"]["scored_by"] == "test images"
    assert (tmp_path / "demo-out" / "results.jsonl").read_text().startswith(runs)
