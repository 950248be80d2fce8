import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

pytest.importorskip("fastapi")
pytest.importorskip("httpx")

from starlette.testclient import TestClient

from handful.deployment.server.app import create_app
from handful.deployment.server.limits import Limits
from handful.errors import OutputError
from tests.deployment.server.mean_color_model import (
    MeanColorSession,
    decompression_bomb,
    image_file,
    mean_color_model,
    running_session,
)

LOCAL = "http://127.0.0.1"


def _client(session: MeanColorSession | None = None, *, token: str | None = None, **limits: Any) -> TestClient:
    app = create_app(mean_color_model(session), limits=Limits(**limits), token=token)
    return TestClient(app, base_url=LOCAL, raise_server_exceptions=False)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with _client() as client:
        yield client


def _image(data: bytes, name: str = "image.png") -> dict[str, Any]:
    return {"image": (name, data, "image/png")}


def test_an_image_gets_all_that_the_model_says(client: TestClient) -> None:
    reply = client.post("/predict?map=true", files=_image(image_file("red")))
    assert reply.status_code == 200
    said = reply.json()
    assert (said["prediction"], said["answer"], said["rejected"], said["set"]) == ("red", "red", False, ["red"])
    assert sum(said["probabilities"].values()) == pytest.approx(1)
    map_ = Picture.open(BytesIO(base64.b64decode(said["map"].split(",")[1])))
    assert map_.size == (8, 6)
    assert np.unique(np.asarray(map_)).tolist() == [3]
    white = client.post("/predict", files=_image(image_file("white"))).json()
    assert (white["answer"], white["rejected"], "map" in white) == ("I do not know", True, False)


def test_a_batch_keeps_its_order_and_says_what_is_wrong_where(client: TestClient) -> None:
    colours = ["red", "green", "blue", "lime"]
    files = [("images", (f"{c}.png", image_file(c, size=(9 + i, 7)), "image/png")) for i, c in enumerate(colours)]
    files.insert(2, ("images", ("x.png", b"nothing", "image/png")))
    found = client.post("/predict/batch", files=files).json()["predictions"]
    assert [p.get("prediction") for p in found] == ["red", "green", None, "blue", "green"]
    assert found[2] == {"error": "image 3 of 5: this is not an image that can be read"}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
def test_formats(client: TestClient, kind: str) -> None:
    assert client.post("/predict", files=_image(image_file("blue", kind=kind))).json()["prediction"] == "blue"


