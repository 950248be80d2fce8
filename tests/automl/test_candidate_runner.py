from dataclasses import replace
from pathlib import Path

from handful.automl.candidate_runner import CandidateRunner, minutes
from handful.automl.candidates import Candidate
from handful.core.result import Result
from handful.evaluation.evaluate import evaluate
from handful.evaluation.protocol import Protocol
from handful.recipes.load import load_recipe
from tests.support.datasets import squares


def test_a_repeat_in_the_log_is_taken_unless_results_of_fewer_images_came_before_it(tmp_path: Path) -> None:
    data, log = squares(4), tmp_path / "log.jsonl"
    candidate = Candidate(load_recipe("logistic-pixels"), False)
    whole = evaluate(candidate.recipe, data, protocol=Protocol((0,), folds=2), device="cpu", log=log, progress=False)
    partial = Result(replace(candidate.recipe, name="other"), data.classes, whole.runs[:1])
    runner = CandidateRunner(data, 2, log, "cpu", False, lambda _: None)
    runner.results, runner.full = {"other": partial}, False
    assert not runner.load(candidate, 0)
    assert set(runner.results) == {"other"}
    runner.full = True
    assert runner.load(candidate, 0)
    assert len(runner.results["logistic-pixels"].runs) == 2
    assert not runner.load(candidate, 1)  # not in the log


def test_times_are_whole_minutes_and_never_none() -> None:
    assert minutes(20) == "1 minute"
    assert minutes(150) == "2 minutes"
