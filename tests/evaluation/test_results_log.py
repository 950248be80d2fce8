import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.core.result import Result
from handful.errors import OutputError
from handful.evaluation.evaluate import Protocol, evaluate
from handful.evaluation.results_log import ResultsLog, read_results
from tests.support.datasets import recipe
from tests.support.results import same_runs
from tests.support.trainers import NearestMean, NearestMeanTrainer


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
    assert same_runs(first, once())
    assert len(trainer.calls) == 2
    assert same_runs(first, once())
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


def test_the_weight_of_the_class_names_is_in_the_log(data: Dataset, tmp_path: Path) -> None:
    class Carded(NearestMean):
        card: ClassVar[Mapping[str, Any]] = {"class_names": {"weight": 6.26}}

    class Named(NearestMeanTrainer):
        def __call__(self, *arguments: Any, **options: Any) -> NearestMean:
            return Carded(super().__call__(*arguments, **options).means)

    log, protocol = tmp_path / "runs.jsonl", Protocol((0,), per_class=2)
    result = evaluate(recipe(), data, protocol=protocol, log=log, trainer=Named(tmp_path / "calls"), progress=False)
    assert [run.name_weight for run in result.runs] == [6.26]
    (again,) = read_results(log)
    assert [run.name_weight for run in again.runs] == [6.26]
    line = json.loads(log.read_text())
    log.write_text(json.dumps({**line, "name_weight": "much"}) + "\n")
    with pytest.raises(OutputError, match="no run"):
        read_results(log)
    evaluate(
        recipe(),
        data,
        protocol=protocol,
        log=tmp_path / "b.jsonl",
        trainer=NearestMeanTrainer(tmp_path / "b"),
        progress=False,
    )
    assert "name_weight" not in (tmp_path / "b.jsonl").read_text()
