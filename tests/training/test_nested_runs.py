import math
from dataclasses import replace
from pathlib import Path

import pytest

from handful.core.dataset import Dataset
from handful.core.progress import Progress
from handful.core.recipe import Part, Recipe
from handful.errors import OutputError
from handful.models.classifier import Classifier
from handful.models.ensemble import Ensemble
from handful.saving.checkpoint import NETWORKS, refuse_unfinished
from handful.saving.classifier import refuse_existing_model, save_classifier
from handful.training.nested_runs import memoize_on_disk
from handful.training.train import train
from tests.support.classifiers import untrained
from tests.support.datasets import recipe, squares
from tests.support.resume import stopped_and_resumed


def three() -> Recipe:
    return replace(recipe("linear", "steps=4"), posthoc=(Part("ensemble", {"members": 3}),))


def members(joined: Classifier) -> tuple[Classifier, ...]:
    assert isinstance(joined, Ensemble)
    return joined.members


def test_a_stopped_ensemble_goes_on_in_the_member_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, folder = squares(), tmp_path / "run"
    whole = train(three(), data, progress=False)
    advance, trained = Progress.advance, []

    def counted(self: Progress, loss: float, steps: int = 1) -> None:
        trained.append(math.isfinite(loss))
        advance(self, loss, steps)

    monkeypatch.setattr(Progress, "advance", counted)
    resumed = stopped_and_resumed(three(), data, folder, monkeypatch, at=10)
    assert sum(trained) == 9 + 3  # nine before it was stopped, in its tenth, of which nine were kept
    for one, other in zip(members(whole), members(resumed), strict=True):
        for name, value in one.network.state_dict().items():
            assert value.equal(other.network.state_dict()[name]), name

    with pytest.raises(OutputError, match="this folder holds an unfinished run"):
        refuse_unfinished(folder, resume=False, overwrite=False)
    refuse_existing_model(folder, overwrite=False)
    save_classifier(resumed, folder)
    assert not (folder / NETWORKS).exists()


def test_a_run_stopped_before_its_own_first_step_is_unfinished_too(tmp_path: Path) -> None:
    fit = memoize_on_disk(lambda *_: untrained(), tmp_path / "run", resume=False, device="cpu")
    fit(recipe("linear"), squares(), 0)
    with pytest.raises(OutputError, match="this folder holds an unfinished run"):
        refuse_unfinished(tmp_path / "run", resume=False, overwrite=False)
    refuse_existing_model(tmp_path / "run", overwrite=False)
    # What a kill leaves in the middle of a save is ours as well.
    next((tmp_path / "run" / NETWORKS).iterdir()).rename(tmp_path / "run" / NETWORKS / ".0a-1b-0.part")
    (tmp_path / "run" / "checkpoint.part").touch()
    refuse_existing_model(tmp_path / "run", overwrite=False)
    (tmp_path / "run" / NETWORKS / "photographs").mkdir()
    with pytest.raises(OutputError, match="holds other files"):
        refuse_existing_model(tmp_path / "run", overwrite=True)


def test_what_is_there_is_taken_on_resume_alone_and_for_the_same_work_alone(tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []

    def fit(plan: Recipe, data: Dataset, seed: int, own: Path | None) -> Classifier:
        asked.append((plan.name, seed))
        return untrained(seed=seed)

    own, data = recipe("linear"), squares()
    begin = memoize_on_disk(fit, tmp_path, resume=False, device="cpu")
    again = memoize_on_disk(fit, tmp_path, resume=True, device="cpu")
    first = begin(own, data, 1)
    begin(own, data, 1)
    assert len(asked) == 2
    same = again(own, data, 1)
    assert len(asked) == 2
    assert (same.probabilities(data) == first.probabilities(data)).all()
    again(own, data, 2)
    again(own, squares(3), 1)
    again(replace(own, batch_size=3), data, 1)
    assert len(asked) == 5


def test_fitted_heads_and_runs_without_a_folder_keep_nothing(tmp_path: Path) -> None:
    folders: list[Path | None] = []

    def fit(plan: Recipe, data: Dataset, seed: int, own: Path | None) -> Classifier:
        folders.append(own)
        return untrained()

    memoize_on_disk(fit, tmp_path, resume=True, device="cpu")(replace(recipe("linear"), stages=()), squares(), 0)
    memoize_on_disk(fit, None, resume=True, device="cpu")(recipe("linear"), squares(), 0)
    assert folders == [None, None]
    assert not list(tmp_path.iterdir())
