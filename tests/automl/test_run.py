import csv
import json
import math
import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handful.automl import candidate_runner as runner_module
from handful.automl import candidates as candidates_module
from handful.automl import extras as extras_module
from handful.automl import select_and_train as training_module
from handful.automl.candidates import choose_candidates
from handful.automl.result import RunResult
from handful.automl.run import run
from handful.automl.text import format_run
from handful.core.dataset import Dataset
from handful.core.files import lock_output
from handful.core.hierarchy import Tree
from handful.core.recipe import Recipe
from handful.errors import DataError, ModelError, OutputError, ProtocolError, RecipeError, TrainingError
from handful.evaluation import evaluate as evaluate_module
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier
from tests.support.datasets import recipe, squares

FAST = ("logistic-hog", "nearest-centroid")  # of the candidates, to save time


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the features of these tests' images are kept."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _few_candidates(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("HANDFUL_CACHE", str(cache))
    choose = choose_candidates

    def few(data: Dataset, **options: Any) -> Any:
        return [c for c in choose(data, **options) if c.recipe.name in FAST or c.trained or c.unlabelled]

    monkeypatch.setattr(candidates_module, "choose_candidates", few)
    monkeypatch.setattr(training_module, "REPEATS", 1)
    monkeypatch.setattr(runner_module, "WORTHWHILE", math.inf)  # no network, on however slow a machine


def start(data: Any, folder: Path, **options: Any) -> RunResult:
    result = run(data, folder, **{"seconds": 1000.0, "device": "cpu", "progress": False, **options})
    assert isinstance(result, RunResult)
    return result


def test_a_run_leaves_a_model_a_score_a_report_and_a_card(tmp_path: Path) -> None:
    said: list[str] = []
    data = squares(6)
    result = start(data, tmp_path / "out", on_message=said.append)
    assert said[0] == "Found 18 images of 3 classes (6 of each); 18 with a mask."
    assert {f.name for f in (tmp_path / "out").iterdir()} >= {"model", "report.html", "CARD.md", "run.json"}
    assert result.score.scored_by == "cross-validation"
    assert result.score.images == 18
    assert 0 <= result.score.low <= result.score.accuracy <= result.score.high <= 1
    assert {t.recipe for t in result.tried} == set(FAST)
    fine_tuned = ["partial-fine-tuning", "fine-tuned"]
    assert [n.recipe for n in result.not_tried] == ["classification-wrn", "cvs", *fine_tuned]
    classifier = load_classifier(tmp_path / "out")
    assert classifier.classes == data.classes
    assert classifier.recipe.name == result.recipe
    card = (tmp_path / "out" / "CARD.md").read_text()
    assert f"{100 * result.score.accuracy:.1f}" in card
    assert "corrected for the selection of the best of 2 recipes" in card
    saved = json.loads((tmp_path / "out" / "run.json").read_text())
    assert saved["score"]["accuracy"] == pytest.approx(result.score.accuracy)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Right for about" in page
    assert page.count("<figure") >= 18
    assert page.count("<dialog") == 1
    assert "out: how good is it?" in page
    assert "Nothing is rejected" in page
    assert "draws together" not in page
    assert "true class" in page
    assert "from handful.data.arrays import" in page


def test_a_normal_class_is_counted_in_the_result_the_report_and_the_card(tmp_path: Path) -> None:
    data = squares(6)
    with pytest.raises(DataError, match="no class of the data"):
        start(data, tmp_path / "out", normal_class="fine")
    result = start(data, tmp_path / "out", normal_class=data.classes[0])
    assert result.normal_class is not None
    assert (result.normal_class.missed.images, result.normal_class.false_alarms.images) == (12, 6)
    assert "means that nothing is wrong" in (tmp_path / "out" / "CARD.md").read_text()
    assert "taken to mean that nothing is wrong" in (tmp_path / "out" / "report.html").read_text()


WARM = Tree("color", (Tree("warm", (Tree("red"),)), Tree("cold", (Tree("blue"), Tree("green")))))


