"""What the API answers."""

import base64
from io import BytesIO
from typing import Annotated

import numpy as np
from jaxtyping import Float
from PIL import Image as Picture
from pydantic import BaseModel, Field

from handful.core.prediction import UNKNOWN
from handful.deployment.server.batching import Said
from handful.models.onnx_model import OnnxModel

Share = Annotated[float, Field(ge=0, le=1)]
MOST_MAPPED = 255  # classes beside the background that a grey level can name


class Prediction(BaseModel):
    """One image's class with all that the model says beside it; what it does not say is absent."""

    prediction: str = Field(description="The most probable class.")
    probability: Share = Field(description="Its probability.")
    probabilities: dict[str, Share] = Field(description="Of every class.")
    answer: str | None = Field(default=None, description=f"The class, or {UNKNOWN!r} where the image is rejected.")
    rejected: bool | None = Field(default=None, description="Whether it is too unlike the training images.")
    typicality: Share | None = Field(default=None, description="Share of training images that were as unlike.")
    set: list[str] | None = Field(default=None, description="The classes that cannot be ruled out.")
    map: str | None = Field(
        default=None,
        description="PNG as a data address, at the working size: grey level 0 is background, else class + 1.",
    )


class Failure(BaseModel):
    """What is wrong with one image of a batch."""

    error: str


class PredictionList(BaseModel):
    """Predictions in the order of the images."""

    predictions: list[Prediction | Failure]


class Refused(BaseModel):
    """Why nothing was predicted."""

    detail: str


def prediction(model: OnnxModel, said: Said, *, with_map: bool) -> Prediction:
    """One image's outputs in words."""
    shares = [min(1.0, max(0.0, float(p))) for p in said["probabilities"]]
    best = int(np.argmax(said["probabilities"]))
    found = Prediction(
        prediction=model.classes[best],
        probability=shares[best],
        probabilities=dict(zip(model.classes, shares, strict=True)),
    )
    if "typicality" in said:
        answer = int(said["answers"])
        found.answer, found.rejected = (*model.classes, UNKNOWN)[answer], answer == len(model.classes)
        found.typicality = min(1.0, float(said["typicality"]))
    if "sets" in said:
        found.set = [name for name, own in zip(model.classes, said["sets"], strict=True) if own]
    if with_map and "maps" in said and len(model.classes) <= MOST_MAPPED:
        found.map = _png(said["maps"])
    return found


def _png(maps: Float[np.ndarray, "k1 h w"]) -> str:
    file = BytesIO()
    Picture.fromarray(maps.argmax(axis=0).astype(np.uint8)).save(file, format="PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
