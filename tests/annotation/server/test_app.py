import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

pytest.importorskip("fastapi")
from starlette.testclient import TestClient

from handful.annotation.files.proposals import write_proposals
from handful.annotation.server.app import create_app
from handful.annotation.server.middleware import MAX_BYTES
from handful.annotation.server.session import Session, image_key
from tests.annotation import photo_session
from tests.support.datasets import squares
from tests.support.time_limit import without_long_work

NAME = "blue/0-0.png"
KEY = image_key(NAME)
SIZE = (24, 24)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Session]:
    with photo_session.open_session(tmp_path) as found:
        yield found


@pytest.fixture
def client(held: Session) -> TestClient:
    return TestClient(
        create_app(held), base_url=f"http://127.0.0.1/{photo_session.TOKEN}/", raise_server_exceptions=False
    )


def _stroke(client: TestClient, *, base: int = 0, change: str = "k", mask: np.ndarray | None = None, x: int = 2) -> Any:
    part = np.ones((3, 4), dtype=bool) if mask is None else mask
    values = {"x": x, "y": 5, "w": part.shape[1], "h": part.shape[0], "base": base, "change": change, "seconds": 1.5}
    headers = {"Content-Type": "application/octet-stream"}
    return client.post(
        f"api/images/{KEY}/stroke", params=values, content=photo_session.packed_mask(part), headers=headers
    )


def _mask(client: TestClient) -> np.ndarray:
    answer = client.get(f"api/images/{KEY}/mask")
    h, w = int(answer.headers["x-height"]), int(answer.headers["x-width"])
    return np.unpackbits(np.frombuffer(answer.content, np.uint8), count=h * w).reshape(h, w).astype(bool)


def test_nothing_is_served_without_the_token(held: Session) -> None:
    client = TestClient(create_app(held), base_url="http://127.0.0.1")
    for path in (
        "/",
        "/api/state",
        f"/{photo_session.TOKEN}x/",
        f"/api/images/{KEY}/picture",
        f"//{photo_session.TOKEN}/",
        "/page/main.js",
    ):
        assert client.get(path).status_code == 404, path
    assert client.get(f"/{photo_session.TOKEN}/").status_code == 200


def test_other_host_names_are_refused(held: Session) -> None:
    client = TestClient(create_app(held), base_url=f"http://evil.example/{photo_session.TOKEN}/")
    assert client.get("").status_code == 403
    anywhere = TestClient(create_app(held, loopback=False), base_url=f"http://box.example/{photo_session.TOKEN}/")
    assert anywhere.get("").status_code == 200


def test_the_page_may_load_nothing_from_elsewhere(client: TestClient) -> None:
    answer = client.get("")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    assert client.get("page/main.js").headers["content-type"].startswith("text/javascript")
    assert client.get("page/..%2fserver.py").status_code == 404
    assert client.get("page/server.py").status_code == 404


def test_too_much_is_refused(client: TestClient) -> None:
    answer = client.post("api/classes", content=b"x" * (MAX_BYTES + 1))
    assert answer.status_code == 413


def test_the_list_says_what_is_known(client: TestClient) -> None:
    state = client.get("api/state").json()
    assert state["classes"] == ["blue", "green", "red"]
    assert len(state["images"]) == 12
    row = next(r for r in state["images"] if r["id"] == NAME)
    assert row["key"] == KEY
    assert (row["label"], row["given"], row["mask"]) == ("blue", True, None)
    detail = client.get(f"api/images/{KEY}").json()
    assert (detail["height"], detail["width"]) == SIZE


def test_pictures_are_those_that_handful_reads(client: TestClient, held: Session) -> None:
    answer = client.get(f"api/images/{KEY}/picture")
    with Picture.open(io.BytesIO(answer.content)) as shown:
        assert np.array_equal(np.asarray(shown.convert("RGB")), held.pixels(held.sample(KEY)).transpose(1, 2, 0))
    small = client.get(f"api/images/{KEY}/thumb", params={"side": 16})
    assert small.headers["content-type"] == "image/jpeg"


