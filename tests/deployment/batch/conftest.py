from pathlib import Path

import pytest

from handful.deployment.batch.jobs import BatchJob
from handful.saving.classifier import save_classifier
from tests.support.classifiers import untrained


@pytest.fixture
def job(tmp_path: Path) -> BatchJob:
    """Class probabilities by a network with random weights."""
    return BatchJob("predict", save_classifier(untrained(), tmp_path / "model"))
