"""Tune a recipe on the training images of one draw: an Optuna study that may stop at any moment and go on later.

What a trial is worth is how many training images it classifies right while they are left out, by cross-validation
inside the draw (nested, so that what is scored later is never seen). The recipe's own settings are the first trial,
and stay unless another is better by more than the noise of so few images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from handful.comparison.budget import FOLDS, StudyBudget
from handful.comparison.result import TuningResult
from handful.comparison.search_space import decode, distribution, encode, search_fingerprint, to_plain
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Run
from handful.data import splits
from handful.errors import HandfulError
from handful.evaluation.metrics import uneven
from handful.recipes.load import with_values
from handful.recipes.options import options_of
from handful.recipes.write import stored_paths
from handful.training.schedule import stream, total_steps

if TYPE_CHECKING:
    from optuna import Study as Record
    from optuna.storages import RDBStorage

MOST_TRIALS = 100  # of one study that is bound by time
KEEP = 1.0  # standard errors by which a trial must beat the recipe's own settings
HOPELESS = 2.0  # standard errors behind the best trial at which one is given up
NO_ROOM = "the budget has no room for a second trial"


@dataclass(frozen=True, eq=False)
class FoldScore:
    """A fold of a trial: which of its left-out images were right, their mean probability of the right class."""

    right: Bool[np.ndarray, " n"]
    probability: float
    seconds: float


class TuningStudy:
    """The study of one recipe on one draw: hands out runs one at a time, takes their results, and remembers.

    All it knows is in the storage, so a new one with the same arguments goes on where the last one stopped. What it
    suggests hangs on the name, the trial's number and the results before it alone.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        *,
        per_class: int | None,
        draw: int,
        fold: int | None,
        allowance: StudyBudget,
        storage: "RDBStorage",
    ) -> None:
        import optuna

        self.recipe, self.per_class, self.draw, self.fold, self.allowance = recipe, per_class, draw, fold, allowance
        self.parts = splits.folds(data, FOLDS, draw)
        held = [part.labels for _, part in self.parts]
        self.weights = _weights(held, len(data.classes))
        digest = sha256(repr((search_fingerprint(recipe), data.ids)).encode()).hexdigest()[:8]
        words = [recipe.name, *([f"M={per_class}"] if per_class is not None else []), f"draw {draw}"]
        name = " ".join([*words, *([f"fold {fold}"] if fold is not None else []), digest])
        self.seed = int(sha256(name.encode()).hexdigest()[:8], 16)
        self.record: Record = optuna.create_study(
            storage=storage, study_name=name, load_if_exists=True, direction="maximize"
        )
        known = options_of(recipe)
        self.own = {path: known[path] for path in recipe.search}
        self.paths = {stored: path for path, stored in stored_paths(recipe).items()}
        self.spaces = {stored: distribution(recipe.search[path]) for stored, path in sorted(self.paths.items())}
        own = {stored: encode(self.own[path]) for stored, path in self.paths.items()}
        self.record.enqueue_trial(own, skip_if_exists=True)
        self.trials = self.record.get_trials(deepcopy=False)
        self.notes: dict[str, Any] = dict(self.record.user_attrs)
        self.tried = self._read()
        self.why = str(self.notes.get("why", ""))
        self.current: tuple[int, Recipe] | None = self._unfinished()

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to run."""
        return bool(self.why)

    @property
    def crowded(self) -> bool:
        """Whether it ended because its share of time is too small for this recipe."""
        return self.why == NO_ROOM

    def next(self) -> tuple[Recipe, Dataset, Dataset, int] | None:
        """The next run: recipe, training and left-out images, number of the fold. None: the study has ended."""
        while not self.finished and self.current is None:
            self._begin()
        if self.current is None:
            return None
        number, recipe = self.current
        fold = len(self.tried.get(number, ()))
        return recipe, *self.parts[fold], fold

    def take(self, run: Run) -> None:
        """The result of the run that `next` gave."""
        assert self.current is not None
        number = self.current[0]
        right = run.predictions == run.labels
        of_right = float(run.probabilities[np.arange(len(run.labels)), run.labels].mean())
        found = self.tried.setdefault(number, [])
        text = "".join("01"[int(r)] for r in right)
        self._note(f"{number}.{len(found)}", [text, of_right, run.seconds])
        found.append(FoldScore(right, of_right, run.seconds))
        self._judge(number)

    def fail(self, error: HandfulError) -> None:
        """The run that `next` gave did not train."""
        assert self.current is not None
        number = self.current[0]
        self._note(f"{number}.error", error.what)
        self._tell(number, "FAIL")
        failed = self._numbers("FAIL")
        if number == 0 or failed[-3:] == [number - 2, number - 1, number]:
            self._end(f"did not train: {error.what}")

    def study(self) -> TuningResult:
        """What came of it."""
        ranked = self._numbers("COMPLETE")
        best = max(ranked, key=lambda n: (self._score(n), -n)) if ranked else 0
        kept = not ranked or best == 0 or not self._beats(best)
        chosen = 0 if kept else best
        trials = sum(t.number in self.tried or t.state.is_finished() for t in self.trials)
        shown = {n: round(self._right(n), 4) for n in ranked}
        failed = sum(key.endswith(".error") for key in self.notes)
        return TuningResult(
            self.recipe.name,
            self.per_class,
            self.draw,
            self.fold,
            trials=trials,
            pruned=len(self._numbers("PRUNED")),
            failed=failed,
            steps=sum(
                total_steps(self._recipe(n), len(self.parts[f][0]))
                for n, found in self.tried.items()
                for f in range(len(found))
            ),
            seconds=round(self._seconds(), 3),
            values={} if kept else self._values(best),
            score=shown.get(chosen),
            own_score=shown.get(0),
            why=self._verdict(ranked, best, kept),
            crowded=self.crowded,
        )

    def _verdict(self, ranked: Sequence[int], best: int, kept: bool) -> str:
        if len(ranked) < 2:
            return f"its own settings: {self.why or 'nothing else was tried'}"
        if kept and best == 0:
            return "its own settings were the best"
        return "its own settings: no trial was better by more than chance" if kept else f"trial {best} was better"

    def _begin(self) -> None:
        """The next trial, or the end."""
        import optuna

        number = sum(t.state.is_finished() for t in self.trials)
        if self.allowance.trials is not None and number >= self.allowance.trials:
            self._end(f"{number} trials")
            return
        if self.allowance.seconds is not None and number:
            each = [t.seconds for found in self.tried.values() for t in found]
            expected = FOLDS * float(np.mean(each)) if each else 0.0
            if sum(each) + expected > self.allowance.seconds or number >= MOST_TRIALS:
                self._end("the budget is spent")
                return
        sampler = optuna.samplers.TPESampler(seed=stream(self.seed, number) % 2**32, n_startup_trials=5)
        self.record.sampler = sampler
        trial = self.record.ask(self.spaces)
        before = [t for t in self.trials if t.state.is_finished()]
        self.trials = self.record.get_trials(deepcopy=False)
        if any(t.params == trial.params for t in before):
            self._tell(trial.number, "PRUNED")
            return
        self.current = (trial.number, self._recipe(trial.number))

    def _judge(self, number: int) -> None:
        """After a fold: go on, give the trial up, or note what it is worth."""
        found = self.tried[number]
        if len(found) == FOLDS:
            self._tell(number, "COMPLETE", self._score(number))
            return
        limit = self.allowance.seconds
        if limit is not None and number == 0 and seconds_for_two_trials(found[0].seconds) > limit:
            self._tell(number, "FAIL")
            self._end(NO_ROOM)
        elif limit is not None and self._seconds() > limit:
            self._tell(number, "FAIL")
            self._end("the budget is spent")
        elif self._hopeless(number):
            self._tell(number, "PRUNED")

    def _hopeless(self, number: int) -> bool:
        done = self._numbers("COMPLETE")
        if not done:
            return False
        best = max(done, key=self._score)
        mean, error = self._gap(best, number, folds=len(self.tried[number]))
        return mean > HOPELESS * error

    def _beats(self, number: int) -> bool:
        mean, error = self._gap(number, 0, folds=FOLDS)
        return mean > KEEP * error

    def _gap(self, a: int, b: int, *, folds: int) -> tuple[float, float]:
        """Mean and standard error of A's right answers minus B's over the same left-out images, weighted."""
        pairs = zip(self.tried[a][:folds], self.tried[b][:folds], self.weights, strict=False)
        parts = [(w, x.right.astype(float) - y.right) for x, y, w in pairs]
        w, d = np.concatenate([w for w, _ in parts]), np.concatenate([d for _, d in parts])
        w = w / w.sum()
        mean = float(w @ d)
        return mean, float(np.sqrt((w**2) @ (d - mean) ** 2))

    def _right(self, number: int) -> float:
        """Share of the left-out images that were right; of each class, and then their mean, where classes differ."""
        weights = np.concatenate(self.weights)
        return float(weights @ np.concatenate([t.right for t in self.tried[number]]))

    def _score(self, number: int) -> float:
        """That share; the mean probability of the right class breaks ties, worth less than an image."""
        least = min(float(w.min()) for w in self.weights)
        found = self.tried[number]
        sizes = [len(t.right) for t in found]
        return self._right(number) + least / 2 * float(np.average([t.probability for t in found], weights=sizes))

    def _seconds(self) -> float:
        return sum(t.seconds for found in self.tried.values() for t in found)

    def _recipe(self, number: int) -> Recipe:
        return self.recipe if number == 0 else with_values(self.recipe, self._values(number))

    def _values(self, number: int) -> dict[str, Any]:
        """What a trial sets otherwise than the recipe does."""
        params = {self.paths[stored]: value for stored, value in self.trials[number].params.items()}
        values = {path: decode(value, self.recipe.search[path]) for path, value in params.items()}
        return {p: v for p, v in values.items() if v != to_plain(self.own[p])}

    def _numbers(self, *states: str) -> list[int]:
        wanted = _states(*states)
        return [t.number for t in self.trials if t.state in wanted]

    def _tell(self, number: int, state: str, value: float | None = None) -> None:
        self.record.tell(number, value, state=_states(state)[0])
        self.trials = self.record.get_trials(deepcopy=False)
        self.current = None

    def _note(self, key: str, value: Any) -> None:
        self.notes[key] = value
        self.record.set_user_attr(key, value)

    def _end(self, why: str) -> None:
        self.why = why
        self._note("why", why)

    def _read(self) -> dict[int, list[FoldScore]]:
        """The folds that the storage knows, by trial."""
        found: dict[int, list[FoldScore]] = {}
        for trial in self.trials:
            for fold in range(FOLDS):
                if (kept := self.notes.get(f"{trial.number}.{fold}")) is not None:
                    right = np.array([c == "1" for c in kept[0]], dtype=bool)
                    found.setdefault(trial.number, []).append(FoldScore(right, *kept[1:]))
        return found

    def _unfinished(self) -> tuple[int, Recipe] | None:
        """The trial that was under way when the last process ended."""
        for trial in [t for t in self.trials if t.state in _states("RUNNING")]:
            if set(trial.params) != set(self.spaces):  # it ended while the trial was being written
                self._tell(trial.number, "FAIL")
                continue
            self.current = (trial.number, self._recipe(trial.number))
            if self.tried.get(trial.number):
                self._judge(trial.number)
            return self.current
        return None


def seconds_for_two_trials(seconds: float) -> float:
    """What two trials take where the first fold of one took so many seconds."""
    return 2 * FOLDS * seconds


def _weights(labels: Sequence[np.ndarray], classes: int) -> list[Float[np.ndarray, " n"]]:
    """What each left-out image counts, 1 in all: alike, or each class alike where classes differ."""
    counts = np.bincount(np.concatenate(labels), minlength=classes).astype(float)
    of_class = 1 / (classes * counts) if uneven(counts) else np.full(classes, 1 / counts.sum())
    return [of_class[part] for part in labels]


def _states(*names: str) -> tuple[Any, ...]:
    from optuna.trial import TrialState

    return tuple(TrialState[name] for name in names)
