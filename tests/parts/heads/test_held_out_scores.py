import numpy as np

from handful.parts.heads._held_out_scores import folds_by_class, scores_by_fold


def test_no_image_is_scored_by_a_fit_that_saw_it_in_any_view() -> None:
    x = np.arange(12, dtype=np.float32).reshape(12, 1, 1) + np.array([0, 0.25, 0.5], np.float32)[None, :, None]
    y = np.array([0, 1, -1] * 4)
    seen: list[int] = []

    def spy(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
        assert labels.tolist() == y[np.floor(train[:, 0]).astype(int)].tolist()
        assert not set(np.floor(train[:, 0])) & set(test[:, 0])
        assert {2, 5, 8, 11} <= set(np.floor(train[:, 0]).astype(int))
        assert len(train) == 3 * len(set(np.floor(train[:, 0])))
        seen.extend(test[:, 0].astype(int).tolist())
        return np.zeros((len(test), 2))

    fold, folds = folds_by_class(y, 0)
    assert (fold < 0).tolist() == (y < 0).tolist()
    scores = scores_by_fold(spy, x, y, fold=fold, folds=folds, classes=2, each=lambda: None)
    assert scores.shape == (12, 2)
    assert sorted(seen) == [0, 1, 3, 4, 6, 7, 9, 10]
