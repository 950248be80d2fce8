"""Hyperparameter tuning of a recipe on the training images of one draw: a resumable Optuna study.

The score of a trial is the share of training images that it classifies right while they are held out (of several
labels per image, their mean average precision), by cross-validation inside the draw (nested, so that no image that is
scored later is used). The recipe's own settings are
the first trial, and are kept unless another trial is better by more than the noise of so few images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from handful.comparison.budget import FOLDS, StudyBudget
from handful.comparison.held_out import encode_values, held_out_values, held_out_weights
from handful.comparison.result import TuningResult
from handful.comparison.search_space import decode, distribution, encode, search_fingerprint, to_plain
from handful.comparison.trial_scores import FoldScore, TrialScores
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Run
from handful.data import splits
from handful.errors import HandfulError
from handful.recipes.load import with_values
from handful.recipes.options import options_of
from handful.recipes.renamed import stored_name
from handful.recipes.write import stored_paths
from handful.training.random_streams import derive_seed
from handful.training.schedule import total_steps

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna.storages import RDBStorage

MOST_TRIALS = 100  # of one study whose budget is a time
KEEP = 1.0  # standard errors by which a trial must beat the recipe's own settings
HOPELESS = 2.0  # standard errors behind the best trial at which a trial is pruned
NO_ROOM = "the budget has no room for a second trial"


@dataclass(frozen=True, eq=False)
class TrialRun:
    """A training run of a trial: the recipe with the trial's settings, and the images of one fold."""

    recipe: Recipe
    train: Dataset
    held_out: Dataset
    fold: int


