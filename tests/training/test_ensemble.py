from pathlib import Path

import pytest

from handful.errors import ModelError, OutputError
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.ensemble import ensemble_to
from handful.training.train import train
from tests.support.datasets import recipe, squares


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    plan = recipe("linear", "steps=2")
    classifiers = [train(plan, squares(4), seed=seed, device="cpu", progress=False) for seed in (0, 1)]
    return [save_classifier(c, tmp_path / str(i)) for i, c in enumerate(classifiers)]


def test_given_weights_are_saved_with_the_ensemble(models: list[Path], tmp_path: Path) -> None:
    assert ensemble_to(tmp_path / "both", models, weights=(3, 1)).weights == (0.75, 0.25)
    assert load_classifier(tmp_path / "both").card["weights"] == [3.0, 1.0]
    with pytest.raises(OutputError):
        ensemble_to(tmp_path / "both", models)
    assert ensemble_to(tmp_path / "both", models, overwrite=True).weights == (0.5, 0.5)


def test_cross_fitted_weights_need_the_training_data(models: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="training data"):
        ensemble_to(tmp_path / "both", models, weights="cross_fitted")
    fitted = ensemble_to(tmp_path / "both", models, weights="cross_fitted", data=squares(4), folds=2, device="cpu")
    assert sorted(fitted.weights) in ([0.25, 0.75], [0.5, 0.5])
