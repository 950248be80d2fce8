import time

import pytest

from handful.core import progress as module
from handful.core.progress import Activity, Progress, RunsBar, Stages


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time is too short for a line."""
    monkeypatch.setattr(module, "QUIET", 0.0)
    monkeypatch.setattr("handful.core.progress.time.monotonic", lambda: 0.0)


def stages(seconds: float | None = 180.0, spent: float = 42.0, *, shown: bool = True) -> Stages:
    return Stages(3, spent=lambda: spent, seconds=seconds, shown=shown)


def test_outside_a_terminal_each_stage_and_what_it_is_at_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    plan = stages()
    with plan.stage("comparing methods"):
        plan.describe("nearest class mean")
    with plan.stage("training"):
        pass
    assert capsys.readouterr().err.splitlines() == [
        "1 of 3: comparing methods (0:42 of 3:00)",
        "   nearest class mean (0:42 of 3:00)",
        "2 of 3: training (0:42 of 3:00)",
    ]


def test_the_clock_says_when_the_budget_is_exceeded() -> None:
    assert stages(spent=242.0).clock() == "4:02, over the budget of 3:00"
    assert stages(None).clock() == "0:42"


def test_nothing_is_shown_where_nothing_is_wanted(capsys: pytest.CaptureFixture[str], talkative: None) -> None:
    plan = stages(shown=False)
    with plan.stage("training"), Progress(3, "features", shown=None, loss=False) as bar:
        bar.advance()
    assert capsys.readouterr() == ("", "")


def test_long_work_is_a_line_from_time_to_time(capsys: pytest.CaptureFixture[str], talkative: None) -> None:
    with Progress(3, "predicting", shown=True, loss=False) as bar:
        bar.advance()
        bar.advance()
    assert capsys.readouterr().err.splitlines() == [
        "predicting: 1 of 3 images, 0 s",
        "predicting: 2 of 3 images, 0 s",
    ]


def test_short_work_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(3, "predicting", shown=True, loss=False) as bar, Activity("fitting"):
        bar.advance()
    assert capsys.readouterr().err == ""


def test_runs_of_a_stage_bear_the_words_of_the_stage(capsys: pytest.CaptureFixture[str], talkative: None) -> None:
    plan = stages()
    with plan.stage("comparing methods"):
        plan.describe("nearest class mean")
        with RunsBar(5, "evaluating", shown=True) as bar:
            bar.describe("nearest-centroid draw 0 fold 0")
            bar.advance()
    err = capsys.readouterr().err
    assert "1 of 3: comparing methods, nearest class mean: 1 of 5 rounds, 0 s" in err
    assert "draw" not in err


def test_other_runs_bear_their_own(capsys: pytest.CaptureFixture[str], talkative: None) -> None:
    with RunsBar(5, "evaluating", shown=True) as bar:
        bar.describe("logistic draw 0 fold 0")
    assert "logistic draw 0 fold 0: 0 of 5 runs" in capsys.readouterr().err


def wait_for_lines(capsys: pytest.CaptureFixture[str], number: int) -> list[str]:
    """The lines of standard error, as soon as there are so many."""
    text, end = "", time.perf_counter() + 30
    while len(text.splitlines()) < number and time.perf_counter() < end:
        time.sleep(0.01)
        text += capsys.readouterr().err
    return text.splitlines()


def test_work_in_which_nothing_advances_is_a_line_from_time_to_time_too(
    capsys: pytest.CaptureFixture[str], talkative: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PULSE", 0.01)
    with Activity("Exporting to model.onnx", shown=True, announce=True):
        lines = wait_for_lines(capsys, 3)
    assert lines[:3] == ["Exporting to model.onnx ...", *["Exporting to model.onnx: 0 s"] * 2]
    with stages().stage("looking at the images"):
        lines = wait_for_lines(capsys, 2)
    assert lines[:2] == ["1 of 3: looking at the images (0:42 of 3:00)", "1 of 3: looking at the images: 0 s"]


def test_what_is_hidden_stays_so(
    capsys: pytest.CaptureFixture[str], talkative: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PULSE", 0.01)
    with Activity("Exporting", shown=False):
        time.sleep(0.2)
    assert capsys.readouterr().err == ""
