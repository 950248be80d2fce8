"""handful: image classifiers from a handful of labelled images, and the honest number to go with them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from handful._version import __version__ as __version__

if TYPE_CHECKING:  # what `__getattr__` returns, for type checkers
    from handful.automl.fit import fit_to as fit_to
    from handful.automl.run import run as run
    from handful.comparison.auto import select_recipe as select_recipe
    from handful.comparison.compare import compare as compare
    from handful.comparison.result import ComparisonResult as ComparisonResult
    from handful.core.dataset import Dataset as Dataset
    from handful.core.dataset import Sample as Sample
    from handful.core.recipe import Recipe as Recipe
    from handful.core.result import Result as Result
    from handful.data.load import load_data as load_data
    from handful.deployment.export.to_onnx import export_onnx as export_onnx
    from handful.deployment.predict_table import predict_table as predict_table
    from handful.errors import HandfulError as HandfulError
    from handful.errors import HandfulWarning as HandfulWarning
    from handful.estimator import HandfulClassifier as HandfulClassifier
    from handful.evaluation.evaluate import evaluate as evaluate
    from handful.evaluation.evaluate import sweep as sweep
    from handful.evaluation.paired_difference import paired_difference as paired_difference
    from handful.evaluation.protocol import Protocol as Protocol
    from handful.evaluation.statistics import summarise as summarise
    from handful.inspection.inspection import Inspection as Inspection
    from handful.inspection.inspection import inspect as inspect
    from handful.models.classifier import Classifier as Classifier
    from handful.recipes.load import load_recipe as load_recipe
    from handful.recipes.read import recipe_names as recipe_names
    from handful.regressor import HandfulRegressor as HandfulRegressor
    from handful.saving.classifier import load_classifier as load_classifier
    from handful.saving.classifier import save_classifier as save_classifier
    from handful.saving.predictor import load_predictor as load_predictor
    from handful.training.pretrain import pretrain as pretrain
    from handful.training.train import train as train


# Public names and the module each lives in. Loaded on first use: importing torch takes seconds.
_PUBLIC = {
    "Classifier": "models.classifier",
    "ComparisonResult": "comparison.result",
    "Dataset": "core.dataset",
    "HandfulClassifier": "estimator",
    "HandfulError": "errors",
    "HandfulRegressor": "regressor",
    "HandfulWarning": "errors",
    "Inspection": "inspection.inspection",
    "Protocol": "evaluation.protocol",
    "Recipe": "core.recipe",
    "Result": "core.result",
    "Sample": "core.dataset",
    "compare": "comparison.compare",
    "evaluate": "evaluation.evaluate",
    "export_onnx": "deployment.export.to_onnx",
    "fit_to": "automl.fit",
    "inspect": "inspection.inspection",
    "load_classifier": "saving.classifier",
    "load_data": "data.load",
    "load_predictor": "saving.predictor",
    "load_recipe": "recipes.load",
    "paired_difference": "evaluation.paired_difference",
    "predict_table": "deployment.predict_table",
    "pretrain": "training.pretrain",
    "recipe_names": "recipes.read",
    "run": "automl.run",
    "save_classifier": "saving.classifier",
    "select_recipe": "comparison.auto",
    "summarise": "evaluation.statistics",
    "sweep": "evaluation.evaluate",
    "train": "training.train",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'handful' has no attribute {name!r}")
    return getattr(import_module(f"handful.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
