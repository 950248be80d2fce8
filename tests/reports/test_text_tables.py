import pytest

from handful.evaluation.paired_difference import paired_difference
from handful.evaluation.statistics import headline_metric, summarise
from handful.reports.text_tables import format_comparisons, format_table, interval_notes, percent, verdict
from tests.support.results import random_result, result, run

NAMES = ("cvs_wide_resnet_equalised", "classification_wide_resnet_equalised")


@pytest.mark.parametrize("width", [80, 60, 48])
def test_tables_fit_and_cut_no_name(width: int) -> None:
    results = [random_result(name, 0.8, per_class=m, seed=m) for name in NAMES for m in (1, 100)]
    tables = (
        format_table(summarise(results, "balanced_accuracy"), width=width),
        format_comparisons([paired_difference(results[0], results[2])], width=width),
    )
    for table in tables:
        assert all(len(line) <= width for line in table.splitlines())
        assert all(name in table for name in NAMES)


def test_a_score_comes_with_draws_interval_and_worst() -> None:
    row = summarise(random_result("cvs", 0.8))[0]
    table = format_table([row])
    line = table.splitlines()[1]
    assert line.split() == [
        "cvs",
        "5",
        "5",
        percent(row.mean),
        percent(row.low),
        "to",
        percent(row.high),
        percent(row.worst),
    ]
    assert "training images redrawn" in table


def test_one_run_says_so() -> None:
    table = format_table(summarise(result("a", run([0, 1], [0, 1]))))
    assert "says nothing of other draws" in " ".join(table.split())


def test_each_way_of_coming_to_an_interval_has_its_own_note() -> None:
    alike = result("alike", run([0, 1], [0, 1]), run([0, 1], [0, 1], draw=1))
    (accuracy,), (balanced,) = (summarise(alike, metric) for metric in ("accuracy", "balanced_accuracy"))
    (spread,) = summarise(random_result("spread", 0.8))
    assert [row.interval for row in (accuracy, balanced, spread)] == ["Wilson", "none", "t"]
    assert interval_notes([accuracy]) == [
        "training images redrawn, one test set; all runs alike: Wilson interval over the test images, which says "
        "nothing of other draws"
    ]
    assert interval_notes([balanced]) == ["training images redrawn, one test set; all runs alike: without an interval"]
    (mixed,) = interval_notes([accuracy, spread])
    assert "t interval over draws" in mixed
    assert "where all runs are alike: Wilson interval" in mixed
    assert not any("t interval" in note for row in (accuracy, balanced) for note in interval_notes([row]))


def test_what_has_no_interval_says_so_once() -> None:
    first, second = (result(name, run([0, 1], [0, 1])) for name in "ab")
    assert "n/a to n/a" not in format_comparisons([paired_difference(first, second)])


def test_verdict_names_the_winner() -> None:
    good, bad = random_result("good", 0.9), random_result("bad", 0.6, seed=5)
    assert verdict(paired_difference(good, bad)) == verdict(paired_difference(bad, good)) == "good better"


@pytest.mark.parametrize("width", [48, 60, 100])
def test_a_long_tail_comes_with_its_thirds(width: int) -> None:
    tailed = [random_result(name, 0.8, per_class=100, counts=(100, 10, 1)) for name in NAMES]
    table = format_table(summarise(tailed, headline_metric(tailed)), width=width)
    assert max(len(line) for line in table.splitlines()) <= width
    assert "balanced" in table
    assert "100:1" in table
    assert [table.count(word) for word in ("larger", "medium", "smaller")] == [len(NAMES)] * 3
    third = summarise(tailed[0])[0].thirds[2]
    assert " ".join((third.name, "1", percent(third.mean), percent(third.low))) in " ".join(table.split())
    assert "100:1" in format_comparisons([paired_difference(tailed[0], tailed[1])], width=width)


def test_classes_alike_have_no_thirds() -> None:
    table = format_table(summarise(random_result("a", 0.8, counts=(5, 5, 5))))
    assert "smaller" not in table
