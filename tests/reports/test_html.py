"""What a page says of how it was made, and names that fit narrow columns."""

import re
import sys
from collections.abc import Callable

import pytest
from markupsafe import Markup

from handful.reports.html import breakable_name, breakable_path, breakable_words, typed_command


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("/usr/bin/handful", "handful compare 'my data'"),
        ("/lib/site-packages/handful/__main__.py", "handful compare 'my data'"),
        ("/home/me/tables/__main__.py", "python -m tables compare 'my data'"),
        ("/home/me/notebook.py", ""),
        ("", ""),
    ],
)
def test_the_command_is_what_was_typed(monkeypatch: pytest.MonkeyPatch, program: str, command: str) -> None:
    monkeypatch.setattr(sys, "argv", [program, "compare", "my data"])
    assert typed_command() == command


PATH = "herbarium-of-the-garden/upper_side/IMG_copy_of_a_copy_with_a_long_name_in_two_thousand_twenty_four.jpeg"


def test_a_name_breaks_after_its_separators_and_a_short_one_is_as_it_is() -> None:
    assert breakable_name("Chrysanthemum") == breakable_path("Chrysanthemum") == "Chrysanthemum"
    assert breakable_path("leaves/upper_side.png") == "leaves/<wbr>upper_<wbr>side.png"
    assert breakable_name("cvs-joint") == "cvs-joint"  # browsers break after a hyphen
    assert breakable_name("a/<b>&c") == "a/<wbr>&lt;b&gt;&amp;c"


@pytest.mark.parametrize("shorten", [breakable_path, breakable_name])
def test_what_is_shortened_has_the_whole_as_its_tooltip(shorten: Callable[[str], Markup]) -> None:
    for text in (PATH, "x" * 100, 'a"b' * 40):
        shown = shorten(text)
        assert shown.startswith(Markup('<span title="{}">').format(text))
        pieces = re.split(r"[/_ -]|<wbr>", shown.striptags())
        assert max(map(len, pieces)) <= 24
        assert len(shown.striptags()) <= 80


def test_words_of_a_sentence_stay_and_paths_in_it_are_shortened() -> None:
    said = breakable_words(f"the closest pair < 3: a/b.png and {PATH}.")
    assert said.startswith("the closest pair &lt; 3: a/b.png and <span title=")
    assert breakable_words("nothing long here") == "nothing long here"
