import os
import pickle

import pytest

from handful.errors import (
    COMMAND_LINE,
    DataError,
    alternatives,
    by_interface,
    command_line,
    hint,
    name_options,
    nearest,
    offers,
    option,
)

OPTIONS = [  # arguments of `option`, in Python, in a command
    (("overwrite",), "overwrite=True", "--overwrite"),
    (("controls", False), "controls=False", "--no-controls"),
    (("per_class", 5), "per_class=5", "--per-class 5"),
    (("long_tail", 0.5), "long_tail=0.5", "--long-tail 0.5"),
    (("score_on", "rest"), 'score_on="rest"', "--score-on rest"),
    (("masks", "PATH"), "masks=PATH", "--masks PATH"),
    (("masks", None), "masks", "--masks"),
    (("columns", {"path": "NAME"}), 'columns={"path": NAME}', "--column path=NAME"),
    (("columns", {"path": "file"}), 'columns={"path": "file"}', "--column path=file"),
    (("overrides", "steps=600"), 'overrides=["steps=600"]', "--set steps=600"),
]


@pytest.mark.parametrize(("arguments", "python", "command"), OPTIONS)
def test_an_option_is_written_as_where_the_user_is(arguments: tuple[str, object], python: str, command: str) -> None:
    assert option(*arguments) == python
    with command_line():
        assert option(*arguments) == command
        with command_line():
            assert option(*arguments) == command
        assert by_interface(command="a", python="b") == "a"
        assert COMMAND_LINE in os.environ  # so that worker processes know
    assert option(*arguments) == python


def test_an_error_keeps_its_words_when_it_is_pickled() -> None:
    with command_line():
        error = DataError("not here", where="t.csv", remedy=f"pass {option('overwrite')}.")
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error) == "t.csv: not here\n  Remedy: pass --overwrite."


def test_near_names_are_suggested() -> None:
    assert nearest("liner", ("linear", "cosine")).startswith("did you mean 'linear'")
    assert nearest("x", ("linear", "cosine"), otherwise="none.") == "none."
    known = ("logistic", "logistic-names", "logistic-hog", "logistic-pixels")
    assert nearest("logistic-regression", known).startswith("did you mean 'logistic' or 'logistic-")
    assert nearest("logistic-hgo", known).startswith("did you mean 'logistic-hog' or 'logistic'")
    assert nearest("logisticians", known).startswith("did you mean 'logistic'")


def test_a_hint_names_an_option_only_where_the_running_command_has_it() -> None:
    assert hint("overrides", "lr=1") == ' (overrides=["lr=1"])'
    with command_line():
        assert hint("overrides", "lr=1") == " (--set lr=1)"
        name_options(["--set", "-s", "--allow-outside"])
        assert hint("overrides", "lr=1") == " (--set lr=1)"
        assert hint("folds", 5) == ""
        assert (offers("allow_outside"), offers("allow"), offers("overwrite")) == (True, False, False)
    assert offers("overwrite")
    assert COMMAND_LINE not in os.environ


def test_ways_out_are_one_sentence() -> None:
    assert [alternatives(ways) for ways in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a.", "a or b.", "a, b, or c."]
