"""Co-teaching against the paper's algorithm, image by image."""

from dataclasses import replace

import pytest
import torch

from handful.core.recipe import Part
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.losses.co_teaching import CoTeaching, smallest
from tests.support.datasets import context

N, K = 10, 3


def example(n: int = N) -> tuple[Output, Batch]:
    g = torch.Generator().manual_seed(0)
    own, peer = (torch.randn((n, K), generator=g) for _ in range(2))
    labels = torch.randint(K, (n,), generator=g)
    second = Output(peer, peer, peer)
    batch = Batch(torch.zeros(n, 3, 1, 1), labels, torch.eye(K)[labels], torch.full((n, 1, 1), -1), progress=0.5)
    return Output(own, own, own, peers=(second,)), batch


def cross_entropy(output: Output, batch: Batch) -> list[float]:
    return [-float(row.log_softmax(0)[y]) for row, y in zip(output.logits, batch.labels.tolist(), strict=True)]


def by_hand(output: Output, batch: Batch, keep: int) -> float:
    """The mean cross-entropy of the images on which the peer's is smallest."""
    of_peer = cross_entropy(output.peers[0], batch)
    order = sorted(range(len(of_peer)), key=lambda i: of_peer[i])
    own = cross_entropy(output, batch)
    return sum(own[i] for i in order[:keep]) / keep


@pytest.mark.parametrize(("forget", "keep"), [(0.0, 10), (0.2, 8), (0.4, 6), (0.99, 1)])
def test_a_network_learns_the_images_on_which_its_peer_has_the_smallest_losses(forget: float, keep: int) -> None:
    output, batch = example()
    values = CoTeaching(forget, 0.0)(output, batch)
    assert int((values > 0).sum()) == keep
    assert float(values.mean()) == pytest.approx(by_hand(output, batch, keep))


def test_the_share_that_is_left_out_rises_over_the_first_part_of_the_stage() -> None:
    output, batch = example()
    loss = CoTeaching(0.4, 0.5)
    kept = [int((loss(output, replace(batch, progress=at)) > 0).sum()) for at in (0.0, 0.25, 0.5, 0.9)]
    assert kept == [10, 8, 6, 6]


def test_images_without_a_label_are_neither_counted_nor_learned() -> None:
    output, batch = example()
    alone = CoTeaching(0.5, 0.0)(output.rows(slice(0, 6)), batch.rows(slice(0, 6)))
    batch.labels[6:], batch.targets[6:] = -1, 0
    values = CoTeaching(0.5, 0.0)(output, batch)
    assert values[6:].tolist() == [0] * 4
    torch.testing.assert_close(values[:6], alone)


def test_images_that_tie_are_kept_together() -> None:
    chosen, factor = smallest(torch.tensor([1.0, 2.0, 2.0, 3.0]), torch.ones(4, dtype=torch.bool), 0.5)
    assert chosen.tolist() == [True, True, True, False]
    assert factor == pytest.approx(4 / 3)


@pytest.mark.parametrize("options", [{"forget": 1.0}, {"forget": -0.1}, {"rise": 1.5}])
def test_shares_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match="must be in"):
        registry.build("losses", Part("co_teaching", options), context())
