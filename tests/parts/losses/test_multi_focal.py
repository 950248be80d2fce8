"""Multi-focal loss against a slow form, and which entries it corrects."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
import torch

from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.errors import RecipeError
from handful.parts.losses.asymmetric import build as asymmetric
from handful.parts.losses.multi_focal import MultiFocalLoss, build
from handful.training.train import train
from tests.parts.losses.test_positive_unlabelled import example
from tests.support.datasets import context, recipe, several_squares, squares

COUNTS = np.array([40, 10, 2])


def built(counts: np.ndarray = COUNTS, **options: object) -> MultiFocalLoss:
    given = context()
    loss = build(replace(given, task=replace(given.task, counts=counts, kind="multilabel")), **options)  # type: ignore[arg-type]
    assert isinstance(loss, MultiFocalLoss)
    return loss


def test_it_is_the_sum_of_the_papers_terms() -> None:
    output, batch = example()
    assert batch.known is not None
    values = built(present=1.0, correct="none")(output, batch)
    rarity = [(1 - log(n / 40)) ** (1 / 6) for n in COUNTS]
    for i in range(6):
        total = 0.0
        for c in range(3):
            p = 1 / (1 + exp(-float(output.logits[i, c])))
            shifted = max(p - 0.05, 0.0)
            absent = shifted ** (3 + rarity[c]) * log(1 - shifted)
            term = (1 - p) * log(p) if batch.targets[i, c] == 1 else absent
            total -= rarity[c] * term if batch.known[i, c] else 0.0
        assert float(values[i]) == pytest.approx(total, rel=1e-4, abs=1e-6)


def test_of_classes_of_one_size_it_is_the_asymmetric_loss_with_an_exponent_more() -> None:
    output, batch = example()
    same = built(np.array([5, 5, 5]), correct="none")(output, batch)
    torch.testing.assert_close(same, asymmetric(context(), absent=4.0)(output, batch))


def test_sure_entries_come_to_count_as_present() -> None:
    output, batch = example()
    logits = torch.full((6, 3), -4.0)
    logits[0], logits[1, 0] = 3.0, 0.5
    known = torch.ones(6, 3, dtype=torch.bool)
    known[0, 0] = known[1, 0] = False
    known[5] = False
    logits[5] = 5.0
    output = Output(logits, logits, logits)
    batch = replace(batch, targets=torch.zeros(6, 3), known=known, progress=0.5)
    p = logits.sigmoid()
    assert built().corrected(p, batch, known).nonzero().tolist() == [[0, 1], [0, 2]]
    assert built(correct="unknown").corrected(p, batch, known).nonzero().tolist() == [[0, 0]]
    lower = built(correct="unknown", threshold=0.6)
    assert lower.corrected(p, batch, known).nonzero().tolist() == [[0, 0], [1, 0]]
    for none in (built(correct="none"), built(start=0.6)):
        assert not none.corrected(p, batch, known).any()
    without = built(correct="none")(output, batch)
    found = built(correct="unknown")(output, batch)
    assert float(found[0] - without[0]) == pytest.approx(log(1 + exp(-3.0)), rel=1e-4)  # class 0 is the largest
    assert (found[1:] == without[1:]).all()


def test_it_trains_several_labels_and_refuses_one() -> None:
    tiny = recipe("linear")
    tiny = replace(tiny, stages=(replace(tiny.stages[0], losses=(Part("multi_focal"),)),))
    assert train(tiny, several_squares(20, known=0.8), device="cpu", progress=False).kind == "multilabel"
    with pytest.raises(RecipeError, match="losses/multi_focal is for images with several labels"):
        train(tiny, squares(4), device="cpu", progress=False)


@pytest.mark.parametrize("options", [{"absent": -1.0}, {"margin": 1.0}, {"threshold": 1.0}, {"start": 1.5}])
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"give 0 or more, margin < 1|threshold must be in \(0, 1\) and start in"):
        built(**options)  # type: ignore[arg-type]
