import numpy as np
import pytest

from handful.models.name_weight import choose_weight, name_probabilities, unlabelled_p_value

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


def test_names_that_divide_unlabelled_images_better_than_others_do_are_told_from_these() -> None:
    x, labels = images_near(FITS, 50)
    p_value = unlabelled_p_value(x @ FITS.T, x @ OTHERS.T, scale=14.0, seed=0)
    assert p_value == 1 / 200
    same = np.tile(FITS[:1], (4, 1)) + 0.01 * np.eye(8)[4:]  # names that are alike
    assert unlabelled_p_value(x @ same.T, x @ OTHERS.T, scale=14.0, seed=0) == 1
    drawn = [unlabelled_p_value(x @ OTHERS[i : i + 4].T, x @ OTHERS.T, scale=14.0, seed=0) for i in range(20)]
    assert np.mean(np.array(drawn) <= 0.05) <= 0.2
    likely = name_probabilities(x @ FITS.T, 14.0)
    assert likely.sum(axis=1) == pytest.approx(1)
    assert (likely.argmax(axis=1) == labels).mean() > 0.9


def test_with_more_classes_than_other_names_these_repeat() -> None:
    x, _ = images_near(FITS, 5)
    assert unlabelled_p_value(x @ FITS.T, x @ OTHERS[:2].T, scale=14.0, seed=0) == 1 / 200
