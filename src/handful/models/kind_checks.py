"""Checks that a model is of the kind that an operation takes: one class per image, several, numbers, or bags."""

from handful.errors import ModelError
from handful.models.classifier import Classifier


def refuse_multilabel_model(classifier: Classifier, what: str) -> None:
    """Refuse a model that names several classes per image where one is needed.

    Args:
        classifier: the model.
        what: needs one class per image, e.g. "an ensemble".

    Raises:
        ModelError: the model is multilabel, of numbers or of bags; names what takes it.
    """
    refuse_number_model(classifier, what)
    if classifier.kind == "multilabel":
        fault = f"{what} needs a model of one label per image, and this one names several"
        remedy = "predict, serve and export to .onnx and .html take it."
        raise ModelError(fault, where=classifier.recipe.name, remedy=remedy)


def refuse_number_model(classifier: Classifier, what: str) -> None:
    """Refuse a model of numbers, or of bags, where one of classes is needed; `what` as for `refuse_multilabel_model`.

    Raises:
        ModelError: names what takes it.
    """
    refuse_bag_model(classifier, what)
    if classifier.kind == "number":
        fault = f"{what} needs a model of classes, and this one predicts a number"
        raise ModelError(fault, where=classifier.recipe.name, remedy="predict and export to .onnx take it.")


def refuse_bag_model(classifier: Classifier, what: str) -> None:
    """Refuse a model of bags where one of images is needed; `what` as for `refuse_multilabel_model`.

    Raises:
        ModelError: names what takes it.
    """
    if classifier.kind == "bag":
        fault = f"{what} needs a model of one label per image, and this one was trained on bags"
        raise ModelError(fault, where=classifier.recipe.name, remedy="predict takes its folder.")
