import numpy as np
import pytest
from scipy.special import softmax

from handful.models.temperature_scaling import fit_temperature

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
