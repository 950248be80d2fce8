"""The page for several labels in a real browser: what a person does, and what is on disk afterwards."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from handful.annotation.files.annotations import read_record
from handful.annotation.files.project import open_project
from handful.annotation.files.store import AnnotationStore
from handful.annotation.server.multilabel_session import MultilabelSession
from handful.annotation.server.session import Settings
from tests.annotation import photo_session
from tests.support.command_line import write_images
from tests.support.datasets import squares

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]


def _until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "this did not come true"
        time.sleep(0.05)


def test_a_class_is_answered_over_all_images_and_chips_change_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uvicorn = pytest.importorskip("uvicorn")
    api = pytest.importorskip("playwright.sync_api")
    from handful.annotation.server.multilabel_app import create_multilabel_app

    monkeypatch.setattr(MultilabelSession, "extract_features", lambda self: None)
    photos = tmp_path / "photos"
    write_images(squares(4, size=24), tmp_path / "photos")
    project = open_project(photos, multilabel="folders")
    with AnnotationStore(project.folder, project.data.ids) as store, api.sync_playwright() as playwright:
        session = MultilabelSession(project, store, source=str(photos), settings=Settings(token=photo_session.TOKEN))
        server = uvicorn.Server(
            uvicorn.Config(create_multilabel_app(session), port=0, log_level="error", lifespan="off")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        _until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{port}/{photo_session.TOKEN}/")
        _until(lambda: page.inner_text("#status") == "Ready")

        page.keyboard.press("n")
        page.keyboard.type("dent")
        page.keyboard.press("Enter")
        _until(lambda: "dent" in page.inner_text("#ask"))
        shown = page.evaluate("handful.grid.keys.map((key) => handful.entries.rows.get(key).id)")
        assert sorted(shown) == sorted(project.data.ids)
        page.click(".card >> nth=0 >> .pick")
        page.keyboard.press("Enter")  # though the first image has the focus, the others are absent
        _until(lambda: page.inner_text("#status") == "Saved")
        page.keyboard.press("z")
        page.wait_for_timeout(50)
        _until(lambda: page.inner_text("#status") == "Saved")
        entries = {name: store[name].entries.get("dent") for name in shown}
        assert entries == {shown[0]: True} | dict.fromkeys(shown[1:])

        page.keyboard.press("l")
        number = page.evaluate("handful.entries.classes.indexOf('dent') + 1")
        opened = page.evaluate("handful.entries.rows.get(handful.large.key).id")
        page.keyboard.press(str(number))
        page.keyboard.press("Enter")  # its other classes are absent
        page.wait_for_timeout(50)
        _until(lambda: page.evaluate("handful.entries.waiting") == 0)
        assert store[opened].entries["dent"] is (opened != shown[0])
        assert [value for name, value in store[opened].entries.items() if name != "dent"] == [False, False]
        assert errors == []
        browser.close()
        server.should_exit = True
        thread.join(10)
        session.close()
    assert read_record(project.folder, project.data.ids).annotations[shown[0]].entries["dent"] is not None
