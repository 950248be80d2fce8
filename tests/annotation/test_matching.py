"""Matching from the page: one drawn mask proposes the others, and none is a clear error."""

from pathlib import Path
from typing import Any

import pytest

from handful.annotation.files.annotations import read_record
from handful.annotation.files.proposals import read_proposals
from handful.annotation.matching import match_and_propose
from handful.data.masks.provenance import read_provenance
from handful.errors import TrainingError
from tests.annotation import photo_session


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


def test_the_worker_matches_and_the_session_shows_its_proposals(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as held:
        photo_session.draw_square(held, "blue/0-0.png")
        held.match()
        assert held.training is not None
        assert held.training.wait(300) == "done", held.training.error
        assert held.proposals.round == 1
        assert not held.store.record.trainings
