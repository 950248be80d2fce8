"""The examples of docs/guide run, and say what the pages say of them."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.core.context import Context, Task
from handful.core.tensors import Batch, LabelEmbedding, Output
from handful.recipes.load import load_recipe

GUIDE = Path(__file__).parents[1] / "docs" / "guide"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (GUIDE / page).read_text(), flags=re.DOTALL | re.MULTILINE)


def test_the_first_model_is_evaluated_and_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks("first-model.md", "python"):
        exec(compile(block, "first-model.md", "exec"), names)
    assert re.search(r"0\.\d{3} \(0\.\d{3} to 0\.\d{3}\), worst draw 0\.\d{3}", capsys.readouterr().out)
    assert (tmp_path / "model" / "CARD.md").is_file()


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
