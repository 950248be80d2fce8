import json
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.document import PAGE, PLAN, Plan, cell, document, draw_overlap, gather, of_draws, section
from bench.support.compared import Compared
from bench.support.options import tables
from bench.support.record import RESULTS
from bench.support.summaries import Summary
from scipy import stats

from handful.comparison.result import as_values
from handful.evaluation.intervals import mean_interval
from handful.recipes.load import load_recipe, recipe_names
from handful.reports.text_tables import format_interval, percent, signed
from tests.support.comparison_results import outcome_of, several
from tests.support.results import random_result


def line(name: str, draw: int, score: float, **more: Any) -> dict[str, Any]:
    plain = {
        "name": name,
        "recipe": "r1",
        "draw": draw,
        "fold": None,
        "per_class": 5,
        "accuracy": score,
        "n_train": 50,
        "n_test": 1000,
        "commit": "abc",
    }
    return {**plain, **more}


CONTROL = (0.5, 0.6, 0.55, 0.52, 0.58)
BETTER = (0.6, 0.71, 0.64, 0.63, 0.68)


def lines() -> list[dict[str, Any]]:
    pairs = (("control", CONTROL), ("other", BETTER))
    return [line(name, draw, score) for name, scores in pairs for draw, score in enumerate(scores)]


def test_a_cell_is_the_t_interval_and_the_paired_difference() -> None:
    found = gather(lines(), "accuracy").scores
    text = cell(found["other"][5, None], found["control"][5, None], resplit=False)
    own = stats.ttest_1samp(BETTER, 0).confidence_interval()
    gain = stats.ttest_rel(BETTER, CONTROL).confidence_interval()
    mean = 100 * np.mean(BETTER)
    assert text.startswith(f"{mean:.1f} ({100 * own.low:.1f} to {100 * own.high:.1f}), worst 60.0<br>")
    assert text.endswith(f"<br>**+10.2** ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})")


def test_a_difference_that_may_be_zero_is_not_bold_and_few_draws_are_said() -> None:
    few = [line("control", 0, 0.5), line("control", 1, 0.6), line("other", 0, 0.6), line("other", 1, 0.55)]
    found = gather(few, "accuracy").scores
    text = cell(found["other"][5, None], found["control"][5, None], resplit=False)
    assert "**" not in text
    assert text.endswith("<br>2 draws")


def test_two_draws_that_gain_the_same_say_nothing_of_the_spread() -> None:
    same = [line("control", 0, 0.5), line("control", 1, 0.6), line("other", 0, 0.6), line("other", 1, 0.7)]
    found = gather(same, "accuracy").scores
    assert cell(found["other"][5, None], found["control"][5, None], resplit=False).endswith("<br>+10.0<br>2 draws")


def test_unequal_classes_get_a_table_of_thirds() -> None:
    tail = {"counts": [5, 50, 500], "long_tail": 100.0}
    runs = [line("a", d, 0.5, **tail, recalls=[0.1, 0.2 + d / 10, 0.9]) for d in (0, 1)]
    even = [line("b", 0, 0.5, counts=[5, 5, 5], recalls=[0.1, 0.2, 0.3])]
    text = section(Plan("t", "T", "", "a"), [*runs, *even])
    assert "| recall, mean over classes | 5, ratio 100: larger | 5, ratio 100: medium | 5, ratio 100: smaller |" in text
    assert "| `a` | 90.0 | 25.0 | 10.0 |" in text
    assert text.count("| `b` |") == 1


def test_a_row_of_fewer_draws_is_compared_on_its_own() -> None:
    scores = gather(lines()[:-3], "accuracy").scores
    text = cell(scores["other"][5, None], scores["control"][5, None], resplit=False)
    assert "<br>**+10.5** (" in text
    assert text.endswith("<br>2 draws")


def test_re_split_sets_get_a_wider_interval() -> None:
    scores = gather(lines(), "accuracy").scores["control"][5, None]
    plain, corrected = (cell(scores, None, resplit=r) for r in (False, True))
    assert plain != corrected


