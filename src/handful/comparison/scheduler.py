"""Scheduler of a comparison: tunes each recipe on each draw, then trains and scores it once."""

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
from handful.core.progress import RunsBar
from handful.core.recipe import Recipe
from handful.core.result import Result, Run
from handful.errors import HandfulError
from handful.evaluation.evaluate import Protocol, TrainTestSplit, trainer_name
from handful.evaluation.executor import Execution
from handful.evaluation.job import JobResult, Trainer, TrainingJob
from handful.evaluation.levels import levels_of
from handful.evaluation.results_log import ResultsLog, RunKey, make_key
from handful.evaluation.run_jobs import run_queue

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

Key = tuple[str, int | None]  # recipe name and images per class


@dataclass(eq=False)
class ScheduledRun:
    """One recipe on one draw or fold: its tuning, then the run that is scored. The scheduler fills it in.

    `not_tuned_because` is None where the recipe is tuned. `running`: a job of it has been handed out.
    """

    recipe: Recipe
    protocol: Protocol
    split: TrainTestSplit
    not_tuned_because: str | None
    study: TuningStudy | None = None
    tuned: TuningResult | None = None
    log_key: RunKey | None = None
    run: Run | None = None
    running: bool = False

    @property
    def key(self) -> Key:
        """Recipe and images per class."""
        return self.recipe.name, self.protocol.per_class