class TuningStudy:
    """The tuning of one recipe on one draw: proposes runs one at a time, and records their results.

    Its whole state is in the storage, so a new object with the same arguments continues where the last one stopped.
    What it proposes depends only on its name, the trial's number and the results so far.

    Args:
        recipe: what is tuned; it has a search space.
        data: the draw's training images.
        per_class: images per class of the draw, part of the study's name.
        draw: number of the draw.
        fold: number of the draw's fold.
        budget: how many trials, or how much time.
        storage: where the state is kept.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        *,
        per_class: int | None,
        draw: int,
        fold: int | None,
        budget: StudyBudget,
        storage: "RDBStorage",
    ) -> None:
        import optuna

        self.recipe, self.per_class, self.draw, self.fold, self.budget = recipe, per_class, draw, fold, budget
        self.folds = splits.folds(data, FOLDS, draw)
        digest = sha256(repr((search_fingerprint(recipe), data.ids)).encode()).hexdigest()[:8]
        words = [stored_name(recipe.name), *([f"M={per_class}"] if per_class is not None else []), f"draw {draw}"]
        name = " ".join([*words, *([f"fold {fold}"] if fold is not None else []), digest])
        self.seed = int(sha256(name.encode()).hexdigest()[:8], 16)
        self.optuna_study: OptunaStudy = optuna.create_study(
            storage=storage, study_name=name, load_if_exists=True, direction="maximize"
        )
        options = options_of(recipe)
        self.recipe_values = {path: options[path] for path in recipe.search}
        self.paths = {stored: path for path, stored in stored_paths(recipe).items()}
        self.spaces = {stored: distribution(recipe.search[path]) for stored, path in sorted(self.paths.items())}
        first = {stored: encode(self.recipe_values[path]) for stored, path in self.paths.items()}
        self.optuna_study.enqueue_trial(first, skip_if_exists=True)
        self.trials = self.optuna_study.get_trials(deepcopy=False)
        self.attributes: dict[str, Any] = dict(self.optuna_study.user_attrs)
        self.scores = self._read()
        self.ended_because = str(self.attributes.get("why", ""))
        self.current: tuple[int, Recipe] | None = self._unfinished()

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to run."""
        return bool(self.ended_because)

    @property
    def share_too_small(self) -> bool:
        """Whether it ended because its share of the time is too small for this recipe."""
        return self.ended_because == NO_ROOM

    def next_run(self) -> TrialRun | None:
        """The next run, or None when the study has ended."""
        while not self.finished and self.current is None:
            self._begin()
        if self.current is None:
            return None
        number, recipe = self.current
        fold = len(self.scores.of(number))
        return TrialRun(recipe, *self.folds[fold], fold)

    def record_trial(self, run: Run) -> None:
        """Record the result of the run that `next_run` returned."""
        assert self.current is not None
        number = self.current[0]
        right, of_true_class = held_out_values(run)
        fold = len(self.scores.of(number))
        self._set_attribute(f"{number}.{fold}", [encode_values(run, right), of_true_class, run.seconds])
        self.scores.add(number, FoldScore(right, of_true_class, run.seconds))
        self._after_fold(number)

    def record_failure(self, error: HandfulError) -> None:
        """Record that the run that `next_run` returned did not train."""
        assert self.current is not None
        number = self.current[0]
        self._set_attribute(f"{number}.error", error.what)
        self._finish_trial(number, "FAIL")
        failed = self._numbers("FAIL")
        if number == 0 or failed[-3:] == [number - 2, number - 1, number]:
            self._end(f"did not train: {error.what}")

    def result(self) -> TuningResult:
        """The settings taken, and what finding them cost."""
        ranked = self._numbers("COMPLETE")
        best = max(ranked, key=lambda n: (self.scores.score(n), -n)) if ranked else 0
        unchanged = not ranked or best == 0 or not self._beats(best)
        chosen = 0 if unchanged else best
        trials = sum(t.number in self.scores or t.state.is_finished() for t in self.trials)
        shares = {n: round(self.scores.share_right(n), 4) for n in ranked}
        failed = sum(key.endswith(".error") for key in self.attributes)
        return TuningResult(
            self.recipe.name,
            self.per_class,
            self.draw,
            self.fold,
            trials=trials,
            pruned=len(self._numbers("PRUNED")),
            failed=failed,
            steps=sum(
                total_steps(self._recipe(n), len(self.folds[f][0]))
                for n, folds in self.scores.folds.items()
                for f in range(len(folds))
            ),
            seconds=round(self.scores.seconds(), 3),
            values={} if unchanged else self._values(best),
            score=shares.get(chosen),
            own_score=shares.get(0),
            why=self._verdict(ranked, best, unchanged),
            share_too_small=self.share_too_small,
        )

    def _verdict(self, ranked: Sequence[int], best: int, unchanged: bool) -> str:
        if len(ranked) < 2:
            return f"the recipe's settings ({self.ended_because or 'no other trial was finished'})"
        if unchanged and best == 0:
            return "the recipe's settings (the best trial)"
        reason = "no trial was better by more than one standard error"
        return f"the recipe's settings ({reason})" if unchanged else f"trial {best} was better"

    def _begin(self) -> None:
        """Start the next trial, or end the study."""
        import optuna

        number = sum(t.state.is_finished() for t in self.trials)
        if self.budget.trials is not None and number >= self.budget.trials:
            self._end(f"{number} trials")
            return
        if self.budget.seconds is not None and number:
            each = [fold.seconds for fold in self.scores]
            expected = FOLDS * float(np.mean(each)) if each else 0.0
            if sum(each) + expected > self.budget.seconds or number >= MOST_TRIALS:
                self._end("the budget is spent")
                return
        sampler = optuna.samplers.TPESampler(seed=derive_seed(self.seed, number) % 2**32, n_startup_trials=5)
        self.optuna_study.sampler = sampler
        trial = self.optuna_study.ask(self.spaces)
        before = [t for t in self.trials if t.state.is_finished()]
        self.trials = self.optuna_study.get_trials(deepcopy=False)
        if any(t.params == trial.params for t in before):
            self._finish_trial(trial.number, "PRUNED")
            return
        self.current = (trial.number, self._recipe(trial.number))

    def _after_fold(self, number: int) -> None:
        """Continue the trial, prune it, or record its score."""
        folds = self.scores.of(number)
        if len(folds) == FOLDS:
            self._finish_trial(number, "COMPLETE", self.scores.score(number))
            return
        limit = self.budget.seconds
        if limit is not None and number == 0 and seconds_for_two_trials(folds[0].seconds) > limit:
            self._finish_trial(number, "FAIL")
            self._end(NO_ROOM)
        elif limit is not None and self.scores.seconds() > limit:
            self._finish_trial(number, "FAIL")
            self._end("the budget is spent")
        elif self._hopeless(number):
            self._finish_trial(number, "PRUNED")

    def _hopeless(self, number: int) -> bool:
        done = self._numbers("COMPLETE")
        if not done:
            return False
        best = max(done, key=self.scores.score)
        mean, error = self.scores.gap(best, number, folds=len(self.scores.of(number)))
        return mean > HOPELESS * error

    def _beats(self, number: int) -> bool:
        mean, error = self.scores.gap(number, 0, folds=FOLDS)
        return mean > KEEP * error

    def _recipe(self, number: int) -> Recipe:
        return self.recipe if number == 0 else with_values(self.recipe, self._values(number))

    def _values(self, number: int) -> dict[str, Any]:
        """The settings of a trial that differ from the recipe's own."""
        params = {self.paths[stored]: value for stored, value in self.trials[number].params.items()}
        values = {path: decode(value, self.recipe.search[path]) for path, value in params.items()}
        return {p: v for p, v in values.items() if v != to_plain(self.recipe_values[p])}

    def _numbers(self, *states: str) -> list[int]:
        wanted = _states(*states)
        return [t.number for t in self.trials if t.state in wanted]

    def _finish_trial(self, number: int, state: str, value: float | None = None) -> None:
        self.optuna_study.tell(number, value, state=_states(state)[0])
        self.trials = self.optuna_study.get_trials(deepcopy=False)
        self.current = None

    def _set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value
        self.optuna_study.set_user_attr(key, value)

    def _end(self, why: str) -> None:
        self.ended_because = why
        self._set_attribute("why", why)

    def _read(self) -> TrialScores:
        """The folds that are in the storage."""
        scores = TrialScores(held_out_weights([held_out for _, held_out in self.folds]))
        for trial in self.trials:
            for fold in range(FOLDS):
                if (stored := self.attributes.get(f"{trial.number}.{fold}")) is not None:
                    right = np.array(list(stored[0]), dtype=float)
                    scores.add(trial.number, FoldScore(right, *stored[1:]))
        return scores

    def _unfinished(self) -> tuple[int, Recipe] | None:
        """The trial that was running when the last process ended."""
        for trial in [t for t in self.trials if t.state in _states("RUNNING")]:
            if set(trial.params) != set(self.spaces):  # the process ended while the trial was being written
                self._finish_trial(trial.number, "FAIL")
                continue
            self.current = (trial.number, self._recipe(trial.number))
            if trial.number in self.scores:
                self._after_fold(trial.number)
            return self.current
        return None


def seconds_for_two_trials(seconds: float) -> float:
    """Seconds that two trials take where the first fold of one took so many."""
    return 2 * FOLDS * seconds


def _states(*names: str) -> tuple[Any, ...]:
    from optuna.trial import TrialState

    return tuple(TrialState[name] for name in names)
