import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handful.core.dataset import Dataset
from handful.core.result import Result
from handful.errors import OutputError, ProtocolError
from handful.evaluation.annotation_cost import PAPER, cost_points
from handful.evaluation.evaluate import Protocol, sweep
from handful.evaluation.statistics import summarise
from handful.models.classifier import Classifier
from handful.reports.evaluation_report import write_report
from handful.reports.gallery import examples, worst_mistakes
from handful.reports.text_tables import format_interval, percent
from handful.training.train import train
from tests.support.datasets import recipe, squares
from tests.support.html import Page
from tests.support.results import random_result, result, run
from tests.support.trainers import NearestMeanTrainer


@pytest.fixture(scope="module")
def data() -> Dataset:
    train, test = squares(6, seed=1, split="train"), squares(4, seed=2, split="test")
    return Dataset(train.samples + test.samples, train.classes)


@pytest.fixture(scope="module")
def results(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    trainer = NearestMeanTrainer(tmp_path_factory.mktemp("calls"))
    plans = [replace(recipe("linear"), name="plain"), replace(recipe(), name="masked <b>")]
    return sweep(plans, data, per_class=(1, 3), protocol=Protocol((0, 1, 2)), trainer=trainer, progress=False)


@pytest.fixture(scope="module")
def classifier(data: Dataset) -> Classifier:
    return train(recipe("segmentation", "steps=4"), data.split("train"), progress=False)


def test_the_whole_report(data: Dataset, results: list[Result], classifier: Classifier, tmp_path: Path) -> None:
    costs = cost_points(results, PAPER["cifar10"])
    path = write_report(
        results,
        tmp_path / "new" / "report.html",
        data=data,
        classifier=classifier,
        cost=costs,
        times=PAPER["cifar10"],
        command="handful sweep 'my data'",
    )
    page = Page(path)
    rows = summarise(results)
    best = max((r for r in rows if r.per_class == 3), key=lambda r: r.mean)
    answer = (
        f"With 3 labelled images per class, {best.recipe} reaches {percent(best.mean)} % accuracy "
        f"(3 draws, 95 % interval {format_interval(best.low, best.high)}, worst draw {percent(best.worst)})."
    )
    assert answer in page.text
    for row in rows:
        assert f"{row.draws} {percent(row.mean)} {format_interval(row.low, row.high)} {percent(row.worst)}" in page.text
    for part in (
        "Differences",
        "not separable",
        "Annotation cost",
        "Recall",
        "Confusion",
        "Examples",
        "handful sweep",
    ):
        assert part in page.text
    assert "Development" not in page.text
    assert len(page.images) == 2 * len(examples(data, data.split("test").ids)) + 2 * len(worst_mistakes(results[-1]))
    picture = Image.open(io.BytesIO(base64.b64decode(page.images[0].removeprefix("data:image/png;base64,"))))
    assert picture.size == (12, 12)


def test_the_file_stands_alone(data: Dataset, results: list[Result], tmp_path: Path) -> None:
    page = Page(write_report(results, tmp_path / "r.html", data=data))
    assert page.stands_alone()
    page.accessible()
    assert "masked <b>" in page.text  # escaped in the source
    assert "masked <b>" not in page.source


def test_one_run_without_data(tmp_path: Path) -> None:
    only = result("a", run([0, 1, 2, 0], [0, 1, 1, 0]))
    page = Page(write_report([only], tmp_path / "r.html"))
    assert "With all labelled images, a reaches 75.0 % accuracy (one run, 95 % interval" in page.text
    assert "says nothing of other draws" in page.text
    assert "Training 1 run, " in page.text
    assert page.images == []


def test_short_names_head_a_matrix_upright(tmp_path: Path) -> None:
    runs = [run([0, 1, 0, 1], [0, 1, 1, 1], draw=d, classes=2) for d in (0, 1)]
    page = Page(write_report([result("a", *runs, classes=("7", "seven"))], tmp_path / "r.html"))
    assert '<th scope="col">7</th>' in page.source
    assert '<th scope="col"><span>seven</span></th>' in page.source


def test_the_answer_names_the_winner_or_that_there_is_none(tmp_path: Path) -> None:
    good, bad = random_result("good", 0.9), random_result("bad", 0.6, seed=5)
    assert "better than bad, the next best: +" in Page(write_report([bad, good], tmp_path / "a.html")).text
    also = random_result("also good", 0.9, seed=7)
    assert "not separable from chance" in Page(write_report([good, also], tmp_path / "b.html")).text


def test_results_of_other_draws_are_shown_but_not_compared(tmp_path: Path) -> None:
    other = random_result("b", 0.6, draws=3)
    assert "not compared" in Page(write_report([random_result("a", 0.9), other], tmp_path / "r.html")).text


def test_development_scores_say_so(data: Dataset, tmp_path: Path) -> None:
    trainer = NearestMeanTrainer(tmp_path / "calls")
    protocol = Protocol((100, 101), score_on="rest")
    found = sweep([recipe()], data, per_class=(2,), protocol=protocol, trainer=trainer, progress=False)
    assert "The test set was not used" in Page(write_report(found, tmp_path / "r.html", data=data)).text


def test_many_classes_list_their_confusions(tmp_path: Path) -> None:
    names = tuple(f"class{i:02d}" for i in range(30))
    labels = list(range(30)) * 4
    guesses = [(c + 1) % 30 if i < 3 else c for i, c in enumerate(labels)]
    runs = [run(labels, guesses, draw=d, classes=30) for d in (0, 1)]
    page = Page(write_report([result("a", *runs, classes=names)], tmp_path / "r.html"))
    assert "class00 class01 25.0" in page.text
    assert "The other 10 classes" in page.text


def test_worst_mistakes_by_hand() -> None:
    first = run([0, 1, 2], [1, 1, 1], draw=0)
    second = run([0, 1, 2], [1, 1, 2], draw=1)
    found = worst_mistakes(result("a", first, second))
    assert [(m.id, m.label, m.predicted, m.wrong, m.scored) for m in found] == [
        ("test0", 0, 1, 2, 2),
        ("test2", 2, 1, 1, 2),
    ]
    assert found[0].confidence == pytest.approx(0.9)
    assert found[1].confidence == pytest.approx(np.mean([0.9, 0.05]))


def test_nothing_is_overwritten_unasked(results: list[Result], tmp_path: Path) -> None:
    path = write_report(results, tmp_path / "r.html")
    with pytest.raises(OutputError, match="already"):
        write_report(results, path)
    write_report(results, path, overwrite=True)
    with pytest.raises(ProtocolError, match="nothing to report"):
        write_report([], tmp_path / "none.html")


def test_a_long_tail_opens_with_balanced_accuracy_and_has_its_thirds(tmp_path: Path) -> None:
    tailed = [random_result(n, s, per_class=100, counts=(100, 10, 1)) for n, s in (("plain", 0.6), ("margins", 0.8))]
    page = Page(write_report(tailed, tmp_path / "r.html"))
    row = summarise(tailed[1], "balanced_accuracy")[0]
    answer = (
        "With 100 labelled images of the largest class and 1 of the smallest, margins reaches "
        f"{percent(row.mean)} % balanced accuracy (5 draws"
    )
    assert answer in page.text
    assert "Larger, medium and smaller classes" in page.text
    for third in row.thirds:
        assert f"{third.name} {third.most} {percent(third.mean)} {format_interval(third.low, third.high)}" in page.text
    even = Page(write_report([random_result("a", 0.6, counts=(9, 9, 9))], tmp_path / "even.html"))
    assert "Larger, medium" not in even.text
    assert "% accuracy" in even.text


def test_two_long_tails_of_one_largest_class_are_compared_each_in_itself(tmp_path: Path) -> None:
    tailed = [
        random_result(n, s, per_class=100, counts=c)
        for c in ((100, 10, 1), (100, 30, 10))
        for n, s in (("plain", 0.5), ("margins", 0.8))
    ]
    page = Page(write_report(tailed, tmp_path / "r.html"))
    assert "are not compared" not in page.text
    assert page.text.count("margins better") == 2


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ((14.0, 14.0), "named adds the class names as a prior, of weight 14."),
        ((7.0, 0.0), "of weight 3.5 on average (0 to 7); in 1 of 2 runs the names said nothing of the images"),
        ((None, None), None),
    ],
)
def test_the_report_says_what_the_class_names_weigh(
    weights: tuple[float | None, ...], sentence: str | None, tmp_path: Path
) -> None:
    runs = [replace(run([0, 1, 2], [0, 1, 1], draw=i), name_weight=weight) for i, weight in enumerate(weights)]
    made = result("named", *runs)
    text = write_report([made], tmp_path / "report.html", command="x").read_text(encoding="utf-8")
    assert (sentence or "class names as a prior, of weight") in text or sentence is None
    assert ("class names as a prior" in text) == (sentence is not None)
