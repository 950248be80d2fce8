import re
from pathlib import Path

from handful.reports.glossary import MEANINGS, explain_terms, term
from handful.reports.html import breakable_words


def test_the_first_occurrence_of_each_word_is_explained() -> None:
    html = explain_terms("Two draws, 95 % interval 80 to 90: a draw <is> a draw; balanced accuracy.")
    assert html.count("<abbr") == 3
    assert f'<abbr tabindex="0" title="{MEANINGS["draw"]}">draws</abbr>' in html
    assert ">balanced accuracy</abbr>" in html
    assert "a draw &lt;is&gt; a draw" in html
    assert (
        re.sub("<[^>]*>", "", html) == "Two draws, 95 % interval 80 to 90: a draw &lt;is&gt; a draw; balanced accuracy."
    )


def test_long_words_between_them_are_broken_as_elsewhere() -> None:
    html = explain_terms("draws of photographs/of_the_garden/in_the_summer_of/leaves.png", plain=breakable_words)
    assert "<wbr>" in html
    assert html.startswith("<abbr")


def test_part_of_a_word_is_no_term() -> None:
    assert "<abbr" not in explain_terms("drawings, drawn, foldable, inaccuracy, recalled")


def test_a_meaning_is_reachable_by_the_keyboard() -> None:
    assert 'tabindex="0"' in term("draw", "chosen anew")
    style = Path("src/handful/reports/templates/style.css").read_text(encoding="utf-8")
    assert "abbr:focus::after { content: attr(title);" in style


def test_the_words_that_confuse_readers_are_in_the_glossary_and_in_the_guide() -> None:
    guide = Path("docs/guide/words.md").read_text(encoding="utf-8")
    for word in ("draw", "95 % interval", "not separable", "calibration"):
        assert word in MEANINGS
        assert word.removesuffix("ion") in guide
