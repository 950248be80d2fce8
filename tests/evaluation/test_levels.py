"""Scores of groups at each level of a class tree, in results, logs, text, JSON and pages."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.core.hierarchy import Tree
from handful.evaluation.evaluate import Protocol, evaluate
from handful.evaluation.groups import per_group
from handful.evaluation.levels import at_level, level_values, levels_of, summarise_levels
from handful.evaluation.results_log import read_results
from handful.evaluation.statistics import summarise
from handful.reports.card_scores import card_scores
from handful.reports.evaluation_report import write_report
from handful.reports.level_tables import format_levels
from tests.support.datasets import CLASSES, recipe
from tests.support.results import result, run
from tests.support.trainers import NearestMeanTrainer

BIRDS = Tree("bird", (Tree("song bird", (Tree("robin"), Tree("wren"))), Tree("duck")))
ANIMALS = Tree("animal", (BIRDS, Tree("pet", (Tree("cat"), Tree("dog")))))
NAMES = ("cat", "dog", "duck", "robin", "wren")
COARSE = ("pet", "pet", "bird", "bird", "bird")
WARM = Tree("all", (Tree("warm", (Tree("red"),)), Tree("cold", (Tree("blue"), Tree("green")))))


def test_a_class_has_its_ancestor_at_each_level_or_itself_where_its_branch_ends() -> None:
    assert levels_of(ANIMALS, NAMES) == (COARSE, ("cat", "dog", "duck", "song bird", "song bird"))
    assert levels_of(None, NAMES) == ()


@pytest.mark.parametrize(
    ("tree", "classes", "wanted"),
    [
        (Tree("all", tuple(map(Tree, NAMES))), NAMES, ()),  # nothing above the classes
        (Tree("all", (ANIMALS,)), NAMES, (COARSE, ("cat", "dog", "duck", "song bird", "song bird"))),  # a chain
        (ANIMALS, ("cat", "dog", "song bird"), (("pet", "pet", "bird"),)),  # a class that could be split
        (ANIMALS, ("cat", "dog", "stone"), (("pet", "pet", "stone"),)),  # not in the tree
        (ANIMALS, ("robin", "wren"), ()),  # all in one group
        (Tree("all", (Tree("pet", (Tree("cat"), Tree("dog"))), Tree("wild", (Tree("cat"),)))), ("cat", "dog"), ()),
    ],
)
def test_levels_that_say_nothing_are_left_out(
    tree: Tree, classes: tuple[str, ...], wanted: tuple[tuple[str, ...], ...]
) -> None:
    assert levels_of(tree, classes) == wanted


def test_groups_of_one_name_in_two_places_are_told_apart_by_their_path() -> None:
    tree = Tree(
        "all",
        (
            Tree("a", (Tree("other", (Tree("cat"), Tree("dog"))), Tree("wren"))),
            Tree("b", (Tree("other", (Tree("duck"), Tree("robin"))),)),
        ),
    )
    assert levels_of(tree, NAMES) == (
        ("a", "a", "b", "b", "a"),
        ("a/other", "a/other", "b/other", "b/other", "a/wren"),
    )


def test_a_prediction_in_the_right_group_is_right_and_the_interval_is_that_of_accuracy() -> None:
    labels = [0, 0, 1, 2, 3, 4]
    first = run(labels, [0, 1, 0, 2, 4, 0], draw=0, classes=5, counts=(2,) * 5)
    second = run(labels, [1, 1, 1, 3, 2, 1], draw=1, classes=5, counts=(2,) * 5)
    both = replace(result("tiny", first, second, classes=NAMES), levels=levels_of(ANIMALS, NAMES))
    coarse, fine = summarise_levels(both)
    assert [coarse.mean, coarse.worst] == pytest.approx([5 / 6, 5 / 6])
    assert (coarse.level, coarse.groups, coarse.classes) == (1, ("bird", "pet"), 2)
    assert [fine.mean, fine.worst] == pytest.approx([np.mean([3 / 6, 1 / 6]), 1 / 6])
    other = at_level(both, both.levels[1])
    assert (fine.low, fine.high) == (summarise(other)[0].low, summarise(other)[0].high)
    assert fine.low < fine.mean < fine.high
    balanced = summarise_levels(both, "balanced_accuracy")[0]
    assert balanced.mean == pytest.approx(np.mean([1, 2 / 3]))
    assert other.runs[0].counts is not None
    assert other.runs[0].counts.tolist() == [2, 2, 2, 4]


def test_without_a_tree_nothing_is_said() -> None:
    plain = result("tiny", run([0, 1], [0, 1]))
    assert summarise_levels(plain) == []
    assert level_values([plain], ["accuracy"]) == {}


def test_a_log_keeps_the_levels_and_has_no_word_of_them_without_a_tree(data: Dataset, tmp_path: Path) -> None:
    trainer, protocol = NearestMeanTrainer(tmp_path / "calls"), Protocol((0, 1), per_class=2)
    lines, results = {}, {}
    for name, tree in (("with", WARM), ("without", None)):
        log = tmp_path / f"{name}.jsonl"
        grouped = replace(data, tree=tree)
        results[name] = evaluate(recipe(), grouped, protocol=protocol, log=log, trainer=trainer, progress=False)
        lines[name] = [json.loads(text) for text in log.read_text().splitlines()]
        (read,) = read_results(log)
        assert read.levels == results[name].levels == levels_of(tree, data.classes)
    assert lines["with"][0].keys() - lines["without"][0].keys() == {"level_accuracy"}
    assert lines["with"][0]["accuracy"] == lines["without"][0]["accuracy"]
    means = [row.mean for row in summarise_levels(results["with"])]
    assert means == pytest.approx(np.mean([line["level_accuracy"] for line in lines["with"]], axis=0).tolist())
    assert means[0] >= summarise(results["with"])[0].mean
    again = tmp_path / "without.jsonl"  # runs of a log from before there was a tree
    grouped = replace(data, tree=WARM)
    known = evaluate(recipe(), grouped, protocol=protocol, log=again, trainer=trainer, progress=False)
    assert len(trainer.calls) == 4
    assert summarise_levels(known) == summarise_levels(results["with"])


def test_groups_of_views_keep_the_tree(data: Dataset, tmp_path: Path) -> None:
    trainer = NearestMeanTrainer(tmp_path / "calls")
    grouped = replace(data, tree=WARM)
    found = evaluate(recipe(), grouped, protocol=Protocol((0,), per_class=2), trainer=trainer, progress=False)
    ids = found.runs[0].ids
    merged = per_group(found, {name: f"{label}" for name, label in zip(ids, found.runs[0].labels, strict=True)})
    assert [row.n_test for row in summarise_levels(merged)] == [3]


def test_table_and_page_show_the_groups_of_each_recipe(tmp_path: Path) -> None:
    runs = [run([0, 1, 2], [1, 0, 2], draw=draw, per_class=1, counts=(1, 1, 1)) for draw in range(2)]
    results = [replace(result(name, *runs), levels=levels_of(WARM, CLASSES)) for name in ("one", "two")]
    rows = [row for found in results for row in summarise_levels(found)]
    text = format_levels(rows, width=60)
    assert max(map(len, text.splitlines())) <= 60
    assert "level" in text
    assert "100.0" in text
    page = write_report(results, tmp_path / "with.html").read_text()
    assert "Groups of the class tree" in page
    plain = write_report([replace(r, levels=()) for r in results], tmp_path / "without.html").read_text()
    assert "Groups of the class tree" not in plain


def test_a_card_has_the_groups_after_the_classes() -> None:
    runs = [run([0, 1, 2], [1, 0, 2], draw=draw, per_class=1, counts=(1, 1, 1)) for draw in range(2)]
    rows = card_scores(replace(result("one", *runs), levels=levels_of(WARM, CLASSES)))["scores"]["rows"]
    assert rows[-1]["metric"] == "accuracy of 2 groups (level 1 of the class tree)"
    assert rows[-1]["mean"] == 1.0
    assert not any("groups" in row["metric"] for row in card_scores(result("one", *runs))["scores"]["rows"])
