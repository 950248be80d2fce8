from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from handful.annotation.files.annotations import read_record
from handful.annotation.files.project import open_project
from handful.annotation.files.proposals import read_proposals
from handful.annotation.files.store import AnnotationStore
from handful.annotation.salient import propose_salient
from handful.annotation.server.session import Session, Settings, image_key
from handful.annotation.server.worker import run_salient
from handful.data.masks.quality import iou
from handful.errors import DataError, WeightsError
from handful.models import u2netp
from tests.annotation import photo_session
from tests.parts.prepare.test_grabcut import scene
from tests.support.u2netp import needs_u2netp


def photos(folder: Path) -> Path:
    """A disc, a blank image, and one that cannot be read."""
    (folder / "photos").mkdir()
    image, _ = scene(70, 90)
    for name, pixels in (("disc", image), ("noise", np.random.default_rng(0).integers(0, 255, (3, 70, 90), np.uint8))):
        Picture.fromarray(pixels.transpose(1, 2, 0)).save(folder / f"photos/{name}.png")
    return folder / "photos"


@needs_u2netp
def test_the_mask_on_which_both_methods_agree_least_is_asked_for_first(tmp_path: Path) -> None:
    project = open_project(photos(tmp_path))
    record = read_record(project.folder, project.data.ids)
    events: list[dict[str, Any]] = []
    result = propose_salient(project, record, seed=0, report=events.append)
    proposals = read_proposals(project.folder)
    assert (result["round"], result["proposals"]) == (1, len(proposals.certainty))
    assert events[-1] == {"stage": "salient", "done": 2, "of": 2}
    mask = proposals.mask("disc.png", lambda: np.zeros((3, 70, 90), np.uint8))
    assert mask is not None
    assert iou(mask, scene(70, 90)[1]) > 0.9
    assert proposals.certainty["disc.png"] > 0.9
    with AnnotationStore(project.folder, project.data.ids) as store:
        session = Session(project, store, source=str(tmp_path / "photos"), settings=Settings(token="secret"))
        session.proposals = replace(proposals, certainty={"disc.png": 0.95, "noise.png": 0.3})
        assert session.next("uncertain", "mask", after=None, seed=0) == (image_key("noise.png"), "uncertain")


@needs_u2netp
def test_images_with_a_mask_keep_it_and_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as session:
        name = "blue/0-0.png"
        photo_session.draw_square(session, name)
        (session.project.root / "blue/0-1.png").write_bytes(b"no image")
        finished: list[dict[str, Any]] = []
        run_salient({**session._source, "seed": 0}, finished.append)
        certainty = read_proposals(session.project.folder).certainty
        assert finished[-1]["finished"]["proposals"] == len(certainty)
        assert not {name, "blue/0-1.png"} & certainty.keys()


def test_without_the_extra_the_page_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(u2netp, "PACKAGE", "no-such-package")
    project = open_project(photos(tmp_path))
    with pytest.raises(WeightsError, match="salient"):
        propose_salient(project, read_record(project.folder, project.data.ids), seed=0, report=lambda _: None)
    assert read_proposals(project.folder).round == 0


@needs_u2netp
def test_one_process_proposes_masks_at_a_time(tmp_path: Path) -> None:
    with photo_session.open_session(tmp_path) as session:
        session.propose_salient()
        with pytest.raises(DataError, match="already running"):
            session.propose_salient()
        assert session.training is not None
        assert session.training.wait(120) == "done", session.training.error
        assert session.proposals.round == 1
