"""Location of a saved model: the folder that is named, or `model/` in the folder of an automatic run."""

from pathlib import Path

WEIGHTS, ENSEMBLE, MODEL = "weights.safetensors", "ensemble.json", "model"


def is_model(folder: Path) -> bool:
    """Whether a folder holds a saved classifier or ensemble."""
    return (folder / WEIGHTS).exists() or (folder / ENSEMBLE).exists()


def model_folder(folder: Path) -> Path:
    """The folder of the model: `folder` itself, or `model/` in it where only that holds one, as after `handful run`."""
    inside = folder / MODEL
    return inside if is_model(inside) and not is_model(folder) else folder