@pytest.mark.parametrize("scored_by", ["cross-validation", "test images", "draws"])
def test_groups_of_the_class_tree_are_scored_as_the_classes_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scored_by: str
) -> None:
    monkeypatch.setattr(training_module, "REPEATS", 2)
    data = replace(squares(8), tree=WARM)
    if scored_by == "test images":
        train, test = squares(5, split="train"), squares(8, seed=1, split="test")
        data = replace(data, samples=(*train.samples, *test.samples))
    result = start(data, tmp_path / "out", recipes=FAST, per_class=3 if scored_by == "draws" else None)
    assert result.score.scored_by == scored_by
    (level,) = result.levels
    assert (level.level, level.groups) == (1, ("cold", "warm"))
    assert result.score.accuracy <= level.accuracy <= 1
    assert level.low <= level.accuracy <= level.high
    assert math.isnan(level.worst) == math.isnan(result.score.worst)
    if scored_by == "test images":
        groups = np.array(["cold", "cold", "warm"])
        predictions = load_classifier(tmp_path / "out").predict(data.split("test").without_labels())
        right = groups[predictions] == groups[data.split("test").labels]
        assert level.accuracy == pytest.approx(float(np.mean(right)))
    assert "In the right one of 2 groups (level 1 of the tree): about" in " ".join(str(result).split())
    assert "In the right one of 2 groups" in (tmp_path / "out" / "report.html").read_text()
    card = (tmp_path / "out" / "CARD.md").read_text()
    assert f"| accuracy of 2 groups (level 1 of the class tree) | {100 * level.accuracy:.1f}" in card
    (saved,) = json.loads((tmp_path / "out" / "run.json").read_text())["levels"]
    assert saved["accuracy"] == pytest.approx(level.accuracy)


def test_arrays_and_their_labels_are_a_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = squares(4)
    images = np.stack([np.asarray(s.image).transpose(1, 2, 0) for s in data.samples])
    labels = np.array(data.classes)[data.labels]
    result = start(images, tmp_path / "out", labels=labels, groups=range(len(labels)), progress=True)
    assert "Found 12 images of 3 classes (4 of each)." in capsys.readouterr().err
    assert str(result).startswith("Right for about")
    assert "worst" not in (tmp_path / "out" / "CARD.md").read_text()
    for source, given in ((images, {}), (data, {"labels": labels}), (tmp_path, {"labels": labels})):
        with pytest.raises(DataError, match=r"images in memory"):
            start(source, tmp_path / "other", **given)


def test_the_same_run_goes_on_and_another_one_is_refused(tmp_path: Path) -> None:
    data, folder = squares(4), tmp_path / "out"
    first = start(data, folder)
    lines = (folder / "results.jsonl").read_text().splitlines()
    again = start(data, folder)
    assert set((folder / "results.jsonl").read_text().splitlines()) >= set(lines)
    assert again.recipe == first.recipe
    with pytest.raises(OutputError, match="differs in: seed"):
        start(data, folder, seed=1)
    assert start(data, folder, seed=1, overwrite=True).images == 12


def test_a_shorter_budget_ends_with_all_that_a_longer_one_has_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_module, "REPEATS", 2)
    data, folder = squares(4), tmp_path / "out"
    first = start(data, folder)
    lines = (folder / "results.jsonl").read_text()
    again = start(data, folder, seconds=0.01)
    assert (folder / "results.jsonl").read_text() == lines
    assert [t.recipe for t in again.tried] == [t.recipe for t in first.tried]
    assert (again.recipe, again.score.repeats) == (first.recipe, first.score.repeats) == (first.recipe, 2)
    assert again.score.accuracy == first.score.accuracy


def test_a_network_is_trained_once_however_often_the_run_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = recipe("segmentation")
    data, folder = squares(4), tmp_path / "out"
    first = start(data, folder, recipes=[tiny])
    assert first.temperature is not None
    monkeypatch.setattr(training_module, "train", lambda *_, **__: pytest.fail("it is there already"))
    again = start(data, folder, recipes=[tiny], seconds=0.01)
    assert (again.score.accuracy, again.temperature) == (first.score.accuracy, first.temperature)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"thesis\.txt"):
        start(squares(4), tmp_path, overwrite=True)
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_a_file_manager_left_in_the_folder_is_no_other_run(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".DS_Store").write_bytes(b"")
    assert start(squares(2), tmp_path / "out").images == 6


def test_a_test_part_scores_the_saved_model_once(tmp_path: Path) -> None:
    train, test = squares(5, split="train"), squares(8, seed=1, split="test")
    result = start(replace(train, samples=(*train.samples, *test.samples)), tmp_path / "out")
    assert result.score.scored_by == "test images"
    assert (result.score.images, result.images) == (24, 15)
    assert math.isnan(result.score.worst)
    predictions = load_classifier(tmp_path / "out").predict(test.without_labels())
    assert result.score.accuracy == pytest.approx(float(np.mean(predictions == test.labels)))


def test_few_images_of_each_class_are_drawn_and_the_others_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_module, "REPEATS", 2)
    result = start(squares(12), tmp_path / "out", per_class=3)
    assert result.images == 9
    assert result.result is not None
    for run_ in result.result.runs:
        assert not set(run_.ids) & set(run_.train_ids)
        assert len(run_.ids) == 27
    assert result.score.scored_by == "draws"
    assert result.score.repeats == len(result.result.runs)


