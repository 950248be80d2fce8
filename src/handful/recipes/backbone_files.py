"""Folders with a network of the user's own: timm's, the transformers library's, or a saved classifier's."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handful.core.parsing import read_json
from handful.errors import WeightsError
from handful.models import stored_values

CONFIG = "config.json"
TRANSFORMERS_SIDE = 224  # of most image-text models; images of another size are resized again
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
IGNORED = ("img_size", "num_classes", "in_chans", "drop_rate", "drop_path_rate")  # arguments that a recipe decides


@dataclass(frozen=True)
class TimmFolder:
    """A timm model, as `timm.models.save_for_hf` and a download from its hub describe it.

    Attributes:
        model: name of the model, with its tag where there is one.
        weights: path of its weights; None: timm's pretrained ones.
        args: arguments of the model beside its name.
        size: height and width of its input.
        mean: of the images' normalization.
        std: of the images' normalization.
    """

    model: str
    weights: str | None
    args: dict[str, Any] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


def is_saved_classifier(folder: Path) -> bool:
    """Whether a folder is a classifier that handful saved."""
    return (folder / "recipe.toml").is_file() and (folder / "weights.safetensors").is_file()


def read_timm_folder(path: Path) -> TimmFolder | None:
    """The model of a folder, or of a file that has its configuration beside it; None where it is none of timm's.

    Raises:
        WeightsError: the configuration cannot be read, or the weights are missing.
    """
    folder = path if path.is_dir() else path.parent
    config = _config(folder)
    if not isinstance(config.get("architecture"), str):
        return None
    files = [folder / name for name in WEIGHTS] if path.is_dir() else [path]
    file = next((f for f in files if f.is_file()), None)
    if file is None:
        raise WeightsError(
            f"none of {', '.join(WEIGHTS)} is there", where=folder, remedy="copy the weights there, too."
        )
    about = config.get("pretrained_cfg")
    about = about if isinstance(about, dict) else {}
    args = config.get("model_args")
    try:
        return TimmFolder(
            _tagged(config["architecture"], about.get("tag")),
            str(file),
            {k: v for k, v in (args if isinstance(args, dict) else {}).items() if k not in IGNORED},
            _size(about.get("input_size")),
            _rgb(about.get("mean"), "mean"),
            _rgb(about.get("std"), "std"),
        )
    except ValueError as error:
        raise WeightsError(str(error), where=folder / CONFIG, remedy="give a folder that timm has written.") from error


def transformers_size(model: str) -> tuple[int, int]:
    """The input size of an image-text model of the transformers library, by its folder; 224 where that says nothing.

    Raises:
        WeightsError: the folder's configuration cannot be read.
    """
    folder = Path(model)
    vision = _config(folder).get("vision_config") if folder.is_dir() else None
    side: Any = vision.get("image_size") if isinstance(vision, dict) else None
    known = stored_values.is_whole(side) and 0 < side <= stored_values.MAX_SIDE
    return (side, side) if known else (TRANSFORMERS_SIDE, TRANSFORMERS_SIDE)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    if not path.is_file():
        return {}
    try:
        return stored_values.table(read_json(path), "the configuration")
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"the configuration cannot be read: {error}", where=path, remedy="copy the file again."
        ) from error


def _tagged(model: str, tag: Any) -> str:
    """The name with its tag, where timm has weights of this tag."""
    import timm

    name = f"{model}.{tag}"
    return name if isinstance(tag, str) and name in timm.list_pretrained(f"{model}.*") else model


def _size(value: Any) -> tuple[int, int] | None:
    return None if value is None else stored_values.image_size(list(value)[-2:])


def _rgb(value: Any, what: str) -> tuple[float, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError(f"{what} is not three numbers")
    return tuple(stored_values.number(v, what, low=-1e3, high=1e3) for v in value)
