"""The examples of docs/guide run, and say what the pages say of them."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from handful import load_data
from handful.core.context import Context, Task
from handful.core.tensors import Batch, LabelEmbedding, Output
from handful.recipes.load import load_recipe

GUIDE = Path(__file__).parents[1] / "docs" / "guide"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (GUIDE / page).read_text(), flags=re.DOTALL | re.MULTILINE)


def run_blocks(page: str, sources: list[str]) -> dict[str, object]:
    """The names of Python blocks of a page, run one after another as one program."""
    names: dict[str, object] = {}
    for block in sources:
        exec(compile(block, page, "exec"), names)
    return names


def test_the_first_model_in_python_is_evaluated_and_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_blocks("python.md", blocks("python.md", "python")[1:])
    assert re.search(r"0\.\d{3} \(0\.\d{3} to 0\.\d{3}\), worst draw 0\.\d{3}", capsys.readouterr().out)
    assert (tmp_path / "model" / "CARD.md").is_file()


@pytest.mark.slow
def test_all_in_one_call_trains_and_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_blocks("python.md", blocks("python.md", "python")[:1])
    assert (tmp_path / "digits-run" / "report.html").is_file()


def test_data_of_ones_own_are_read_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_blocks("your-own-data.md", blocks("your-own-data.md", "python"))
    assert capsys.readouterr().out.splitlines() == ["20 ('leaf', 'stem')", "0"]


def test_the_tables_of_the_page_are_read(tmp_path: Path) -> None:
    table, votes, grouped = (text for text in blocks("your-own-data.md", "text") if text.startswith("path,"))
    (tmp_path / "table.csv").write_text(table)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for i in range(1, 7):
        Image.new("RGB", (8, 8), (40 * i, 0, 0)).save(tmp_path / "images" / f"00{i}.png")
    Image.linear_gradient("L").resize((8, 8)).point(lambda value: 255 * (value > 99)).save(
        tmp_path / "masks" / "001.png"
    )
    data = load_data(tmp_path / "table.csv")
    assert data.classes == ("glaucoma", "healthy")
    assert [s.label for s in data.samples] == [1, 0, None]
    assert [s.group for s in data.samples] == ["patient-1", "patient-2", "patient-2"]
    assert [s.mask is not None for s in data.samples] == [True, False, False]
    (tmp_path / "table.csv").write_text(votes)
    data = load_data(tmp_path / "table.csv")
    assert [data.classes[s.label] for s in data.samples if s.label is not None] == ["healthy", "glaucoma", "healthy"]
    assert [s.probabilities is not None for s in data.samples] == [False, True, True]
    (tmp_path / "table.csv").write_text(grouped)
    tree, _ = blocks("your-own-data.md", "yaml")
    (tmp_path / "groups.yaml").write_text(tree)
    data = load_data(tmp_path / "table.csv", tree=tmp_path / "groups.yaml", candidates="|")
    assert data.classes == ("cat", "dog", "duck", "sparrow")
    assert [s.label for s in data.samples] == [3, 2, None, 0, None, 1]
    among = [[data.classes[c] for c in np.flatnonzero(row)] for row in data.candidates()]
    assert (among[2], among[4]) == (["duck", "sparrow"], ["dog", "duck"])


def test_the_loss_of_the_guide_is_cross_entropy_at_gamma_0() -> None:
    (source,) = blocks("your-own-loss.md", "python")
    names: dict[str, object] = {}
    exec(compile(source, "your-own-loss.md", "exec"), names)
    context = Context(
        Task(("a", "b", "c"), np.array([2, 2, 2])), LabelEmbedding(torch.eye(3)), load_recipe("classification-wrn")
    )
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 1])
    targets = torch.nn.functional.one_hot(labels, 3).float()
    batch = Batch(torch.zeros(4, 3, 2, 2), labels, targets, torch.zeros(4, 2, 2, dtype=torch.long))
    output = Output(logits, logits, logits)
    build = names["build"]
    assert callable(build)
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(build(context, gamma=0.0)(output, batch), expected)
    assert (build(context, gamma=2.0)(output, batch) < expected).all()


def test_what_the_pages_name_exists() -> None:
    import handful
    from handful.parts.traits import TRAITS

    text = "".join(page.read_text() for page in GUIDE.glob("*.md"))
    assert "uses_unlabelled" in TRAITS["losses"]
    for name in re.findall(r"`handful\.(\w+)[`(]", text):
        assert name in handful.__all__