def test_draws_of_a_small_pool_get_a_wider_interval() -> None:
    runs = [line("a", d, score, counts=[5, 5]) for d, score in enumerate(CONTROL)]
    cells = [cell(gather(runs, "accuracy", pool=pool).scores["a"][5, None], None, resplit=False) for pool in (None, 10)]
    low, high, _ = mean_interval(np.array(CONTROL), 1.0)
    assert cells[0] != cells[1]
    assert f"({format_interval(low, high)})" in cells[1]
    assert draw_overlap(line("a", 0, 0.5, fold=0), 10) == 0.0
    assert draw_overlap(line("a", 0, 0.5, counts=[10, 1, 0]), [10, 10, 10]) == pytest.approx((2 / 11) / (9 / 11))


def test_an_older_comparison_is_redrawn_for_new_training_images() -> None:
    values = as_values(outcome_of(several()))
    level = values["levels"][0]
    same, wider = (Compared("c", "T", "", pool).section(values) for pool in (None, 2 * (level["per_class"] or 5)))
    assert same != wider
    assert "today's intervals" in wider


def test_folds_of_a_draw_are_one_score_weighted_by_their_images() -> None:
    runs = [line("a", 0, 1.0, fold=0, n_test=30), line("a", 0, 0.5, fold=1, n_test=10)]
    assert of_draws(gather(runs, "accuracy").scores["a"][5, None]) == {0: pytest.approx(0.875)}


def test_the_newest_recipe_of_a_name_counts_and_older_runs_are_counted() -> None:
    plan = Plan("t", "Title", "Text.", "control", paper={"paper": {"5": 12.3}})
    page = section(plan, [line("control", 0, 0.1, recipe="old"), *lines()])
    assert "1 runs of recipes that have changed since are left out" in page
    assert "| *paper* | 12.3 |" in page
    assert "10.0" not in page
    rows = [row for row in page.splitlines() if row.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1


def test_a_recipe_that_differs_between_columns_counts_in_each() -> None:
    runs = [line("a", 0, 0.1, recipe="old"), line("a", 0, 0.5), line("a", 0, 0.7, per_class=10, recipe="r2")]
    assert gather(runs, "accuracy").scores["a"].keys() == {(10, None)}
    found = gather(runs, "accuracy", varied=True)
    assert {column: of_draws(own) for column, own in found.scores["a"].items()} == {
        (5, None): {0: 0.5},
        (10, None): {0: 0.7},
    }
    assert found.older == 1


def test_runs_before_a_change_of_all_settings_are_left_out() -> None:
    old = [line("other", d, 0.1, time="2026-01-01") for d in range(5)]
    new = [line("control", d, s, time="2026-03-01") for d, s in enumerate(CONTROL)]
    page = section(Plan("t", "Title", "Text.", "control", since="2026-02"), [*old, *new])
    assert "other" not in page
    assert "5 runs of recipes that have changed" in page


def test_the_page_is_drawn_from_the_logs(tmp_path: Path) -> None:
    name = tomllib.loads(PLAN.read_text())["tables"][0]["name"]
    whole = [line("classification-wrn", d, s) for d, s in enumerate(CONTROL)]
    (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, whole)))
    page = document(tmp_path)
    assert page.count("\n## ") == 1
    assert "| `classification-wrn` | 55.0 (" in page