def test_an_unknown_image_is_an_error_in_words(client: TestClient) -> None:
    answer = client.get("api/images/..%2f..%2fetc%2fpasswd")
    assert answer.status_code == 404
    answer = client.get("api/images/nothing")
    assert answer.status_code == 400
    assert answer.json()["what"] == "no such image"


def test_a_stroke_is_saved_before_it_is_confirmed(client: TestClient, held: Session) -> None:
    answer = _stroke(client)
    assert answer.status_code == 200
    expected = np.zeros(SIZE, dtype=bool)
    expected[5:8, 2:6] = True
    assert np.array_equal(_mask(client), expected)
    assert (held.project.folder / "masks" / f"{NAME}.png").exists()
    assert client.get(f"api/images/{KEY}").json()["seconds"] == {"mask": 1.5}


def test_the_second_tab_sees_both_sides(client: TestClient, held: Session) -> None:
    _stroke(client, change="first")
    answer = _stroke(client, change="second", x=10)
    assert answer.status_code == 409
    assert answer.json()["now"]["versions"]["mask"] == 1
    assert not _mask(client)[:, 10:].any()
    assert list((held.project.folder / "conflicts").rglob("*.png"))
    assert _stroke(client, change="second", x=10, base=1).status_code == 200
    assert _mask(client)[5, 10]


@pytest.mark.parametrize(
    "values", [{"x": 22}, {"x": -1}, {"base": -1}, {"change": ""}, {"source": "A b"}, {"seconds": 1e9}]
)
def test_a_stroke_that_does_not_fit_changes_nothing(client: TestClient, values: dict[str, Any]) -> None:
    good: dict[str, Any] = {"x": 2, "y": 5, "w": 4, "h": 3, "base": 0, "change": "k"}
    headers = {"Content-Type": "application/octet-stream"}
    answer = client.post(f"api/images/{KEY}/stroke", params=good | values, content=b"\xff\xf0", headers=headers)
    assert answer.status_code in (400, 422)
    assert not _mask(client).any()


def test_labels_classes_skips_and_marks(client: TestClient) -> None:
    assert client.post("api/classes", json={"name": "owl"}).json()["classes"] == ["blue", "green", "owl", "red"]
    row = client.post(f"api/images/{KEY}/label", json={"label": "owl", "base": 0, "key": "a", "seconds": 2}).json()
    assert (row["label"], row["given"], row["versions"]["label"]) == ("owl", False, 1)
    assert client.post(f"api/images/{KEY}/label", json={"label": "red", "base": 0, "key": "b"}).status_code == 409
    assert client.post(f"api/images/{KEY}/label", json={"label": "cow", "base": 1, "key": "c"}).status_code == 400
    row = client.post(f"api/images/{KEY}/label", json={"cannot_tell": True, "base": 1, "key": "d"}).json()
    assert (row["label"], row["cannot_tell"]) == (None, True)
    assert client.post(f"api/images/{KEY}/skip", json={"skipped": True}).json()["skipped"]
    box = {"kind": "box", "points": [[1, 1], [9, 9]]}
    client.post(f"api/images/{KEY}/marks", json={"marks": [box], "base": 0, "key": "m"})
    assert client.get(f"api/images/{KEY}").json()["marks"] == [box | {"foreground": True, "width": 1.0}]
    assert (
        client.post(f"api/images/{KEY}/marks", json={"marks": [{"kind": "x"}], "base": 1, "key": "n"}).status_code
        == 400
    )


