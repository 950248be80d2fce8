from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts.losses._priors import class_weights
from handful.parts.losses.cross_entropy import build
from tests.parts.losses.examples import BOTH, COUNTS, ONE_HOT, build_long_tailed, example
from tests.support.datasets import context


@BOTH
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_equals_torch_on_one_hot_and_mixed_targets(kind: str, smoothing: float) -> None:
    output, batch = example(kind)
    values = build(context(), smoothing=smoothing)(output, batch)
    expected = F.cross_entropy(output.logits, batch.targets, label_smoothing=smoothing, reduction="none")
    torch.testing.assert_close(values[:-1], expected[:-1])
    assert values[-1] == 0


@BOTH
@pytest.mark.parametrize("options", [{}, {"reweight": "inverse"}, {"reweight": "effective", "beta": 0.9}])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_weighted_cross_entropy_is_pytorchs(kind: str, options: dict[str, Any], smoothing: float) -> None:
    output, batch = example(kind)
    weights = class_weights(COUNTS, options.get("reweight", "none"), 0.9)
    found = build_long_tailed("cross_entropy", {**options, "smoothing": smoothing})(output, batch)
    wanted = F.cross_entropy(
        output.logits[:-1], batch.targets[:-1], weight=weights, reduction="none", label_smoothing=smoothing
    )
    torch.testing.assert_close(found[:-1], wanted)
    if kind == ONE_HOT:
        hard = F.cross_entropy(
            output.logits, batch.labels, weight=weights, reduction="none", ignore_index=-1, label_smoothing=smoothing
        )
        torch.testing.assert_close(found, hard)


@pytest.mark.parametrize(("options", "message"), [({"reweight": "inverse", "beta": 1.0}, r"beta must be in \[0, 1\)")])
def test_numbers_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        build_long_tailed("cross_entropy", options)


def multilabel_example(unknown: float = 0.4) -> tuple[Output, Batch]:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn((5, 4), generator=generator)
    known = torch.rand((5, 4), generator=generator) >= unknown
    known[-1] = False
    targets = (torch.rand((5, 4), generator=generator) < 0.5).float() * known
    batch = Batch(torch.zeros(5, 3, 2, 2), torch.zeros(5, dtype=torch.long), targets, torch.zeros(5, 2, 2).long())
    return Output(logits, logits, logits), replace(batch, known=known)


def built(**options: Any) -> nn.Module:
    given = context()
    return build(replace(given, task=replace(given.task, kind="multilabel")), **options)


def test_of_several_labels_it_is_the_binary_cross_entropy_of_what_is_known() -> None:
    output, batch = multilabel_example()
    assert batch.known is not None
    each = F.binary_cross_entropy_with_logits(output.logits, batch.targets, reduction="none")
    values = {unknown: built(unknown=unknown)(output, batch) for unknown in ("mask", "weak", "absent")}
    torch.testing.assert_close(values["mask"], (each * batch.known).sum(dim=1))
    torch.testing.assert_close(values["absent"][:-1], each[:-1].sum(dim=1))
    weak = (each * batch.known).sum(dim=1) + (each * ~batch.known).sum(dim=1) / 3
    torch.testing.assert_close(values["weak"][:-1], weak[:-1])
    assert all(value[-1] == 0 for value in values.values()), "nothing is known of the last image"


def test_smoothing_of_several_labels_is_spread_over_present_and_absent() -> None:
    output, batch = multilabel_example(unknown=0.0)
    smoothed = F.binary_cross_entropy_with_logits(output.logits, 0.9 * batch.targets + 0.05, reduction="none")
    torch.testing.assert_close(built(smoothing=0.1)(output, batch)[:-1], smoothed.sum(dim=1)[:-1])


def test_of_candidates_it_is_minus_the_log_of_their_summed_probabilities() -> None:
    g = torch.Generator().manual_seed(0)
    logits = torch.randn((4, 3), generator=g, requires_grad=True)
    candidates = torch.tensor([[True, True, False], [False, True, True], [True, True, True], [False, False, False]])
    batch = Batch(torch.zeros(4, 3, 2, 2), torch.full((4,), -1), torch.zeros(4, 3), torch.full((4, 2, 2), -1))
    loss = build(context())
    values = loss(Output(logits, logits, logits), replace(batch, candidates=candidates))
    p = logits.softmax(dim=1)
    sums = [-torch.stack([p[i, c] for c in range(3) if candidates[i, c]]).sum().log() for i in range(3)]
    torch.testing.assert_close(values, torch.stack([*sums, torch.zeros(())]))
    (slope,) = torch.autograd.grad(values.sum(), logits)
    among = torch.where(candidates, p, 0).detach()  # the network's own probabilities among the candidates, as PRODEN's
    targets = among / among.sum(dim=1, keepdim=True).clamp_min(1e-9)
    (other,) = torch.autograd.grad(-(targets * logits.log_softmax(dim=1)).sum(), logits)
    torch.testing.assert_close(slope, other)


def test_class_weights_of_several_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="one label per image"):
        built(reweight="inverse")
