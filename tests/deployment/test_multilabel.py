"""Predictions and exports of models of several labels per image."""

import csv
import json
import re
import shutil
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from PIL import Image as Picture

from handful.annotation.propagate import propagate_dataset
from handful.core.dataset import Sample
from handful.core.recipe import Part
from handful.deployment.batch.archive import find_archive
from handful.deployment.batch.jobs import BatchJob
from handful.deployment.batch.run import run_archive
from handful.deployment.batch.to_table import read_predictions
from handful.deployment.export.browser_runtime import BrowserRuntime
from handful.deployment.export.export import export_to
from handful.deployment.export.page import export_page
from handful.deployment.export.to_onnx import export_onnx
from handful.deployment.predict_table import predict_table
from handful.errors import DataError, HandfulError, ModelError, OutputError
from handful.models.classifier import Classifier
from handful.models.load_onnx import load_onnx
from handful.models.onnx_model import OnnxModel
from handful.recipes.load import load_recipe
from handful.saving.classifier import save_classifier
from handful.training.train import train
from tests.support.datasets import several_squares


@cache
def trained() -> Classifier:
    recipe = load_recipe("logistic-pixels", overrides=("image_size=[12,12]",))
    thresholds = Part("thresholds", {"folds": 2})
    return train(replace(recipe, posthoc=(thresholds,)), several_squares(40), device="cpu", progress=False)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_table_lists_the_classes_of_each_image(tmp_path: Path) -> None:
    data = several_squares(20, seed=1)
    counts = predict_table(trained(), data, tmp_path / "p.csv")
    present = trained().predict(data) == 1
    rows = rows_of(tmp_path / "p.csv")
    assert list(rows[0]) == ["id", "label", "labels", "p_blue", "p_green", "p_red"]
    for row, there in zip(rows, present, strict=True):
        assert row["labels"] == ("|".join(np.array(data.classes)[there]) or "none")
    assert counts == dict(zip(data.classes, present.sum(axis=0).tolist(), strict=True))


