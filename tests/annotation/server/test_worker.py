from pathlib import Path
from typing import Any

from handful.annotation.files.feature_file import FeatureFile
from handful.annotation.server.session import Settings
from handful.annotation.server.worker import compute_features
from tests.annotation import photo_session


def test_images_are_ordered_by_the_features_of_the_backbone_that_was_asked_for(tmp_path: Path) -> None:
    settings = Settings(token=photo_session.TOKEN, backbone="pixels")
    with photo_session.open_session(tmp_path, settings=settings) as session:
        events: list[dict[str, Any]] = []
        compute_features({**session._source, "backbone": "pixels"}, events.append)
        rows = FeatureFile(session.project.folder, "pixels").rows
        assert events[-1] == {"finished": {"images": 12}}
        assert {row.shape for row in rows.values()} == {(3 * 32 * 32,)}
        assert session.next("diverse", "mask", after=None, seed=0)[1] == "diverse"
        session.order.backbone = None  # of the embedded one there are none
        assert session.next("diverse", "mask", after=None, seed=0)[1] == "random"