def test_grabcut_and_its_friends_answer_with_masks(client: TestClient, held: Session) -> None:
    pytest.importorskip("skimage")
    square = next(s.mask for s in squares(4, size=24).samples if s.id == NAME)
    assert square is not None
    rows, columns = np.nonzero(square)
    top, left = int(rows.min()), int(columns.min())
    box = {"kind": "box", "points": [[left - 2, top - 2], [left + 14, top + 14]]}
    answer = client.post(f"api/images/{KEY}/grabcut", json={"marks": [box]})
    found = np.unpackbits(np.frombuffer(answer.content, np.uint8), count=576).reshape(SIZE).astype(bool)
    assert (found & square).sum() / (found | square).sum() > 0.9
    inner = {"kind": "point", "points": [[left + 6, top + 6]], "width": 3}
    outer = {"kind": "scribble", "points": [[0, 23], [23, 23]], "foreground": False}
    right = {"kind": "scribble", "points": [[23, 0], [23, 23]], "foreground": False}
    answer = client.post(f"api/images/{KEY}/random-walker", json={"marks": [inner, outer, right]})
    found = np.unpackbits(np.frombuffer(answer.content, np.uint8), count=576).reshape(SIZE).astype(bool)
    assert (found & square).sum() / (found | square).sum() > 0.9
    assert client.post(f"api/images/{KEY}/random-walker", json={"marks": [inner]}).status_code == 400
    assert client.post(f"api/images/{KEY}/grabcut", json={"marks": []}).status_code == 400
    answer = client.get(f"api/images/{KEY}/superpixels", params={"count": 20})
    labels = np.frombuffer(answer.content, "<u2")
    assert len(labels) == 576
    assert 4 < len(np.unique(labels)) < 60
    assert held.store[NAME].mask_source is None, "nothing of this is saved by itself"


def test_accepted_masks_are_kept_and_rejected_ones_are_not(client: TestClient, held: Session) -> None:
    other = "red/0-1.png"
    masks = {name: np.eye(24, dtype=bool) for name in (NAME, other)}
    held.proposals = write_proposals(held.project.folder, masks, {NAME: 0.9, other: 0.4})
    assert [r["id"] for r in client.get("api/state").json()["images"] if r["proposal"]] == [NAME, other]
    said = {"round": 1, "base": 0, "key": "a"}
    row = client.post(f"api/images/{KEY}/review", json=said | {"verdict": "accept"}).json()
    assert (row["mask"], row["proposal"]) == ("propagated", False)
    row = client.post(f"api/images/{image_key(other)}/review", json=said | {"verdict": "reject"}).json()
    assert (row["mask"], row["proposal"]) == (None, False)
    assert np.array_equal(_mask(client), np.eye(24, dtype=bool))
    assert not (held.project.folder / "masks" / f"{other}.png").exists()
    late = client.post(f"api/images/{KEY}/review", json=said | {"verdict": "accept", "round": 7})
    assert late.status_code == 400


def test_what_is_asked_next(client: TestClient, held: Session) -> None:
    first = client.get("api/next", params={"order": "listed"}).json()["key"]
    assert first == KEY
    assert client.get("api/next", params={"order": "listed", "after": KEY}).json()["key"] != KEY
    photo_session.draw_square(held, NAME)
    held.store.skip("blue/0-1.png", skipped=True)
    assert client.get("api/next", params={"order": "listed"}).json()["key"] == image_key("blue/0-2.png")
    seeds = {client.get("api/next", params={"order": "random", "seed": n}).json()["key"] for n in range(8)}
    assert len(seeds) > 2
    assert client.get("api/next", params={"order": "listed", "goal": "label"}).json()["key"] is None
    assert client.get("api/next", params={"order": "best"}).status_code == 422


def test_before_the_images_have_been_looked_at_the_class_with_least_comes_next(
    client: TestClient, held: Session
) -> None:
    photo_session.draw_square(held, NAME)
    names = {image_key(s.id): s.id for s in held.project.data.samples}
    asked = [client.get("api/next", params={"order": "diverse", "seed": n}).json() for n in range(8)]
    assert {found["order"] for found in asked} == {"random"}
    assert "blue" not in {names[found["key"]].split("/")[0] for found in asked}
    assert len({found["key"] for found in asked}) > 1


def test_an_image_that_cannot_be_read_does_not_hinder_the_others(client: TestClient, held: Session) -> None:
    (held.project.root / NAME).write_bytes(b"no image")
    assert client.get(f"api/images/{KEY}").status_code == 400
    assert "not an image" in client.get(f"api/images/{KEY}/picture").json()["what"]
    assert client.post(f"api/images/{KEY}/skip", json={"skipped": True}).status_code == 200
    assert client.get("api/next", params={"order": "listed"}).json()["key"] not in (None, KEY)
    assert client.get("api/state").status_code == 200


