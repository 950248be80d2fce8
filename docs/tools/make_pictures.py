"""Draw the pictures of the documentation from real runs: `python docs/tools/make_pictures.py WHITE_BLOOD_CELLS`.

Prints what the commands of the README printed, and writes `docs/report.png`, `comparison.png`, `annotate.png` (the
annotation page, with masks where there is a folder `masks` beside the images), `annotate-matched.png` (all masks after
one was drawn there, which needs that folder) and `browser.png` (the page of an exported model). It needs the package
`playwright`, Chromium, and the folder of images of white blood cells, one folder per class
(`white_blood_cells/images` of `HANDFUL_DATA`, see `bench/README.md`).
"""

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from handful.annotation.server.session import image_key
from handful.data.masks.image_file import read_mask

DOCS = Path(__file__).parents[1]
WIDTH, HEIGHT = 1280, 1125
MOST_BYTES = 250_000
NEW = 3  # images of each class that are kept from training and predicted
RUN = ("run", "photos/")
COMMANDS = (RUN, ("inspect", "photos/"), ("predict", "handful-photos", "new/"))
EXPORT = ("export", "handful-photos", "--out", "model.html", "--overwrite")
COMPARE = (
    *("compare", "photos/", "--per-class", "5", "--trials", "1", "--out", "comparison"),
    *("--recipe", "nearest-centroid", "--recipe", "logistic", "--recipe", "logistic-hog"),
)


def main() -> None:
    """Run the commands, and draw the pages that they write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="white blood cells, one folder per class")
    parser.add_argument("--work", type=Path, help="folder to run in, which is left there; default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        divide(options.data, work)
        for command in (*COMMANDS, COMPARE, EXPORT):
            print(f"$ handful {' '.join(command)}\n{run(command, work)}", flush=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            for source, name in (("handful-photos", "report.png"), ("comparison", "comparison.png")):
                page.goto((work / source / "report.html").resolve().as_uri())
                draw(page, DOCS / name)
            page.set_viewport_size({"width": 1000, "height": 760})
            page.goto((work / "model.html").resolve().as_uri())
            page.set_input_files("#file:enabled", str(min((work / "new").iterdir())), timeout=120_000)
            page.wait_for_selector("#bars > *")
            draw(page, DOCS / "browser.png")
            page.set_viewport_size({"width": WIDTH, "height": 800})
            with annotation_page(work, options.data.parent / "masks") as address:
                first = min((work / "photos").glob("*/*")).relative_to(work / "photos").as_posix()
                page.goto(f"{address}#{image_key(first)}")
                while not page.evaluate("window.handful?.editor.image?.id"):  # its policy forbids wait_for_function
                    page.wait_for_timeout(200)
                page.wait_for_timeout(1000)
                draw(page, DOCS / "annotate.png")
            if (options.data.parent / "masks").exists():
                with annotation_server("photos/", "--folder", "one-mask", work=work) as address:
                    page.goto(address)
                    match_to_one(page, options.data.parent / "masks")
                    draw(page, DOCS / "annotate-matched.png")
            browser.close()


def divide(images: Path, work: Path) -> None:
    """Copy the images to `photos/`, but some of each class to `new/`."""
    for folder in sorted(path for path in images.iterdir() if path.is_dir()):
        for i, image in enumerate(sorted(folder.iterdir())):
            target = work / "new" if i < NEW else work / "photos" / folder.name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(image, target / image.name)


def run(command: tuple[str, ...], work: Path) -> str:
    """What `handful` prints in a terminal of 80 columns."""
    environment = {**os.environ, "COLUMNS": "80"}
    called = [sys.executable, "-m", "handful", *command]
    done = subprocess.run(
        called, cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        sys.exit(done.stdout)
    return done.stdout


@contextmanager
def annotation_page(work: Path, masks: Path) -> Iterator[str]:
    """The address of the annotation page of the photos, with the masks of every third one if there are masks."""
    photos = sorted((work / "photos").glob("*/*"))
    for photo in photos[::3]:
        mask = (masks / photo.relative_to(work / "photos")).with_suffix(".png")
        if mask.exists():
            target = work / "some-masks" / mask.relative_to(masks)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(mask, target)
    if (work / "some-masks").exists():
        run(("annotate", "photos/", "--import", "some-masks", "--overwrite"), work)
    with annotation_server("photos/", work=work) as address:
        yield address


@contextmanager
def annotation_server(*arguments: str, work: Path) -> Iterator[str]:
    """The address of a running `handful annotate`."""
    called = [sys.executable, "-m", "handful", "annotate", *arguments, "--no-browser", "--json"]
    with subprocess.Popen(called, cwd=work, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield str(json.loads(server.stdout.readline())["address"])
        finally:
            server.terminate()


def match_to_one(page: Page, masks: Path) -> None:
    """Outline one object on the page, go on to the next image, and show the masks that were matched to it.

    The outline is that of the image's mask, with a corner at every third pixel.
    """
    while not page.evaluate("window.handful?.editor.image?.id"):
        page.wait_for_timeout(200)
    while not re.search(r"\bprepared to match", page.inner_text("#features")):
        page.wait_for_timeout(500)
    mask = read_mask((masks / page.evaluate("handful.editor.image.id")).with_suffix(".png"))
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    scale, left, top = page.evaluate("[handful.view.scale, handful.view.left, handful.view.top]")
    page.keyboard.press("p")
    for x, y in max(outlines, key=len)[::3, 0] + 0.5:
        page.mouse.click(stage["x"] + x * scale + left, stage["y"] + y * scale + top)
    page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    page.click("#next")
    while "matched to" not in page.inner_text("#work"):
        page.wait_for_timeout(200)
    print(page.inner_text("#work"))
    page.keyboard.press("v")
    page.wait_for_load_state("networkidle")


def draw(page: Page, target: Path) -> None:
    """The top of a page as a PNG of at most `MOST_BYTES`, with as many colors as fit."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for colors in (256, 128, 64, 32):
        image.quantize(colors).save(target, optimize=True)
        if target.stat().st_size <= MOST_BYTES:
            return


def chromium() -> str | None:
    """Path of an installed Chromium; None: the one that came with playwright."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


if __name__ == "__main__":
    main()
