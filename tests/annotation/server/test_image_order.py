from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.annotation.files.feature_file import FeatureFile
from handful.annotation.files.name_scores import NameScores, read_name_scores, write_name_scores
from handful.annotation.files.project import image_path, open_project
from handful.annotation.files.store import AnnotationStore
from handful.annotation.server.session import Session, Settings, image_key
from handful.annotation.server.worker import score_class_names
from handful.annotation.tools.active_learning import Strategy
from handful.data.images import pixels
from handful.errors import DataError
from tests.annotation import photo_session
from tests.support.datasets import squares

STRATEGIES: tuple[Strategy, ...] = ("balanced", "diverse")
CLASSES = ("blue", "green", "red")


@contextmanager
def open_unlabelled(folder: Path, backbone: str | None = None) -> Iterator[Session]:
    """A session on colored squares in one folder, without classes."""
    for i, sample in enumerate(squares(4, size=24).samples):
        (folder / "photos").mkdir(parents=True, exist_ok=True)
        Picture.fromarray(pixels(sample).transpose(1, 2, 0)).save(folder / f"photos/{i:02d}.png")
    project = open_project(folder / "photos")
    settings = Settings(token=photo_session.TOKEN, backbone=backbone)
    with AnnotationStore(project.folder, project.data.ids) as store:
        session = Session(project, store, source=str(folder / "photos"), settings=settings)
        try:
            yield session
        finally:
            session.close()


def write_features(session: Session, backbone: str | None = None) -> None:
    files = {s.id: image_path(session.project, s) for s in session.project.data.samples}
    FeatureFile(session.project.folder, backbone).add(files, np.random.default_rng(0).random((len(files), 1280)))


def write_scores(session: Session, p_value: float) -> None:
    """As if the names said of the first four images that they are blue, of the next that they are green, then red."""
    ids = session.project.data.ids
    likely = np.repeat(np.eye(3), 4, axis=0) * 0.8 + 0.1 + np.arange(12)[:, None] * 0.001
    write_name_scores(session.project.folder, NameScores(CLASSES, ids, likely, p_value))


def asked(session: Session, times: int, strategy: Strategy = "balanced") -> list[tuple[int, str]]:
    """Numbers of the images that are next, each of which is labelled blue, and the strategies used."""
    numbers, ids = [], session.project.data.ids
    for i in range(times):
        key, used = session.next(strategy, "label", after=None, seed=0)
        number = [image_key(name) for name in ids].index(str(key))
        numbers.append((number, used))
        base = session.store[ids[number]].label_version
        session.store.set_label(ids[number], "blue", base=base, key=str(i), cannot_tell=False, seconds=1.0)
    return numbers


def test_names_that_say_something_ask_for_the_rarest_class_first(tmp_path: Path) -> None:
    with open_unlabelled(tmp_path) as session:
        session.order.list_classes(CLASSES)
        write_features(session)
        write_scores(session, 0.01)
        assert asked(session, 4) == [(3, "balanced"), (7, "balanced"), (6, "balanced"), (5, "balanced")]


@pytest.mark.parametrize(("p_value", "names"), [(0.2, CLASSES), (0.01, ("blue", "red"))])
def test_other_names_change_nothing(tmp_path: Path, p_value: float, names: tuple[str, ...]) -> None:
    order, strategies = {}, STRATEGIES
    for strategy in strategies:
        with open_unlabelled(tmp_path / strategy) as session:
            session.order.list_classes(names)
            write_features(session)
            write_scores(session, p_value)
            order[strategy] = asked(session, 5, strategy)
    assert order["balanced"] == order["diverse"]
    assert {used for _, used in order["balanced"]} == {"diverse"}


def test_masks_are_asked_for_as_before(tmp_path: Path) -> None:
    with open_unlabelled(tmp_path) as session:
        session.order.list_classes(CLASSES)
        write_features(session)
        write_scores(session, 0.01)
        assert session.next("balanced", "mask", after=None, seed=0)[1] == "diverse"


def test_after_some_labels_per_class_the_order_is_diverse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handful.annotation.tools.active_learning.FIRST_LABELS", 1)
    with open_unlabelled(tmp_path) as session:
        session.order.list_classes(CLASSES)
        write_features(session)
        write_scores(session, 0.01)
        assert [used for _, used in asked(session, 5)] == ["balanced"] * 3 + ["diverse"] * 2


def test_a_class_that_was_met_on_the_way_ends_it(tmp_path: Path) -> None:
    with open_unlabelled(tmp_path) as session:
        for name in CLASSES:  # on the page, before the first label
            session.order.add_class(name)
        write_features(session)
        write_scores(session, 0.01)
        assert asked(session, 1)[0][1] == "balanced"
        session.order.add_class("violet")
        assert asked(session, 1)[0][1] == "diverse"
        with pytest.raises(DataError, match="not a valid class name"):
            session.order.list_classes(["a\tb"])


def test_scores_of_the_names_are_computed_once_there_are_features(tmp_path: Path) -> None:
    with open_unlabelled(tmp_path) as session:
        session.order.list_classes(CLASSES)
        assert session.next("balanced", "label", after=None, seed=0)[1] == "random"
        assert session.work()["names"] is None
        session.order.extract_features()
        assert session.order.feature_extraction is not None
        assert session.order.feature_extraction.wait(120) == "done"
        for _ in range(2):
            session.next("balanced", "label", after=None, seed=0)
        scoring = session.order.name_scoring
        assert scoring is not None
        assert session.work()["names"]["state"] in ("running", "done")
        assert scoring.wait(120) == "done", scoring.error
        scores = read_name_scores(session.project.folder)
        assert scores is not None
        assert (scores.classes, scores.ids) == (CLASSES, session.project.data.ids)
        assert scores.probabilities.sum(axis=1) == pytest.approx(1)
        assert 0 < scores.p_value <= 1


def test_features_that_no_name_can_be_compared_with_say_nothing(tmp_path: Path) -> None:
    with open_unlabelled(tmp_path, "pixels") as session:
        write_features(session, "pixels")
        request = {**session._source, "backbone": "pixels", "classes": list(CLASSES), "seed": 0}
        score_class_names(request, lambda _: None)
        scores = read_name_scores(session.project.folder, "pixels")
        assert scores is not None
        assert (scores.p_value, scores.ids) == (1.0, ())
        assert read_name_scores(session.project.folder) is None


def test_damaged_scores_count_as_none(tmp_path: Path) -> None:
    (tmp_path / ".name-scores.npz").write_bytes(b"no archive")
    assert read_name_scores(tmp_path) is None
