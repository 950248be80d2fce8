import pytest

from handful.statistics import compare, summarise
from handful.tables import format_comparisons, format_table, percent, verdict
from tests.made import random_result, result, run

NAMES = ("cvs_wide_resnet_equalised", "classification_wide_resnet_equalised")


@pytest.mark.parametrize("width", [80, 60, 48])
def test_tables_fit_and_cut_no_name(width: int) -> None:
    results = [random_result(name, 0.8, per_class=m, seed=m) for name in NAMES for m in (1, 100)]
    tables = (
        format_table(summarise(results, "balanced_accuracy"), width=width),
        format_comparisons([compare(results[0], results[2])], width=width),
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


def test_verdict_names_the_winner() -> None:
    good, bad = random_result("good", 0.9), random_result("bad", 0.6, seed=5)
    assert verdict(compare(good, bad)) == verdict(compare(bad, good)) == "good better"
