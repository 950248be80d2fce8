import numpy as np
import pytest

from handful.models.name_weight import choose_weight

FITS, OTHER = np.eye(8, dtype=np.float32)[:4], np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)
OTHERS = OTHER / np.linalg.norm(OTHER, axis=1, keepdims=True)


def images_near(names: np.ndarray, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(len(names)), per_class)
    x = names[labels] + 0.3 * np.random.default_rng(1).standard_normal((len(labels), names.shape[1]))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), labels


def test_the_weight_shrinks_with_the_number_of_images() -> None:
    for per_class in (1, 4, 25):
        chosen = choose_weight(*images_near(FITS, per_class), FITS, OTHERS, start=14.0, seed=0)
        assert chosen.value == pytest.approx(14 / per_class**0.5)
        assert chosen.p_value is not None
        assert chosen.p_value <= 0.05


def test_names_that_fit_no_better_than_others_have_weight_0() -> None:
    x, labels = images_near(FITS, 5)
    wrong = choose_weight(x, (labels + 1) % 4, FITS, OTHERS, start=14.0, seed=0)
    assert wrong.value == 0
    assert "say nothing" in wrong.reason
    refused = [choose_weight(x, labels, OTHERS[i : i + 4], OTHERS, start=1.0, seed=0).value == 0 for i in range(40)]
    assert np.mean(refused) > 0.85  # 95 % of random names, by construction
