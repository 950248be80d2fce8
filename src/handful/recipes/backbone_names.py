"""Names of backbones, and of recipes on another backbone: NAME@BACKBONE. Imports no PyTorch."""

import difflib
from pathlib import Path

from handful.errors import RecipeError, WeightsError, nearest
from handful.models.timm_names import may_be_model, may_be_tag, timm_names

SEPARATOR = "@"
LITE = {"lite0": ("efficientnet_lite0", 224), "lite2": ("efficientnet_lite2", 260)}
SIMPLE = {"pixels": False, "hog": True}  # backbones without weights; whether their values are counts of votes
NAMED = (*LITE, "lite0+lite2", *SIMPLE)
DEFAULT, STRONGER = "lite0", "vit_small_patch14_dinov2.lvd142m"
WHERE = "backbone"
WEIGHT_FILES = (".safetensors", ".pt", ".pth", ".bin")
MOST = 3  # names that are suggested


def on_backbone(recipe: str, backbone: str | None) -> str:
    """The name of a recipe on a backbone; None: on its own."""
    return recipe if backbone is None else f"{recipe}{SEPARATOR}{backbone}"


def split_name(name: str) -> tuple[str, str | None]:
    """The recipe's name or path, and its backbone where one is named."""
    if name.endswith(".toml"):
        return name, None
    recipe, separator, backbone = name.partition(f".toml{SEPARATOR}")
    if separator:
        return f"{recipe}.toml", backbone
    recipe, separator, backbone = name.partition(SEPARATOR)
    return recipe, backbone if separator else None


def short_name(name: str) -> str:
    """A backbone's name in tables: of a path, its last part."""
    path = as_path(name)
    if path is None and "+" in name:
        return "+".join(map(short_name, name.split("+")))
    model, equals, file = name.partition("=")
    return path.resolve().name if path is not None else f"{model}={Path(file).name}" if equals else name


def check_backbone_name(name: str) -> None:
    """Refuse what cannot be a backbone, before PyTorch is loaded; what passes may still be unknown to timm.

    Raises:
        RecipeError: nothing has this name; with the nearest names.
        WeightsError: a file or folder that is not there.
    """
    path = as_path(name)
    if name in (*LITE, *SIMPLE):
        return
    if path is not None:
        existing(path)
    elif "+" in name:
        for member in joined_names(name):
            check_backbone_name(member)
    elif "=" in name:
        model, file = model_and_file(name)
        check_timm_name(model)
        existing(Path(file))
    elif not is_hub_name(name):
        check_timm_name(without_hub(name))


def joined_names(name: str) -> list[str]:
    """The names that are joined by "+".

    Raises:
        RecipeError: one of them is missing, or there twice.
    """
    names = name.split("+")
    if "" in names:
        raise RecipeError(f'a name is missing beside "+" in {name!r}', where=WHERE, remedy="join two, as lite0+lite2.")
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise RecipeError(f"{twice[0]!r} is there twice", where=WHERE, remedy="join different backbones.")
    return names


def model_and_file(name: str) -> tuple[str, str]:
    """The timm model and the checkpoint of MODEL=FILE.

    Raises:
        RecipeError: the model is named as one of ours.
    """
    model, _, file = name.partition("=")
    if model in NAMED:
        remedy = f"write tf_efficientnet_{model}={file}." if model in LITE else "name the model, as in resnet18=FILE."
        raise RecipeError(f"{model!r} takes no file; models of timm do", where=WHERE, remedy=remedy)
    return model, file


def check_timm_name(name: str) -> None:
    """Refuse what is surely no model of timm.

    Raises:
        RecipeError: timm has no such model, or no such weights.
    """
    model, _, tag = name.partition(".")
    if not model or not may_be_model(model):
        raise unknown_backbone(name)
    if tag and not may_be_tag(tag):
        tagged = tuple(n for n in timm_names() if n.startswith(f"{model}."))
        raise RecipeError(f"unknown weights {name!r}", where=WHERE, remedy=nearest(name, tagged or (model,)))


def unknown_backbone(name: str) -> RecipeError:
    """The error for a name that nothing has, with the nearest of ours, those that contain it, or the nearest."""
    containing = [n for n in timm_names() if name and name in n and "." in n]
    shown = difflib.get_close_matches(name, NAMED, n=MOST)
    shown = shown or sorted(containing, key=lambda n: (n != STRONGER, len(n), n))[:MOST] or [*NAMED, *timm_names()]
    remedy = nearest(name, shown, otherwise=f"names are {', '.join(NAMED)}, those of timm, and paths.")
    if containing and shown[0] in containing:
        remedy = f"did you mean {' or '.join(map(repr, shown))}?"
    return RecipeError(f"unknown backbone {name!r}" if name else "no backbone is named", where=WHERE, remedy=remedy)


def without_hub(name: str) -> str:
    """A timm name without the prefix that it has on the hub."""
    return name.removeprefix("hf-hub:").removeprefix("hf_hub:").removeprefix("timm/")


def is_hub_name(name: str) -> bool:
    """Whether this is OWNER/NAME of a model on the hub that is none of timm's."""
    return name.count("/") == 1 and without_hub(name) == name


def as_path(name: str) -> Path | None:
    """The path that a name is; None for one that is none."""
    try:
        path = Path(name).expanduser()
        exists = name != "" and path.exists()
    except (OSError, RuntimeError, ValueError):
        return None
    written = name.startswith((".", "/", "~")) or path.suffix.lower() in WEIGHT_FILES or "\\" in name
    return path if exists or (written and "=" not in name) else None


def existing(path: Path) -> Path:
    """The path, where something is there.

    Raises:
        WeightsError: it is not.
    """
    if not path.exists():
        raise WeightsError("no such file", where=path, remedy=f"check the path, or use {DEFAULT}.")
    return path
