import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as Picture

from handful.cli import _errors  # noqa: F401  the command line is under test
from handful.training import image_features as extractor
from tests.support.command_line import fails, ok, ok_json, run, write_images
from tests.support.datasets import squares


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extractor, "SIDE", 32)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Eight squares of each class, one of them twice."""
    folder = write_images(squares(8, size=24), tmp_path / "images")
    Picture.open(folder / "red/0-0.png").save(folder / "red/again.png")
    return folder


def test_inspect_says_what_it_found_and_what_to_do(images: Path, tmp_path: Path) -> None:
    text = ok("inspect", images, "--page", tmp_path / "page.html", "--fix", tmp_path / "new.csv")
    assert "25 images of 3 classes, 24 x 24 pixels" in text
    assert "WARNING  duplicate" in text
    assert "red/0-0.png" in text
    assert "Do: keep one of each" in text
    assert "1 copies" in text or "24 images" in text
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page
    assert "red/again.png" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert len((tmp_path / "new.csv").read_text().splitlines()) == 25


def test_json_holds_everything(images: Path) -> None:
    found = ok_json("inspect", images)
    assert found["images"] == 25
    (copies,) = [f for f in found["findings"] if f["kind"] == "duplicate"]
    assert copies["where"] == [["red/0-0.png", "red/again.png"]]
    assert {"shortcuts", "resolution", "learning_curve", "complexity", "examples"} <= set(found)
    assert all(f["remedy"] for f in found["findings"])


def test_what_is_there_is_not_replaced(images: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("mine")
    (tmp_path / "new.csv").write_text("mine")
    assert "--overwrite" in fails("inspect", images, "--page", tmp_path / "page.html")
    assert "already exists" in fails("inspect", images, "--fix", tmp_path / "new.csv", "--overwrite")
    assert ".html" in fails("inspect", images, "--page", tmp_path / "page.pdf")
    assert (tmp_path / "page.html").read_text() == (tmp_path / "new.csv").read_text() == "mine"


def test_a_fit_says_in_three_lines_at_most_what_is_doubtful(tmp_path: Path) -> None:
    from handful.recipes.write import to_toml
    from tests.support.datasets import recipe

    data = squares(8, masks=False)
    folder = write_images(data, tmp_path / "images")
    Picture.new("RGB", (12, 12)).save(folder / "red/blank.png")
    (tmp_path / "linear.toml").write_text(to_toml(recipe("linear", "name=linear", "steps=1")))
    done = run("fit", folder, "-r", tmp_path / "linear.toml", "-o", tmp_path / "model", "--device", "cpu")
    assert done.exit_code == 0, done.stderr
    notes = [line for line in done.stderr.splitlines() if line.startswith("Note: ")]
    assert 2 <= len(notes) <= 3
    assert "red/blank.png" in notes[0]
    assert notes[-1].startswith("Note: handful inspect shows")


def test_a_sound_set_is_fitted_in_silence() -> None:
    from handful.inspection.quick_check import quick_warnings
    from tests.inspection.smooth_images import measure, smooth_dataset

    data = smooth_dataset()
    assert quick_warnings(data, measure(data).statistics) == ()
    samples = tuple(replace(s, split="test" if i % 2 else "train") for i, s in enumerate(data.samples))
    assert quick_warnings(replace(data, samples=samples), measure(data).statistics) == ()


def test_five_findings_are_printed_and_the_others_counted(images: Path, tmp_path: Path) -> None:
    for i, image in enumerate(sorted(images.rglob("*.png"))[:3]):
        image.write_bytes(image.read_bytes()[: 40 + i])  # cut short
    (images / "blue/notes.txt").write_text("no image")
    Picture.open(images / "red/again.png").save(images / "green/copy.png")
    findings = ok_json("inspect", images)["findings"]
    heads = [f"{finding['severity'].upper()}  {finding['kind']}" for finding in findings]
    assert len(heads) > 5

    def printed(*options: object) -> list[str]:
        return [
            line for line in ok("inspect", images, *options).splitlines() if line.startswith(("ERR", "WARN", "NOTE"))
        ]

    assert printed() == heads[:5]
    assert printed("--all") == heads
    text = " ".join(ok("inspect", images, "--page", tmp_path / "page.html").split())
    assert f"Not printed: {len(heads) - 5} note" in text
    assert "; the page shows all." in text
    assert "--all prints them" in " ".join(ok("inspect", images).split())
    assert "Not printed" not in ok("inspect", images, "--all")


def test_the_stages_are_lines_outside_a_terminal(images: Path) -> None:
    lines = run("inspect", images).stderr.splitlines()
    assert [line.strip() for line in lines if line.endswith("...")] == [
        "Reading the data ...",
        "Loading PyTorch ...",
        "looking for what is doubtful ...",
    ]


TORCHLESS = """
import sys
from handful.cli import app
print(app(sys.argv[1:], standalone_mode=False), "torch" in sys.modules)
"""


@pytest.mark.parametrize("fault", ["a path that is not there", "a column that is not there", "a page that is there"])
def test_what_the_table_and_the_options_tell_is_refused_before_pytorch_is_imported(fault: str, tmp_path: Path) -> None:
    table, page = tmp_path / "photos.csv", tmp_path / "page.html"
    table.write_text("file,label\n1.png,red\n" if fault == "a column that is not there" else "path,label\n1.png,red\n")
    if fault == "a page that is there":
        page.write_text("mine")
    ended = subprocess.run(
        [sys.executable, "-c", TORCHLESS, "inspect", str(table), "--page", str(page)], capture_output=True, text=True
    )
    assert ended.stdout == "2 False\n", ended.stderr
    assert "Error:" in ended.stderr
