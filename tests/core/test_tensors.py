"""Rows of a batch, and class scores of a label embedding."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from handful.core.tensors import Batch, LabelEmbedding, Output


def batch(n: int = 5) -> Batch:
    generator = torch.Generator().manual_seed(n)
    labels = torch.randint(0, 3, (n,), generator=generator)
    pixels = torch.randint(-1, 4, (n, 4, 4), generator=generator)
    return Batch(torch.rand(n, 3, 4, 4, generator=generator), labels, torch.eye(3)[labels], pixels)


@dataclass(frozen=True, eq=False)
class TwoViews(Batch):
    """A batch with fields that a further method would add."""

    second: Batch | None = None
    crops: tuple[Any, ...] = ()
    name: str = ""


@pytest.mark.parametrize(
    "which", [slice(1, None, 2), torch.tensor([3, 0, 3]), torch.tensor([True, False, False, True, False])]
)
def test_the_same_rows_of_every_field(which: slice | torch.Tensor) -> None:
    whole = batch()
    some = whole.rows(which)
    assert type(some) is Batch
    for name in ("images", "labels", "targets", "pixel_labels"):
        assert torch.equal(getattr(some, name), getattr(whole, name)[which]), name
    assert len(whole.labels) == 5


def test_rows_of_nested_values_of_tuples_and_of_none() -> None:
    first, second = batch(), replace(batch(), images=torch.zeros(5, 3, 4, 4))
    weights = torch.arange(5.0)
    whole = TwoViews(
        first.images,
        first.labels,
        first.targets,
        first.pixel_labels,
        second=second,
        crops=(weights, (second, None), "crop"),
        name="two",
    )
    some = whole.rows(slice(0, 2))
    assert type(some) is TwoViews
    assert some.second is not None
    assert torch.equal(some.second.images, second.images[:2])
    assert torch.equal(some.second.labels, second.labels[:2])
    assert torch.equal(some.crops[0], weights[:2])
    inner, nothing = some.crops[1]
    assert torch.equal(inner.targets, second.targets[:2])
    assert nothing is None
    assert (some.crops[2], some.name) == ("crop", "two")
    alone = replace(whole, second=None).rows(slice(0, 2))
    assert isinstance(alone, TwoViews)
    assert alone.second is None


def test_rows_of_rows_and_no_row() -> None:
    whole = batch()
    assert torch.equal(whole.rows(slice(1, 5)).rows(slice(1, 3)).labels, whole.labels[2:4])
    assert whole.rows(torch.tensor([], dtype=torch.int64)).images.shape == (0, 3, 4, 4)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_class_scores_of_images_and_of_pixels(similarity: str) -> None:
    vectors = torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    labels = LabelEmbedding(vectors, similarity=similarity, temperature=0.5)  # type: ignore[arg-type]
    embedding = torch.tensor([[2.0, 1.0], [0.0, -1.0]])
    by_hand = embedding @ vectors.T
    if similarity == "cosine":
        by_hand = F.cosine_similarity(embedding[:, None], vectors[None], dim=2)
    torch.testing.assert_close(labels.logits(embedding), by_hand / 0.5)
    pixels = embedding[:, :, None, None].expand(2, 2, 3, 3)
    torch.testing.assert_close(labels.logits(pixels)[:, :, 1, 2], by_hand / 0.5)
    assert labels.size == 2


def with_views() -> Batch:
    """Five images, of which the second, fourth and fifth have no label, with a view of these and one of all."""
    whole = replace(batch(), labels=torch.tensor([2, -1, 0, -1, -1]), index=torch.arange(10, 15), progress=0.5)
    teacher = Output(torch.rand(5, 3), torch.rand(5, 3), torch.rand(5, 2))
    return replace(whole, views=(whole.rows(whole.labels < 0), whole), teacher_output=teacher)


@pytest.mark.parametrize("which", [slice(1, None, 2), [3, 0, 3], [False, True, True, False, True], slice(0, 0)])
def test_rows_of_further_views_show_the_same_images(which: slice | list[int]) -> None:
    whole = with_views()
    rows = which if isinstance(which, slice) else torch.tensor(which)
    some = whole.rows(rows)
    assert some.index is not None
    assert some.progress == 0.5
    unlabelled, everything = some.views
    assert torch.equal(unlabelled.index, some.index[some.labels < 0])  # type: ignore[arg-type]
    assert torch.equal(unlabelled.images, some.images[some.labels < 0])
    assert torch.equal(everything.index, some.index)  # type: ignore[arg-type]
    assert some.teacher_output is not None
    assert whole.teacher_output is not None
    assert torch.equal(some.teacher_output.logits, whole.teacher_output.logits[rows])


def test_the_rows_that_a_view_shows() -> None:
    whole = with_views()
    assert whole.view_rows(0).tolist() == [1, 3, 4]
    assert whole.view_rows(1).tolist() == [0, 1, 2, 3, 4]


def test_rows_of_an_output_are_rows_of_all_its_fields() -> None:
    output = Output(torch.rand(4, 3), torch.rand(4, 3), torch.rand(4, 2), distances=torch.rand(4, 3))
    some = replace(output, views=(output,)).rows(slice(1, 3))
    for name in ("embedding", "logits", "features", "distances"):
        assert torch.equal(getattr(some, name), getattr(output, name)[1:3])
        assert torch.equal(getattr(some.views[0], name), getattr(output, name)[1:3])
    assert some.pixels is None
