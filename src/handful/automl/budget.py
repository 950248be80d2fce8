"""The time budget of an automatic run."""

import math
import time

from handful.errors import by_interface

SECONDS = 180.0  # by default
FITTED_SHARE = 0.2  # of the budget, after which no further repeat of fitted recipes starts
ROUND = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240)  # minutes of budgets that are suggested
RESERVE = 0.15  # of the budget, kept for the last training and the report


class Budget:
    """Wall time of a run, counted from its creation.

    Args:
        seconds: the budget; a fit that has begun is finished, and nothing starts after it.
        started: `time.monotonic()` where the time began before this object was made.
    """

    def __init__(self, seconds: float, *, started: float | None = None) -> None:
        self.seconds = seconds
        self._started = time.monotonic() if started is None else started

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def repeats_allowed(self) -> bool:
        """Whether another repeat of fitted recipes may start."""
        return self.spent < FITTED_SHARE * self.seconds

    def needed(self, seconds: float) -> float:
        """The budget that would allow another `seconds` of training, with some room."""
        return (self.spent + seconds) * 1.25

    def allows(self, seconds: float) -> bool:
        """Whether work of this length, begun now, ends within the budget."""
        return self.spent + seconds <= self.seconds

    @property
    def left(self) -> float:
        """Seconds that training runs may still take."""
        return max(0.0, (1 - RESERVE) * self.seconds - self.spent)


class Pace:
    """Says when to stop an evaluation: its next run and the training of the model would exceed the budget.

    Called before each run, whose time it takes from the one before.

    Args:
        budget: of the whole run.
        first: the first run is always allowed: without it there would be no model.
        longest: seconds of the longest run so far.
    """

    def __init__(self, budget: Budget, *, first: bool, longest: float) -> None:
        self.budget, self.longest = budget, longest
        self._allowed = first
        self._before: float | None = None

    def __call__(self) -> bool:
        """Whether no further run may start."""
        now = self.budget.spent
        if self._before is not None:
            self.longest = max(self.longest, now - self._before)
        allowed, self._allowed, self._before = self._allowed, False, now
        return not (allowed or self.budget.allows(2 * self.longest))


def budget_option(seconds: float) -> str:
    """The option that gives a budget of at least so many seconds, in round minutes."""
    least = math.ceil(seconds / 60)
    minutes = next((m for m in ROUND if m >= least), least)
    return by_interface(command=f"--budget {minutes}m", python=f"seconds={60 * minutes}")
