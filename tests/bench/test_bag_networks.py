"""Networks of bags: pooling by hand, shifts, and what INS lets move."""

import numpy as np
import torch
from bench.support.instance_contrast import InstanceContrast
from bench.tables.bag_networks import Network, Way, fitted, scores, shifted
from bench.tables.bags import DrawnBags

from handful.parts.heads.bag_contrast import WARM_UP

INDEX = np.repeat(np.arange(10), 10)


def bags(seed: int = 0) -> DrawnBags:
    """Noise; of every second bag one image is bright."""
    rng = np.random.default_rng(seed)
    labels = np.arange(10) % 2
    positive = ((np.arange(100) % 10 == 0) & (labels[INDEX] == 1)).astype(np.int64)
    x = rng.random((100, 784)).astype(np.float32) * 0.2 + 0.8 * positive[:, None].astype(np.float32)
    return DrawnBags(x, INDEX, labels, positive)


def test_log_odds_are_pooled_by_the_mean_or_the_highest() -> None:
    network, index = Network(), torch.tensor([0, 0, 1])
    features = torch.randn(3, 128, generator=torch.Generator().manual_seed(0))
    odds = network.classify(features)[:, 1] - network.classify(features)[:, 0]
    mean, highest = (network.bag_scores(method, features, index, 2) for method in ("mean", "max"))
    torch.testing.assert_close(mean, torch.stack([odds[:2].mean(), odds[2]]))
    torch.testing.assert_close(highest, torch.stack([odds[:2].max(), odds[2]]))


def test_images_are_moved_and_not_changed() -> None:
    image = torch.zeros(1, 28, 28)
    image[0, 10, 12] = 1
    moved = shifted(image.view(1, 784).expand(50, 784), torch.Generator().manual_seed(0))
    places = {tuple(place) for place in moved[:, 0].nonzero()[:, 1:].tolist()}
    assert moved.shape == (50, 1, 28, 28)
    assert (moved.sum(dim=(1, 2, 3)) == 1).all()
    assert all(abs(row - 10) <= 2 and abs(column - 12) <= 2 for row, column in places)
    assert len(places) > 10


def test_every_method_finds_the_bright_images() -> None:
    train, test = bags(), bags(1)
    for method in ("mean", "max", "INS"):
        network = fitted(Way(method, 1e-3, factor=0.1), train, 0, 30)
        assert scores(network, method, test)[0] > 0.8


def test_ins_knows_that_images_of_negative_bags_are_negative_and_moves_labels_after_the_warm_up() -> None:
    data, network, generator = bags(), Network(), torch.Generator().manual_seed(0)
    terms = InstanceContrast(network.features, network.classify, data.index, data.labels, generator)
    negative = data.labels[data.index] == 0
    rows, view = torch.arange(100), torch.from_numpy(data.x).view(-1, 1, 28, 28)
    before = terms.labels.clone()
    terms.loss(network.features(view), rows, view, WARM_UP / 2).backward()  # type: ignore[no-untyped-call]
    assert torch.equal(terms.labels, before)
    terms.loss(network.features(view), rows, view, 1.0)
    assert not torch.equal(terms.labels, before)
    assert (terms.labels[negative] == torch.tensor([1.0, 0.0])).all()
    assert len(terms.keys) == 200
    assert network.classify.weight.grad is not None
