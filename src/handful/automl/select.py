"""Selection among candidates by repeated cross-validation on the training images, within a time budget."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handful.automl.budget import Budget
from handful.automl.candidate_runner import CandidateRunner, NotTried, minutes
from handful.automl.candidates import Candidate, run_order, without_scores
from handful.automl.estimate import training_seconds
from handful.comparison.defaults import default_folds
from handful.core.dataset import Dataset
from handful.core.result import Result
from handful.data.image_cache import cache_images
from handful.data.splits import folds as split_folds
from handful.errors import HandfulError, ProtocolError, TrainingError, by_interface
from handful.evaluation.executor import default_jobs
from handful.evaluation.metrics import Metric, uneven
from handful.evaluation.score_table import pooled_accuracy
from handful.evaluation.selection_bias import SelectedScore, selected_score

REPEATS = 5


@dataclass(frozen=True, eq=False)
class Selection:
    """The selected candidate, the results of all that were tried, and what was not.

    Attributes:
        candidate: the selected one.
        results: held-out predictions of each recipe that was tried, in the order of the candidates; empty: too few
            images.
        tried: the candidates of these results.
        score: the selected recipe's score, corrected for its selection; None without results.
        metric: what selected it.
        not_tried: the others.
    """

    candidate: Candidate
    results: tuple[Result, ...]
    tried: tuple[Candidate, ...]
    score: SelectedScore | None
    metric: Metric
    not_tried: tuple[NotTried, ...]

    @property
    def why(self) -> str:
        """The reason for the selection, in a sentence without its full stop."""
        if self.score is None and self.candidate.requested:
            return "a class is too small to hold images out: the first recipe that was named"
        if self.score is None:
            return "a class is too small to hold images out: selected because it was best on other data"
        number, share = len(self.results), 100 * (self.score.mean + self.score.optimism)
        return f"the best of {number} in cross-validation on the training images ({share:.1f} % accuracy there)"

    @property
    def card(self) -> dict[str, Any]:
        """The selection as plain values, for the model's card."""
        table = [
            {"recipe": c.recipe.name, "accuracy": round(pooled_accuracy(result.runs), 4), "runs": len(result.runs)}
            for c, result in zip(self.tried, self.results, strict=True)
        ]
        left_out = {n.recipe: n.why for n in self.not_tried}
        scored_on = "held-out training images; chosen by it, so not a score to report"
        values = {"why": self.why, "recipe": self.candidate.recipe.name, "table": table}
        return {**values, "scored_on": scored_on, "left_out": left_out} if table else values

    @property
    def result(self) -> Result | None:
        """Held-out predictions of the selected recipe."""
        return None if self.score is None else self.results[self.score.best]


@cache_images()
def select(
    candidates: Sequence[Candidate],
    data: Dataset,
    budget: Budget,
    *,
    log: Path | None = None,
    seed: int = 0,
    repeats: int = REPEATS,
    jobs: int | None = None,
    device: str = "auto",
    progress: bool = True,
    on_message: Callable[[str], None] = lambda _: None,
    on_candidate: Callable[[str], None] = lambda _: None,
) -> Selection:
    """Cross-validate the candidates and select one.

    Fitted recipes are tried first. A network is tried where the time that its first steps took says that it ends within
    the budget. Then the fitted ones are repeated on other folds while the budget allows it. On a slow machine the first
    recipe may be the only one, scored on the folds that there was time for. What the log holds takes no time, so a
    shorter budget never ends with less than a longer one before it.

    Args:
        candidates: cheapest first.
        data: the training images, with their groups.
        budget: of the whole run.
        log: JSON-lines file of the runs: those in it are not repeated; None: no file.
        seed: number of the first repeat.
        repeats: of the cross-validation, at most.
        jobs: training runs of networks at a time; None: one per core.
        device: as for `train`.
        progress: show progress bars.
        on_message: called with a sentence about what is going on.
        on_candidate: called with what a candidate is called in a sentence, before it is tried.

    Raises:
        ProtocolError: no candidate can be tried within the budget.
        HandfulError: no candidate could be trained, with the reasons.
    """
    metric: Metric = "balanced_accuracy" if uneven(data.counts.astype(float)) else "accuracy"
    k = default_folds(replace(data, samples=tuple(replace(s, split=None) for s in data.samples))) or 2
    if data.counts.min() < 2 or not _can_fold(data, k, seed):
        chosen = without_scores(candidates)
        if chosen.trained:
            _refuse_over_budget(chosen, data, budget, seed=seed, device=device)
        return Selection(chosen, (), (), None, metric, ())
    runner = CandidateRunner(data, k, log, device, progress, on_candidate)
    fitted = run_order([c for c in candidates if not c.trained])
    runner.repeat(fitted, seed, budget)
    for candidate in candidates:
        if candidate.trained:
            runner.try_network(candidate, seed, budget, jobs or default_jobs(device), on_message)
    for repeat in range(1, repeats):
        again = [c for c in fitted if c.recipe.name in runner.results]
        if budget.repeats_allowed:
            on_candidate(f"{'all of them' if len(again) > 1 else 'it'} again on other folds, {repeat + 1} of {repeats}")
            runner.repeat(again, seed + repeat, budget)
        elif not runner.load_repeat(again, seed + repeat):
            break
    tried = [c for c in candidates if c.recipe.name in runner.results]
    if not tried:
        _refuse_untried(runner)
    results = tuple(runner.results[c.recipe.name] for c in tried)
    score = selected_score(results, "accuracy", select_by=metric, groups=data.groups)
    return Selection(tried[score.best], results, tuple(tried), score, metric, tuple(runner.not_tried))


def _refuse_untried(runner: CandidateRunner) -> None:
    """Say why there is nothing to select from.

    Raises:
        ProtocolError: the budget is too short.
        HandfulError: the error of the only candidate, or those of all.
    """
    waiting = [n for n in runner.not_tried if n.budget is not None]
    if not waiting and len(runner.errors) == 1:
        raise runner.errors[0]
    if not waiting:
        reasons = "; ".join(f"{n.recipe}: {n.why}" for n in runner.not_tried)
        raise TrainingError(f"no recipe could be trained ({reasons})", where="the data", remedy="check the images.")
    first = min(waiting, key=lambda n: n.budget or 0.0)
    raise _too_short(first.recipe, first.why, first.budget or 0.0)


def _refuse_over_budget(candidate: Candidate, data: Dataset, budget: Budget, *, seed: int, device: str) -> None:
    """Refuse a network that is to be trained without being compared, where that exceeds the budget.

    Raises:
        ProtocolError: its first steps say so.
    """
    seconds = training_seconds(candidate.recipe, data, seed=seed, device=device)
    if seconds > budget.left:
        raise _too_short(candidate.recipe.name, f"takes about {minutes(seconds)}", budget.needed(seconds))


def _too_short(recipe: str, why: str, seconds: float) -> ProtocolError:
    minutes = math.ceil(seconds / 60)
    return ProtocolError(
        f"{recipe} {why}, more than the budget leaves",
        where=by_interface(command="--budget", python="seconds"),
        remedy=f"pass {by_interface(command=f'--budget {minutes}m', python=f'seconds={60 * minutes}')}, or name a "
        "recipe that is only fitted, such as logistic.",
    )


def _can_fold(data: Dataset, folds: int, seed: int) -> bool:
    """Whether each class has enough groups for the folds."""
    try:
        split_folds(data, folds, seed)
    except HandfulError:
        return False
    return True
