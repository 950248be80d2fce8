from dataclasses import dataclass
from pathlib import Path

import pytest

from handful.core.dataset import Dataset
from handful.core.prediction import Predictions
from handful.deployment.predict_table import predict_table
from handful.errors import ModelError
from handful.models.classifier import Classifier
from tests.support.classifiers import untrained
from tests.support.datasets import squares


@dataclass(frozen=True, eq=False)
class OnlyMaps(Classifier):
    """Fails when it is asked for classes."""

    def predict_all(self, data: Dataset, *, coverage: float | None = None) -> Predictions:
        raise AssertionError("nothing is predicted before maps are known to be possible")


def test_maps_of_a_model_that_does_not_segment_are_refused_before_anything_is_predicted(tmp_path: Path) -> None:
    model = OnlyMaps(**vars(untrained("linear")))
    with pytest.raises(ModelError, match=r"no pixel maps"):
        predict_table(model, squares(2), tmp_path / "p.csv", maps=tmp_path / "maps")
    assert list(tmp_path.iterdir()) == []