def test_wrong_images_are_the_client_s_fault(client: TestClient) -> None:
    whole = image_file("red", size=(300, 300), kind="JPEG")
    noise = np.random.default_rng(0)
    wrong = [
        b"",
        b"GIF89a",
        whole[: len(whole) // 2],
        image_file()[:40],
        noise.bytes(500),
        b"<svg/>",
        decompression_bomb(30_000),
        decompression_bomb(10_000),
    ]
    for data in wrong:
        reply = client.post("/predict", files=_image(data))
        assert reply.status_code == 400, data[:20]
        assert "image" in reply.json()["detail"]
        assert "Traceback" not in reply.text
    assert "10000 x 10000 pixels, more than 40 megapixels" in reply.json()["detail"]


def test_names_are_never_paths(client: TestClient, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(image_file())
    for name in ("../../etc/passwd", str(secret), "a\0b.png", "C:\\x.png", "x" * 3000):
        reply = client.post("/predict", files=_image(b"nothing", name))
        assert reply.status_code in (400, 422)
        assert str(tmp_path) not in reply.text
    for path in ("/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/static/../../x"):
        assert client.get(path).status_code in (404, 405)


def test_requests_that_are_no_uploads(client: TestClient) -> None:
    for sent in ({}, {"content": b"x"}, {"json": {"image": "x"}}, {"data": {"image": "text"}}):
        reply = client.post("/predict", **sent)
        assert reply.status_code == 422
        assert "the form field image is " in reply.json()["detail"]
        assert "curl -F image=@photo.jpg" in reply.json()["detail"]
    reply = client.post("/predict/batch", files={"file": image_file()})
    assert reply.json()["detail"].startswith("the form field images is missing. Send images as files of a form")
    reply = client.post("/predict", files=_image(image_file()), params={"map": "perhaps"})
    assert "the parameter map is invalid (" in reply.json()["detail"]
    assert "Send images" not in reply.json()["detail"], "they were sent as they should be"
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/predict", content=b"--y\r\n\r\nnothing", headers=broken).status_code in (400, 422)
    reply = client.get("/predict")
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
    assert reply.json()["detail"].startswith("GET /predict is not answered here. Images go to POST /predict")
    assert client.get("/nothing").json()["detail"].startswith("Not found. Images go to POST /predict")
    assert client.post("/predict", files=_image(b"")).json()["detail"] == "image: the file is empty"
    assert client.put("/predict/batch").status_code == 405


def test_large_requests_are_refused() -> None:
    with _client(megabytes=0.01, batch=2, megapixels=0.0003) as client:
        noise = np.random.default_rng(0).bytes(20_000)
        assert client.post("/predict", files=_image(noise)).status_code == 413

        def parts() -> Iterator[bytes]:  # without a content-length
            for _ in range(40):
                yield noise[:1000]

        headers = {"content-type": "multipart/form-data; boundary=x"}
        assert client.post("/predict", content=parts(), headers=headers).status_code == 413
        many = [("images", ("x.png", image_file(size=(4, 4)), "image/png"))] * 3
        assert client.post("/predict/batch", files=many).status_code == 413
        large = client.post("/predict", files=_image(image_file(size=(20, 20))))
        assert (large.status_code, "megapixels" in large.text) == (400, True)


def test_saturation_refuses_and_what_was_taken_on_is_finished() -> None:
    session = MeanColorSession()
    with ThreadPoolExecutor(12) as pool, _client(session, waiting=4, together=4) as client:
        asked = [pool.submit(client.post, "/predict", files=_image(image_file("green"))) for _ in range(10)]
        end = time.monotonic() + 10
        while sum(a.done() for a in asked) < 6 and time.monotonic() < end:
            time.sleep(0.01)
        refused = [a.result() for a in asked if a.done()]
        assert [r.status_code for r in refused] == [429] * 6
        assert refused[0].headers["retry-after"] == "1"
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 503
        session.free.set()
        taken = [a.result() for a in asked if a.result().status_code != 429]
        assert [r.json()["prediction"] for r in taken] == ["green"] * 4
        assert client.get("/ready").status_code == 200
    assert sum(session.batches) == 4
    assert len(session.batches) < 4  # those that waited went together


def test_a_stop_finishes_what_was_taken_on() -> None:
    session = MeanColorSession()
    with ThreadPoolExecutor(2) as pool, _client(session) as client:
        asked = pool.submit(client.post, "/predict", files=_image(image_file("blue")))
        while client.get("/ready").status_code == 200 and "waiting{" not in client.get("/metrics").text:
            time.sleep(0.01)
        threading.Timer(0.3, session.free.set).start()
        assert asked.result(10).json()["prediction"] == "blue"


def test_a_fault_of_ours_is_a_500_and_not_the_end() -> None:
    session = running_session(broken=True)
    with _client(session) as client:
        assert client.post("/predict", files=_image(image_file())).status_code == 500
        session.broken = False
        assert client.post("/predict", files=_image(image_file())).status_code == 200


def test_slow_work_ends_in_time() -> None:
    session = MeanColorSession()
    with _client(session, seconds=0.3) as client:
        assert client.post("/predict", files=_image(image_file())).status_code == 408
        session.free.set()
        assert client.post("/predict", files=_image(image_file())).status_code == 200


def test_slow_clients_are_not_waited_for() -> None:
    app = create_app(mean_color_model(), limits=Limits(seconds=0.2))
    sent: list[dict[str, Any]] = []

    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    parts = iter([head])

    async def slowly() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": next(parts, b"-"), "more_body": True}

    async def keep(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=x")]
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers, "query_string": b""}
    start = time.monotonic()

    async def call() -> None:
        await app(scope, slowly, keep)

    asyncio.run(call())
    assert time.monotonic() - start < 30
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["detail"] == "This took more than 0.2 seconds."


def test_a_token_is_asked_for() -> None:
    with _client(token="secret") as client:
        assert client.post("/predict", files=_image(image_file())).status_code == 401
        wrong = {"authorization": "Bearer secreT"}
        assert client.get("/metrics", headers=wrong).status_code == 401
        right = {"authorization": "Bearer secret"}
        assert client.post("/predict", files=_image(image_file()), headers=right).status_code == 200
        assert client.get("/model", headers=right).json()["classes"] == ["blue", "green", "red"]
        assert client.get("/health").status_code == 200
        assert '"guarded": true' in client.get("/").text


def test_another_site_s_name_is_refused(client: TestClient) -> None:
    assert client.get("/", headers={"host": "evil.example"}).status_code == 403
    assert client.get("/", headers={"host": "localhost:8000"}).status_code == 200


def test_the_page_and_the_description(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "http" not in page.text.replace("http-equiv", "")
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == {"/predict", "/predict/batch", "/model", "/health", "/ready", "/metrics"}
    assert {"200", "400", "401", "408", "413", "422", "429"} <= set(described["paths"]["/predict"]["post"]["responses"])


def test_metrics_count(client: TestClient) -> None:
    client.post("/predict", files=_image(image_file("white")))
    client.post("/predict", files=_image(b"x"))
    client.get("/a-path-of-the-client-s-own")
    lines = client.get("/metrics").text.splitlines()
    values = {
        line.split("{")[0] + line.split("}")[0].partition(",")[2]: line.split()[-1] for line in lines if line[0] != "#"
    }
    assert values['handful_requests_totalpath="/predict",status="200"'] == "1"
    assert values['handful_requests_totalpath="/predict",status="400"'] == "1"
    assert values['handful_requests_totalpath="other",status="404"'] == "1"
    assert (values["handful_images_total"], values["handful_unknown_total"]) == ("1", "1")
    assert int(values["handful_request_seconds_count"]) == 3
    assert values['handful_request_seconds_bucketle="+Inf"'] == "3"


def test_limits_are_above_zero() -> None:
    with pytest.raises(OutputError, match="megabytes is 0"):
        Limits(megabytes=0)
