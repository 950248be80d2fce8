"""The page of a comparison: complete, alone, legible in both schemes, and honest about harm."""

import re
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from handful.comparison.report import write_comparison
from handful.comparison.result import ComparisonResult
from handful.errors import OutputError
from handful.reports.text_tables import format_interval, percent, signed
from tests.support.comparison_results import outcome_of, several
from tests.support.datasets import squares
from tests.support.html import Page
from tests.support.results import random_result, result, run


def page_of(outcome: ComparisonResult, path: Path) -> Page:
    page = Page(write_comparison(outcome, path, command="handful compare 'my data'"))
    assert page.stands_alone()
    page.accessible()
    return page


def test_the_answer_comes_first_and_everything_it_rests_on_is_there(tmp_path: Path) -> None:
    outcome = outcome_of(several())
    page = page_of(outcome, tmp_path / "new" / "page.html")
    parts = (
        outcome.answer,
        "Something not to be missed",
        "Scores at 5 per class",
        "From few images to many",
        "Differences",
        "Class by class",
        "Confusion",
        "At other numbers of images",
        "What it costs",
        "Hyperparameter tuning",
        "How to reproduce this page",
    )
    places = [page.text.index(part) for part in parts]
    assert places == sorted(places)
    for level in outcome.levels:
        for e in level.entries:
            r = e.summary
            assert f"{percent(r.mean)} {format_interval(r.low, r.high)} {percent(r.worst)} {r.draws}" in page.text
        for pair in level.pairs:
            c = pair.comparison
            assert f"A {c.a} , B {c.b}".replace(" ,", ",") in page.text
            assert signed(c.mean).replace("-", "\u2212") in page.text
    assert "handful compare 'my data'" in page.text
    assert "4 trials per recipe and draw; 2 jobs in parallel" in page.text
    assert "lr 0.0123" in page.text
    assert "cvs <i> left out : no masks" in page.text
    assert "cvs <i>" not in page.source
    assert page.source.count("<svg") == 5  # curve, differences at both numbers, both costs


def test_a_class_that_got_worse_is_marked_in_words(tmp_path: Path) -> None:
    labels = [0] * 30 + [1] * 30
    plain = [run(labels, [0] * 24 + [1] * 6 + [1] * 20 + [0] * 10, draw=d) for d in range(5)]
    hurt = [run(labels, [0] * (12 - d) + [1] * (18 + d) + [1] * 30, draw=d) for d in range(5)]
    outcome = outcome_of([result("method", *hurt), result("plain", *plain)])
    assert [h.name for level in outcome.levels for h in level.harms if h.worse] == ["blue"]
    text = page_of(outcome, tmp_path / "page.html").text
    assert "method: 1 class worse" in text
    assert re.search(r"blue 30 33\.3 80\.0 \u221246\.7 [^a-z]* to [^a-z]*\u25bc worse", text)
    assert text.count("\u25bc") == 1


def test_one_recipe_and_one_run(tmp_path: Path) -> None:
    only = outcome_of([result("a", run([0, 1, 2, 0], [0, 1, 1, 0]))])
    text = page_of(only, tmp_path / "page.html").text
    assert "nothing else was run" in text
    assert "Differences" not in text
    assert "all labelled images" in text


def test_many_recipes_are_not_drawn_with_one_colour_twice_and_the_control_is_among_them(tmp_path: Path) -> None:
    names = ["plain", *(f"method {i}" for i in range(8))]
    results = [
        random_result(n, 0.5 + 0.04 * i, per_class=m, n=60, draws=3) for m in (1, 5) for i, n in enumerate(names)
    ]
    page = page_of(outcome_of(results), tmp_path / "page.html")
    assert "Of the 9 recipes, the first 6 and the best control are shown" in page.text
    curve = page.source.split("<svg")[1].split("</svg>")[0]
    assert "plain" in curve
    assert "method 1<" not in curve


def test_many_classes_are_folded_and_their_confusions_listed(tmp_path: Path) -> None:
    names = tuple(f"class{i:02d}" for i in range(30))
    labels = list(range(30)) * 4
    guesses = [(c + 1) % 30 if i < 3 else c for i, c in enumerate(labels)]
    found = [
        result(n, *(run(labels, g, draw=d, classes=30) for d in (0, 1)), classes=names)
        for n, g in (("method", labels), ("plain", guesses))
    ]
    text = page_of(outcome_of(found), tmp_path / "page.html").text
    assert "class00 class01 25.0" in text
    assert "The other 10 classes" in text


def test_mistakes_are_shown_and_the_data_is_named(tmp_path: Path) -> None:
    data = squares(4, split="test")
    ids = data.ids
    plain = [replace(run([0] * 4 + [1] * 4 + [2] * 4, [0] * 12, draw=d), ids=ids) for d in (0, 1)]
    outcome = outcome_of([result("plain", *plain)])
    page = Page(write_comparison(outcome, tmp_path / "page.html", data=data))
    assert len(page.images) == 8
    assert "green, predicted as blue" in page.text
    assert "12 images: 12 test; 3 classes" in page.text


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    outcome = outcome_of([random_result("plain", 0.5, n=30)])
    path = write_comparison(outcome, tmp_path / "page.html")
    with pytest.raises(OutputError, match="already"):
        write_comparison(outcome, path)
    write_comparison(outcome, path, overwrite=True)


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_stand_out_in_both_schemes(scheme: str) -> None:
    style = (resources.files("handful.reports") / "templates" / "style.css").read_text(encoding="utf-8")
    blocks = style.split("prefers-color-scheme: dark")
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[0] if scheme == "light" else blocks[1]))
    assert len(colours) == 15
    for name in ("ink", "soft", "mark", "right", "wrong"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    assert contrast(colours["on-mark"], colours["mark"]) >= 4.5
    for i in range(6):
        assert contrast(colours[f"series-{i}"], colours["paper"]) >= 3, i
