"""The page in a real browser: what a person does, and what is on disk afterwards."""

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from handful.annotation.files.mask_patch import Patch
from handful.annotation.files.proposals import write_proposals
from handful.annotation.server.quick_matching import QuickMatching
from handful.annotation.server.session import Session, Settings, image_key
from handful.core.dataset import Dataset, Mask, Sample
from handful.data.masks.image_file import read_mask
from handful.recipes.write import to_toml
from tests.annotation import photo_session
from tests.support.datasets import recipe
from tests.support.u2netp import needs_u2netp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")]
SIDE = 120
NAMES = ("blue/0.png", "blue/1.png", "blue/2.png", "red/0.png", "red/1.png", "red/2.png")


def _data() -> tuple[Dataset, dict[str, Mask]]:
    """Discs on a noisy ground, and their masks."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    samples, masks = [], {}
    for name in NAMES:
        label = int(name.startswith("red"))
        image = rng.integers(150, 190, (3, SIDE, SIDE), dtype=np.uint8)
        centre = rng.integers(50, 70, 2)
        masks[name] = np.hypot(x - centre[0], y - centre[1]) < 30
        image[:, masks[name]] = 40
        image[0 if label else 2][masks[name]] = 220
        samples.append(Sample(name, image, label))
    return Dataset(tuple(samples), ("blue", "red")), masks


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Session, str]]:
    """A session and the address that it is served at."""
    folder = tmp_path_factory.mktemp("annotate")
    plan = folder / "tiny.toml"
    plan.write_text(to_toml(recipe("segmentation", "image_size=[24,24]", "stages.0.steps=4")))
    settings = Settings(recipe=str(plan), folds=2, device="cpu", token=photo_session.TOKEN)
    with photo_session.open_session(folder, data=_data()[0], settings=settings) as found, _served(found) as address:
        found.matching = QuickMatching({}, 0, lambda: None)  # no proposals but those of the tests
        yield found, address


@contextmanager
def _served(session: Session) -> Iterator[str]:
    """The address of a session's page, while it is served."""
    uvicorn = pytest.importorskip("uvicorn")
    from handful.annotation.server.app import create_app

    server = uvicorn.Server(uvicorn.Config(create_app(session), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    _until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/{photo_session.TOKEN}/"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


@pytest.fixture
def open_page(browser: Any, held: tuple[Session, str]) -> Iterator[Callable[..., Any]]:
    """Opens the page (`at`: of another session) at an image; whatever it says in the console is a failure."""
    contexts, said = [], []

    def opened(name: str, at: str = held[1], **options: Any) -> Any:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda m: said.append(m.text) if m.type == "error" and "409" not in m.text else None)
        page.goto(f"{at}#{image_key(name)}")
        _until(lambda: page.evaluate("window.handful?.editor.image?.id") == name)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def _until(true: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "this did not come true"
        time.sleep(0.05)


def _saved(page: Any) -> None:
    page.wait_for_timeout(80)
    _until(lambda: page.inner_text("#status") == "Saved" and page.evaluate("handful.saver.waiting") == 0)


def _at(page: Any, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the image is on the screen."""
    box = page.locator("#stage").bounding_box()
    scale, left, top = page.evaluate("[handful.view.scale, handful.view.left, handful.view.top]")
    return box["x"] + x * scale + left, box["y"] + y * scale + top


def _drag(page: Any, *points: tuple[float, float]) -> None:
    page.mouse.move(*_at(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*_at(page, *point), steps=6)
    page.mouse.up()


def _file(held: tuple[Session, str], name: str) -> Path:
    return held[0].project.folder / "masks" / f"{name}.png"


def _iou(a: Mask, b: Mask) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_a_stroke_is_undone_redone_and_outlives_a_reload(open_page: Any, held: tuple[Session, str]) -> None:
    page = open_page("blue/0.png")
    _drag(page, (20, 20), (60, 20))
    _saved(page)
    drawn = read_mask(_file(held, "blue/0.png"))
    assert drawn[20, 20:60].all()
    assert not drawn[40:].any()
    page.keyboard.press("e")
    _drag(page, (40, 10), (40, 30))
    _saved(page)
    assert not read_mask(_file(held, "blue/0.png"))[20, 40]
    page.keyboard.press("z")
    _saved(page)
    assert np.array_equal(read_mask(_file(held, "blue/0.png")), drawn)
    page.keyboard.press("Shift+Z")
    _saved(page)
    erased = read_mask(_file(held, "blue/0.png"))
    assert not erased[20, 40]
    page.reload()
    _until(lambda: page.evaluate("window.handful?.editor.image?.id") == "blue/0.png")
    shown = page.evaluate("Array.from(handful.editor.mask)")
    assert np.array_equal(np.array(shown, dtype=bool).reshape(SIDE, SIDE), erased)
    assert held[0].store["blue/0.png"].seconds["mask"] > 0
    page.keyboard.press("Delete")
    _saved(page)
    assert not _file(held, "blue/0.png").exists()


def test_a_polygon_is_filled_and_its_corner_taken_back(open_page: Any, held: tuple[Session, str]) -> None:
    page = open_page("blue/1.png")
    page.keyboard.press("p")
    for point in ((10, 10), (110, 10), (60, 5), (110, 110)):
        page.mouse.click(*_at(page, *point))
        if point == (60, 5):
            page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    _saved(page)
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    assert _iou(read_mask(_file(held, "blue/1.png")), (x > y) & (y > 10) & (x < 110)) > 0.95


def test_a_box_starts_grabcut(open_page: Any, held: tuple[Session, str]) -> None:
    page = open_page("red/0.png")
    page.keyboard.press("r")
    _drag(page, (15, 15), (105, 105))
    _until(lambda: _file(held, "red/0.png").exists())
    _saved(page)
    assert _iou(read_mask(_file(held, "red/0.png")), _data()[1]["red/0.png"]) > 0.95
    assert [m.kind for m in held[0].store["red/0.png"].prompts] == ["box"]


def test_scribbles_superpixels_and_filling(open_page: Any, held: tuple[Session, str]) -> None:
    pytest.importorskip("skimage")
    truth = _data()[1]["red/1.png"]
    page = open_page("red/1.png")
    page.keyboard.press("m")
    _drag(page, (55, 55), (65, 65))
    page.keyboard.press("x")
    _drag(page, (5, 5), (115, 5), (115, 115))
    page.keyboard.press("w")
    _until(lambda: _file(held, "red/1.png").exists())
    _saved(page)
    assert _iou(read_mask(_file(held, "red/1.png")), truth) > 0.95
    page.keyboard.press("Delete")
    page.keyboard.press("s")
    _until(lambda: page.evaluate("!!handful.view.superpixels"))
    page.mouse.click(*_at(page, 60, 60))
    _saved(page)
    part = read_mask(_file(held, "red/1.png"))
    assert part[60, 60]
    assert 20 < part.sum() < 200
    page.keyboard.press("Delete")
    page.keyboard.press("f")
    page.evaluate("handful.tools.tolerance = 60")
    page.mouse.click(*_at(page, 60, 60))
    _saved(page)
    assert _iou(read_mask(_file(held, "red/1.png")), truth) > 0.99


def test_labels_by_key_a_new_class_and_cannot_tell(open_page: Any, held: tuple[Session, str]) -> None:
    page = open_page("blue/2.png")
    page.keyboard.press("2")
    _until(lambda: held[0].store["blue/2.png"].label == "red")
    page.keyboard.press("n")
    page.keyboard.type("green bz")
    page.keyboard.press("Enter")
    _until(lambda: held[0].store["blue/2.png"].label == "green bz")
    page.keyboard.press("u")
    _until(lambda: held[0].store["blue/2.png"].cannot_tell)
    page.keyboard.press("l")
    _until(lambda: held[0].store["blue/2.png"].label is None and not held[0].store["blue/2.png"].cannot_tell)
    assert page.get_attribute("#cannot-tell", "aria-pressed") == "false"


def test_labels_pressed_in_haste_are_taken_one_after_the_other(open_page: Any, held: tuple[Session, str]) -> None:
    page = open_page("blue/0.png")
    for key in "1u1u":
        page.keyboard.press(key)
    _until(lambda: page.evaluate("handful.labels.last.then(() => true)"))
    assert held[0].store["blue/0.png"].cannot_tell
    assert page.inner_text("#status") == "Saved"
    page.keyboard.press("1")
    _until(lambda: held[0].store["blue/0.png"].label == "blue")


def test_two_tabs_cannot_overwrite_each_other(open_page: Any, held: tuple[Session, str]) -> None:
    first, second = open_page("blue/2.png"), open_page("blue/2.png")
    _drag(first, (20, 20), (40, 20))
    _saved(first)
    _drag(second, (20, 90), (40, 90))
    second.wait_for_selector("#conflict[open]")
    assert second.inner_text("#status") == "Not saved: changed in another window"
    assert not read_mask(_file(held, "blue/2.png"))[90].any()
    second.click("#keep-both")
    _saved(second)
    both = read_mask(_file(held, "blue/2.png"))
    assert both[20, 30]
    assert both[90, 30]


def test_propagated_masks_are_reviewed_by_key(open_page: Any, held: tuple[Session, str]) -> None:
    session = held[0]
    masks = {name: _data()[1][name] for name in ("blue/0.png", "red/2.png")}
    session.proposals = write_proposals(session.project.folder, masks, {"blue/0.png": 0.3, "red/2.png": 0.9})
    page = open_page("red/2.png")
    page.keyboard.press("v")
    _until(lambda: page.locator(".tile").count() == 2)
    page.keyboard.press("a")
    _until(lambda: page.locator(".tile").count() == 1)
    page.keyboard.press("r")
    _until(lambda: page.locator(".tile").count() == 0)
    assert np.array_equal(read_mask(_file(held, "blue/0.png")), masks["blue/0.png"])
    assert session.store["red/2.png"].verdict == "reject"
    assert not _file(held, "red/2.png").exists()


def test_after_the_first_drawn_mask_the_next_image_has_a_matched_one(open_page: Any, tmp_path: Path) -> None:
    settings = Settings(token=photo_session.TOKEN)
    data, masks = _data()
    with photo_session.open_session(tmp_path, data=data, settings=settings) as session, _served(session) as address:
        page = open_page("blue/0.png", at=address)
        _until(lambda: session.matching.is_running)
        page.evaluate("handful.tools.size = 40")
        y, x = (int(each.mean()) for each in np.nonzero(masks["blue/0.png"]))
        _drag(page, (x - 8, y), (x + 8, y))
        _saved(page)
        assert session.proposals.round == 0
        page.click("#next")
        _until(lambda: session.proposals.round > 0, 300)
        _until(lambda: page.inner_text("#status") == "Not saved yet")  # the proposal is the start
        _until(lambda: len(session.proposals.certainty) > 1)
        done = r"\d+ images matched to 1 drawn mask in \d+(\.\d)? s\."
        _until(lambda: re.match(done, page.inner_text("#work")))
        page.keyboard.press("v")
        _until(lambda: page.locator(".tile").count() == len(session.proposals.certainty))
        _until(lambda: re.search(done, page.inner_text("#sheet-note")))


@needs_u2netp
def test_salient_objects_are_proposed_and_the_least_certain_asked_for_first(
    open_page: Any, held: tuple[Session, str]
) -> None:
    session = held[0]
    page = open_page("blue/0.png")
    page.click("#salient")
    _until(lambda: session.proposals.round > 0, 150)
    _until(lambda: page.input_value("#order") == "uncertain", 20)
    without = {s.id for s in session.samples.values() if session.store[s.id].mask_source is None}
    certainty = session.proposals.certainty
    assert without <= certainty.keys()
    assert all(0 <= value <= 1 for value in certainty.values())
    assert any(session.proposed(s) is not None for s in session.samples.values() if s.id in without)
    key, strategy = session.next("uncertain", "mask", after=None, seed=0)
    assert strategy == "uncertain"
    assert key is not None
    asked = session.sample(key).id
    assert certainty[asked] == min(certainty[name] for name in without)


def test_a_propagated_mask_is_the_start_and_saved_with_the_first_change(
    open_page: Any, held: tuple[Session, str]
) -> None:
    session, name = held[0], "blue/1.png"
    session.store.stroke(
        name,
        Patch(0, 0, np.zeros((SIDE, SIDE), dtype=bool)),
        size=(SIDE, SIDE),
        base=session.store[name].mask_version,
        key="wipe",
        source="clear",
    )
    start = _data()[1][name]
    session.proposals = write_proposals(session.project.folder, {name: start}, {name: 0.5})
    page = open_page(name)
    assert page.inner_text("#status") == "Not saved yet"
    assert not _file(held, name).exists()
    page.evaluate("handful.tools.size = 10")
    _drag(page, (5, 100), (30, 100))
    _saved(page)
    corrected = read_mask(_file(held, name))
    assert corrected[100, 15]
    assert corrected[start].all()
    assert corrected.sum() < start.sum() + 500
    page.keyboard.press("z")
    _until(lambda: not _file(held, name).exists())


def test_training_from_the_page_ends_in_a_score(open_page: Any, held: tuple[Session, str]) -> None:
    without, nothing = "red/1.png", np.zeros((SIDE, SIDE), dtype=bool)
    for name, mask in _data()[1].items():
        told = held[0].store[name]
        patch = Patch(0, 0, nothing if name == without else mask)
        source = "clear" if name == without else "brush"
        size = (SIDE, SIDE)
        held[0].store.stroke(name, patch, size=size, base=told.mask_version, key=f"t{name}", source=source)
        held[0].store.set_label(name, None, base=told.label_version, key=f"t{name}")
    page = open_page(without)
    assert not page.evaluate("!!handful.editor.start")
    page.keyboard.press("t")
    _until(lambda: "worst of 2 draws" in page.inner_text("#scores"), 300)
    assert "2-fold cross-validation of 6 labeled images, 5 masks" in page.inner_text("#scores")
    assert re.fullmatch(r"Training finished: \d+\.\d% accuracy", page.inner_text("#status"))
    assert page.evaluate("!!handful.editor.start"), "the mask that came is shown without a reload"
    assert page.inner_text("#hint").startswith("Propagated mask, not saved yet")


def test_fingers_draw_and_pens_too(browser: Any, open_page: Any, held: tuple[Session, str]) -> None:
    page = open_page("red/2.png", has_touch=True)
    page.keyboard.press("Delete")
    _saved(page)
    x, y = _at(page, 30, 60)
    page.touchscreen.tap(x, y)
    _saved(page)
    assert read_mask(_file(held, "red/2.png"))[60, 30]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_no_serious_accessibility_fault(open_page: Any, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_page("red/1.png", color_scheme=scheme, bypass_csp=True)
    page.set_viewport_size({"width": width, "height": 800})
    for key in ("", "?", "v"):
        if key:
            page.keyboard.press("Escape")
            page.keyboard.press(key)
        found = axe.Axe().run(page).response["violations"]
        assert [
            (v["id"], [n["html"] for n in v["nodes"]]) for v in found if v["impact"] in ("serious", "critical")
        ] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_strokes_on_large_images_stay_fluid(open_page: Any, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    large = np.asarray(Picture.fromarray(noise).resize((4000, 3000))).transpose(2, 0, 1)
    data = Dataset(
        (Sample("blue/0.png", large, 0), Sample("red/0.png", _data()[0].samples[3].image, 1)), ("blue", "red")
    )
    with photo_session.open_session(tmp_path, data=data) as found, _served(found) as address:
        page = open_page("blue/0.png", at=address)
        page.evaluate("handful.tools.size = 200")
        page.wait_for_timeout(1000)
        page.evaluate("handful.view.latencies.length = 0")
        _drag(page, (500, 500), (3500, 2500), (500, 2500), (3500, 500))
        took = np.array(page.evaluate("handful.view.latencies"))
        print(
            f"event to painted: median {np.median(took):.1f} ms, 95 % {np.quantile(took, 0.95):.1f} ms, n={len(took)}"
        )
        assert np.median(took) < 50
        _saved(page)
