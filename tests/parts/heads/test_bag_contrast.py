"""INS on bags: the contrast against a loop, labels that prototypes correct, and what a positive bag's images may be."""

import torch

from handful.parts.heads._bags import Bags
from handful.parts.heads.bag_contrast import TEMPERATURE, BagContrast, _Loss, contrast, predicted_classes
from handful.parts.heads.bag_max import STEPS
from tests.parts.heads.test_bags import THREE, build, features


def test_the_contrast_is_that_of_a_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, keys = torch.randn((3, 4), generator=generator), torch.randn((5, 4), generator=generator)
    query_classes, key_classes = torch.tensor([0, 1, 1]), torch.tensor([0, 1, 1, 0, 2])
    values = []
    for query, c in zip(queries, query_classes, strict=True):
        powers = torch.stack([(query @ key / TEMPERATURE).double().exp() for key in keys])
        values.append(-(powers[key_classes == c] / powers.sum()).log().mean())
    expected = torch.stack(values).mean().float()
    torch.testing.assert_close(contrast(queries, keys, query_classes, key_classes), expected)


def test_an_image_is_predicted_to_be_negative_or_of_its_bags_class() -> None:
    allowed = torch.tensor([[True, True, False], [False, True, True], [False, True, False]])
    scores = torch.tensor([[2.0, 1.0, 9.0], [9.0, 1.0, 1.0], [9.0, 1.0, 9.0]])
    assert predicted_classes(scores, allowed, negative=1).tolist() == [0, 1, 1]


def test_labels_of_images_move_to_the_images_that_are_positive() -> None:
    head = build("bag_contrast", tukey=1.0)
    assert isinstance(head, BagContrast)
    x, labels, index = features()
    bags = Bags(x[:, 0].numpy() / 3, index.numpy(), labels[::5].numpy())
    loss = _Loss(head, bags, torch.Generator().manual_seed(0))
    assert loss.labels[labels == 0].tolist() == [[1, 0]] * 150
    assert loss.labels[labels == 1].tolist() == [[0.5, 0.5]] * 150
    optimizer = torch.optim.Adam([loss.weight, loss.bias, loss.projection], lr=0.01)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert loss.labels[labels == 0].tolist() == [[1, 0]] * 150
    positive = loss.labels[:, 1].reshape(60, 5)[1::2]
    assert positive[:, 0].mean() > positive[:, 1:].mean() + 0.3
    torch.testing.assert_close(loss.labels.sum(dim=1), torch.ones(300))


def test_three_classes_are_told_apart_and_the_seed_decides_the_projection() -> None:
    x, labels, index = features(60)
    labels = labels[::5].clone()
    labels[1::4] = 2
    x[(labels == 2).repeat_interleave(5).nonzero()[::5, 0], 0, 4] += 3
    x[(labels == 2).repeat_interleave(5).nonzero()[::5, 0], 0, 5] -= 3
    heads = [build("bag_contrast", THREE, negative="blue", tukey=1.0) for _ in range(3)]
    for head, seed in zip(heads, (0, 0, 1), strict=True):
        head.fit_bags(x, labels[index], index, seed=seed)
    output = heads[0].output(x[:, 0])
    predicted = heads[0].bag_logits(output.logits, None, index, 60).argmax(dim=1)
    assert (predicted == labels).float().mean() > 0.8
    weights = [head.state_dict()["weight"] for head in heads]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_an_offset_moves_the_classes_of_bags_and_neither_their_order_nor_that_of_images() -> None:
    x, labels, index = features(60)
    with_offset, without = build("bag_contrast", tukey=1.0), build("bag_contrast", tukey=1.0, offset=False)
    odds = []
    for head in (with_offset, without):
        head.fit_bags(x, labels, index, seed=0)
        output = head.output(x[:, 0])
        bags = head.bag_logits(output.logits, None, index, 60) * head.temperature
        odds.append(bags[:, 1] - bags[:, 0])
    moved = odds[0] - odds[1]
    torch.testing.assert_close(moved, moved[:1].expand(60), atol=1e-3, rtol=0)
    assert moved[0].abs() > 0.01
