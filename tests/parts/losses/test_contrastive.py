"""NT-Xent against the formula, view by view."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from handful.core.tensors import Batch, Output
from handful.parts.losses.contrastive import Contrastive, build
from tests.support.datasets import context

N, C = 5, 6


def example(labels: list[int], shown: list[int]) -> tuple[Output, Batch]:
    g = torch.Generator().manual_seed(0)
    known = torch.tensor(labels)
    first, second = (torch.randn(n, C, generator=g) for n in (len(labels), len(shown)))

    def batch(of: torch.Tensor) -> Batch:
        n = len(of)
        return Batch(torch.zeros(n, 3, 2, 2), of, torch.zeros(n, 3), torch.full((n, 2, 2), -1))

    view = Output(second, second[:, :3], second)
    given = replace(batch(known), views=(batch(known[shown]),))
    return Output(first, first[:, :3], first, views=(view,)), given


def made(**options: float) -> Contrastive:
    torch.manual_seed(0)
    return build(replace(context(), features=lambda: C), **options)  # type: ignore[arg-type]


def test_it_is_the_mean_over_both_views_of_the_cross_entropy_with_the_other_view() -> None:
    loss = made(temperature=0.3).eval()
    output, batch = example([0, 1, 2, -1, -1], [0, 1, 2, 3, 4])
    values = loss(output, batch)
    both = torch.cat([output.features, output.views[0].features])
    z = F.normalize(loss.linear(loss.norm(loss.hidden(both)).relu()), dim=1).detach()
    for i in range(N):
        expected = 0.0
        for a, b in ((i, i + N), (i + N, i)):
            others = sum(math.exp(float(z[a] @ z[j]) / 0.3) for j in range(2 * N) if j != a)
            expected -= math.log(math.exp(float(z[a] @ z[b]) / 0.3) / others) / 2
        assert values[i].item() == pytest.approx(expected, rel=1e-4)


def test_images_that_the_view_does_not_show_cost_nothing() -> None:
    values = made()(*example([0, 1, -1, -1, -1], [2, 3, 4]))
    assert (values[:2] == 0).all()
    assert (values[2:] > 0).all()


def test_the_same_projections_of_an_image_cost_less_than_those_of_others() -> None:
    output, batch = example([0, 1, 2, 0, 1], [0, 1, 2, 3, 4])
    same = replace(output, views=(replace(output.views[0], features=output.features),))
    other = replace(output, views=(replace(output.views[0], features=output.features.roll(1, 0)),))
    loss = made().eval()
    assert loss(same, batch).mean() < loss(other, batch).mean()


@pytest.mark.parametrize(("option", "value"), [("temperature", 0.0), ("width", 0)])
def test_an_option_out_of_range_is_refused(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=option):
        made(**{option: value})
