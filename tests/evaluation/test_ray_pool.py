"""Training runs on a local Ray cluster: the same results as in processes, whoever ran them."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.core.ray_cluster import Cluster
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.errors import TrainingError
from handful.evaluation.evaluate import Protocol, evaluate
from handful.evaluation.executor import BrokenExecutorError, ExecutorFactory
from handful.evaluation.job import Trainer
from handful.evaluation.ray_pool import ray_executor
from tests.support.datasets import recipe, squares
from tests.support.trainers import NearestMean, NearestMeanTrainer

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Failing:
    """Ends in an error of ours at draw 1, and kills its process at draw 2."""

    folder: Path

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> NearestMean:
        if seed == 1:
            raise TrainingError("no such luck", where="draw 1", remedy="draw again.")
        if seed == 2:
            os._exit(9)
        return NearestMeanTrainer(self.folder)(recipe, data, seed=seed, device=device, progress=progress)


def scored(trainer: Trainer, *draws: int, executor: ExecutorFactory | None = None) -> Result:
    protocol = Protocol(draws=draws, per_class=2)
    jobs = 1 if executor is None else 2
    data = squares(per_class=8)
    return evaluate(recipe(), data, protocol=protocol, jobs=jobs, executor=executor, trainer=trainer, progress=False)


def test_runs_on_a_cluster_are_those_of_this_machine(tmp_path: Path) -> None:
    here = scored(NearestMeanTrainer(tmp_path / "a"), 0, 3, 4)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        with Cluster("auto") as cluster:
            assert cluster.width == 2
            executor = ray_executor(cluster)
            there = scored(NearestMeanTrainer(tmp_path / "b"), 0, 3, 4, executor=executor)
            with pytest.raises(TrainingError, match="no such luck"):
                scored(Failing(tmp_path), 0, 1, executor=executor)
            with pytest.raises(BrokenExecutorError, match="a job failed on the cluster"):
                scored(Failing(tmp_path), 2, executor=executor)
        assert ray.is_initialized()
    finally:
        ray.shutdown()
    for one, other in zip(here.runs, there.runs, strict=True):
        assert (one.draw, one.ids) == (other.draw, other.ids)
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert len(NearestMeanTrainer(tmp_path / "b").calls) == 3
