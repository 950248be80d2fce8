"""ConR against a slow form."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from handful.core.recipe import Part, View
from handful.core.tensors import Batch, Output
from handful.parts.losses._density import DensityWeighting
from handful.parts.losses.conr import ConR, build
from handful.training.train import train
from tests.parts.losses.test_absolute_error import batch_of, number_context
from tests.support.datasets import numbered_squares, recipe

N = 12


def loss_of(batch: Batch, reweight: DensityWeighting = "none") -> ConR:
    return build(number_context(batch.targets.numpy()), width=0.4, temperature=0.5, push=0.3, reweight=reweight)


def example(seed: int = 0) -> tuple[Output, Batch]:
    g = torch.Generator().manual_seed(seed)
    values = torch.randn((N, 1), generator=g)
    logits = 0.5 * torch.randn((N, 1), generator=g)
    return Output(logits, logits, torch.randn((N, 5), generator=g)), batch_of(values)


def slow(output: Output, batch: Batch, weights: list[float]) -> list[float]:
    features, y, p = F.normalize(output.features, dim=1), batch.targets[:, 0], output.logits[:, 0]
    result = []
    for i in range(N):
        positives, negatives = [], []
        for j in range(N):
            s = exp(float(features[i] @ features[j]) / 0.5)
            apart = float(abs(y[i] - y[j]))
            if j != i and apart <= 0.4:
                positives.append(s)
            elif j != i and abs(float(p[i] - p[j])) <= 0.4:
                negatives.append(weights[i] * exp(0.3 * apart) * s)
        if not positives or not negatives:
            result.append(0.0)
            continue
        total = sum(positives) + sum(negatives)
        result.append(-sum(log(s / total) for s in positives) / len(positives))
    return result


def test_it_is_the_papers_sum_over_positive_and_confused_pairs() -> None:
    output, batch = example()
    found = loss_of(batch)(output, batch)
    expected = slow(output, batch, [1.0] * N)
    assert 0 < sum(v > 0 for v in expected) <= N
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_negatives_of_rare_numbers_are_pushed_harder() -> None:
    output, batch = example()
    loss = loss_of(batch, "inverse")
    assert loss.weights is not None
    weights = loss.weights(batch.targets, torch.ones(N, 1, dtype=torch.bool))[:, 0].tolist()
    np.testing.assert_allclose(loss(output, batch).numpy(), slow(output, batch, weights), rtol=1e-4, atol=1e-5)


def test_a_second_view_takes_part_as_more_images() -> None:
    output, batch = example()
    (other, _) = example(seed=1)
    both = loss_of(batch)(replace(output, views=(other,)), batch)
    embedding, logits, features = (
        torch.cat([getattr(o, name) for o in (output, other)]) for name in ("embedding", "logits", "features")
    )
    joined = Output(embedding, logits, features)
    twice = batch_of(batch.targets.repeat(2, 1))
    each = loss_of(batch)(joined, twice)
    torch.testing.assert_close(both, each.view(2, N).mean(dim=0))


def test_images_whose_number_is_not_known_take_no_part() -> None:
    output, batch = example()
    known = torch.arange(N)[:, None] < 8
    loss = loss_of(batch)
    found = loss(output, replace(batch, known=known))
    assert found[8:].tolist() == [0.0] * 4
    torch.testing.assert_close(found[:8], loss(output.rows(slice(8)), batch.rows(slice(8))))


def test_it_trains_with_a_further_view() -> None:
    tiny = recipe("linear")
    losses = (Part("absolute_error"), Part("conr", {"reweight": "square_root"}, weight=2.0))
    data = numbered_squares(20, known=0.8)
    one = replace(tiny, stages=(replace(tiny.stages[0], losses=losses, views=(View(),)),))
    assert np.isfinite(train(one, data, device="cpu", progress=False).predict(data)).all()


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="width and temperature must be above 0"):
        build(number_context(np.arange(3.0)[:, None]), width=0.0)
