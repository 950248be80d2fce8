"""An annotation session on a folder of image files, for the tests of the annotation server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from handful.annotation.files.mask_patch import Patch
from handful.annotation.files.project import open_project
from handful.annotation.files.store import AnnotationStore
from handful.annotation.server.session import Session, Settings
from handful.core.dataset import Dataset
from tests.support.command_line import write_images
from tests.support.datasets import squares

TOKEN = "secret"


@contextmanager
def open_session(folder: Path, *, data: Dataset | None = None, settings: Settings | None = None) -> Iterator[Session]:
    """A session on coloured squares in `folder/photos`."""
    write_images(data or squares(4, size=24), folder / "photos")
    project = open_project(folder / "photos")
    with AnnotationStore(project.folder, project.data.ids) as store:
        session = Session(project, store, source=str(folder / "photos"), settings=settings or Settings(token=TOKEN))
        try:
            yield session
        finally:
            session.close()


def draw_square(session: Session, name: str, *, key: str = "") -> None:
    """Draw the square of an image of `squares`, as a person would."""
    mask = next(s.mask for s in squares(4, size=24).samples if s.id == name)
    assert mask is not None
    base = session.store[name].mask_version
    session.store.stroke(
        name,
        Patch(0, 0, mask),
        size=mask.shape,
        base=base,
        key=key or name,
        source="brush",
        seconds=2.0,
    )


def packed_mask(mask: np.ndarray) -> bytes:
    """A mask as the page sends it."""
    return np.packbits(mask).tobytes()
