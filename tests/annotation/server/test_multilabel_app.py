import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi")
from starlette.testclient import TestClient

from handful.annotation.files.annotations import read_record, without_image
from handful.annotation.files.feature_file import FeatureFile
from handful.annotation.files.project import image_path, open_project
from handful.annotation.files.store import AnnotationStore
from handful.annotation.import_export import export_annotations
from handful.annotation.server.image_order import ImageOrder
from handful.annotation.server.multilabel_app import create_multilabel_app
from handful.annotation.server.multilabel_session import MultilabelSession
from handful.annotation.server.session import Settings, image_key
from handful.annotation.summary import summary
from handful.data.load import load_data
from handful.errors import DataError, OutputError
from tests.annotation import photo_session
from tests.support.command_line import write_images
from tests.support.datasets import squares

NAMES = tuple(f"{color}/{color_index}-{i}.png" for color_index, color in enumerate(("blue", "green")) for i in range(4))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_images(squares(4, size=24), tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture
def session(photos: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MultilabelSession]:
    monkeypatch.setattr(ImageOrder, "extract_features", lambda self: None)
    project = open_project(photos, multilabel="folders")
    with AnnotationStore(project.folder, project.data.ids) as store:
        found = MultilabelSession(project, store, source=str(photos), settings=Settings(token=photo_session.TOKEN))
        yield found
        found.close()


@pytest.fixture
def client(session: MultilabelSession) -> TestClient:
    base = f"http://127.0.0.1/{photo_session.TOKEN}/"
    return TestClient(create_multilabel_app(session), base_url=base, raise_server_exceptions=False)


def _change(
    client: TestClient, *changes: tuple[str, str, bool | None], seconds: float = 0.0
) -> dict[str, dict[str, bool]]:
    body = [{"key": image_key(name), "name": label, "present": present} for name, label, present in changes]
    answer = client.post("api/entries", json={"changes": body, "seconds": seconds})
    assert answer.status_code == 200, answer.text
    return {row["id"]: row["entries"] for row in answer.json()["images"]}


def test_the_class_folder_is_present_and_other_classes_are_unknown(client: TestClient) -> None:
    state = client.get("api/state").json()
    assert "blue" in state["classes"]
    first = state["images"][0]
    assert first["entries"] == {first["id"].split("/")[0]: True}
    page = client.get("")
    assert "multilabel.js" in page.text
    assert client.get("page/grid.js").status_code == 200
    assert client.get(f"api/images/{first['key']}/thumb").headers["content-type"] == "image/jpeg"


def test_entries_are_saved_and_an_unknown_one_replaces_what_the_data_say(
    client: TestClient, session: MultilabelSession
) -> None:
    first, second = session.project.data.ids[:2]
    assert client.post("api/classes", json={"name": "dent"}).json()["classes"].count("dent") == 1
    rows = _change(client, (first, "dent", True), (first, "blue", None), (second, "dent", False), seconds=6.0)
    assert rows == {first: {"dent": True}, second: {"blue": True, "dent": False}}
    record = read_record(session.project.folder, session.project.data.ids)
    assert record.annotations[first].entries == {"dent": True, "blue": None}
    assert record.annotations[first].seconds == {"label": 3.0}
    values = summary(session.project, record).values
    assert (values["present"], values["absent"]) == (len(session.project.data), 1)
    assert values["entry_seconds"] == 2.0


def test_a_wrong_change_saves_nothing(client: TestClient, session: MultilabelSession) -> None:
    first = session.project.data.ids[0]
    right = {"key": image_key(first), "name": "green", "present": True}
    for wrong in ({**right, "name": "dent"}, {**right, "key": "nothing"}):
        answer = client.post("api/entries", json={"changes": [right, wrong]})
        assert answer.status_code == 400
        assert answer.json()["remedy"]
    assert session.store[first].entries == {}
    assert client.post("api/entries", json={"changes": []}).status_code == 422


@pytest.mark.parametrize("name", ["path", "Group", "label", "split", "mask"])
def test_a_class_is_not_called_as_another_column_of_the_table(client: TestClient, name: str) -> None:
    answer = client.post("api/classes", json={"name": name})
    assert answer.status_code == 400
    assert "cannot be a class" in answer.json()["what"]


def test_suggestions_follow_the_answers(client: TestClient, session: MultilabelSession) -> None:
    data = session.project.data
    assert client.get("api/suggestions").json()["classes"] == {}
    files = {s.id: image_path(session.project, s) for s in data.samples}
    rows = np.stack([np.eye(4, dtype=np.float32)[int(name.split("/")[0] == "blue")] for name in data.ids])
    FeatureFile(session.project.folder).add(files, rows)
    blue = [name for name in data.ids if name.startswith("blue")]
    others = [name for name in data.ids if not name.startswith("blue")]
    client.post("api/classes", json={"name": "dent"})
    _change(client, *((name, "dent", True) for name in blue[:2]), *((name, "dent", False) for name in others[:2]))
    found = client.get("api/suggestions").json()["classes"]["dent"]
    assert len(found) == len(data) - 4
    assert min(found[image_key(name)] for name in blue[2:]) > max(found[image_key(name)] for name in others[2:])


def test_what_was_marked_is_there_again_and_the_table_is_read_with_unknown_entries(
    client: TestClient, session: MultilabelSession, photos: Path, tmp_path: Path
) -> None:
    ids = session.project.data.ids
    client.post("api/classes", json={"name": "dent"})
    client.post("api/classes", json={"name": "never"})
    _change(client, (ids[0], "dent", True), (ids[1], "dent", False), (ids[1], "blue", None))
    project = open_project(photos, multilabel="folders")
    out = tmp_path / "labels.csv"
    done = export_annotations(project, "table", out)
    assert "--multilabel columns" in done.text
    assert "Nothing is known of never" in done.text
    data = load_data(out, multilabel="columns", unlabelled=True)
    by_name = dict(zip((name.removeprefix("photos/") for name in data.ids), data.targets(), strict=True))
    assert "never" not in data.classes
    column = {name: i for i, name in enumerate(data.classes)}
    assert by_name[ids[0]][column["dent"]] == 1
    assert by_name[ids[1]][column["dent"]] == 0
    assert np.isnan(by_name[ids[1]][column["blue"]])
    assert np.isnan(by_name[ids[2]][column["dent"]])
    with pytest.raises(OutputError):
        export_annotations(project, "table", out)
    tasks = export_annotations(project, "label-studio", tmp_path / "tasks.json")
    assert f"{len(ids)} of which a class is unknown" in tasks.text  # choices cannot say so
    client.post("api/classes", json={"name": "never"})
    _change(client, *((ids[2], name, name == "dent") for name in session.classes))
    _change(client, *((ids[3], name, False) for name in session.classes))
    export_annotations(project, "label-studio", tmp_path / "tasks.json", overwrite=True)
    written = json.loads((tmp_path / "tasks.json").read_text())
    choices = [task["annotations"][0]["result"][0]["value"]["choices"] for task in written]
    assert choices == [["dent"], ["none"]]
    with pytest.raises(DataError, match="coco holds masks"):
        export_annotations(project, "coco", tmp_path / "coco.json")


def test_a_table_that_lists_labels_starts_from_them(photos: Path, tmp_path: Path) -> None:
    table = tmp_path / "listed.csv"
    images = sorted(photos.rglob("*.png"))
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label"))
        writer.writerows([(images[0].relative_to(tmp_path), "dent|scratch"), (images[1].relative_to(tmp_path), "")])
    project = open_project(table, multilabel="|")
    with AnnotationStore(project.folder, project.data.ids) as store:
        store.set_entries({project.data.ids[1]: {"dent": False}})
    out = tmp_path / "out.csv"
    export_annotations(project, "table", out)
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["dent"], row["scratch"]) for row in rows] == [("1", "1"), ("0", "")]
    assert without_image(project.folder, project.data.ids[:1])[0].paths == (project.data.ids[1],)


def test_labels_of_one_per_image_that_were_given_on_the_page_are_present(photos: Path) -> None:
    project = open_project(photos)
    with AnnotationStore(project.folder, project.data.ids) as store:
        store.add_class("owl")
        store.set_label(project.data.ids[0], "owl", base=0, key="k")
        several = open_project(photos, multilabel="folders")
        session = MultilabelSession(several, store, source=str(photos), settings=Settings())
        entries = {row["id"]: row["entries"] for row in session.state()["images"]}
        assert entries[project.data.ids[0]] == {"blue": True, "owl": True}
        session.close()


@pytest.mark.slow
def test_features_of_images_with_several_labels_are_computed(photos: Path) -> None:
    project = open_project(photos, multilabel="folders")
    with AnnotationStore(project.folder, project.data.ids) as store:
        settings = Settings(token=photo_session.TOKEN)
        session = MultilabelSession(project, store, source=str(photos), settings=settings, multilabel="folders")
        session.order.extract_features()
        end = time.monotonic() + 120
        extraction = session.order.feature_extraction
        while extraction is not None and extraction.wait(1) == "running":
            assert time.monotonic() < end
        assert set(FeatureFile(project.folder).rows) == set(project.data.ids)
        session.close()
