from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from handful.automl import estimate as estimate_module
from handful.automl.estimate import (
    STEPS,
    TimeNotice,
    comparison_seconds,
    evaluation_sentences,
    in_words,
    networks,
    time_sentences,
    training_seconds,
)
from handful.core.recipe import Part
from handful.evaluation.protocol import Protocol, splits_of
from handful.recipes.load import load_recipe
from tests.support.datasets import recipe, squares

SLOW = recipe("linear", "steps=100")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is two seconds after the one before."""

    def ticks() -> Iterator[float]:
        now = 0.0
        while True:
            yield now
            now += 2.0

    seconds = ticks()
    monkeypatch.setattr(estimate_module, "time", SimpleNamespace(monotonic=lambda: next(seconds)))


def said(notice: TimeNotice, lines: list[str], steps: int = 20) -> list[str]:
    for step in range(1, steps + 1):
        notice({"loss": 1.0}, step)
    return lines


@pytest.mark.usefixtures("clock")
def test_the_time_is_said_once_after_the_first_steps() -> None:
    lines: list[str] = []
    logged: list[int] = []
    said(TimeNotice(SLOW, squares(), lines.append, then=lambda _, step: logged.append(step)), lines)
    assert lines[0] == "Training tiny: about 3 minutes on this machine."  # 95 steps of 2 s are left
    assert lines[1].startswith("Cheaper: logistic-hog, ")
    assert len(lines) == 2
    assert logged == list(range(1, 21))


@pytest.mark.usefixtures("clock")
def test_a_short_training_and_the_end_of_a_resumed_one_are_not_worth_a_line() -> None:
    lines: list[str] = []
    assert not said(TimeNotice(recipe("linear", "steps=8"), squares(), lines.append), lines, steps=8)
    notice = TimeNotice(SLOW, squares(), lines.append)
    for step in range(92, 101):
        notice({"loss": 1.0}, step)
    assert not lines


def test_a_training_that_may_stop_early_takes_at_most_so_long() -> None:
    plan = replace(SLOW, stages=(replace(SLOW.stages[0], stopping_threshold=0.1),))
    assert time_sentences(plan, "Training", 60.0) == ("Training: at most 60 seconds on this machine.",)


@pytest.mark.usefixtures("clock")
def test_networks_of_calibration_count() -> None:
    plan = replace(SLOW, posthoc=(Part("temperature"), Part("conformal", {"folds": 2})))
    assert networks(plan, squares(3)) == 1 + 3 + 2  # three images of a class allow three folds
    assert networks(replace(SLOW, posthoc=(Part("temperature"),)), squares(1)) == 1
    lines: list[str] = []
    said(TimeNotice(plan, squares(3), lines.append), lines)
    assert lines[0] == "Training tiny (6 networks): about 20 minutes on this machine."


def test_an_evaluation_is_its_runs_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs_seen: list[int] = []

    def seconds(*_: object, jobs: int, **__: object) -> float:
        jobs_seen.append(jobs)
        return 60.0

    monkeypatch.setattr(estimate_module, "training_seconds", seconds)
    data, protocol = squares(6), Protocol((0, 1, 2), per_class=2)
    splits = splits_of(data, protocol)
    (line,) = evaluation_sentences(SLOW, data, splits, protocol, jobs=2, device="cpu")
    assert line == "3 trainings of tiny: about 2 minutes on this machine."
    assert jobs_seen == [2]
    assert comparison_seconds([SLOW, SLOW], data, [protocol], jobs=2, device="cpu") == 180.0


def test_a_few_steps_and_fitted_heads_are_not_timed() -> None:
    data, protocol = squares(6), Protocol((0,), per_class=2)
    splits = splits_of(data, protocol)
    short, fitted = recipe("linear", "steps=3"), load_recipe("logistic-pixels")
    for plan in (short, fitted):
        assert evaluation_sentences(plan, data, splits, protocol, jobs=1, device="cpu") == ()
    assert comparison_seconds([short, fitted], data, [protocol], jobs=1, device="cpu") == 0


def test_first_steps_give_the_time_of_all() -> None:
    short, long = (training_seconds(recipe("linear", f"steps={n}"), squares(), device="cpu") for n in (STEPS, 4000))
    assert 0 < short < long


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "10 seconds"), (84, "80 seconds"), (100, "2 minutes"), (893, "15 minutes"), (9000, "2.5 hours")],
)
def test_a_duration_is_said_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