def test_an_exported_model_gives_the_same_answers(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    data = several_squares(20, seed=1)
    assert export_onnx(trained(), tmp_path / "m.onnx") == ("probabilities", "present")
    model = load_onnx(tmp_path / "m.onnx")
    found, wanted = model.predict_all(data), trained().predict_all(data)
    np.testing.assert_allclose(found.probabilities, wanted.probabilities, atol=1e-5)
    np.testing.assert_array_equal(found.present, wanted.present)
    assert model.thresholds == pytest.approx(trained().thresholds)


@cache
def exported() -> OnnxModel:
    pytest.importorskip("onnxscript")
    with TemporaryDirectory() as folder:
        export_onnx(trained(), Path(folder) / "m.onnx")
        return load_onnx(Path(folder) / "m.onnx")


def file_of(sample: Sample) -> bytes:
    file = BytesIO()
    Picture.fromarray(np.asarray(sample.image).transpose(1, 2, 0)).save(file, format="PNG")
    return file.getvalue()


def test_the_server_answers_with_the_classes_above_their_thresholds() -> None:
    pytest.importorskip("fastapi")
    from starlette.testclient import TestClient

    from handful.deployment.server.app import create_app
    from handful.deployment.server.limits import Limits

    data = several_squares(6, seed=1)
    wanted = exported().predict_all(data)
    assert wanted.present is not None
    with TestClient(create_app(exported(), limits=Limits()), base_url="http://127.0.0.1") as client:
        files = [("images", (s.id, file_of(s), "image/png")) for s in data.samples]
        several = client.post("/predict/batch", files=[*files, ("images", ("x.png", b"nothing", "image/png"))]).json()
        one = client.post("/predict", files={"image": ("x.png", file_of(data.samples[0]), "image/png")}).json()
        about, schema = client.get("/model").json(), client.get("/openapi.json").json()
        page = client.get("/").text
    assert several["predictions"][0] == one
    assert several["predictions"][-1] == {"error": "image 7 of 7: this is not an image that can be read"}
    for reply, probabilities, there in zip(several["predictions"], wanted.probabilities, wanted.present, strict=False):
        assert list(reply) == ["labels", "probabilities", "thresholds"]
        assert reply["labels"] == [name for name, present in zip(data.classes, there, strict=True) if present]
        assert list(reply["probabilities"].values()) == pytest.approx(probabilities.tolist(), abs=1e-5)
        assert list(reply["thresholds"].values()) == about["thresholds"]
    assert {"MultilabelPrediction", "MultilabelPredictionList"} <= set(schema["components"]["schemas"])
    assert "<dt>Thresholds" in page


def test_a_set_is_part_of_the_answer_where_the_model_has_one() -> None:
    pytest.importorskip("fastapi")
    from handful.deployment.server.schemas import as_response

    outputs = {"probabilities": np.array([0.1, 0.9, 0.6]), "present": np.array([False, True, True])}
    without = as_response(exported(), outputs, with_map=True).model_dump(exclude_none=True)
    assert without["labels"] == ["green", "red"]
    assert "set" not in without
    members = np.array([True, True, False])
    assert as_response(exported(), {**outputs, "sets": members}, with_map=True).set == ["blue", "green"]


def test_an_archive_is_predicted_as_a_table_is(tmp_path: Path) -> None:
    data = several_squares(10, seed=1)
    folder = tmp_path / "photos"
    folder.mkdir()
    for sample in data.samples:
        (folder / sample.id).write_bytes(file_of(sample))
    model = save_classifier(trained(), tmp_path / "model")
    run_archive(BatchJob("predict", model, device="cpu"), find_archive(str(folder)), tmp_path / "out", chunk_size=4)
    predict_table(trained(), data.without_labels(), tmp_path / "t.csv")
    rows = [row for chunk in read_predictions(tmp_path / "out") for row in chunk.columns["labels"]]
    assert rows == [row["labels"] for row in rows_of(tmp_path / "t.csv")]
    short = next(read_predictions(tmp_path / "out", probabilities=False))
    assert list(short.columns) == ["id", "labels"]


def test_a_table_says_what_is_unknown_of_an_image(tmp_path: Path) -> None:
    data = several_squares(20, known=0.5, seed=1)
    predict_table(trained(), data, tmp_path / "p.csv")
    for row, sample in zip(rows_of(tmp_path / "p.csv"), data.samples, strict=True):
        assert (
            sample.target is None
            or not sample.labelled
            or row["unknown"].split("|")
            == ([name for name, value in zip(data.classes, sample.target, strict=True) if np.isnan(value)] or [""])
        )


def test_the_page_marks_the_threshold_of_each_class(tmp_path: Path) -> None:
    runtime = BrowserRuntime(b"/*!\n * ONNX Runtime Web v9.9.9\n */", b"\0asm", "MIT")
    assert export_page(trained(), tmp_path / "page.html", runtime=runtime) == ("probabilities", "present")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    facts = json.loads(re.findall(r'<script type="application/json" id="facts">(.*?)</script>', page, re.S)[0])
    assert facts["thresholds"] == pytest.approx(trained().thresholds)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="takes Chromium")
def test_a_browser_names_the_same_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from playwright.sync_api import sync_playwright

    monkeypatch.delenv("HANDFUL_CACHE", raising=False)
    try:
        export_page(trained(), tmp_path / "page.html")
    except OutputError as error:
        pytest.skip(str(error))
    data = several_squares(8, seed=3)
    probabilities, present = trained().probabilities(data), trained().predict(data) == 1
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"file://{tmp_path}/page.html")
        page.wait_for_selector("#file:not([disabled])")
        for sample, row, there in zip(data.samples, probabilities, present, strict=True):
            (tmp_path / sample.id).write_bytes(file_of(sample))
            page.set_input_files("#file", str(tmp_path / sample.id))
            page.wait_for_selector(f"#size:has-text('{sample.id}')")
            names = [data.classes[i] for i in np.argsort(-row) if there[i]]
            assert page.inner_text("#answer") == (", ".join(names) or "None of the classes")
            assert page.locator("#bars .gauge b").count() == len(data.classes)
        browser.close()


def test_what_needs_one_label_per_image_is_refused_with_what_takes_several(tmp_path: Path) -> None:
    model, data = trained(), several_squares(6)
    folder = save_classifier(model, tmp_path / "model")
    cases = {
        "a file in .pt2": lambda: export_to(tmp_path / "m.pt2", folder),
        "propagating masks": lambda: propagate_dataset(model.recipe, data),
    }
    for what, call in cases.items():
        with pytest.raises(HandfulError, match=what) as caught:
            call()  # type: ignore[no-untyped-call]
        assert isinstance(caught.value, ModelError | DataError)
        assert "predict" in caught.value.remedy
        assert "one label per image" in caught.value.what
