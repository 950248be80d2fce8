import numpy as np
import pytest
from scipy.special import softmax

from handful.models.temperature_scaling import fit_temperature, fit_temperature_and_offsets

BOUNDS = (0.05, 20.0)


@pytest.mark.parametrize("planted", [0.5, 1.0, 3.0])
def test_a_planted_temperature_is_found_again(planted: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20000, 5))
    labels = np.array([rng.choice(5, p=row) for row in softmax(logits, axis=1)])
    assert fit_temperature(planted * logits, labels, bounds=BOUNDS)[0] == pytest.approx(planted, rel=0.03)


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_the_temperature_undoes_a_scale(scale: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3000, 4)) * 2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(4, p=row) for row in p])
    temperature, loss = fit_temperature(logits * scale, labels, bounds=(1e-4, 1e4))
    assert temperature == pytest.approx(scale, rel=0.1)
    assert loss < np.log(4)


def test_it_is_the_least_loss_of_a_grid() -> None:
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(0, 4, (30, 4)), rng.integers(0, 4, 30)

    def loss(temperature: float) -> float:
        total = 0.0
        for row, label in zip(logits, labels, strict=True):
            p = softmax(row / temperature)
            for c in range(4):
                total -= (31 / 32 if c == label else 1 / 32 / 3) * np.log(p[c])
        return total

    grid = np.exp(np.linspace(np.log(0.05), np.log(20), 2000))
    best = grid[np.argmin([loss(t) for t in grid])]
    assert fit_temperature(logits, labels, bounds=BOUNDS)[0] == pytest.approx(best, rel=0.01)


def test_a_few_images_without_a_mistake_do_not_make_it_certain() -> None:
    logits = np.eye(3)[[0, 1, 2]] * 8.0
    temperature, loss = fit_temperature(logits, np.arange(3), bounds=BOUNDS)
    highest = softmax(logits / temperature, axis=1).max()
    assert loss > 0
    assert highest == pytest.approx(4 / 5, abs=0.01)  # 3 right ones of 3 count as 4 of 5


@pytest.mark.parametrize(("scale", "bound"), [(1000.0, 20.0), (0.001, 0.05)])
def test_it_stays_within_the_bounds(scale: float, bound: float) -> None:
    rng = np.random.default_rng(2)
    logits, labels = rng.normal(0, 4, (50, 4)), rng.integers(0, 4, 50)
    logits[np.arange(50), labels] += 6
    assert fit_temperature(scale * logits, labels, bounds=BOUNDS)[0] == pytest.approx(bound, rel=1e-3)


def test_temperature_and_offsets_are_those_of_least_loss() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    scores = 3 * (np.eye(3)[labels] + rng.normal(size=(200, 3))) + np.array([0.0, 4.0, -2.0])
    temperature, offsets, loss = fit_temperature_and_offsets(scores, labels, bounds=(0.01, 100.0))
    true, other = 201 / 202, 1 / 202 / 2
    targets = np.where(np.eye(3)[labels] == 1, true, other)

    def slow(t: float, o: np.ndarray) -> float:
        z = scores / t + o
        return float(-(targets * (z - np.log(np.exp(z).sum(axis=1, keepdims=True)))).sum(axis=1).mean())

    assert loss == pytest.approx(slow(temperature, offsets))
    assert offsets[0] == 0
    for step in (-0.05, 0.05):
        assert slow(temperature * (1 + step), offsets) > loss
        for c in (1, 2):
            assert slow(temperature, offsets + step * np.eye(3)[c]) > loss
    assert loss < fit_temperature(scores, labels, bounds=(0.01, 100.0))[1] - 0.05
