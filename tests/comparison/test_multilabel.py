"""Comparisons and reports of images with several labels per image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from handful.comparison.candidates import choose_candidates
from handful.comparison.compare import compare
from handful.comparison.held_out import encode_values, held_out_values, held_out_weights
from handful.comparison.plan import PAGE
from handful.comparison.result import ComparisonResult, as_values
from handful.comparison.text import format_comparison
from handful.core.dataset import Dataset
from handful.core.result import Result
from handful.errors import ProtocolError, RecipeError
from handful.evaluation.evaluate import evaluate
from handful.evaluation.multilabel import summarise_multilabel
from handful.evaluation.paired_difference import paired_difference
from handful.evaluation.protocol import Protocol
from handful.evaluation.statistics import summarise
from handful.recipes.load import load_recipe
from handful.reports.card_scores import update_card
from handful.reports.evaluation_report import write_report
from handful.reports.multilabel_section import label_mistakes
from handful.saving.classifier import save_classifier
from handful.training.train import train
from tests.support.datasets import several_squares

GOOD = replace(
    load_recipe("logistic-pixels", overrides=("image_size=[12,12]", "head.C=1.0")), search={"head.C": (0.01, 1.0)}
)
POOR = replace(load_recipe("logistic-pixels", overrides=("image_size=[12,12]", "head.C=0.000001")), name="poor")
DRAWS = Protocol((0, 1, 2), per_class=8)


def results(data: Dataset) -> list[Result]:
    return [evaluate(r, data, protocol=DRAWS, progress=False, device="cpu") for r in (GOOD, POOR)]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return several_squares(60, known=0.9)


@pytest.fixture(scope="module")
def compared(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[ComparisonResult, Path]:
    folder = tmp_path_factory.mktemp("comparison") / "c"
    again = compare([GOOD, POOR], data, folder, trials=2, per_class=[8], protocol=DRAWS, device="cpu", progress=False)
    return again, folder


def test_recipes_are_ranked_by_mean_ap_with_paired_differences(
    compared: tuple[ComparisonResult, Path], data: Dataset
) -> None:
    comparison, folder = compared
    (level,) = comparison.levels
    assert level.metric == "mean_average_precision"
    assert [e.recipe for e in level.entries] == ["logistic-pixels", "poor"]
    assert "mean AP" in comparison.answer
    (pair,) = level.pairs
    assert pair.comparison.mean == pytest.approx(level.entries[0].summary.mean - level.entries[1].summary.mean)
    assert pair.comparison.image_low <= pair.comparison.mean <= pair.comparison.image_high
    assert {h.name for h in level.harms} == set(data.classes) or not level.harms
    assert as_values(comparison)["levels"][0]["metric"] == "mean_average_precision"
    text = format_comparison(comparison, width=60)
    assert "mean AP" in text
    assert max(map(len, text.splitlines())) <= 60
    page = (folder / PAGE).read_text(encoding="utf-8")
    assert all(word in page for word in ("precision", "threshold", "Missed labels", "mean AP"))
    assert "Confusion</h2>" not in page


def test_tuning_is_scored_by_mean_ap_of_held_out_images(compared: tuple[ComparisonResult, Path], data: Dataset) -> None:
    studies = [s for s in compared[0].studies if s.recipe == "logistic-pixels"]
    assert all(s.trials == 2 and s.score is not None and 0.5 < s.score <= 1 for s in studies)
    run = evaluate(GOOD, data, protocol=Protocol((0,), folds=2), progress=False, device="cpu").runs[0]
    assert run.targets is not None
    values, probability = held_out_values(run)
    of_id = {s.id: i for i, s in enumerate(data.samples)}
    (weights,) = held_out_weights([data.select([of_id[i] for i in run.ids])])
    known = ~np.isnan(run.targets)
    wanted = [average_precision_score(run.targets[known[:, c], c], run.probabilities[known[:, c], c]) for c in range(3)]
    assert float(weights @ values) == pytest.approx(np.mean(wanted))
    assert 0 < probability < 1
    np.testing.assert_allclose(np.array(encode_values(run, values)), values, atol=1e-6)


def test_the_data_choose_recipes_that_fit_and_say_why_others_do_not(data: Dataset) -> None:
    recipes, candidates = choose_candidates(data)
    names = [r.name for r in recipes]
    assert {"nearest-centroid", "logistic", "classification", "fine-tuned", "ridge", "knn"} <= set(names)
    reasons = {c.recipe: c.why for c in candidates if not c.taken}
    assert all(c.why for c in candidates)
    assert not set(reasons) & set(names)


def test_a_recipe_that_needs_one_label_is_refused_before_training(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="needs one label per image"):
        compare([load_recipe("lda")], data, tmp_path / "c", trials=1, per_class=[2], protocol=DRAWS, progress=False)
    assert not (tmp_path / "c").exists()


def test_a_summary_and_a_difference_take_the_metrics_of_several_labels(data: Dataset) -> None:
    a, b = results(data)
    (row,) = summarise(a, "mean_average_precision")
    assert row.mean == summarise_multilabel(a).mean
    assert (row.low, row.high, row.smallest) == (summarise_multilabel(a).low, summarise_multilabel(a).high, None)
    difference = paired_difference(a, b, "mean_average_precision")
    assert difference.verdict == "A better"
    assert difference.mean == -paired_difference(b, a, "mean_average_precision").mean
    assert np.isnan(paired_difference(a, b, "micro_f1").image_low)
    with pytest.raises(ProtocolError, match="a score of one label per image"):
        paired_difference(a, b)


def test_the_report_shows_missed_and_false_labels_and_the_card_each_class(data: Dataset, tmp_path: Path) -> None:
    a, b = results(data)
    missed, false = label_mistakes(b, "missed"), label_mistakes(b, "false")
    of_id = {s.id: s.target for s in data.samples}
    for mistakes, value in ((missed, 1), (false, 0)):
        for mistake in mistakes:
            target = of_id[mistake.id]
            assert target is not None
            assert target[data.classes.index(mistake.name)] == value
            assert (mistake.probability < 0.5) == (value == 1) or mistake.wrong < mistake.scored
    shares = [m.wrong / m.scored for m in missed]
    assert shares == sorted(shares, reverse=True)
    page = write_report([a, b], tmp_path / "r.html", data=data).read_text(encoding="utf-8")
    assert all(word in page for word in ("mean AP", "macro F1", "precision", "Class by class"))
    assert "Confusion</h3>" not in page
    model = train(GOOD, data.select(range(30)), device="cpu", progress=False)
    folder = save_classifier(model, tmp_path / "model")
    scored = replace(a, runs=tuple(replace(run, counts=model.counts) for run in a.runs))
    update_card(folder, results=[scored])
    text = (folder / "CARD.md").read_text(encoding="utf-8")
    assert "micro F1" in text
    assert "| class | images | average precision | recall |" in text
