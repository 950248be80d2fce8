"""Checks of an encoder's files before a library opens them: no code of the files themselves is run.

The libraries transformers and sentence-transformers import the classes that a model's configuration names, where they
are told to. They are told not to; and a folder that asks for it is refused before.
"""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from handful.core.parsing import read_json
from handful.errors import WeightsError

# Modules of sentence-transformers that import nothing that a model's files name.
MODULES = (
    "BoW|CLIPModel|CNN|Dense|Dropout|LayerNorm|LSTM|Normalize|Pooling|StaticEmbedding|Transformer|WeightedLayerPooling"
)
KNOWN = re.compile(
    rf"sentence_transformers\.(?:models|base\.modules|sentence_transformer\.modules)(?:\.[A-Za-z_]+)?\.(?:{MODULES})"
)
ACTIVATION = re.compile(r"torch\.nn\.modules\.(?:activation|linear)\.\w+")
MAX_FILES = 10_000
REMEDY = "use a model that needs no code of its own, e.g. source 'minilm', or one saved by sentence-transformers."


def check_folder(model: str) -> None:
    """Refuse an encoder's folder that has or asks for code of its own; the name of a model on the hub is no folder.

    Raises:
        WeightsError: it has Python files, names code in a configuration, or has a module that is not one of `MODULES`.
    """
    folder = Path(model)
    if not folder.is_dir():
        return
    for path in _files(folder):
        if path.suffix.lower() in (".py", ".pyc", ".so", ".pyd"):
            raise WeightsError("this encoder has a file with code", where=path, remedy=REMEDY)
        if path.name == "modules.json":
            check_modules(path)
        elif path.suffix == ".json" and "config" in path.name:
            _check_config(path)


def check_modules(path: Path) -> None:
    """Check the list of modules of a sentence-transformers model.

    Raises:
        WeightsError: it is damaged, or has a module that is not one of `MODULES`.
    """
    modules = _read(path)
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise WeightsError("this is not a list of modules", where=path, remedy=REMEDY)
    for module in modules:
        name, place = module.get("type"), module.get("path", "")
        if not isinstance(name, str) or not KNOWN.fullmatch(name):
            raise WeightsError(f"this encoder asks for the module {name!r:.100}", where=path, remedy=REMEDY)
        if not isinstance(place, str) or Path(place).is_absolute() or ".." in Path(place).parts:
            raise WeightsError(f"this encoder has a part outside its folder, {place!r:.100}", where=path, remedy=REMEDY)


def _check_config(path: Path) -> None:
    config = _read(path)
    for table in _tables(config):
        if table.get("auto_map") or table.get("trust_remote_code"):
            raise WeightsError("this encoder asks for code of its own", where=path, remedy=REMEDY)
        activation = table.get("activation_function")
        if isinstance(activation, str) and "." in activation and not ACTIVATION.fullmatch(activation):
            raise WeightsError(f"this encoder asks for {activation!r:.100}", where=path, remedy=REMEDY)


def _read(path: Path) -> Any:
    try:
        return read_json(path, finite=False)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"this file of the encoder is damaged or foreign: {error}", where=path, remedy="copy it again."
        ) from error


def _files(folder: Path) -> Iterator[Path]:
    paths = list(islice(folder.rglob("*"), MAX_FILES + 1))
    if len(paths) > MAX_FILES:
        raise WeightsError(
            f"this folder has more than {MAX_FILES:,} files", where=folder, remedy="give the folder of one encoder."
        )
    return (path for path in paths if path.is_file())


def _tables(value: Any) -> Iterator[dict[str, Any]]:
    """The tables in a value; `read_json` bounds how deep they are."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _tables(inner)
