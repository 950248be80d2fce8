from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.errors import ModelError, OutputError
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.distil import distil_to
from handful.training.train import train
from tests.support.datasets import recipe, squares


def test_a_student_is_saved_and_not_overwritten(tmp_path: Path) -> None:
    data = squares(3)
    unlabelled = tuple(replace(s, id=f"new/{s.id}", label=None, mask=None) for s in squares(2, seed=1).samples)
    save_classifier(train(recipe("linear", "steps=2"), data, device="cpu", progress=False), tmp_path / "teacher")
    data = replace(data, samples=(*data.samples, *unlabelled))
    student = recipe("linear", "steps=2")
    classifier = distil_to(tmp_path / "student", tmp_path / "teacher", student, data, device="cpu")
    assert classifier.recipe.name.endswith("-distilled")
    assert classifier.card["unlabelled_images"] == 6
    unseen = squares(2, seed=5).without_labels()
    saved = load_classifier(tmp_path / "student")
    np.testing.assert_allclose(saved.probabilities(unseen), classifier.probabilities(unseen), atol=1e-6)
    with pytest.raises(OutputError):
        distil_to(tmp_path / "student", tmp_path / "teacher", student, data, device="cpu")
    with pytest.raises(ModelError):
        distil_to(tmp_path / "other", tmp_path / "nothing", student, data, device="cpu")
