"""handful: image classifiers from a handful of labelled images, and the honest number to go with them."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public names and the module each lives in. Loaded on first use: importing torch costs seconds.
_PUBLIC = {
    "Classifier": "classifier",
    "Dataset": "types",
    "HandfulClassifier": "estimator",
    "HandfulError": "errors",
    "Protocol": "evaluate",
    "Recipe": "types",
    "Result": "types",
    "Sample": "types",
    "evaluate": "evaluate",
    "load_classifier": "persist",
    "load_data": "data.load",
    "load_recipe": "recipes",
    "save_classifier": "persist",
    "train": "train",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'handful' has no attribute {name!r}")
    return getattr(import_module(f"handful.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
