import pytest

from handful.comparison.budget import StudyBudget, read_budget, reason_not_tuned
from handful.errors import ProtocolError
from tests.support.comparisons import searched
from tests.support.datasets import squares

TRIALS = StudyBudget(trials=3)


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, 1800), ("90s", 90), ("30m", 1800), ("1.5 min", 90), (" 2h ", 7200)]
)
def test_durations(text: str | None, seconds: float) -> None:
    assert read_budget(text, None) == StudyBudget(seconds=seconds)


def test_a_number_of_trials_is_a_budget_of_its_own() -> None:
    assert read_budget(None, 20) == StudyBudget(trials=20)
    with pytest.raises(ProtocolError, match="leave one of them out"):
        read_budget("30m", 20)


@pytest.mark.parametrize("text", ["", "30", "m", "-1m", "0s", "1d"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="duration"):
        read_budget(text, None)


def test_the_reason_not_to_tune() -> None:
    assert reason_not_tuned(searched("a"), squares(6), TRIALS) is None
    assert "no search space" in str(reason_not_tuned(searched("a", search=""), squares(6), TRIALS))
    assert "one trial" in str(reason_not_tuned(searched("a"), squares(6), StudyBudget(trials=1)))
    assert "2 images" in str(reason_not_tuned(searched("a"), squares(2), TRIALS))
