"""Loading of a `Predictor` from the folder of a trained classifier or from an exported ONNX file."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from handful.core.prediction import Predictor
from handful.errors import ModelError, option
from handful.saving.model_folder import GIVE

if TYPE_CHECKING:
    from handful.models.classifier import Classifier

Tta = Literal["flip", "five_crop", "ten_crop"]
HASHED = ("*.safetensors", "recipe.toml", "classes.json", "ensemble.json")  # files that determine the predictions


def is_exported(model: Path) -> bool:
    """Whether this is a file that `handful export` wrote, rather than the folder of a classifier."""
    return model.suffix.lower() == ".onnx" and not model.is_dir()


def load_predictor(
    model: str | Path, *, tta: Tta | None = None, classes: Path | None = None, device: str = "auto"
) -> Predictor:
    """The model at a path.

    Args:
        model: the folder of a classifier, or an .onnx file, which needs no PyTorch; its views and classes are fixed.
        tta: test-time augmentation: views whose predictions are averaged.
        classes: classes that were not trained on: a text file with their names, one per line, or a tree (.yaml) whose
            groups they are.
        device: "auto", or the device that it runs on.

    Raises:
        ModelError: it cannot be loaded, or not with these options.

    Example:
        >>> from handful import load_data, load_predictor, load_recipe, save_classifier, train
        >>> digits = load_data("digits").select(range(30))
        >>> folder = save_classifier(train(load_recipe("logistic-pixels"), digits, progress=False), "digits-model")
        >>> load_predictor(folder, tta="flip", device="cpu").probabilities(digits).shape
        (30, 10)
    """
    model = Path(model)
    if not is_exported(model):
        return load_trained(model, tta=tta, classes=classes, device=device)
    from handful.models.load_onnx import load_onnx

    for given, name in ((tta, "tta"), (classes, "classes")):
        if given is not None:
            raise ModelError(
                "an exported model cannot be changed",
                where=option(name, None),
                remedy="give the folder it was exported from.",
            )
    if device not in ("auto", "cpu"):
        raise ModelError(
            "an exported model only runs on the CPU", where=option("device", None), remedy="use auto or cpu."
        )
    return load_onnx(model)


def load_trained(
    model: Path, *, tta: Tta | None = None, classes: Path | None = None, device: str = "auto"
) -> "Classifier":
    """The classifier in a folder.

    Raises:
        ModelError: as `load_predictor`.
    """
    from handful.models.device import select_device
    from handful.parts.posthoc.tta import over_views
    from handful.saving.classifier import load_classifier
    from handful.saving.extra_classes import with_file

    classifier = load_classifier(model, device=select_device(device))
    classifier = classifier if classes is None else with_file(classifier, classes)
    return classifier if tta is None else over_views(classifier, views=tta)


def model_hash(model: Path) -> str:
    """SHA-256 of the files that determine a model's predictions.

    These are the exported file, or the weights, recipe and classes in a folder.

    Raises:
        ModelError: there is no such file or folder.
    """
    if model.is_dir():
        files = sorted({f for pattern in HASHED for f in model.rglob(pattern)})
    else:
        files = [model] if model.is_file() else []
    if not files:
        raise ModelError("no such model", where=model, remedy=GIVE)
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            file_hash = hashlib.file_digest(content, "sha256").hexdigest()
        digest.update(f"{file_hash} {file.relative_to(model).as_posix() if model.is_dir() else ''}\n".encode())
    return digest.hexdigest()
