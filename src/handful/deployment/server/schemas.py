"""Responses of the REST API."""

import base64
from io import BytesIO
from typing import Annotated

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image as Picture
from pydantic import BaseModel, Field

from handful.core.prediction import UNKNOWN
from handful.deployment.server.batching import Outputs
from handful.models.onnx_model import OnnxModel

Share = Annotated[float, Field(ge=0, le=1)]
MAX_MAP_CLASSES = 255  # classes besides the background that a gray level can encode


class Prediction(BaseModel):
    """The predicted class of one image and the model's other outputs; outputs that the model lacks are absent."""

    prediction: str = Field(description="The most probable class.")
    probability: Share = Field(description="Its probability.")
    probabilities: dict[str, Share] = Field(description="Probability of every class.")
    answer: str | None = Field(
        default=None, description=f"The predicted class, or {UNKNOWN!r} where the image is rejected."
    )
    rejected: bool | None = Field(
        default=None, description="Whether the image is too unlike the training images to name a class."
    )
    typicality: Share | None = Field(
        default=None, description="Share of training images that are at least as unlike the others as this one."
    )
    set: list[str] | None = Field(default=None, description="Conformal prediction set: classes not ruled out.")
    map: str | None = Field(
        default=None,
        description="Segmentation map as a PNG data URL, at the working size: gray level 0 is background, else the "
        "class's index + 1.",
    )
    unknown_share: Share | None = Field(
        default=None, description="Share of the image's pixels that are of nothing that was taught."
    )
    unknown: str | None = Field(
        default=None, description="These pixels as a PNG data URL, at the working size: gray level 255, else 0."
    )


class MultilabelPrediction(BaseModel):
    """The classes that one image shows, by a model of several labels per image."""

    labels: list[str] = Field(description="The classes whose probability reaches their threshold; empty: none.")
    probabilities: dict[str, Share] = Field(description="Probability of every class, each by itself.")
    thresholds: dict[str, Share] = Field(description="From which probability on each class is named.")
    set: list[str] | None = Field(
        default=None, description="Conformal set: each class is in it for a promised share of the images that show it."
    )


class Failure(BaseModel):
    """Why one image of a batch has no prediction."""

    error: str


class PredictionList(BaseModel):
    """Predictions in the order of the images."""

    predictions: list[Prediction | Failure]


class MultilabelPredictionList(BaseModel):
    """Predictions of a model of several labels per image, in the order of the images."""

    predictions: list[MultilabelPrediction | Failure]


AnyPrediction = Prediction | MultilabelPrediction
AnyPredictionList = PredictionList | MultilabelPredictionList


class ErrorResponse(BaseModel):
    """Why the request failed."""

    detail: str


def response_types(model: OnnxModel) -> tuple[type[AnyPrediction], type[AnyPredictionList]]:
    """The responses for one image, and for several."""
    if model.thresholds is None:
        return Prediction, PredictionList
    return MultilabelPrediction, MultilabelPredictionList


def as_response(model: OnnxModel, outputs: Outputs, *, with_map: bool) -> AnyPrediction:
    """The response for one image, as `as_prediction`; of a multilabel model the classes that the image shows."""
    if model.thresholds is None:
        return as_prediction(model, outputs, with_map=with_map)
    members = outputs.get("sets")
    return MultilabelPrediction(
        set=None if members is None else _named(model, members),
        labels=_named(model, outputs["present"]),
        probabilities=dict(zip(model.classes, _shares(outputs["probabilities"]), strict=True)),
        thresholds=dict(zip(model.classes, model.thresholds, strict=True)),
    )


def as_prediction(model: OnnxModel, outputs: Outputs, *, with_map: bool) -> Prediction:
    """The response for one image.

    Args:
        model: which gave the outputs.
        outputs: the model's outputs for the image.
        with_map: include the segmentation map, if the model has one.
    """
    probabilities = _shares(outputs["probabilities"])
    best = int(np.argmax(outputs["probabilities"]))
    response = Prediction(
        prediction=model.classes[best],
        probability=probabilities[best],
        probabilities=dict(zip(model.classes, probabilities, strict=True)),
    )
    if "typicality" in outputs:
        answer = int(outputs["answers"])
        response.answer, response.rejected = (*model.classes, UNKNOWN)[answer], answer == len(model.classes)
        response.typicality = min(1.0, float(outputs["typicality"]))
    if "sets" in outputs:
        response.set = _named(model, outputs["sets"])
    if with_map and "maps" in outputs and len(model.classes) <= MAX_MAP_CLASSES:
        response.map = _as_data_url(outputs["maps"].argmax(axis=0).astype(np.uint8))
    if "unknown" in outputs:
        response.unknown_share = float(outputs["unknown"].mean())
        if with_map:
            response.unknown = _as_data_url(outputs["unknown"].astype(np.uint8) * 255)
    return response


def _named(model: OnnxModel, members: Bool[np.ndarray, " k"]) -> list[str]:
    return [name for name, member in zip(model.classes, members, strict=True) if member]


def _shares(probabilities: Float[np.ndarray, " k"]) -> list[float]:
    return [min(1.0, max(0.0, float(p))) for p in probabilities]


def _as_data_url(levels: UInt8[np.ndarray, "h w"]) -> str:
    file = BytesIO()
    Picture.fromarray(levels).save(file, format="PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
