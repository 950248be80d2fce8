"""Check of the argument MODEL, and of its order with DATA, before anything heavy is imported."""

from collections.abc import Sequence
from pathlib import Path

from handful.errors import ModelError
from handful.saving.model_folder import ENSEMBLE, FILES, is_model, model_folder, not_a_model

EXPORTED = ".onnx"


def check_model_argument(model: Path, data: Sequence[str] = ()) -> None:
    """Refuse what is no model.

    Args:
        model: a model's folder, the folder of a run, or an exported file.
        data: the arguments after it.

    Raises:
        ModelError: it is none of these, or the model is among the data.
    """
    if _is_exported(model) and model.exists():
        return
    folder = model_folder(model)
    if (folder / ENSEMBLE).is_file() or all((folder / name).is_file() for name in FILES):
        return
    swapped = next((name for name in data if is_model(model_folder(Path(name))) or _is_exported(Path(name))), None)
    if swapped is not None and not is_model(folder):
        raise ModelError(
            f"this is not a saved model, and {swapped} is one: they are the wrong way round",
            where=model,
            remedy=f'name the model first: "{swapped}" "{model}".',
        )
    raise not_a_model(folder)


def _is_exported(model: Path) -> bool:
    return model.suffix.lower() == EXPORTED and not model.is_dir()
