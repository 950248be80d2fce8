"""Searched settings of losses for rare numbers."""

import numpy as np
import pytest
from bench.support.number_losses import DECAYS, LOSSES, Setting, errors_at, errors_of, random_settings

from handful.core.dataset import Dataset, Sample


def numbers() -> tuple[Dataset, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 6)).astype(np.float32)
    image = np.zeros((3, 4, 4), np.uint8)
    target = (2 * x[:, :1] + 5).astype(np.float32)
    return Dataset(tuple(Sample(f"{i}", image, target=t) for i, t in enumerate(target)), ("size",), kind="number"), x


def test_both_losses_get_as_many_settings_and_the_same_ranges() -> None:
    plain, conr = random_settings("absolute error", 200), random_settings("ConR", 200)
    assert random_settings("ConR", 3) == conr[:3]
    for name in ("rate", "decay", "steps"):
        ends = [np.quantile([getattr(s, name) for s in found], (0.05, 0.95)) for found in (plain, conr)]
        np.testing.assert_allclose(ends[0], ends[1], rtol=0.35)
    assert {s.losses[0].options.get("reweight", "none") for s in plain} == {"none", "square_root", "inverse"}
    assert {len(s.losses) for s in conr} == {2}
    assert all(0.03 <= s.losses[1].weight <= 4 for s in conr)


def test_a_setting_is_fitted_as_it_says() -> None:
    data, x = numbers()
    trained, scored = np.arange(40), np.arange(40, 60)
    losses = LOSSES["absolute error"]
    known = [errors_at(Setting(losses, decay), data, x, trained, scored, 0) for decay in DECAYS]
    assert errors_of(losses, data, x, trained, scored, 0) in known
    assert known[0].all < 1.0
    short = errors_at(Setting(losses, DECAYS[0], steps=1), data, x, trained, scored, 0)
    assert short.all == pytest.approx(np.abs(data.targets()[40:, 0] - data.targets()[:40, 0].mean()).mean(), rel=0.2)
