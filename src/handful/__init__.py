"""handful: image classifiers from a handful of labelled images, and the honest number to go with them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from handful._version import __version__ as __version__

if TYPE_CHECKING:  # what `__getattr__` gives, for type checkers
    from handful.core.dataset import Dataset as Dataset
    from handful.core.dataset import Sample as Sample
    from handful.core.recipe import Recipe as Recipe
    from handful.core.result import Result as Result
    from handful.data.load import load_data as load_data
    from handful.errors import HandfulError as HandfulError
    from handful.estimator import HandfulClassifier as HandfulClassifier
    from handful.evaluation.evaluate import Protocol as Protocol
    from handful.evaluation.evaluate import evaluate as evaluate
    from handful.models.classifier import Classifier as Classifier
    from handful.recipes.load import load_recipe as load_recipe
    from handful.saving.classifier import load_classifier as load_classifier
    from handful.saving.classifier import save_classifier as save_classifier
    from handful.training.train import train as train


# Public names and the module each lives in. Loaded on first use: importing torch costs seconds.
_PUBLIC = {
    "Classifier": "models.classifier",
    "Dataset": "core.dataset",
    "HandfulClassifier": "estimator",
    "HandfulError": "errors",
    "Protocol": "evaluation.evaluate",
    "Recipe": "core.recipe",
    "Result": "core.result",
    "Sample": "core.dataset",
    "evaluate": "evaluation.evaluate",
    "load_classifier": "saving.classifier",
    "load_data": "data.load",
    "load_recipe": "recipes.load",
    "save_classifier": "saving.classifier",
    "train": "training.train",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'handful' has no attribute {name!r}")
    return getattr(import_module(f"handful.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
