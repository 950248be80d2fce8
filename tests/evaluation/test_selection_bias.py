import numpy as np
import pytest

from handful.core.result import Result
from handful.evaluation.levels import at_level
from handful.evaluation.selection_bias import selected_score
from tests.support import results


def guesses(name: str, share: float, labels: np.ndarray, *, draws: int = 1, seed: int = 0) -> Result:
    """A recipe that is right for about `share` of the images, whatever they are."""
    rng = np.random.default_rng(seed)
    runs = []
    for draw in range(draws):
        right = rng.random(len(labels)) < share
        predictions = np.where(right, labels, (labels + rng.integers(1, 3, len(labels))) % 3)
        runs.append(results.run(labels.tolist(), predictions.tolist(), draw=draw, fold=0))
    return results.result(name, *runs)


def labels_of(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 3, n)


def test_the_best_of_many_guessers_is_scored_at_chance_and_not_at_its_luck() -> None:
    own, corrected = [], []
    for seed in range(20):
        labels = labels_of(45, seed)
        guessers = [guesses(f"r{i}", 1 / 3, labels, seed=100 * seed + i) for i in range(8)]
        score = selected_score(guessers, "accuracy", resamples=200, seed=seed)
        corrected.append(score.mean)
        own.append(score.mean + score.optimism)
    assert np.mean(own) > 0.40
    assert np.mean(corrected) == pytest.approx(1 / 3, abs=0.03)


def test_a_recipe_far_better_than_the_others_is_scored_as_it_is() -> None:
    labels = labels_of(100)
    score = selected_score([guesses("poor", 0.4, labels), guesses("good", 0.9, labels, seed=1)], "accuracy")
    assert score.best == 1
    assert score.optimism < 0.01


def test_one_recipe_needs_no_correction_and_has_wilsons_interval() -> None:
    labels = np.repeat([0, 1, 2], 10)
    predictions = labels.copy()
    predictions[:6] = 1
    score = selected_score([results.result("one", results.run(labels.tolist(), predictions.tolist()))], "accuracy")
    assert score.mean == pytest.approx(0.8)
    assert score.optimism == 0
    assert score.low == pytest.approx(0.627, abs=1e-3)
    assert score.high == pytest.approx(0.905, abs=1e-3)


def test_images_of_few_groups_give_a_wide_interval() -> None:
    labels = np.repeat([0, 1, 2], 20)
    result = guesses("one", 0.8, labels)
    groups = {f"test{i}": str(i // 10) for i in range(60)}
    alone, grouped = selected_score([result], "accuracy"), selected_score([result], "accuracy", groups=groups)
    assert grouped.mean == alone.mean
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_balanced_accuracy_counts_classes_alike_and_may_select() -> None:
    labels = np.array([0] * 40 + [1] * 5 + [2] * 5)
    always, fair = np.zeros(50, int), labels.copy()
    fair[:15] = 1
    pair = [
        results.result("always", results.run(labels.tolist(), always.tolist())),
        results.result("fair", results.run(labels.tolist(), fair.tolist())),
    ]
    assert selected_score(pair, "accuracy").best == 0
    balanced = selected_score(pair, "balanced_accuracy")
    assert balanced.best == 1
    assert balanced.mean + balanced.optimism == pytest.approx((25 / 40 + 1 + 1) / 3)
    assert selected_score(pair, "accuracy", select_by="balanced_accuracy").best == 1


def test_another_score_may_be_corrected_than_the_one_that_selects() -> None:
    labels = labels_of(60)
    pair = [guesses("poor", 0.5, labels), guesses("good", 0.8, labels, seed=1)]
    level = ("a", "a", "b")
    groups = [at_level(r, level) for r in pair]
    score = selected_score(pair, "accuracy", scored=groups)
    assert score.best == 1
    assert score.mean + score.optimism == pytest.approx(
        float(np.mean(groups[1].runs[0].probabilities.argmax(1) == groups[1].runs[0].labels))
    )
    assert score == selected_score(pair, "accuracy", scored=groups)
    backwards = selected_score(pair, "accuracy", scored=groups[::-1])  # what selects is not what is scored
    assert backwards.best == 1
    assert backwards.mean < score.mean


def test_the_worst_repeat_is_below_the_mean() -> None:
    labels = labels_of(50)
    score = selected_score([guesses("one", 0.7, labels, draws=5)], "accuracy")
    assert score.draws == 5
    assert score.worst < score.mean


def test_an_image_that_a_draw_does_not_score_is_an_error() -> None:
    first = results.run([0, 1, 2], [0, 1, 2])
    second = results.run([0, 1], [0, 1], draw=1)
    with pytest.raises(ValueError, match="does not score every image"):
        selected_score([results.result("one", first, second)], "accuracy")
