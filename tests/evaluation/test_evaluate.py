import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.core.result import Result
from handful.errors import DataError
from handful.evaluation.evaluate import Protocol, evaluate, splits_of, sweep
from handful.evaluation.results_log import ResultsLog, read_results
from tests.support.datasets import recipe, squares
from tests.support.trainers import NearestMeanTrainer


@pytest.fixture
def data() -> Dataset:
    """Six images per class to train on and four to test."""
    train = squares(6, seed=1, split="train")
    test = squares(4, seed=2, split="test")
    return Dataset(train.samples + test.samples, train.classes)


def same(a: Result, b: Result) -> bool:
    pairs = zip(a.runs, b.runs, strict=True)
    return all(
        x.ids == y.ids and x.train_ids == y.train_ids and (x.probabilities == y.probabilities).all() for x, y in pairs
    )


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
    assert same(result, again)
    assert same(result, read_results(log)[0])
    assert read_results(log)[0].recipe == recipe()


@pytest.mark.parametrize("damage", ["missing", "changed", "line"])
def test_damaged_predictions_are_trained_again(data: Dataset, tmp_path: Path, damage: str) -> None:
    log, trainer = tmp_path / "runs.jsonl", NearestMeanTrainer(tmp_path / "calls")

    def once() -> Result:
        return evaluate(recipe(), data, protocol=Protocol((0,), per_class=2), log=log, trainer=trainer, progress=False)

    first = once()
    stored = next((tmp_path / "runs-predictions").glob("*.npz"))
    if damage == "missing":
        stored.unlink()
    elif damage == "changed":
        stored.write_bytes(stored.read_bytes()[:-1] + b"?")
    else:
        log.write_text(log.read_text()[:-40])
    assert same(first, once())
    assert len(trainer.calls) == 2
    assert same(first, once())
    assert len(trainer.calls) == 2


def test_other_data_recipe_or_trainer_is_another_run(data: Dataset, tmp_path: Path) -> None:
    log, trainer = tmp_path / "runs.jsonl", NearestMeanTrainer(tmp_path / "calls")
    protocol = Protocol((0,), per_class=2)
    image = np.array(data.samples[0].image)
    image[0, 0, 0] ^= 1
    touched = replace(data, samples=(replace(data.samples[0], image=image), *data.samples[1:]))
    for chosen, content in ((recipe(), data), (recipe("linear"), data), (recipe(), touched), (recipe(), data)):
        evaluate(chosen, content, protocol=protocol, log=log, trainer=trainer, progress=False)
    assert len(trainer.calls) == 3
    names = {r.recipe.name for r in read_results(log)}
    assert len(names) == 2  # both are called "tiny"
    assert all(name.startswith("tiny ") for name in names)
    for _ in range(2):
        evaluate(recipe(), data, protocol=protocol, log=log, trainer=replace(trainer, name="other"), progress=False)
    assert len(trainer.calls) == 4


def test_a_line_says_everything_needed_to_repeat_it(data: Dataset, tmp_path: Path) -> None:
    log = tmp_path / "runs.jsonl"
    trainer = NearestMeanTrainer(tmp_path / "calls")
    result = evaluate(recipe(), data, protocol=Protocol((3,), per_class=2), log=log, trainer=trainer, progress=False)
    line = json.loads(log.read_text())
    run = result.runs[0]
    assert line["accuracy"] == pytest.approx(np.mean(run.predictions == run.labels))
    assert (line["draw"], line["seed"], line["per_class"], line["n_train"], line["n_test"]) == (3, 3, 2, 6, 12)
    assert {"time", "commit", "recipe", "data", "split_ids", "host_threads", "precision", "versions"} <= line.keys()
    assert line["trainer"].endswith("NearestMeanTrainer")
    assert len(list(ResultsLog(log).lines())) == 1


def test_workers_give_what_one_process_gives(data: Dataset, tmp_path: Path) -> None:
    protocol = Protocol((0, 1), per_class=2)
    trainer = NearestMeanTrainer(tmp_path / "calls")
    alone = evaluate(recipe(), data, protocol=protocol, trainer=trainer, progress=False)
    log = tmp_path / "runs.jsonl"
    several = evaluate(recipe(), data, protocol=protocol, trainer=trainer, progress=False, jobs=2, log=log)
    assert same(alone, several)
    assert len([c for c in trainer.calls if not c.endswith(f"-{os.getpid()}")]) == 2


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(KILLED.format(folder=str(tmp_path / "calls")), encoding="utf-8")
    calls = NearestMeanTrainer(tmp_path / "calls")
    with subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": str(Path.cwd())}) as parent:
        try:
            assert _within(300, lambda: len(calls.calls) == 2 or parent.poll() is not None)
        finally:
            parent.kill()
    workers = [int(name.split("-")[-1]) for name in calls.calls]
    assert len(workers) == 2
    assert _within(20, lambda: not any(_alive(pid) for pid in workers))


KILLED = """
from pathlib import Path
from typing import Any
from handful.evaluation.evaluate import Protocol, evaluate
from tests.support.trainers import NearestMeanTrainer
from tests.support.datasets import recipe, squares

if __name__ == "__main__":
    trainer = NearestMeanTrainer(Path({folder!r}), sleeps=600)
    evaluate(recipe(), squares(5), protocol=Protocol((0, 1), per_class=2), trainer=trainer, jobs=2, progress=False)
"""


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.1)
    return False


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


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


def test_a_long_tail_is_told_by_its_line_and_is_another_run(data: Dataset, tmp_path: Path) -> None:
    log, trainer = tmp_path / "runs.jsonl", NearestMeanTrainer(tmp_path / "calls")
    plain = Protocol((0,), per_class=6)
    protocols = (
        plain,
        replace(plain, long_tail=1.0),  # the same images
        replace(plain, long_tail=6.0),
        replace(plain, long_tail=6.0, tail_order="seeded"),
    )
    for protocol in (*protocols, *protocols):
        result = evaluate(recipe(), data, protocol=protocol, log=log, trainer=trainer, progress=False)
        assert result.runs[0].counts is not None
    assert len(trainer.calls) == 4
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line.get("long_tail"), line.get("tail_order")) for line in lines] == [
        (None, None),
        (1.0, "classes"),
        (6.0, "classes"),
        (6.0, "seeded"),
    ]
    assert [sorted(line["counts"]) for line in lines] == [[6, 6, 6], [6, 6, 6], [1, 2, 6], [1, 2, 6]]
    assert lines[2]["counts"] == [6, 2, 1]
    assert "long_tail" not in lines[0]
    assert len({line["predictions"] for line in lines}) == 4
    found = read_results(log)
    assert len(found) == 4
    assert [r.runs[0].counts.tolist() for r in found] == [line["counts"] for line in lines]  # type: ignore[union-attr]


def test_lines_from_before_there_were_counts_and_long_tails_are_not_trained_again(
    data: Dataset, tmp_path: Path
) -> None:
    log, trainer = tmp_path / "runs.jsonl", NearestMeanTrainer(tmp_path / "calls")
    protocol = Protocol((0,), per_class=2)
    evaluate(recipe(), data, protocol=protocol, log=log, trainer=trainer, progress=False)
    line = json.loads(log.read_text())
    assert line.pop("counts") == [2, 2, 2]
    log.write_text(json.dumps(line) + "\n")
    assert read_results(log)[0].runs[0].counts is None
    again = evaluate(recipe(), data, protocol=protocol, log=log, trainer=trainer, progress=False)
    assert len(trainer.calls) == 1
    assert again.runs[0].counts is not None
