import torch

from handful.core.tensors import LabelEmbedding
from handful.parts.labels.one_hot import build
from tests.support.datasets import context


def embeddings() -> torch.Tensor:
    return torch.randn((4, 3), generator=torch.Generator().manual_seed(0))


def test_by_dot_product_an_embedding_is_its_logits() -> None:
    labels = build(context())
    assert isinstance(labels, LabelEmbedding)
    assert torch.equal(labels.vectors, torch.eye(3))
    assert torch.equal(labels.logits(embeddings()), embeddings())
    torch.testing.assert_close(build(context(), temperature=2.0).logits(embeddings()), embeddings() / 2)


def test_by_cosine_classes_are_equally_distant() -> None:
    labels = build(context(), similarity="cosine", temperature=0.1)
    expected = embeddings() / embeddings().norm(dim=1, keepdim=True) / 0.1
    torch.testing.assert_close(labels.logits(embeddings()), expected)
    torch.testing.assert_close(labels.logits(labels.vectors), torch.eye(3) / 0.1)
