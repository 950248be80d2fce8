"""Writing the files of an automatic run of any kind of data: the model with its card, predictions, values."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.automl.result import TABLE, VALUES
from handful.core.dataset import Dataset
from handful.core.files import write_atomically
from handful.core.progress import Progress
from handful.deployment.predict_table import predict_table
from handful.models.classifier import Classifier
from handful.saving.classifier import save_classifier
from handful.saving.model_card import CARD
from handful.saving.model_folder import MODEL


def write_model(classifier: Classifier, folder: Path) -> None:
    """Save the model, and its card once more beside it."""
    save_classifier(classifier, folder / MODEL, overwrite=True)
    shutil.copyfile(folder / MODEL / CARD, folder / CARD)


def write_predictions(classifier: Classifier, unlabelled: Dataset, folder: Path, *, progress: bool) -> dict[str, int]:
    """Predict the images without a label, and return their number by predicted class; nothing without such images."""
    if not len(unlabelled):
        return {}
    with Progress(len(unlabelled), "predicting", shown=progress, loss=False) as bar:
        return predict_table(
            classifier, unlabelled, folder / TABLE, overwrite=True, advance=lambda n: bar.advance(steps=n)
        )


def write_values(values: Mapping[str, Any], folder: Path) -> None:
    """Write `run.json`."""
    with write_atomically(folder / VALUES) as draft:
        draft.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")
