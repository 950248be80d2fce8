"""The queue of a comparison: each recipe on each draw is first tuned, then trained and scored once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from handful.comparison.budget import StudyBudget, not_tuned, with_best_values
from handful.comparison.plan import LOG, STUDIES
from handful.comparison.result import TuningResult
from handful.comparison.search_space import close_storage, open_storage
from handful.comparison.tuning import NO_ROOM, TuningStudy
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result, Run
from handful.errors import HandfulError
from handful.evaluation.evaluate import Protocol, TrainTestSplit, key_of
from handful.evaluation.executor import JobResult, MakePool, RunsBar, Trainer, TrainingJob, run_queue
from handful.evaluation.results_log import ResultsLog, RunKey

if TYPE_CHECKING:
    from optuna.storages import RDBStorage


@dataclass(eq=False)
class ScheduledRun:
    """One recipe on one draw or fold: its tuning, then the run that is scored."""

    recipe: Recipe
    protocol: Protocol
    cell: TrainTestSplit
    why: str | None  # nothing to tune
    tuning: TuningStudy | None = None
    study: TuningResult | None = None
    key: RunKey | None = None
    run: Run | None = None
    busy: bool = False

    @property
    def place(self) -> tuple[str, int | None]:
        """Recipe and level."""
        return self.recipe.name, self.protocol.per_class


class Scheduler:
    """The queue of a comparison: what may run next, and where each result goes."""

    def __init__(
        self,
        folder: Path,
        work: Sequence[ScheduledRun],
        data: Dataset,
        allowance: StudyBudget,
        content: str,
        called: str,
        *,
        device: str,
        jobs: int,
        trainer: Trainer | None,
        limit: float | None = None,
        pool: MakePool | None = None,
    ) -> None:
        self.folder, self.work, self.data, self.allowance = folder, work, data, allowance
        self.content, self.called = content, called
        self.device, self.jobs, self.trainer, self.limit, self.pool = device, jobs, trainer, limit, pool
        self.store = ResultsLog(folder / LOG)
        self.done = self.store.done()
        self.failed: dict[tuple[str, int | None], str] = {}
        self.position = {s.id: i for i, s in enumerate(data.samples)}
        self.crowded: set[tuple[str, int | None]] = set()  # one draw told that the share of time is too small
        self._storage: RDBStorage | None = None

    def run(self, *, progress: bool) -> None:
        """Tune and score until nothing is left."""
        with RunsBar(len(self.work), "comparing", shown=progress) as bar:
            self.bar = bar
            jobs = min(self.jobs, len(self.work))
            try:
                run_queue(
                    self.give,
                    self.data,
                    self.keep,
                    jobs=jobs,
                    device=self.device,
                    trainer=self.trainer,
                    failed=self.fail,
                    pool=self.pool,
                )
            finally:
                if self._storage is not None:
                    close_storage(self._storage)

    def give(self) -> TrainingJob | None:
        """A run of the first work that waits for none."""
        for number, w in enumerate(self.work):
            if w.busy or w.run is not None or self._lost(w):
                continue
            task = self._next(number, w)
            if task is not None and self._late(w):
                self.failed.setdefault(w.place, "the budget was spent before its turn was over")
                continue
            if task is not None:
                w.busy = True
                return task
        return None

    def _next(self, number: int, w: ScheduledRun) -> TrainingJob | None:
        m, cell = w.protocol.per_class, w.cell
        if w.study is None:
            if w.why is None and w.tuning is None and w.place in self.crowded:
                w.why = f"its own settings: {NO_ROOM}, as another draw showed"
            if w.why is not None:
                w.study = not_tuned(w.recipe, per_class=m, draw=cell.draw, fold=cell.fold, why=w.why)
            else:
                w.tuning = w.tuning or TuningStudy(
                    w.recipe,
                    cell.train,
                    per_class=m,
                    draw=cell.draw,
                    fold=cell.fold,
                    allowance=self.allowance,
                    storage=self.storage,
                )
                following = w.tuning.next()
                if following is not None:
                    recipe, train, held, fold = following
                    self.bar.say(f"tuning {w.recipe.name[:24]} draw {cell.draw}")
                    return TrainingJob(number, recipe, cell.draw, fold, m, self._at(train), self._at(held))
                if w.tuning.crowded:
                    self.crowded.add(w.place)
                w.study, w.tuning = w.tuning.study(), None
        recipe = with_best_values(w.recipe, w.study)
        w.key = key_of(recipe, w.protocol, cell, self.called, self.content)
        loaded = self.store.load(self.done[w.key]) if w.key in self.done else None
        if loaded is not None:
            self._end(w, loaded[0])
            return None
        task = TrainingJob(number, recipe, cell.draw, cell.fold, m, self._at(cell.train), self._at(cell.test))
        self.bar.say(task.name)
        return task

    def keep(self, finished: JobResult) -> None:
        """A run has ended."""
        w = self.work[finished.task.number]
        w.busy = False
        if w.study is None:
            assert w.tuning is not None
            w.tuning.take(finished.run)
            return
        assert w.key is not None
        self.store.add(w.key, finished.task.recipe, finished.run, self.data.classes, finished.facts)
        self._end(w, finished.run)

    def fail(self, task: TrainingJob, error: HandfulError) -> None:
        """A run could not be trained: a trial is given up, a scored run takes its recipe out of the level."""
        w = self.work[task.number]
        w.busy = False
        if w.study is None:
            assert w.tuning is not None
            w.tuning.fail(error)
            return
        self.failed.setdefault(w.place, "did not train: " + str(error).partition("\n")[0])

    def results(
        self, recipes: Sequence[Recipe], levels: Sequence[Protocol]
    ) -> tuple[list[Result], dict[tuple[str, int | None], str]]:
        """A result for each recipe and level that could be trained, and why the others could not."""
        found = []
        for level in levels:
            for recipe in recipes:
                own = [w for w in self.work if w.recipe is recipe and w.protocol is level]
                if not self._lost(own[0]):
                    runs = tuple(w.run for w in own if w.run is not None)
                    found.append(Result(recipe, self.data.classes, runs))
        return found, self.failed

    @property
    def storage(self) -> "RDBStorage":
        """The studies, opened when the first is."""
        if self._storage is None:
            self._storage = open_storage(self.folder / STUDIES)
        return self._storage

    def _at(self, part: Dataset) -> list[int]:
        return [self.position[i] for i in part.ids]

    def _lost(self, w: ScheduledRun) -> bool:
        return w.place in self.failed

    def _late(self, w: ScheduledRun) -> bool:
        """Whether the limit says that this run is not to begin; the first recipe always is."""
        if self.limit is None or w.recipe is self.work[0].recipe:
            return False
        own = [x for x in self.work if x.place == w.place]
        begun = any(x.busy or x.run is not None for x in own)
        spent = sum(x.run.seconds for x in self.work if x.run is not None) / self.jobs
        return spent > (self.limit if begun else self.limit / 2)

    def _end(self, w: ScheduledRun, run: Run) -> None:
        w.run = replace(run, counts=w.cell.train.counts)
        self.bar.advance()
