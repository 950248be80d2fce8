"""Evaluations that learn from images without labels: which they are, and that every result says so."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.unlabelled import unlabelled_samples
from handful.errors import ProtocolError
from handful.evaluation.evaluate import Protocol, evaluate
from handful.evaluation.results_log import read_results
from handful.recipes.load import from_toml
from handful.recipes.write import to_toml
from tests.support.command_line import fails, ok, write_images
from tests.support.datasets import squares
from tests.support.trainers import NearestMean
from tests.training.test_fit_head import PLAN, plan

SPREADING = plan("backbone={name='pixels'}", "head.neighbors=3", head="label_propagation")


@dataclass(frozen=True)
class Spy:
    """Writes down what it may learn from, one line a run."""

    path: Path

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> NearestMean:
        beside = [s for s in data.samples if s.label is None]
        assert all(s.mask is None and s.group is None for s in beside)
        with self.path.open("a") as file:
            file.write(",".join(sorted(s.id for s in beside)) + "\n")
        x = np.stack([np.asarray(s.image, np.float32).ravel() / 255 for s in data.samples])
        labels = data.labels
        return NearestMean(np.stack([x[labels == c].mean(axis=0) for c in range(len(data.classes))]))

    @property
    def seen(self) -> list[set[str]]:
        return [set(line.split(",")) - {""} for line in self.path.read_text().splitlines()]


def dataset() -> Dataset:
    """Five training and two test images of each class, and three training images without a label."""
    train, test = squares(5, split="train"), squares(2, seed=1, split="test")
    bare = [replace(s, label=None, id=f"bare{i}") for i, s in enumerate(squares(1, seed=2, split="train").samples)]
    return replace(train, samples=(*train.samples, *test.samples, *bare))


@pytest.mark.parametrize("which", ["none", "given", "rest"])
@pytest.mark.parametrize("transductive", [False, True])
@pytest.mark.parametrize("score_on", ["test", "rest"])
def test_a_run_gets_what_the_protocol_says_and_no_label(
    tmp_path: Path, which: str, transductive: bool, score_on: str
) -> None:
    data = dataset()
    protocol = Protocol((0, 1), 2, score_on=score_on, unlabelled=which, transductive=transductive)  # type: ignore[arg-type]
    spy = Spy(tmp_path / "seen")
    result = evaluate(SPREADING, data, protocol=protocol, trainer=spy)
    given = {s.id for s in data.samples if s.label is None}
    for run, seen in zip(result.runs, spy.seen, strict=True):
        left = {s.id for s in data.split("train").samples} - set(run.train_ids) - set(run.ids)
        expected = {"none": set(), "given": given, "rest": left}[which] | (set(run.ids) if transductive else set())
        assert seen == expected
        assert len(run.train_ids) == 6
    assert ("transductive" in result.recipe.name) == transductive
    assert (which in result.recipe.name) == (which != "none")


def test_runs_with_and_without_are_other_experiments_in_one_log(tmp_path: Path) -> None:
    log, spy = tmp_path / "log.jsonl", Spy(tmp_path / "seen")
    wishes = [{}, {"unlabelled": "given"}, {"unlabelled": "rest"}, {"transductive": True}]
    for _ in range(2):
        for wish in wishes:
            evaluate(SPREADING, dataset(), protocol=Protocol((0,), 2, **wish), trainer=spy, log=log)  # type: ignore[arg-type]
    assert len(spy.seen) == len(log.read_text().splitlines()) == 4
    names = {result.recipe.name.partition(" (")[2] for result in read_results(log)}
    assert names == {"", "given unlabelled)", "rest unlabelled)", "transductive)"}


def test_recipes_that_use_no_such_images_are_as_before(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    evaluate(plan(), dataset(), protocol=Protocol((0,), 2), log=log)
    assert '"transductive"' not in log.read_text()
    with pytest.raises(ProtocolError, match=r"(?s)none of these recipes learns from unlabelled.*label-propagation"):
        evaluate(plan(), dataset(), protocol=Protocol((0,), 2, transductive=True))


def test_a_member_of_an_ensemble_that_uses_such_images_gets_them(tmp_path: Path) -> None:
    member, spy = tmp_path / "spreading.toml", Spy(tmp_path / "seen")
    member.write_text(to_toml(SPREADING))
    ensemble = plan(f"posthoc=[{{name='ensemble',recipes=['{member}']}}]")
    evaluate(ensemble, dataset(), protocol=Protocol((0,), 2, unlabelled="given"), trainer=spy)
    evaluate(plan("posthoc=[{name='ensemble'}]"), dataset(), protocol=Protocol((0,), 2), trainer=spy)
    given = {s.id for s in dataset().samples if s.label is None}
    assert spy.seen == [given, set()]


def test_no_such_images_is_one_clear_error() -> None:
    bare = squares(5, split="train")
    part = bare.select(range(3))
    with pytest.raises(ProtocolError, match="no unlabelled images"):
        unlabelled_samples(bare, part, part, which="given", transductive=False)


def test_unlabelled_images_help() -> None:
    """One image of each class, and a pool to spread its label over."""
    data = squares(30, split="train")
    data = replace(data, samples=(*data.samples, *squares(20, seed=1, split="test").samples))
    alone = evaluate(SPREADING, data, protocol=Protocol((0, 1, 2), 1))
    helped = evaluate(SPREADING, data, protocol=Protocol((0, 1, 2), 1, unlabelled="rest"))
    scores = [np.mean([np.mean(r.predictions == r.labels) for r in result.runs]) for result in (alone, helped)]
    assert scores[1] >= scores[0]


def test_the_command_prints_that_it_was_transductive(tmp_path: Path) -> None:
    write_images(squares(4), tmp_path / "images")
    recipe = PLAN.replace("nearest_centroid", "label_propagation").replace("wide_resnet", "pixels")
    recipe = recipe.replace("depth = 10\nwidth = 1\n", "")
    (tmp_path / "spread.toml").write_text(recipe)
    from_toml(recipe, where="spread")
    (tmp_path / "mean.toml").write_text(recipe.replace("label_propagation", "nearest_centroid"))
    common = ("evaluate", tmp_path / "images", "-m", 2, "-n", 2)
    said = ok(*common, "-r", tmp_path / "spread.toml", "--transductive")
    assert "(transductive)" in " ".join(said.split())
    assert "trained on the scored images too, without their labels" in " ".join(said.split())
    assert "ransductive" not in ok(*common, "-r", tmp_path / "spread.toml")
    assert "none of these recipes learns from unlabelled images" in " ".join(
        fails(*common, "-r", tmp_path / "mean.toml", "--transductive").split()
    )
