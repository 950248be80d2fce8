from dataclasses import replace

import pytest
import torch

from handful.core.tensors import LabelEmbedding
from handful.parts.labels import random_embeddings
from tests.support.datasets import context


def cosines(labels: LabelEmbedding) -> torch.Tensor:
    unit = torch.nn.functional.normalize(labels.vectors, dim=1)
    return (unit @ unit.T)[~torch.eye(len(unit), dtype=torch.bool)]


def test_from_0_to_1_all_are_alike_and_from_minus_1_to_1_none() -> None:
    given = context(classes=tuple(map(str, range(30))))
    alike, apart = (random_embeddings.build(given, size=1000, low=low) for low in (0.0, -1.0))
    assert cosines(alike).mean().item() == pytest.approx(0.75, abs=0.01)
    assert cosines(apart).mean().item() == pytest.approx(0.0, abs=0.01)
    for labels, low in ((alike, 0.0), (apart, -1.0)):
        assert labels.vectors.min().item() == pytest.approx(low, abs=1e-2)
        assert labels.vectors.min() >= low
        assert labels.vectors.max().item() == pytest.approx(1.0, abs=1e-2)
        assert labels.vectors.shape == (30, 1000)


def test_the_runs_seed_or_ones_own() -> None:
    first, second = (random_embeddings.build(replace(context(), seed=seed)).vectors for seed in (0, 1))
    assert not torch.equal(first, second)
    fixed = [random_embeddings.build(replace(context(), seed=seed), seed=5).vectors for seed in (0, 1)]
    assert torch.equal(*fixed)


@pytest.mark.parametrize("options", [{"size": 0}, {"size": True}, {"low": 1.0}, {"low": float("nan")}])
def test_wrong_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"whole number from 1|low must be below high"):
        random_embeddings.build(context(), **options)  # type: ignore[arg-type]
