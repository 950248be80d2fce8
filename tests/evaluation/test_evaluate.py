from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.errors import DataError
from handful.evaluation.evaluate import Protocol, evaluate, splits_of, sweep
from handful.evaluation.results_log import read_results
from tests.support.datasets import recipe
from tests.support.results import same_runs
from tests.support.trainers import NearestMeanTrainer


def test_draws_differ_and_the_test_part_is_fixed(data: Dataset, tmp_path: Path) -> None:
    trainer = NearestMeanTrainer(tmp_path / "calls")
    result = evaluate(recipe(), data, protocol=Protocol((0, 1, 2), per_class=2), trainer=trainer, progress=False)
    test = set(data.split("test").ids)
    assert [set(r.ids) for r in result.runs] == [test] * 3
    assert len({r.train_ids for r in result.runs}) == 3
    assert all(len(r.train_ids) == 6 and not set(r.train_ids) & test for r in result.runs)
    assert [r.seed for r in result.runs] == [0, 1, 2]
    assert len(trainer.calls) == 3


def test_nothing_trains_when_a_later_cell_cannot(data: Dataset, tmp_path: Path) -> None:
    trainer = NearestMeanTrainer(tmp_path / "calls")
    with pytest.raises(DataError, match="fewer than"):
        sweep([recipe()], data, per_class=(1, 60), trainer=trainer, progress=False)
    assert trainer.calls == []


def test_the_same_command_resumes(data: Dataset, tmp_path: Path) -> None:
    log, calls = tmp_path / "runs.jsonl", tmp_path / "calls"
    protocol = Protocol((0, 1, 2), per_class=2)
    with pytest.raises(KeyboardInterrupt):
        evaluate(
            recipe(),
            data,
            protocol=protocol,
            log=log,
            trainer=NearestMeanTrainer(calls, dies_at=2),
            progress=False,
        )
    assert len(log.read_text().splitlines()) == 2
    trainer = NearestMeanTrainer(calls)
    result = evaluate(recipe(), data, protocol=protocol, log=log, trainer=trainer, progress=False)
    assert [c.split("-")[0] for c in trainer.calls] == ["0", "1", "2", "2"]
    again = evaluate(recipe(), data, protocol=protocol, log=log, trainer=trainer, progress=False)
    assert len(trainer.calls) == 4
    assert same_runs(result, again)
    assert same_runs(result, read_results(log)[0])
    assert read_results(log)[0].recipe == recipe()


def test_a_sweep_shares_its_draws(data: Dataset, tmp_path: Path) -> None:
    trainer = NearestMeanTrainer(tmp_path / "calls")
    results = sweep(
        [recipe(), recipe("linear")], data, per_class=(1, 3), protocol=Protocol((0, 1)), trainer=trainer, progress=False
    )
    assert [(r.runs[0].per_class, r.recipe.head.name) for r in results] == [
        (1, "segmentation"),
        (1, "linear"),
        (3, "segmentation"),
        (3, "linear"),
    ]
    for first, second in (results[:2], results[2:]):
        assert [r.train_ids for r in first.runs] == [r.train_ids for r in second.runs]


def test_a_real_recipe_end_to_end(data: Dataset) -> None:
    result = evaluate(recipe("segmentation", "steps=2"), data, protocol=Protocol((0,), per_class=2), progress=False)
    np.testing.assert_allclose(result.runs[0].probabilities.sum(axis=1), 1, rtol=1e-5)


def test_a_long_tail_is_drawn_and_scored_on_classes_alike(data: Dataset, tmp_path: Path) -> None:
    protocol = Protocol((0, 1), per_class=6, long_tail=6)
    for cell in splits_of(data, protocol):
        assert np.bincount(cell.train.labels).tolist() == [6, 2, 1]
        assert cell.test.ids == data.split("test").ids
    uneven = replace(data, samples=data.samples[:-2])
    assert [np.bincount(c.test.labels).tolist() for c in splits_of(uneven, protocol)] == [[2, 2, 2]] * 2
    assert len({c.test.ids for c in splits_of(uneven, protocol)}) == 1
    rest = splits_of(data, Protocol((0,), per_class=4, long_tail=2, score_on="rest"))[0]
    assert np.bincount(rest.test.labels).tolist() == [2, 2, 2]
    assert not set(rest.test.ids) & {*rest.train.ids, *data.split("test").ids}
    orders = {tuple(np.bincount(c.train.labels)) for c in splits_of(data, replace(protocol, tail_order="seeded"))}
    assert all(sorted(order) == [1, 2, 6] for order in orders)
    trainer = NearestMeanTrainer(tmp_path / "calls")
    result = evaluate(recipe(), data, protocol=protocol, trainer=trainer, progress=False)
    assert all(run.counts is not None and run.counts.tolist() == [6, 2, 1] for run in result.runs)


def test_an_evaluation_that_is_stopped_has_the_runs_that_are_finished_and_can_be_continued(
    data: Dataset, tmp_path: Path
) -> None:
    log, protocol = tmp_path / "runs.jsonl", Protocol((0, 1, 2), per_class=2)
    trainer = NearestMeanTrainer(tmp_path / "calls")
    answers = iter((False, False, True))
    result = evaluate(
        recipe(), data, protocol=protocol, log=log, trainer=trainer, progress=False, stop=lambda: next(answers)
    )
    assert [run.draw for run in result.runs] == [0, 1]
    whole = evaluate(recipe(), data, protocol=protocol, log=log, trainer=trainer, progress=False)
    assert [run.draw for run in whole.runs] == [0, 1, 2]
    assert len(trainer.calls) == 3
