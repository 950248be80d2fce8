"""Checks that a model is of the kind that an operation takes: one class per image, several, numbers, or bags."""

from handful.core.kind import Kind
from handful.errors import ModelError


def refuse_multilabel_model(kind: Kind, what: str, *, where: str) -> None:
    """Refuse a model that names several classes per image where one is needed.

    Args:
        kind: of the model.
        what: needs one class per image, e.g. "an ensemble".
        where: name of the model's recipe.

    Raises:
        ModelError: the model is multilabel, of numbers or of bags; names what takes it.
    """
    refuse_number_model(kind, what, where=where)
    if kind == "multilabel":
        fault = f"{what} needs a model of one label per image, and this one names several"
        remedy = "predict, serve and export to .onnx and .html take it."
        raise ModelError(fault, where=where, remedy=remedy)


def refuse_number_model(kind: Kind, what: str, *, where: str) -> None:
    """Refuse a model of numbers, or of bags, where one of classes is needed; arguments as of `refuse_multilabel_model`.

    Raises:
        ModelError: names what takes it.
    """
    refuse_bag_model(kind, what, where=where)
    if kind == "number":
        fault = f"{what} needs a model of classes, and this one predicts a number"
        raise ModelError(fault, where=where, remedy="predict and export to .onnx take it.")


def refuse_bag_model(kind: Kind, what: str, *, where: str) -> None:
    """Refuse a model of bags where one of images is needed; arguments as of `refuse_multilabel_model`.

    Raises:
        ModelError: names what takes it.
    """
    if kind == "bag":
        fault = f"{what} needs a model of one label per image, and this one was trained on bags"
        raise ModelError(fault, where=where, remedy="predict takes its folder.")