def test_a_comparison_has_its_answers_its_scores_and_what_tuning_took() -> None:
    values = as_values(outcome_of(several()))
    page = Compared("compare-x", "Title", "Text.").section(values)
    for level in values["levels"]:
        assert f"- {level['per_class']} per class: {level['answer']}" in page
    level = values["levels"][1]
    own = {e["recipe"]: e["summary"] for e in level["entries"]}
    pair = next(p for p in level["pairs"] if {p["comparison"]["a"], p["comparison"]["b"]} == {"sure", "plain"})
    score, gain = own["sure"], pair["comparison"]
    assert pair["separable"]
    assert gain["a"] == "sure"
    said = f"{percent(score['mean'])} ({format_interval(score['low'], score['high'])}), worst {percent(score['worst'])}"
    assert f"{said}<br>**{signed(gain['mean'])}** ({signed(gain['low'])} to {signed(gain['high'])}) |" in page
    assert f"{percent(own['plain']['worst'])}<br>the best control |" in page
    assert "`sure` 4.0, other settings in 1 of 1; " in page
    rows = [row for row in page.splitlines() if row.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1


def test_a_method_behind_the_control_has_the_difference_with_its_own_sign() -> None:
    made = [random_result("plain", 0.9, seed=1, n=120), random_result("behind", 0.5, seed=2, n=120)]
    values = as_values(outcome_of(made))
    compared = values["levels"][0]["pairs"][0]["comparison"]
    assert compared["a"] == "plain"
    page = Compared("compare-x", "Title", "Text.").section(values)
    low, high = signed(-compared["high"]), signed(-compared["low"])
    assert f"<br>**{signed(-compared['mean'])}** ({low} to {high})" in page


def test_every_planned_table_exists() -> None:
    planned = tomllib.loads(PLAN.read_text())
    logs = [s["log"] for s in (*planned["summaries"], *planned["comparisons"])]
    for name in [*(t["name"] for t in planned["tables"]), *logs]:
        assert {name, *(name.removesuffix(end) for end in ("-measures", "-points", "-cost"))} & set(tables()), name


def test_a_summary_has_the_mean_over_draws_of_each_row_as_last_logged() -> None:
    columns: dict[str, dict[str, Any]] = {
        "same": {"value": "same.1", "scale": 100, "digits": 1},
        "lost": {"value": "counts.lost"},
    }
    logged = [
        {"network": "a", "draw": draw, "same": [0, share], "commit": "abc+"}
        for draw, share in ((0, 0.1), (0, 0.5), (1, 0.7))
    ]
    other = {"network": "b", "counts": {"lost": 3}, "commit": "def"}
    page = Summary("log", "Title", "Text.", ["network"], columns).section([*logged, other])
    own = stats.ttest_1samp((50, 70), 0).confidence_interval()
    assert f"| a | 60.0 ({own.low:.1f} to {own.high:.1f}) |  |" in page
    assert "| b |  | 3 |" in page
    assert "Commits: abc, def." in page


def test_a_line_that_holds_a_list_has_a_row_for_each_of_its_items() -> None:
    found = [{"severity": "warning", "finding": "a|b: x"}, {"severity": "note", "finding": "c"}]
    logged: list[dict[str, Any]] = [
        {"data": "set", "findings": found, "commit": "abc"},
        {"data": "none", "findings": [], "commit": "abc"},
    ]
    page = Summary("log", "Title", "Text.", ["data", "severity", "finding"], each="findings").section(logged)
    rows = [row for row in page.splitlines() if row.startswith("| set")]
    assert rows == ["| set | warning | a\\|b: x |", "| set | note | c |"]


def test_the_committed_page_has_every_table_that_has_runs() -> None:
    page = PAGE.read_text(encoding="utf-8")
    planned = tomllib.loads(PLAN.read_text())
    for table in [*planned["tables"], *planned["summaries"]]:
        if (RESULTS / f"{table.get('log') or table['name']}.jsonl").exists():
            assert f"## {table['title']}\n" in page, "run: make results"


def sections_of(table: str) -> str:
    """The parts of the page that a table of `bench` fills."""
    plan = tomllib.loads(PLAN.read_text(encoding="utf-8"))
    entries = [entry for kind in plan.values() for entry in kind]
    titles = [e["title"] for e in entries if table in (e.get("name"), e.get("log"))]
    page = dict(part.split("\n", 1) for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:])
    return "".join(page[title] for title in titles)


@pytest.mark.parametrize("name", recipe_names())
def test_the_scores_that_a_recipe_states_stand_in_the_table_that_it_names(name: str) -> None:
    said = str(load_recipe(name).about["expected"])
    if said.startswith(("paper", "not measured")):
        return
    parts = re.split(r"\(?(?:row [^()]* of )?make bench TABLE=([a-z0-9-]+)\)?", said)
    assert len(parts) > 1, "no table"
    for text, table in zip(parts[::2], parts[1::2], strict=False):
        scores = re.findall(r"\d+\.\d", text)
        assert scores
        shown = sections_of(table)
        assert [score for score in scores if score not in shown] == []


def test_rows_of_a_summary_are_sorted_by_the_values_named_as_its_order() -> None:
    logged = [
        {"data": data, "source": source, "masks": masks, "commit": "abc"}
        for data, source, masks in (
            ("cells", "Seg-M", 10),
            ("eyes", "none", 0),
            ("cells", "none", 0),
            ("cells", "a", 2),
        )
    ]
    page = Summary("log", "T", "T.", ["data", "source", "masks"], order=["data", "masks"]).section(logged)
    rows = [row for row in page.splitlines() if row.endswith("|") and row[2:6] in ("cell", "eyes")]
    assert rows == ["| cells | none | 0 |", "| cells | a | 2 |", "| cells | Seg-M | 10 |", "| eyes | none | 0 |"]
