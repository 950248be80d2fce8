import pytest

from handful.automl import budget as budget_module
from handful.automl.budget import Budget, Pace, budget_option
from handful.errors import command_line


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("handful.automl.budget.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_the_time_before_the_call_counts(clock: Clock) -> None:
    assert Budget(60.0, started=88.0).spent == 12.0
    assert Budget(60.0).spent == 0.0


def test_work_that_would_end_after_the_budget_is_not_allowed(clock: Clock) -> None:
    budget = Budget(60.0)
    assert budget.allows(60.0)
    assert not budget.allows(60.1)
    clock.now += 61
    assert not budget.allows(0.0)


def test_a_run_starts_only_where_it_and_the_training_after_it_fit(clock: Clock) -> None:
    pace = Pace(Budget(60.0), first=False, longest=0.0)
    answers = []
    for _ in range(4):
        answers.append(pace())
        clock.now += 15
    assert answers == [False, False, False, True]  # after 45 s, two more of 15 s would take until 75 s
    assert pace.longest == 15.0


def test_the_first_run_starts_however_late_it_is_and_no_second(clock: Clock) -> None:
    budget = Budget(60.0)
    clock.now += 70
    pace = Pace(budget, first=True, longest=0.0)
    assert not pace()
    clock.now += 1
    assert pace()


def test_a_longer_run_of_another_recipe_is_expected_again(clock: Clock) -> None:
    assert Pace(Budget(60.0), first=False, longest=31.0)()


@pytest.mark.parametrize(("seconds", "option"), [(50, "1m"), (230, "5m"), (700, "15m"), (100_000, "1667m")])
def test_a_budget_is_suggested_in_round_minutes(seconds: float, option: str) -> None:
    with command_line():
        assert budget_option(seconds) == f"--budget {option}"
    assert budget_option(50) == "seconds=60"
    assert tuple(sorted(budget_module.ROUND)) == budget_module.ROUND
