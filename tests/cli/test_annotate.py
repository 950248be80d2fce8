import json
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image as Picture

from tests.support import command_line
from tests.support.command_line import fails, ok, ok_json


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    command_line.files(tmp_path, per_class=2)
    return tmp_path / "images"


def test_masks_go_in_and_out(photos: Path, tmp_path: Path) -> None:
    done = ok_json("annotate", photos, "--import", tmp_path / "masks")
    assert (done["imported"], done["replaced"]) == (6, 0)
    assert len(list((tmp_path / "images-annotations/masks").rglob("*.png"))) == 6
    assert "6 masks written" in ok("annotate", photos, "--export", "coco", "--out", tmp_path / "c.json").replace(
        "\n", " "
    )
    assert len(json.loads((tmp_path / "c.json").read_text())["annotations"]) == 6
    again = fails("annotate", photos, "--import", tmp_path / "c.json")
    assert "have a mask already" in again
    assert ok_json("annotate", photos, "--import", tmp_path / "c.json", "--overwrite")["replaced"] == 6
    assert ok_json("annotate", photos, "--export", "table", "--out", tmp_path / "t.csv")["labels"] == 6


def test_masks_of_some_pixels_only_are_for_other_commands(photos: Path, tmp_path: Path) -> None:
    line = {"label": "object", "shape_type": "linestrip", "points": [[1, 1], [5, 5]]}
    content = {"imagePath": "0-0.png", "imageHeight": 24, "imageWidth": 24, "shapes": [line]}
    (tmp_path / "lines" / "blue").mkdir(parents=True)
    (tmp_path / "lines" / "blue" / "0-0.json").write_text(json.dumps(content))
    said = fails("annotate", photos, "--import", tmp_path / "lines")
    assert "pass them to fit or propagate with --partial-masks" in said
    assert "read them as partial masks (--partial-masks)" in fails(
        "propagate", photos, "--masks", tmp_path / "lines", "--out", tmp_path / "out"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "x.json"], "needs --export"),
        (["--export", "coco"], "no output given"),
        (["--export", "coco", "--out", "x", "--import", "y"], "exclude each other"),
        (["--export", "coco", "--out", "x.json"], "no image has a mask"),
        (["--export", "png", "--outlines", "--out", "x"], "png does not store outlines"),
        (["--import", "nothing.json"], "no such file or folder"),
        (["--column", "path"], "is not ROLE=NAME"),
        (["--recipe", "cvs-light0"], "did you mean"),
        (["--host", "192.0.2.1"], "cannot listen on this address"),
    ],
)
def test_options_that_do_not_fit_are_refused(photos: Path, tmp_path: Path, options: list[str], said: str) -> None:
    error = fails("annotate", photos, *options)
    assert said in error
    assert not list(tmp_path.glob("x*"))


def test_wrong_data_are_refused_in_words(photos: Path, tmp_path: Path) -> None:
    assert "only image files" in fails("annotate", "digits")
    assert "inside the image folder" in fails("annotate", photos, "--folder", photos / "annotations")
    assert "holds other files" in fails("annotate", photos, "--folder", tmp_path / "masks")
    assert "this is a file" in fails("annotate", photos, "--folder", tmp_path / "cvs.toml")
    outside = tmp_path / "outside.png"
    Picture.fromarray(np.zeros((5, 5, 3), np.uint8)).save(outside)
    (photos / "red/link.png").symlink_to(outside)
    assert "links to files outside" in fails("annotate", photos)
    assert not (tmp_path / "images-annotations").exists()


@pytest.mark.slow
def test_it_serves_until_it_is_stopped(photos: Path) -> None:
    command = [sys.executable, "-m", "handful", "annotate", str(photos), "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["address"]
            with urlopen(address) as answer:
                assert b"<title>Annotate</title>" in answer.read()
            with urlopen(f"{address}api/work") as answer:
                matcher = json.loads(answer.read())["matcher"]  # which no page has asked for
            assert matcher["state"] == "running"
            second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            assert second.returncode == 2
            assert "another process is already annotating" in " ".join(second.stderr.split())
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_listed_classes_that_cannot_be_are_refused_with_their_file(photos: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("circle\n" + "x" * 500 + "\n")
    error = fails("annotate", photos, "--classes", names)
    assert "not a valid class name" in error
    assert "names.txt" in error
    names.write_text("circle\nlabel\n")
    error = fails("annotate", photos, "--multilabel", "folders", "--classes", names)
    assert "'label' cannot be a class" in error
    assert "names.txt" in error
