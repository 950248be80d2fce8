import base64
import gzip
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.core.recipe import Part
from handful.deployment.export.browser_runtime import BrowserRuntime, load_runtime
from handful.deployment.export.page import export_page
from handful.errors import OutputError
from handful.models.classifier import Classifier
from handful.training.train import train
from tests.support.datasets import recipe, squares

pytest.importorskip("onnxscript")
CHROMIUM = shutil.which("chromium")


def _model(*posthoc: Part) -> Classifier:
    wish = replace(recipe("segmentation", "image_size=[12,12]", "steps=2"), posthoc=posthoc)
    return train(wish, squares(8), seed=0, device="cpu", progress=False)


def test_the_page_holds_all_that_it_runs(tmp_path: Path) -> None:
    runtime = BrowserRuntime(b"/*!\n * ONNX Runtime Web v9.9.9\n */", b"\0asm", "MIT <License>")
    assert export_page(_model(), tmp_path / "page.html", runtime=runtime) == ("probabilities", "maps")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)\s*=|https?://""", page)
    assert "default-src &#39;none&#39;" in page
    assert "MIT &lt;License&gt;" in page
    held = dict(re.findall(r'<script type="[a-z]+/[a-z]+" id="(\w+)">(.*?)</script>', page, re.S))
    assert gzip.decompress(base64.b64decode(held["wasm"])) == b"\0asm"
    assert json.loads(held["facts"])["classes"] == ["blue", "green", "red"]
    assert b"handful.format" in gzip.decompress(base64.b64decode(held["model"]))


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="takes Chromium")
@pytest.mark.filterwarnings("ignore::handful.HandfulWarning")
def test_a_browser_says_what_the_classifier_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from playwright.sync_api import sync_playwright

    monkeypatch.delenv("HANDFUL_CACHE")
    try:
        runtime = load_runtime()
    except OutputError as error:
        pytest.skip(str(error))
    calibrated = (
        Part("conformal", {"coverage": 0.8, "folds": 2}),
        Part("out_of_distribution", {"false_rejection": 0.2}),
    )
    one = _model(*calibrated)
    export_page(one, tmp_path / "page.html", runtime=runtime)
    probe = squares(1, size=31, seed=4)
    asked: list[str] = []
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"file://{tmp_path}/page.html")
        page.wait_for_selector("#file:not([disabled])")
        said = one.predict_all(probe)
        for i, sample in enumerate(probe.samples):
            path = tmp_path / f"{i}.png"
            Picture.fromarray(np.asarray(sample.image).transpose(1, 2, 0)).save(path)
            page.set_input_files("#file", str(path))
            page.wait_for_selector(f"#size:has-text('{i}.png')")
            answer = page.inner_text("#answer")
            assert answer == (*one.classes, "I do not know")[said.answers[i]]
            best = f"{100 * said.probabilities[i].max():.1f}%"
            assert best in page.inner_text("#bars")
            wanted = [name for name, own in zip(one.classes, said.sets[i], strict=True) if own]  # type: ignore[index]
            told = page.inner_text("#set")
            rejected = said.answers[i] == len(one.classes)
            assert "No prediction set" in told if rejected else all(name in told for name in wanted)
        (tmp_path / "bad.png").write_bytes(b"no image")
        page.set_input_files("#file", str(tmp_path / "bad.png"))
        page.wait_for_selector("#answer:has-text('cannot be read')")
        assert not page.is_visible("#result")  # the image before, and what was said of it
        browser.close()
    assert all(url.startswith(("file:", "blob:", "data:")) for url in asked)
