import math

import pytest
import torch

from handful.core.recipe import Part
from handful.core.tensors import LabelEmbedding, Output
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.backbones import wide_resnet
from handful.parts.heads._pooling import Pool, check_pool, pooled_output
from tests.support.datasets import context


def pool(maps: torch.Tensor, rule: Pool, labels: LabelEmbedding | None = None, *, several: bool = False) -> Output:
    found = labels or LabelEmbedding(torch.eye(maps.shape[1] - 1))
    return pooled_output(maps, maps.mean(dim=(2, 3)), found.logits, rule, several=several)


def by_hand(maps: torch.Tensor, rule: Pool) -> list[list[float]]:
    """The three rules pixel by pixel, one-hot labels."""
    n, k1, h, w = maps.shape
    result = []
    for i in range(n):
        sums, weights = [0.0] * (k1 - 1), 0.0
        for y in range(h):
            for x in range(w):
                scores = maps[i, :, y, x].tolist()
                total = sum(math.exp(s) for s in scores)
                weight = 1 - math.exp(scores[0]) / total if rule == "foreground" else 1.0
                weights += weight
                for c in range(1, k1):
                    value = math.exp(scores[c]) / total if rule == "probability" else scores[c]
                    sums[c - 1] += weight * value
        means = [s / weights for s in sums]
        result.append([math.log(m) for m in means] if rule == "probability" else means)
    return result


@pytest.mark.parametrize("rule", ["logits", "probability", "foreground"])
def test_equals_the_loop_by_hand(rule: Pool) -> None:
    maps = torch.randn((2, 4, 5, 3), generator=torch.Generator().manual_seed(0)) * 2
    output = pool(maps, rule)
    torch.testing.assert_close(output.logits, torch.tensor(by_hand(maps, rule)), rtol=1e-4, atol=1e-5)
    assert output.pixels is not None
    assert torch.equal(output.pixels, maps)


def by_class(maps: torch.Tensor, rule: Pool) -> list[list[float]]:
    """The three rules for several labels, pixel by pixel, in double precision."""
    p = maps.double().softmax(dim=1)[:, 1:].flatten(2)
    odds = (p / (1 - p)).log()
    if rule == "probability":
        mean = p.mean(dim=2)
        return (mean / (1 - mean)).log().tolist()
    weight = p if rule == "foreground" else torch.ones_like(p)
    return ((odds * weight).sum(dim=2) / weight.sum(dim=2)).tolist()


@pytest.mark.parametrize("rule", ["logits", "probability", "foreground"])
def test_several_labels_are_scored_each_by_itself(rule: Pool) -> None:
    maps = torch.randn((2, 4, 5, 3), generator=torch.Generator().manual_seed(0)) * 2
    output = pool(maps, rule, several=True)
    torch.testing.assert_close(output.logits, torch.tensor(by_class(maps, rule)), rtol=1e-4, atol=1e-4)
    shifted = pool(maps + 7.0, rule, several=True)  # what all scores of a pixel share says nothing
    torch.testing.assert_close(shifted.logits, output.logits, rtol=1e-3, atol=1e-3)


def test_a_small_object_is_present_beside_a_large_one_of_another_class() -> None:
    maps = torch.zeros((1, 4, 20, 20))
    maps[:, 0] = 6  # background everywhere, but for ...
    maps[:, :, :12] = torch.tensor([-6.0, 6.0, -6.0, -6.0])[None, :, None, None]  # ... a large object of class 0
    maps[:, :, 17:19, 17:19] = torch.tensor([-6.0, -6.0, 6.0, -6.0])[None, :, None, None]  # ... and a small one of 1
    scores = pool(maps, "foreground", several=True).logits[0]
    assert (scores > 0).tolist() == [True, True, False]
    assert pool(maps, "logits", several=True).logits[0, 1] < 0


@pytest.mark.parametrize("rule", ["logits", "probability", "foreground"])
def test_sure_pixels_give_finite_log_odds_and_gradients(rule: Pool) -> None:
    maps = torch.zeros((1, 3, 4, 4))
    maps[:, 1] = 200.0
    maps.requires_grad_()
    scores = pool(maps, rule, several=True).logits
    assert float(scores[0, 0].detach()) > 10
    assert float(scores[0, 1].detach()) < -10
    scores.sum().backward()  # type: ignore[no-untyped-call]
    assert maps.grad is not None
    assert bool(maps.grad.isfinite().all())


def test_foreground_finds_a_small_object_that_the_mean_of_logits_loses() -> None:
    maps = torch.zeros((1, 3, 10, 10))
    maps[:, 0] = 5  # background everywhere ...
    maps[:, 1] = 0.2  # ... where class 1 is a little above class 2 ...
    maps[:, :, 4:6, 4:6] = torch.tensor([-5.0, 0.0, 4.0])[None, :, None, None]  # ... and an object of class 2
    assert pool(maps, "logits").logits.argmax() == 0
    assert pool(maps, "foreground").logits.argmax() == 1
    assert pool(maps, "probability").logits.argmax() == 1


@pytest.mark.parametrize("rule", ["logits", "probability", "foreground"])
@pytest.mark.parametrize("background", [-60.0, 0.0, 25.0, 60.0])
def test_a_sure_background_leaves_scores_and_gradients(rule: Pool, background: float) -> None:
    maps = torch.zeros((1, 4, 3, 3))
    maps[:, 0], maps[:, 2] = background, 1.5
    maps.requires_grad_()
    output = pool(maps, rule)
    assert output.logits.isfinite().all()
    assert output.logits.softmax(dim=1)[0, 1].item() == pytest.approx(math.exp(1.5) / (math.exp(1.5) + 2), rel=1e-4)
    (-output.logits.log_softmax(dim=1)[0, 1]).backward()  # type: ignore[no-untyped-call]
    assert maps.grad is not None
    assert maps.grad.isfinite().all()
    assert (maps.grad[:, 2] < 0).all()


def test_embedding_is_compared_with_any_label_vectors() -> None:
    vectors = torch.randn((3, 5), generator=torch.Generator().manual_seed(0))
    maps = torch.randn((2, 6, 4, 4), generator=torch.Generator().manual_seed(1))
    labels = LabelEmbedding(vectors, similarity="cosine", temperature=0.5)
    output = pool(maps, "logits", labels)
    mean = maps[:, 1:].mean(dim=(2, 3))
    torch.testing.assert_close(output.embedding, mean)
    expected = torch.nn.functional.cosine_similarity(mean[:, None], vectors[None], dim=2) / 0.5
    torch.testing.assert_close(output.logits, expected)
    assert output.pixels is not None
    assert output.pixels.shape == (2, 4, 4, 4)
    assert torch.equal(output.pixels[:, 0], maps[:, 0])


def test_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="logits, probability or foreground, not 'max'"):
        check_pool("max")


@pytest.mark.parametrize("name", registry.names_with("heads", "segments"))
def test_a_head_that_scores_pixels_refuses_maps_beyond_the_image(name: str) -> None:
    grown = wide_resnet.build(context(), depth=10, width=1, padding="full")
    with pytest.raises(RecipeError, match='padding = "same"'):
        registry.build("heads", Part(name), context(), backbone=grown)
    registry.build("heads", Part(name), context(), backbone=wide_resnet.build(context(), depth=10, width=1))
