"""Matching from the page: one drawn mask proposes the others, and none is a clear error."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handful.annotation.cell_vectors import CellVectors
from handful.annotation.files.annotations import read_record
from handful.annotation.files.project import annotated
from handful.annotation.files.proposals import read_proposals, write_proposals
from handful.annotation.matching import compute_vectors, match_ahead, match_and_propose
from handful.annotation.server.session import image_key
from handful.annotation.tools.prompts import Prompt
from handful.data.images import pixels
from handful.data.masks.provenance import read_provenance
from handful.data.masks.quality import iou
from handful.errors import TrainingError
from tests.annotation import photo_session
from tests.support.datasets import squares


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("it never came")


def test_masks_are_proposed_from_the_first_one_on(tmp_path: Path) -> None:
    said: list[dict[str, Any]] = []
    with photo_session.open_session(tmp_path) as held:
        project = held.project
        with pytest.raises(TrainingError, match="no image has a mask to match with"):
            match_and_propose(project, read_record(project.folder, project.data.ids), seed=0, report=said.append)
        photo_session.draw_square(held, "blue/0-0.png")
        record = read_record(project.folder, project.data.ids)
        found = match_and_propose(project, record, seed=0, report=said.append)
        proposals = read_proposals(project.folder)
        assert found == {"masks": 1, "proposals": len(proposals.certainty), "round": 1}
        assert proposals.certainty
        assert "blue/0-0.png" not in proposals.certainty
        assert (said[-1]["stage"], said[-1]["done"]) == ("matching", said[-1]["of"])
        saw = read_provenance(project.folder / "masks")
        assert saw is not None
        assert list(saw.saw or {}) == ["blue/0-0.png"]


def test_computed_vectors_give_every_image_a_mask_at_once_which_is_cut_when_it_is_looked_at(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as held:
        project = held.project
        vectors = compute_vectors(project, lambda _: None)
        photo_session.draw_square(held, "blue/0-0.png")
        record = read_record(project.folder, project.data.ids)
        found = match_and_propose(project, record, seed=0, report=lambda _: None, vectors=vectors)
        proposals = read_proposals(project.folder)
        assert found["proposals"] == len(proposals.coarse) == len(proposals.certainty) > 0
        name, truth = next((s.id, s.mask) for s in squares(4, size=24).samples if s.id in proposals.coarse)
        assert truth is not None
        file = project.folder / f"propagated/1/{name}.png"
        preview = proposals.preview(name, truth.shape)
        assert preview is not None
        assert preview.shape == truth.shape
        assert not file.exists()
        sample = next(s for s in project.data.samples if s.id == name)
        mask = proposals.mask(name, lambda: pixels(sample))
        assert mask is not None
        assert iou(mask, truth) > 0.5
        assert file.exists()
        np.testing.assert_array_equal(mask, proposals.mask(name, lambda: pytest.fail("is read from the file")))
        np.testing.assert_array_equal(mask, proposals.preview(name, truth.shape))


def test_marks_on_an_image_without_a_mask_are_a_partial_mask(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as held:
        project, name = held.project, "blue/0-0.png"
        marks = (Prompt("point", ((12.0, 12.0),), width=3.0), Prompt("box", ((4.0, 4.0), (20.0, 20.0))))
        held.store.set_prompts(name, marks, base=0, key="a", seconds=1.0)
        record = read_record(project.folder, project.data.ids)
        assert all(s.mask is None for s in annotated(project, record).samples)
        marked = next(s for s in annotated(project, record, marks=True).samples if s.id == name)
        assert marked.mask is not None
        assert marked.known is not None
        assert marked.mask[12, 12]
        assert marked.known[0, 0]
        assert not marked.mask[0, 0]
        assert not marked.known[6, 6]
        found = match_and_propose(project, record, seed=0, report=lambda _: None)
        assert found["masks"] == 1
        proposed = read_proposals(project.folder)
        if name in proposed.certainty:  # the whole mask of the image with marks says what these say
            mask = proposed.mask(name, lambda: pytest.fail("is read from the file"))
            assert mask is not None
            assert mask[12, 12]
            assert not mask[0, 0]


def test_the_image_on_the_page_is_matched_while_vectors_are_computed_and_the_whole_match_is_the_same(
    tmp_path: Path,
) -> None:
    with photo_session.open_session(tmp_path) as held:
        project = held.project
        photo_session.draw_square(held, "blue/0-0.png")
        record = read_record(project.folder, project.data.ids)
        last = project.data.ids[-1]
        seen: list[set[str]] = []

        def ask(vectors: CellVectors) -> None:
            if len(seen) < 2:
                assert match_ahead(project, record, vectors, first=last, seed=0)
                seen.append(set(read_proposals(project.folder).certainty))

        vectors = compute_vectors(project, lambda _: None, between=ask)
        assert last in seen[0]
        assert seen[0] <= seen[1]
        assert len(seen[1]) < len(project.data) - 1
        rounds = []
        for each in (vectors, compute_vectors(project, lambda _: None)):
            match_and_propose(project, record, seed=0, report=lambda _: None, vectors=each)
            rounds.append(read_proposals(project.folder))
        asked, alone = rounds
        assert asked.certainty == alone.certainty
        assert all(np.array_equal(asked.coarse[name], alone.coarse[name]) for name in alone.coarse)
        assert not match_ahead(project, record, vectors, first=last, seed=0)  # few images: all are as soon matched


def test_an_image_that_cannot_be_read_counts_as_prepared(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as held:
        last = held.project.data.ids[-1]
        held.path(held.samples[image_key(last)]).write_bytes(b"no image")
        seen: list[dict[str, Any]] = []
        vectors = compute_vectors(held.project, seen.append)
        assert last not in vectors
        assert held.project.data.ids[0] in vectors
        assert seen[-1] == {"stage": "vectors", "done": len(held.project.data), "of": len(held.project.data)}


def test_a_process_that_stays_matches_after_each_mask_until_a_model_is_trained(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as held:
        held.match_drawn()
        assert held.work()["matching"] is False  # nothing to ask
        held.matching.start()
        photo_session.draw_square(held, "blue/0-0.png")
        held.match_drawn()
        assert held.work()["matching"] is True
        wait_for(lambda: not held.work()["matching"])
        assert held.work()["match_error"] == ""
        matched = held.work()["matched"]
        assert (matched["masks"], matched["proposals"]) == (1, len(held.proposals.certainty))
        assert matched["seconds"] > 0
        before = held.proposals.round
        assert held.proposals.coarse
        photo_session.draw_square(held, held.project.data.ids[-1])
        held.match()
        wait_for(lambda: not held.work()["matching"])
        assert held.proposals.round == before + 1
        assert held.work()["matched"]["masks"] == 2
        write_proposals(held.project.folder, {}, {})  # of something else
        held._read_proposals()
        assert held.work()["matched"] is None
        held.store.note_training({"recipe": "cvs", "masks": 2, "labels": 2, "accepted": 0, "round": 2})
        held.match_drawn()
        assert held.work()["matching"] is False


def test_the_worker_matches_and_the_session_shows_its_proposals(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as held:
        photo_session.draw_square(held, "blue/0-0.png")
        held.match()
        assert held.training is not None
        assert held.training.wait(300) == "done", held.training.error
        assert held.proposals.round == 1
        assert not held.store.record.trainings