def test_a_link_that_came_later_leads_nowhere(client: TestClient, held: Session, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Picture.new("RGB", (24, 24), "red").save(secret)
    image = held.project.root / NAME
    image.unlink()
    image.symlink_to(secret)
    for path in ("picture", "thumb"):
        assert client.get(f"api/images/{KEY}/{path}").status_code == 400
    assert client.post(f"api/images/{KEY}/grabcut", json={"marks": []}).status_code == 400


HOSTILE = [
    '{"kind": "point", "points": [[NaN, 1]]}',
    '{"kind": "point", "points": [[1, Infinity]]}',
    '{"kind": "point", "points": [[1, -1e999]]}',
    '{"kind": "point", "points": [[1e6, 1]]}',
    '{"kind": "point", "points": [[1' + "0" * 400 + ", 1]]}",
    '{"kind": "point", "points": [[true, null]]}',
    '{"kind": "point", "points": [["x", 1]]}',
    '{"kind": "point", "points": [[1, 2, 3]]}',
    '{"kind": "point", "points": 5}',
    '{"kind": "point", "points": []}',
    '{"kind": "point"}',
    '{"kind": "star", "points": [[1, 1]]}',
    '{"kind": [], "points": [[1, 1]]}',
    '{"kind": "box", "points": [[1, 1]]}',
    '{"kind": "scribble", "points": [[1, 1], [9, 9]], "width": NaN}',
    '{"kind": "scribble", "points": [[1, 1], [9, 9]], "width": 0}',
    '{"kind": "scribble", "points": [[1, 1], [9, 9]], "width": 1e300}',
    '{"kind": "scribble", "points": [[1, 1], [9, 9]], "width": 1' + "0" * 400 + "}",
    '{"kind": "scribble", "points": [[1, 1], [9, 9]], "width": [1]}',
    '{"kind": "scribble", "points": ' + "[" * 500 + "]" * 500 + "}",
    "5",
]


@pytest.mark.parametrize("prompt", HOSTILE)
@pytest.mark.parametrize("route", ["marks", "grabcut", "random-walker", "sam"])
def test_hostile_prompts_are_answered_with_an_error(client: TestClient, route: str, prompt: str) -> None:
    body = f'{{"marks": [{prompt}], "base": 0, "key": "k"}}'
    with without_long_work():
        answer = client.post(f"api/images/{KEY}/{route}", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 409, 422), answer.text


@pytest.mark.parametrize("route", ["grabcut", "random-walker"])
@pytest.mark.parametrize("reach", [999_999, -999_999])
def test_prompts_far_outside_are_answered_in_time(client: TestClient, route: str, reach: int) -> None:
    points = [[(i % 7) * reach / 7, (i % 11) * reach / 11] for i in range(2000)]
    marks = [
        {"kind": "scribble", "points": points, "width": 10_000},
        {"kind": "box", "points": [[-reach, -reach], [reach, reach]]},
        {"kind": "point", "points": [[5, 5]], "foreground": False},
    ]
    with without_long_work():
        answer = client.post(f"api/images/{KEY}/{route}", json={"marks": marks})
    assert answer.status_code in (200, 400, 422), answer.text


@pytest.mark.parametrize("place", [{"x": 10**30}, {"y": -1}, {"w": 2**40, "h": 2**40}, {"w": 0}, {"x": 23, "y": 23}])
def test_strokes_outside_the_image_are_refused(client: TestClient, place: dict[str, int]) -> None:
    values: dict[str, int | str] = {"x": 1, "y": 1, "w": 4, "h": 4, "base": 0, "change": "k", **place}
    headers = {"Content-Type": "application/octet-stream"}
    answer = client.post(f"api/images/{KEY}/stroke", params=values, content=b"\x00" * 9, headers=headers)
    assert answer.status_code in (400, 422), answer.text