class Scheduler:
    """Decides which job of a comparison runs next, and records its result.

    Args:
        folder: where the log and the studies are; what is finished there is not repeated.
        scheduled: the runs, in the order in which they are started.
        data: the data set that the splits are from.
        budget: what each study may spend.
        data_hash: fingerprint of `data`.
        trainer: called instead of `handful.train`.
        execution: how many jobs run at a time, and on what.
        time_limit: seconds for the scored runs, as for `compare`.
    """

    def __init__(
        self,
        folder: Path,
        scheduled: Sequence[ScheduledRun],
        data: Dataset,
        budget: StudyBudget,
        *,
        data_hash: str,
        trainer: Trainer | None,
        execution: Execution,
        time_limit: float | None = None,
    ) -> None:
        self.folder, self.scheduled, self.data, self.budget = folder, scheduled, data, budget
        self.data_hash, self.trainer, self.trainer_name = data_hash, trainer, trainer_name(trainer)
        self.levels = levels_of(data.tree, data.classes)
        self.execution = replace(execution, jobs=min(execution.jobs, len(scheduled)))
        self.time_limit, self.at_once = time_limit, execution.jobs
        self.log = ResultsLog(folder / LOG)
        self.done = self.log.done()
        self.failed: dict[Key, str] = {}
        self.position = {s.id: i for i, s in enumerate(data.samples)}
        self.share_too_small: set[Key] = set()  # found in one draw, assumed of the others
        self._storage: RDBStorage | None = None

    def run(self) -> None:
        """Tune and score until nothing is left."""
        with RunsBar(len(self.scheduled), "comparing", shown=self.execution.progress) as bar:
            self.bar = bar
            try:
                run_queue(
                    self.next_job,
                    self.data,
                    self.on_finished,
                    execution=self.execution,
                    trainer=self.trainer,
                    on_failed=self.on_failed,
                )
            finally:
                if self._storage is not None:
                    close_storage(self._storage)

    def next_job(self) -> TrainingJob | None:
        """The next job that can start now, or None while all remaining work waits for running jobs."""
        for number, item in enumerate(self.scheduled):
            if item.running or item.run is not None or item.key in self.failed:
                continue
            job = self._tuning_job(number, item) or self._scored_job(number, item)
            if job is not None and self._too_late(item):
                self.failed.setdefault(item.key, "the budget was spent before its turn was over")
                continue
            if job is not None:
                item.running = True
                return job
        return None

    def _tuning_job(self, number: int, item: ScheduledRun) -> TrainingJob | None:
        """A run of the item's study; None, with `item.tuned` set, once there is nothing more to tune."""
        if item.tuned is not None:
            return None
        m, split = item.protocol.per_class, item.split
        if item.not_tuned_because is None and item.study is None and item.key in self.share_too_small:
            item.not_tuned_because = f"the recipe's settings ({NO_ROOM}, as in another draw)"
        if item.not_tuned_because is not None:
            reason = item.not_tuned_because
            item.tuned = not_tuned(item.recipe, per_class=m, draw=split.draw, fold=split.fold, why=reason)
            return None
        if item.study is None:
            item.study = TuningStudy(
                item.recipe,
                split.train,
                per_class=m,
                draw=split.draw,
                fold=split.fold,
                budget=self.budget,
                storage=self.storage,
            )
        trial = item.study.next_run()
        if trial is not None:
            self.bar.describe(f"tuning {item.recipe.name[:24]} draw {split.draw}")
            train, held_out = self._positions(trial.train), self._positions(trial.held_out)
            return TrainingJob(number, trial.recipe, split.draw, trial.fold, m, train, held_out)
        if item.study.share_too_small:
            self.share_too_small.add(item.key)
        item.tuned, item.study = item.study.result(), None
        return None

    def _scored_job(self, number: int, item: ScheduledRun) -> TrainingJob | None:
        """The run that is scored; None where it is in the log already."""
        assert item.tuned is not None
        recipe, split = with_best_values(item.recipe, item.tuned), item.split
        item.log_key = make_key(recipe, item.protocol, split, trainer=self.trainer_name, data=self.data_hash)
        loaded = self.log.load(self.done[item.log_key]) if item.log_key in self.done else None
        if loaded is not None:
            self._finish(item, loaded[0])
            return None
        train, test = self._positions(split.train), self._positions(split.test)
        job = TrainingJob(number, recipe, split.draw, split.fold, item.protocol.per_class, train, test)
        self.bar.describe(job.name)
        return job

    def on_finished(self, result: JobResult) -> None:
        """Record a trial in its study, or a scored run in the log."""
        item = self.scheduled[result.job.number]
        item.running = False
        if item.tuned is None:
            assert item.study is not None
            item.study.record_trial(result.run)
            return
        assert item.log_key is not None
        run = replace(result.run, pool=item.split.pool)
        self.log.add(item.log_key, result.job.recipe, run, self.data.classes, result.facts, levels=self.levels)
        self._finish(item, run)

    def on_failed(self, job: TrainingJob, error: HandfulError) -> None:
        """Give a failed trial up; a failed scored run takes its recipe out at this number of images per class."""
        item = self.scheduled[job.number]
        item.running = False
        if item.tuned is None:
            assert item.study is not None
            item.study.record_failure(error)
            return
        self.failed.setdefault(item.key, "did not train: " + str(error).partition("\n")[0])

    def results(self, recipes: Sequence[Recipe], protocols: Sequence[Protocol]) -> tuple[list[Result], dict[Key, str]]:
        """A result per protocol and recipe that could be trained, and the reasons why the others could not."""
        results = []
        for protocol in protocols:
            for recipe in recipes:
                items = [i for i in self.scheduled if i.recipe is recipe and i.protocol is protocol]
                if items[0].key not in self.failed:
                    runs = tuple(i.run for i in items if i.run is not None)
                    results.append(Result(recipe, self.data.classes, runs, self.levels))
        return results, self.failed

    @property
    def storage(self) -> "RDBStorage":
        """The studies' storage, opened on first use."""
        if self._storage is None:
            self._storage = open_storage(self.folder / STUDIES)
        return self._storage

    def _positions(self, part: Dataset) -> list[int]:
        return [self.position[i] for i in part.ids]

    def _too_late(self, item: ScheduledRun) -> bool:
        """Whether the time limit forbids this run; the first recipe is always run."""
        if self.time_limit is None or item.recipe is self.scheduled[0].recipe:
            return False
        same = [i for i in self.scheduled if i.key == item.key]
        begun = any(i.running or i.run is not None for i in same)
        spent = sum(i.run.seconds for i in self.scheduled if i.run is not None) / self.at_once
        return spent > (self.time_limit if begun else self.time_limit / 2)

    def _finish(self, item: ScheduledRun, run: Run) -> None:
        item.run = replace(run, counts=item.split.train.counts, pool=item.split.pool)
        self.bar.advance()
