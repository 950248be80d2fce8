"""Automatic runs on images with several labels: selection by mean AP, cross-fitted thresholds, and what is written."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.automl.multilabel_result import MultilabelRunResult, format_multilabel_run
from handful.automl.multilabel_run import run_multilabel
from handful.automl.run import run
from handful.core.dataset import Dataset
from handful.core.result import Result, Run
from handful.errors import DataError, RecipeError
from handful.evaluation.multilabel_selection import mean_ap_optimism
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier
from tests.support.datasets import several_squares

GOOD = load_recipe("logistic-pixels", overrides=("image_size=[12,12]",))
POOR = replace(load_recipe("logistic-pixels", overrides=("image_size=[12,12]", "head.C=0.000001")), name="poor")


def without(data: Dataset, n: int) -> Dataset:
    """The data with the last images unlabelled."""
    samples = (*data.samples[:-n], *(replace(s, target=None) for s in data.samples[-n:]))
    return replace(data, samples=samples)


def test_the_best_recipe_is_trained_scored_and_written(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    said: list[str] = []
    result = run_multilabel(
        without(several_squares(50), 6),
        folder,
        recipes=[GOOD, POOR],
        device="cpu",
        progress=False,
        on_message=said.append,
        name="squares",
    )
    assert (result.recipe, result.scored_by, result.images, result.unlabelled) == (
        "logistic-pixels",
        "cross-validation",
        44,
        6,
    )
    assert set(result.tried) == {"logistic-pixels", "poor"}
    assert result.mean_ap.mean == pytest.approx(result.tried["logistic-pixels"])
    assert 0 <= result.optimism < 0.1
    assert "Found 44 labelled images of 3 classes" in said[0]
    assert all(run_.thresholds is not None for run_ in result.result.runs)
    model = load_classifier(folder / "model")
    assert model.thresholds is not None
    np.testing.assert_allclose(model.thresholds, np.array(list(result.thresholds.values())), atol=1e-4)
    assert "micro F1" in (folder / "CARD.md").read_text(encoding="utf-8")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "squares: how good is it?" in page
    assert "points of mean AP" in page or "Nothing has to be taken off" in page
    assert re.findall(r'<p class="answer">(Mean AP|[A-Z])', page)[0] == "Mean AP"
    values = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert values["kind"] == "multilabel"
    assert len((folder / "predictions.csv").read_text(encoding="utf-8").splitlines()) == 7
    text = format_multilabel_run(result, width=60)
    assert "macro F1" in text
    assert max(len(line) for line in text.splitlines() if str(folder) not in line) <= 60


def test_a_test_part_is_scored_by_the_saved_model(tmp_path: Path) -> None:
    train, test = several_squares(40, split="train"), several_squares(20, seed=1, split="test")
    data = replace(train, samples=(*train.samples, *test.samples))
    result = run_multilabel(data, tmp_path / "run", recipes=[GOOD], device="cpu", progress=False)
    assert (result.scored_by, result.optimism, result.mean_ap.n_test) == ("test images", 0.0, 20)
    model = load_classifier(tmp_path / "run" / "model")
    np.testing.assert_allclose(result.result.runs[0].probabilities, model.probabilities(test), atol=1e-5)


def test_a_recipe_that_needs_one_label_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="needs one label per image"):
        run_multilabel(several_squares(20), tmp_path / "run", recipes=["lda"], progress=False)
    assert not (tmp_path / "run").exists()


def test_run_dispatches_on_several_labels_with_the_same_scores(tmp_path: Path) -> None:
    data = several_squares(30)
    result = run(data, tmp_path / "run", recipes=[GOOD], device="cpu", progress=False)
    direct = run_multilabel(data, tmp_path / "direct", recipes=[GOOD], device="cpu", progress=False)
    assert isinstance(result, MultilabelRunResult)
    assert (result.mean_ap.mean, result.thresholds) == (direct.mean_ap.mean, direct.thresholds)
    with pytest.raises(DataError, match="per_class of a run needs one label per image"):
        run(data, tmp_path / "other", per_class=5, progress=False)
    assert not (tmp_path / "other").exists()


def test_the_best_of_equal_recipes_scores_too_high() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((60, 3)) < 0.4).astype(np.float32)
    ids = tuple(f"{i:02d}" for i in range(60))

    def guesses(seed: int) -> Result:
        probabilities = np.random.default_rng(seed).random((60, 3)).astype(np.float32)
        run_ = Run(0, 0, 0, ("t",), ids, np.full(60, -1), probabilities, 1.0, targets=targets)
        return Result(GOOD, ("a", "b", "c"), (run_,))

    results = [guesses(seed) for seed in range(8)]
    assert mean_ap_optimism(results[:1]) == 0
    assert mean_ap_optimism(results) > 0.01
    assert mean_ap_optimism(results) == mean_ap_optimism(results)
    together = {name: str(i // 20) for i, name in enumerate(ids)}
    assert mean_ap_optimism(results, groups=together) >= 0
