"""The time budget of an automatic run."""

import time

SECONDS = 180.0  # by default
FITTED_SHARE = 0.4  # of the budget, after which no further repeat of fitted recipes starts
RESERVE = 0.15  # of the budget, kept for the last training and the report


class Budget:
    """Wall time of a run, counted from its creation.

    Args:
        seconds: the budget; work that has begun is finished.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._started = time.monotonic()

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

    @property
    def left(self) -> float:
        """Seconds that training runs may still take."""
        return max(0.0, (1 - RESERVE) * self.seconds - self.spent)
