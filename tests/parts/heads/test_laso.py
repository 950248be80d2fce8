"""Label-set operations: three-valued sets against a loop, the loss of the networks, and what is added to features."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from handful.parts.heads import laso as module
from handful.parts.heads.laso import OPERATIONS, Laso, SetNetworks, train_networks
from tests.parts.heads.fitted_heads import assert_refused
from tests.parts.heads.test_multilabel import C, K, built, data


def loop(operation: str, a: float, b: float) -> float:
    """The value that all completions of unknown entries agree on; NaN: they do not."""
    rules: dict[str, Callable[[float, float], object]] = {
        "intersection": lambda p, q: p and q,
        "union": lambda p, q: p or q,
        "difference": lambda p, q: p and not q,
    }
    first, second = ([0.0, 1.0] if math.isnan(v) else [v] for v in (a, b))
    values = {float(bool(rules[operation](p, q))) for p in first for q in second}
    return values.pop() if len(values) == 1 else math.nan


@pytest.mark.parametrize("operation", OPERATIONS)
def test_sets_are_what_all_completions_of_unknown_entries_agree_on(operation: str) -> None:
    values = [0.0, 1.0, math.nan]
    a, b = (grid.reshape(3, 3) for grid in torch.meshgrid(torch.tensor(values), torch.tensor(values), indexing="ij"))
    expected = torch.tensor([[loop(operation, p, q) for q in values] for p in values])
    torch.testing.assert_close(OPERATIONS[operation](a, b), expected, equal_nan=True)


def test_the_loss_is_that_of_a_loop_over_pairs_and_unknown_entries_have_none() -> None:
    torch.manual_seed(0)
    networks = SetNetworks(torch.randn(K, 4), torch.randn(K)).eval()
    x, labels = torch.randn(4, 4), torch.tensor([[1.0, 0, 1], [0, 1, math.nan], [1, 1, 0], [math.nan, 0, 0]])
    partner = [2, 3, 0, 1]

    def made(operation: str, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return networks.make(operation, a[None], b[None])[0]

    squares = torch.zeros(())
    entries: dict[str, list[torch.Tensor]] = {name: [] for name in ("i", "u", "again", "only", "less", "without")}
    for i, j in enumerate(partner):
        a, b, p, q = x[i], x[j], labels[i], labels[j]
        shared, both, only = (made(name, a, b) for name in OPERATIONS)
        less, without, again = made("difference", only, b), made("difference", a, shared), made("union", only, shared)
        twins = [(again, a), (less, only), (without, only)]
        twins += [(shared, made("intersection", b, a)), (both, made("union", b, a))]
        squares += torch.stack([((c - d) ** 2).mean() for c, d in twins]).sum().detach() / 4
        common, either, left = (operation(p[None], q[None])[0] for operation in OPERATIONS.values())
        sets = [("i", shared, common), ("u", both, either), ("again", again, p)]
        sets += [("only", only, left), ("less", less, left), ("without", without, left)]
        for name, vector, of in sets:
            logits = networks.weight @ vector + networks.bias
            for z, y in zip(logits, of, strict=True):
                if not y.isnan():
                    entries[name].append(F.softplus(z) - y * z)
    expected = squares + torch.stack([torch.stack(losses).mean() for losses in entries.values()]).sum().detach()
    torch.testing.assert_close(networks.loss(x, labels).detach(), expected)


def test_made_features_are_classified_as_their_label_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEPS", 300)
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (40, K), generator=generator).float()
    weight = 6 * torch.eye(K)
    x, bias = labels + 0.1 * torch.randn((40, K), generator=generator), torch.full((K,), -3.0)
    networks = train_networks(x, labels, weight, bias, generator)
    a, b = torch.arange(20), torch.arange(20, 40)
    for name, operation in OPERATIONS.items():
        shown = networks.make(name, x[a], x[b]) @ weight + bias > 0
        assert (shown == (operation(labels[a], labels[b]) == 1)).float().mean() > 0.9


def test_regression_is_fitted_to_real_and_made_features_of_the_chosen_operations() -> None:
    head: Any = built("laso", operations=("union", "difference"))
    assert isinstance(head, Laso)
    x, targets = (t.numpy() for t in data(20, known=0.8))
    made, sets = head.synthesize(x, targets)
    assert (made.shape, sets.shape) == ((40, C), (40, K))
    assert np.isfinite(made).all()
    again, _ = head.synthesize(x, targets)
    np.testing.assert_array_equal(again, made)
    learned = head.learn_multilabel(x, targets, strength=1.0)
    plain: Any = built("logistic")
    expected = plain.learn_multilabel(np.concatenate([x, made]), np.concatenate([targets, sets]), strength=1.0)
    np.testing.assert_allclose(learned["weight"], expected["weight"], atol=1e-6)


@pytest.mark.parametrize("options", [{"C": 0}, {"operations": ()}, {"operations": ("sum",)}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    assert_refused("laso", options)