def test_a_class_with_one_image_gives_a_model_and_no_number(tmp_path: Path) -> None:
    data = squares(4)
    one = replace(data, samples=tuple(s for s in data.samples if s.label != 0 or s.id.endswith("-0.png")))
    result = start(one, tmp_path / "out")
    assert result.score.scored_by == "nothing"
    assert math.isnan(result.score.accuracy)
    assert "cannot be said" in (tmp_path / "out" / "report.html").read_text()
    assert load_classifier(tmp_path / "out").classes == data.classes


def test_images_without_a_label_are_learned_from_and_predicted(tmp_path: Path) -> None:
    data, further = squares(5), squares(3, seed=7)
    unlabelled = tuple(replace(s, id=f"unlabelled/{s.id}", label=None, mask=None) for s in further.samples)
    result = start(replace(data, samples=(*data.samples, *unlabelled)), tmp_path / "out")
    assert "pseudo-labels" in {t.recipe for t in result.tried}
    with (tmp_path / "out" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [s.id for s in unlabelled]
    assert sum(result.predicted.values()) == len(rows) == result.unlabelled


def shuffled_labels(data: Dataset) -> Dataset:
    labels = np.random.default_rng(0).permutation(data.labels)
    return replace(data, samples=tuple(replace(s, label=int(y)) for s, y in zip(data.samples, labels, strict=True)))


def test_labels_that_mean_nothing_are_not_scored_above_chance(tmp_path: Path) -> None:
    result = start(shuffled_labels(squares(12)), tmp_path / "out")
    assert result.score.low < 1 / 3
    assert result.score.accuracy < 0.55


def test_a_network_is_tried_where_its_first_steps_say_that_it_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(runner_module, "WORTHWHILE", 0.0)
    monkeypatch.setattr(runner_module, "training_seconds", lambda recipe, *_, **__: seconds_of(recipe))
    tiny: dict[str, Recipe] = {}
    choose = choose_candidates

    def short(data: Dataset, **options: Any) -> Any:
        candidates = []
        for c in choose(data, **options):
            if c.trained:
                stage = replace(c.recipe.stages[0], steps=2)
                tiny[c.recipe.name] = replace(c.recipe, stages=(stage,), image_size=(32, 32))
                c = replace(c, recipe=tiny[c.recipe.name])
            candidates.append(c)
        return candidates

    def seconds_of(recipe: Recipe) -> float:
        return 0.5 if recipe.name == "classification-wrn" else 1000.0

    monkeypatch.setattr(candidates_module, "choose_candidates", short)
    data = shuffled_labels(squares(4))  # more time is no advice where every image is right
    result = start(data, tmp_path / "out", seconds=600.0, on_message=said.append, jobs=1)
    assert "classification-wrn" in {t.recipe for t in result.tried}
    reasons = {n.recipe: n for n in result.not_tried}
    assert reasons["fine-tuned"].why.startswith("takes about")
    assert (reasons["fine-tuned"].budget or 0) > 5000
    assert any("more time: seconds=" in a.what for a in result.advice)
    assert any(line.startswith("Trying small network trained from scratch") for line in said)


def test_a_recipe_that_fails_is_left_out_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = evaluate_module.evaluate

    def failing(recipe: Recipe, *args: Any, **options: Any) -> Any:
        if recipe.name == "logistic-hog":
            raise TrainingError("it does not converge", where="head", remedy="none.")
        return evaluate(recipe, *args, **options)

    monkeypatch.setattr(runner_module, "evaluate", failing)
    result = start(squares(4), tmp_path / "out")
    assert result.recipe == "nearest-centroid"
    assert ("logistic-hog", "it failed: it does not converge") in {(n.recipe, n.why) for n in result.not_tried}


def test_after_the_budget_one_fit_is_finished_and_nothing_else_starts(tmp_path: Path) -> None:
    said: list[RunResult] = []
    data = squares(4)
    result = start(data, tmp_path / "out", seconds=0.01, on_answer=said.append)
    assert [t.recipe for t in result.tried] == ["logistic-hog"]
    reasons = {n.recipe: n for n in result.not_tried}
    assert reasons["nearest-centroid"].why == "no time was left"
    assert result.result is not None
    assert len(result.result.runs) == 1
    assert 0 < result.score.images < len(data)
    (answer,) = said
    assert answer.score == result.score
    assert not answer.skipped
    assert [s.partition(" (about")[0] for s in result.skipped] == [
        "looking for wrong labels",
        "what twice as many images would bring",
        "what images without a label would bring",
    ][: len(result.skipped)]
    assert len(result.skipped) >= 2
    text = " ".join(format_run(result).split())
    assert f"{result.score.images} of 12 images held out in turn; the budget ended before the others" in text
    assert "Left out, as no time was left: looking for wrong labels" in text
    assert "s of a budget of 0 s: what had begun was finished." in text
    more = start(data, tmp_path / "out")
    assert {t.recipe for t in more.tried} == set(FAST)
    assert more.score.images == len(data)


def test_the_answer_and_its_files_are_there_before_anything_is_measured_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(extras_module, "more_images", stop)
    said: list[RunResult] = []
    with pytest.raises(KeyboardInterrupt, match="the model is ready"):
        start(squares(4), tmp_path / "out", on_answer=said.append)
    assert len(said) == 1
    assert {f.name for f in (tmp_path / "out").iterdir()} >= {"model", "report.html", "CARD.md", "run.json"}
    load_classifier(tmp_path / "out")


def test_a_run_that_is_stopped_before_its_answer_says_that_it_can_be_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training_module, "train", stop)
    with pytest.raises(KeyboardInterrupt, match="no model yet; what was computed is kept") as stopped:
        start(squares(4), tmp_path / "out")
    assert "with seconds=1 it ends at once with the best of what was scored so far." in str(stopped.value)
    with pytest.raises(ModelError, match="this run has no model yet"):
        load_classifier(tmp_path / "out")


