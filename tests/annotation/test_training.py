from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handful.annotation.files.annotations import read_record
from handful.annotation.files.mask_patch import Patch
from handful.annotation.files.project import annotated
from handful.annotation.files.proposals import read_proposals
from handful.annotation.server.background import BackgroundProcess
from handful.annotation.server.session import Session, Settings
from handful.annotation.training import agreement, train_and_score, training_images, usable_draws
from handful.data.masks.attach import attach_masks
from handful.data.masks.provenance import read_provenance
from handful.errors import HandfulWarning, TrainingError
from handful.recipes.write import to_toml
from handful.saving.classifier import load_classifier
from tests.annotation import photo_session
from tests.support.datasets import recipe, squares

DRAWN = [f"{name}/0-{i}.png" for name in ("blue", "green", "red") for i in (0, 1, 2)]


def _train(held: Session) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    said: list[dict[str, Any]] = []
    record, plan = read_record(held.project.folder, held.project.data.ids), recipe("segmentation", "stages.0.steps=3")
    found = train_and_score(held.project, record, plan, draws=2, folds=2, seed=0, device="cpu", report=said.append)
    return found, said


def test_a_training_proposes_masks_and_scores_honestly(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as held:
        for name in DRAWN:
            photo_session.draw_square(held, name)
        held.store.set_label("red/0-3.png", None, base=0, key="x", cannot_tell=True)
        found, said = _train(held)
        score = found["score"]
        assert (score["draws"], score["folds"], score["images"]) == (2, 2, 11)
        assert score["worst"] <= score["mean"]
        assert score["low"] <= score["mean"] <= score["high"]
        assert (found["masks"], found["labels"], found["accepted"]) == (9, 11, 0)
        assert [s["stage"] for s in said if s["done"] == 0] == ["training", "propagating", "scoring"]
        assert [s["done"] for s in said if s["stage"] == "scoring"] == [0, 1, 2, 3]
        proposals = read_proposals(held.project.folder)
        assert proposals.round == found["round"] == 1
        assert set(proposals.certainty) <= {"blue/0-3.png", "green/0-3.png", "red/0-3.png"}
        assert load_classifier(held.project.folder / "model").classes == ("blue", "green", "red")
        assert sorted(read_record(held.project.folder, DRAWN).annotations) == sorted(DRAWN)


def test_rejected_masks_are_never_learnt_from(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as held:
        for name in DRAWN[:-1]:
            photo_session.draw_square(held, name)
        held.store.review("blue/0-3.png", "reject", round_=1)
        mask = np.eye(24, dtype=bool)
        held.store.stroke("red/0-3.png", Patch(0, 0, mask), size=(24, 24), base=0, key="a", source="propagated")
        data = annotated(held.project, held.store.record)
        sources = {s.id: s.mask_source for s in data.samples}
        assert sources["blue/0-3.png"] is None
        assert sources["red/0-3.png"] == "propagated"
        assert sources[DRAWN[0]] == "hand"


def test_the_score_makes_accepted_masks_again_and_the_project_says_what_its_model_saw(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as held:
        for name in DRAWN:
            photo_session.draw_square(held, name)
        mask = np.zeros((24, 24), dtype=bool)
        mask[4:12, 4:12] = True
        for name in ("blue/0-3.png", "green/0-3.png"):
            held.store.stroke(name, Patch(0, 0, mask), size=(24, 24), base=0, key=name, source="propagated")
        with pytest.warns(HandfulWarning, match="the masks of 2 images were propagated"):
            found, _ = _train(held)
        assert (found["masks"], found["accepted"]) == (11, 2)
        assert "score" in found
        provenance = read_provenance(held.project.folder)
        assert provenance is not None
        assert provenance.saw is not None
        assert sorted(provenance.saw) == sorted([*DRAWN, "blue/0-3.png", "green/0-3.png"])
        data = attach_masks(held.project.data, held.project.folder / "masks")
        sources = {s.id: s.mask_source for s in data.samples}
        assert (sources["blue/0-3.png"], sources[DRAWN[0]]) == ("propagated", "hand")
        assert data.segmenter_saw == frozenset(provenance.saw.values())


def test_accepted_masks_alone_give_no_score() -> None:
    data = squares(4, size=8)
    accepted = replace(data, samples=tuple(replace(s, mask_source="propagated") for s in data.samples))
    assert usable_draws(accepted, 2, 3, with_masks=True) == []


def test_too_few_masks_are_said_before_training(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as held:
        with pytest.raises(TrainingError, match="no image of blue, green, red has a mask"):
            _train(held)
        photo_session.draw_square(held, DRAWN[0])
        with pytest.raises(TrainingError, match="no image of green, red"):
            _train(held)


def test_one_mask_per_class_trains_without_a_score(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as held:
        for name in DRAWN[::3]:
            photo_session.draw_square(held, name)
        found, _ = _train(held)
        assert "score" not in found
        assert "at least 2 drawn masks" in str(found["why_no_score"])


def test_images_without_a_mask_or_a_label_are_for_recipes_that_learn_from_them() -> None:
    data = squares(2)
    samples = [replace(s, mask=None) if i < 3 else s for i, s in enumerate(data.samples)]
    samples[0] = replace(samples[0], label=None)
    given = replace(data, samples=tuple(samples))
    paste = recipe("segmentation", 'augment=[{name="copy_paste"}]', "ema=0.9")
    assert len(training_images(given, paste)) == 6
    assert len(training_images(given, recipe("segmentation", 'augment=[{name="copy_paste"}]'))) == 3
    assert len(training_images(given, recipe("linear"))) == 5


def test_folds_are_chosen_by_where_masks_are() -> None:
    data = squares(4, size=8)
    assert usable_draws(data, 2, 3, with_masks=True) == [0, 1, 2]
    assert usable_draws(data, 5, 3, with_masks=True) == []


def test_certainty_is_one_for_certain_pixels() -> None:
    sure = np.zeros((3, 4, 4), np.float32)
    sure[1, :2], sure[0, 2:] = 1, 1
    assert agreement(sure) == pytest.approx(1)
    unsure = np.full((3, 4, 4), 0.3, np.float32)
    unsure[1] = 0.4
    assert agreement(unsure) == pytest.approx(0.7)
    nothing = np.zeros((3, 4, 4), np.float32)
    nothing[0] = 1
    assert agreement(nothing) == 0


@pytest.mark.slow
def test_a_process_of_its_own_trains_stops_and_fails_in_words(tmp_path: Path) -> None:
    plan = tmp_path / "tiny.toml"
    plan.write_text(to_toml(recipe("segmentation")))
    with photo_session.open_session(
        tmp_path, settings=Settings(recipe=str(plan), folds=2, device="cpu", token="t")
    ) as held:
        for name in DRAWN:
            photo_session.draw_square(held, name)
        held.train()
        assert held.training is not None
        assert held.training.wait(120) == "done", held.training.error
        (found,) = held.store.record.trainings
        assert found["score"]["draws"] == 2
        assert held.proposals.round == 1
        held.train()
        held.training.stop()
        assert held.work()["training"]["state"] == "stopped"
        assert len(held.store.record.trainings) == 1
        held.order.extract_features()
        extraction = held.order.feature_extraction
        assert extraction is not None
        assert extraction.wait(120) == "done", extraction.error
        assert held.next("diverse", "mask", after=None, seed=0)[1] == "diverse"
    job = BackgroundProcess(
        {"work": "features", "source": str(tmp_path / "nothing"), "folder": str(tmp_path / "x")}, lambda _: None
    )
    assert job.wait(120) == "failed"
    assert "nothing" in job.error
