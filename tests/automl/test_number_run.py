"""Automatic runs on images with numbers: selection by error, its correction, and what is written."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.automl.number_result import NumberRunResult, format_number_run
from handful.automl.run import run
from handful.core.dataset import Dataset
from handful.core.result import Result, Run
from handful.errors import DataError, RecipeError
from handful.evaluation.number_selection import error_optimism, relative_error
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier
from tests.support.datasets import numbered_squares

PIXELS = ("backbone.name=pixels", "image_size=[12,12]")
GOOD = load_recipe("ridge", overrides=PIXELS)
POOR = replace(load_recipe("ridge", overrides=(*PIXELS, "head.penalty=1e9")), name="poor")


def numbers_run(data: Dataset, folder: Path, **options: object) -> NumberRunResult:
    settings = {"recipes": [GOOD, POOR], "device": "cpu", "progress": False, **options}
    result = run(data, folder, **settings)  # type: ignore[arg-type]
    assert isinstance(result, NumberRunResult)
    return result


def test_the_recipe_of_least_error_is_trained_scored_and_written(tmp_path: Path) -> None:
    data = numbered_squares(60)
    samples = (*data.samples[:-6], *(replace(s, target=None) for s in data.samples[-6:]))
    said: list[str] = []
    folder = tmp_path / "run"
    result = numbers_run(replace(data, samples=samples), folder, on_message=said.append, name="squares")
    assert (result.recipe, result.scored_by, result.images, result.unlabelled) == ("ridge", "cross-validation", 54, 6)
    assert result.tried["ridge"] < result.tried["poor"]
    assert 0 <= result.optimism < 0.1
    assert "Found 54 images with side 2 to 10, brightness" in said[0]
    assert load_classifier(folder / "model").kind == "number"
    assert "side: off by" in (folder / "CARD.md").read_text(encoding="utf-8")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "squares: how far off is it?" in page
    assert page.count("<svg") == 2
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["kind"] == "number"
    assert len((folder / "predictions.csv").read_text(encoding="utf-8").splitlines()) == 7
    text = format_number_run(result, width=60)
    assert "always saying the" in text
    assert "Next: model = handful.load_classifier" in " ".join(text.split())
    assert max(len(line) for line in text.splitlines() if str(folder) not in line) <= 60


def test_a_test_part_is_scored_by_the_saved_model(tmp_path: Path) -> None:
    train, test = numbered_squares(40, split="train"), numbered_squares(20, seed=1, split="test")
    result = numbers_run(replace(train, samples=(*train.samples, *test.samples)), tmp_path / "run", recipes=[GOOD])
    assert (result.scored_by, result.optimism, result.scores[0].n_test) == ("test images", 0.0, 20)
    model = load_classifier(tmp_path / "run" / "model")
    np.testing.assert_allclose(result.result.runs[0].probabilities, model.predict(test), rtol=1e-5)


def test_what_needs_classes_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="needs a class per image"):
        numbers_run(numbered_squares(20), tmp_path / "run", recipes=["logistic"])
    with pytest.raises(DataError, match="normal_class of a run needs a class per image"):
        numbers_run(numbered_squares(20), tmp_path / "run", normal_class="good")
    assert not (tmp_path / "run").exists()


def test_the_best_of_equal_recipes_errs_more_than_it_seems() -> None:
    truth = np.random.default_rng(0).random((60, 2)).astype(np.float32)
    ids = tuple(f"{i:02d}" for i in range(60))

    def guesses(seed: int) -> Result:
        predicted = np.random.default_rng(seed).random((60, 2)).astype(np.float32)
        medians = np.full(2, 0.5, np.float32)
        run_ = Run(0, 0, 0, ("t",), ids, np.full(60, -1), predicted, 1.0, numbers=truth, medians=medians)
        return Result(GOOD, ("a", "b"), (run_,))

    results = [guesses(seed) for seed in range(1, 9)]
    slow = np.mean(
        [
            np.abs(results[0].runs[0].probabilities - truth)[:, c].mean() / np.abs(0.5 - truth)[:, c].mean()
            for c in range(2)
        ]
    )
    assert relative_error(results[0]) == pytest.approx(slow, rel=1e-5)
    assert error_optimism(results[:1]) == 0
    assert error_optimism(results) > 0.01
    assert error_optimism(results, groups={name: str(i // 20) for i, name in enumerate(ids)}) >= 0
