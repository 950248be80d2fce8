"""As many guesses as labels, against a loop."""

import numpy as np
import pytest

from handful.core.result import Result, Run
from handful.evaluation.multilabel_guesses import as_many_guesses, right_guesses
from handful.recipes.load import load_recipe


def guessed(draw: int) -> Run:
    rng = np.random.default_rng(draw)
    targets = (rng.random((40, 4)) < 0.4).astype(np.float32)
    targets[rng.random((40, 4)) < 0.2] = np.nan
    probabilities = rng.random((40, 4)).astype(np.float32)
    ids = tuple(f"{i:02d}" for i in range(40))
    return Run(draw, None, draw, ("t",), ids, np.full(40, -1), probabilities, 1.0, targets=targets)


def test_the_share_of_right_guesses_is_that_of_a_loop() -> None:
    run = guessed(0)
    assert run.targets is not None
    for value, target, p in zip(right_guesses(run), run.targets, run.probabilities, strict=True):
        known = [c for c in range(4) if not np.isnan(target[c])]
        k = sum(target[c] == 1 for c in known)
        best = sorted(known, key=lambda c: -p[c])[: int(k)]
        assert np.isnan(value) if k == 0 else value == pytest.approx(sum(target[c] == 1 for c in best) / k)


def test_draws_and_numbers_of_labels_are_summarized() -> None:
    runs = (guessed(0), guessed(1))
    summary = as_many_guesses(Result(load_recipe("logistic"), ("a", "b", "c", "d"), runs))
    assert summary is not None
    means = [float(np.nanmean(right_guesses(run))) for run in runs]
    assert summary.mean == pytest.approx(np.mean(means))
    assert summary.worst == pytest.approx(min(means))
    assert summary.worst_draw == int(np.argmin(means))
    assert summary.even == pytest.approx(np.mean([share for *_, share in summary.by_labels]))
    shown = sum(int(((run.targets == 1).any(axis=1)).sum()) for run in runs if run.targets is not None)
    assert sum(images for _, images, _ in summary.by_labels) * 2 == pytest.approx(shown)
    nothing = guessed(0)
    assert nothing.targets is not None
    nothing.targets[:] = 0
    assert as_many_guesses(Result(load_recipe("logistic"), ("a", "b", "c", "d"), (nothing,))) is None