def test_data_that_no_recipe_learns_is_an_error_with_the_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise TrainingError("it does not converge", where="head", remedy="none.")

    monkeypatch.setattr(runner_module, "evaluate", failing)
    with pytest.raises(TrainingError, match=r"no recipe could be trained .*logistic-hog: it failed"):
        start(squares(4), tmp_path / "out")


def test_a_named_recipe_is_scored_alone_and_a_further_one_joins_those_that_suit_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = replace(load_recipe("logistic-pixels"), name="mine", about={"what": "regression on pixels"})
    alone = start(squares(4), tmp_path / "alone", recipes=[mine])
    assert [t.recipe for t in alone.tried] == ["mine"]
    assert not alone.not_tried
    assert (alone.recipe, alone.description) == ("mine", "regression on pixels")
    assert "Method: regression on pixels (mine)." in format_run(alone, width=80)
    joined = start(squares(4), tmp_path / "joined", recipes=["auto", mine])
    assert {t.recipe for t in joined.tried} == {*FAST, "mine"}
    with pytest.raises(OutputError, match="differs in"):
        start(squares(4), tmp_path / "alone", recipes=["logistic-pixels"])
    for names, error in ((["logistic-pixel"], RecipeError), ([mine, mine], ProtocolError)):
        with pytest.raises(error):
            start(squares(4), tmp_path / "other", recipes=names)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("per_class", [1, 4])
def test_a_named_network_that_takes_longer_than_the_budget_is_refused_with_the_time_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, per_class: int
) -> None:
    for module in ("select", "candidate_runner"):
        monkeypatch.setattr(f"handful.automl.{module}.training_seconds", lambda *_, **__: 2000.0)
    with pytest.raises(ProtocolError, match=r"classification-wrn takes about \d+ minutes") as fault:
        start(squares(per_class), tmp_path / "out", recipes=["classification-wrn"], jobs=1)
    assert re.search(r"seconds=\d+, or name", fault.value.remedy)
    result = start(squares(4), tmp_path / "two", recipes=["classification-wrn", "logistic-pixels"], jobs=1)
    assert result.recipe == "logistic-pixels"
    assert [n.recipe for n in result.not_tried] == ["classification-wrn"]


def test_too_few_images_or_classes_are_refused_before_any_image_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        import_module("handful.automl.run"), "measure_images", lambda *_, **__: pytest.fail("images are read")
    )
    data = squares(4)
    one = replace(data, samples=tuple(s for s in data.samples if s.label == 0))
    with pytest.raises(DataError, match="this is the only class with training images"):
        start(one, tmp_path / "out")
    with pytest.raises(DataError, match="has 4 labelled images for training, fewer than the 5 needed"):
        start(data, tmp_path / "out", per_class=5)
    tested = tuple(replace(s, split="test") if s.label == 1 else s for s in data.samples)
    with pytest.raises(DataError, match="has 0 labelled images for training"):
        start(replace(data, samples=tested), tmp_path / "out")
    assert not (tmp_path / "out").exists()  # so that the corrected command is no other run in the same folder


def test_data_without_labels_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no image has a label"):
        start(squares(3).without_labels(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_second_run_in_the_folder_is_refused_at_its_start(tmp_path: Path) -> None:
    with lock_output(tmp_path / "out"), pytest.raises(OutputError, match="another process"):
        start(squares(3), tmp_path / "out")
    assert not (tmp_path / "out").exists()
