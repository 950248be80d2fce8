"""`handful extend`: new and finer classes from the command line, in 60 columns, and what is refused."""

from dataclasses import replace
from pathlib import Path

from handful.core.dataset import Dataset
from tests.support.command_line import fails, ok, ok_json, write_images
from tests.support.datasets import squares


def folders(folder: Path) -> tuple[Path, Path]:
    """Old images of "cold" and "red", and new ones of "blue" and "green"."""
    old = write_images(_below("old", squares(8)), folder)
    for path in sorted((folder / "old").glob("blue/*")):
        target = folder / "old" / "cold" / path.name
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    for path in sorted((folder / "old").glob("green/*")):
        path.rename(folder / "old" / "cold" / f"g{path.name}")
    for name in ("blue", "green"):
        (folder / "old" / name).rmdir()
    new = squares(2, seed=1)
    write_images(_below("new", replace(new, samples=tuple(s for s in new.samples if s.label != 2))), folder)
    (folder / "tree.yaml").write_text("cold: [blue, green]\nred:\n")
    return old / "old", old / "new"


def _below(name: str, data: Dataset) -> Dataset:
    return replace(data, samples=tuple(replace(s, id=f"{name}/{s.id}") for s in data.samples))


def test_a_model_learns_finer_classes(tmp_path: Path) -> None:
    old, new = folders(tmp_path)
    ok("fit", old, "-r", "logistic-pixels", "-o", tmp_path / "m")
    command = ("extend", tmp_path / "m", new, "--memory", old, "--tree", tmp_path / "tree.yaml")
    text = ok(*command, "-o", tmp_path / "m2")
    assert "24 replayed" in text
    assert "3, new: blue, green" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 60 or str(tmp_path) in text
    values = ok_json(*command, "-o", tmp_path / "m3")
    assert values["classes"] == ["blue", "green", "red"]
    assert values["split"] == ["cold"]
    assert values["card"]["candidate_images"] == 16
    assert "--overwrite" in fails(*command, "-o", tmp_path / "m2")
    assert "none of the 24 images" in fails(*command[:3], "--memory", new, "-o", tmp_path / "m4")
    assert "between 0 and 1" in fails(*command, "--share", 2, "-o", tmp_path / "m4")


def test_groups_are_read_by_every_command_that_reads_labels(tmp_path: Path) -> None:
    old, new = folders(tmp_path)
    for path in sorted(new.glob("*/*")):
        target = old / path.parent.name / path.name
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    tree = ("--tree", tmp_path / "tree.yaml")
    assert "16 with several candidates" in " ".join(
        ok("fit", old, *tree, "-r", "logistic-pixels", "-o", tmp_path / "m").split()
    )
    said = fails("fit", old, *tree, "-r", "knn", "-o", tmp_path / "m2")
    assert "heads/knn needs one label per image, and 16 images have several candidates" in said
    scores = ok_json("evaluate", old, *tree, "-r", "logistic-pixels", "-m", 1, "-n", 2)
    assert scores
    assert "16 images have several candidates" in " ".join(ok("inspect", old, *tree).split())
    (tmp_path / "bad.yaml").write_text("cold: [blue, green]\n")
    assert "'red' is not in the tree" in fails("inspect", old, "--tree", tmp_path / "bad.yaml")
