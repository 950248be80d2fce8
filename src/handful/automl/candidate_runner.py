"""Cross-validation of one candidate after the other, within the budget of a run."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from handful.automl.budget import Budget, Pace
from handful.automl.candidates import Candidate, describe
from handful.automl.estimate import training_seconds
from handful.core.dataset import Dataset
from handful.core.result import Result
from handful.data.splits import folds as split_folds
from handful.errors import HandfulError, HandfulWarning
from handful.evaluation.evaluate import evaluate
from handful.evaluation.protocol import Protocol
from handful.models.name_weight import NOTHING
from handful.training.missing_unlabelled import WITHOUT

WORTHWHILE = 60.0  # seconds that must be left for a network's first steps to be timed


@dataclass(frozen=True)
class NotTried:
    """A candidate that was not tried, the reason, and the budget in seconds that would allow it; None: none would."""

    recipe: str
    why: str
    budget: float | None = None


class CandidateRunner:
    """Cross-validation of one candidate after the other; results of several repeats are joined."""

    def __init__(
        self,
        data: Dataset,
        folds: int,
        log: Path | None,
        device: str,
        progress: bool,
        on_candidate: Callable[[str], None],
    ) -> None:
        self.data, self.folds, self.log = data, folds, log
        self.device, self.progress, self.on_candidate = device, progress, on_candidate
        self.resumed = log is not None and log.exists()
        self.longest = 0.0  # seconds of a run
        self.full = True  # every result scores every image: results can be compared
        self.results: dict[str, Result] = {}
        self.not_tried: list[NotTried] = []
        self.errors: list[HandfulError] = []

    def repeat(self, candidates: Sequence[Candidate], draw: int, budget: Budget) -> None:
        """One repeat of fitted candidates; one that fails is not tried again. Only the first may exceed the budget."""
        for candidate in candidates:
            if self.results and (budget.left <= 0 or not self.full):
                if not self.load(candidate, draw) and candidate.recipe.name not in self.results:
                    self._note_no_time(candidate, budget)
                continue
            try:
                with warnings.catch_warnings():
                    if not candidate.requested:
                        warnings.filterwarnings("ignore", NOTHING, HandfulWarning)
                    if candidate.recipe.name in self.results:  # it was said in the first repeat
                        warnings.filterwarnings("ignore", f".*{WITHOUT}", HandfulWarning)
                    self._evaluate(candidate, draw, budget, jobs=1)
            except HandfulError as error:
                self._note_failure(candidate, error)

    def try_network(
        self, candidate: Candidate, draw: int, budget: Budget, jobs: int, on_message: Callable[[str], None]
    ) -> None:
        """One repeat of a network, if it ends within the budget."""
        name = candidate.recipe.name
        if self.load(candidate, draw):
            return
        if (self.results and not self.full) or (budget.left < WORTHWHILE and not candidate.requested):
            self.not_tried.append(NotTried(name, "a network takes minutes"))
            return
        train, _ = split_folds(self.data, self.folds, draw)[0]
        at_once = min(jobs, self.folds)
        try:
            each = training_seconds(candidate.recipe, train, seed=draw, device=self.device, jobs=at_once)
        except HandfulError as error:
            self._note_failure(candidate, error)
            return
        needed = each * (math.ceil(self.folds / at_once) + 1)  # the folds, and the model itself
        if needed > budget.left:
            self.not_tried.append(NotTried(name, f"takes about {minutes(needed)}", budget.needed(needed)))
            return
        on_message(f"Trying {describe(candidate.recipe)}: about {minutes(needed)}.")
        self._evaluate(candidate, draw, budget, jobs=at_once)

    def load(self, candidate: Candidate, draw: int) -> bool:
        """Take one repeat from the log of an earlier run; False: it is not there, or not comparable.

        A repeat is comparable where all of it is there, and all of those before it were.
        """
        if not self.resumed or not self.full:
            return False
        result = self._run(candidate, draw, jobs=1, stop=lambda: True)
        if len(result.runs) < self.folds:
            return False
        self._add(candidate, result)
        return True

    def load_repeat(self, candidates: Sequence[Candidate], draw: int) -> bool:
        """Take one repeat of several from the log; False: it holds none of it."""
        loaded = [self.load(candidate, draw) for candidate in candidates]
        return any(loaded)

    def _note_no_time(self, candidate: Candidate, budget: Budget) -> None:
        needed = budget.needed(self.longest * (self.folds + 1))
        self.not_tried.append(NotTried(candidate.recipe.name, "no time was left", needed))

    def _note_failure(self, candidate: Candidate, error: HandfulError) -> None:
        self.errors.append(error)
        self.not_tried.append(NotTried(candidate.recipe.name, f"it failed: {error.what}"))
        self.results.pop(candidate.recipe.name, None)

    def _evaluate(self, candidate: Candidate, draw: int, budget: Budget, *, jobs: int) -> None:
        """One repeat. Where the time ends in it, it does not count, unless it is the only one there is."""
        if candidate.recipe.name not in self.results:
            self.on_candidate(describe(candidate.recipe))
        pace = Pace(budget, first=not self.results, longest=self.longest)
        result = self._run(candidate, draw, jobs=jobs, stop=pace)
        self.longest = pace.longest
        if len(result.runs) < self.folds and self.results:
            if candidate.recipe.name not in self.results:
                self._note_no_time(candidate, budget)
            return
        self._add(candidate, result)

    def _run(self, candidate: Candidate, draw: int, *, jobs: int, stop: Callable[[], bool]) -> Result:
        protocol = Protocol((draw,), folds=self.folds, unlabelled="given" if candidate.unlabelled else "none")
        return evaluate(
            candidate.recipe,
            self.data,
            protocol=protocol,
            jobs=jobs,
            device=self.device,
            log=self.log,
            progress=self.progress,
            stop=stop,
        )

    def _add(self, candidate: Candidate, result: Result) -> None:
        """Join the runs to those of earlier repeats."""
        before = self.results.get(candidate.recipe.name)
        self.full = self.full and len(result.runs) == self.folds
        runs = result.runs if before is None else (*before.runs, *result.runs)
        self.results[candidate.recipe.name] = replace(result, runs=runs)


def minutes(seconds: float) -> str:
    """Seconds as "2 minutes", at least one."""
    number = max(1, round(seconds / 60))
    return "1 minute" if number == 1 else f"{number} minutes"
