"""Batch jobs: classify the images of an archive, or segment them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, UInt8
from PIL import Image as Picture

from handful.core.dataset import Dataset, Image, Sample
from handful.core.pixel_range import PixelRange
from handful.core.prediction import Predictor
from handful.data.masks.threshold import MaskRules, foreground
from handful.deployment.batch.image_locations import ImageLocation
from handful.deployment.batch.prefetch import LoadedImage
from handful.deployment.batch.write_chunks import LoadedJob
from handful.deployment.predict_table import columns_of
from handful.deployment.table_files import to_arrow
from handful.saving.predictor import Tta, load_predictor


@dataclass(frozen=True)
class BatchJob:
    """A picklable description of a batch job: the task, the model and the options that affect its output."""

    task: Literal["predict", "propagate"]
    model: Path
    tta: Tta | None = None
    classes: Path | None = None
    coverage: float | None = None
    device: str = "auto"
    keep: MaskRules | None = None

    def options(self) -> dict[str, Any]:
        """The options that affect the output, besides the model."""
        names = None if self.classes is None else self.classes.read_text(encoding="utf-8")
        keep = asdict(self.keep or MaskRules()) if self.task == "propagate" else None
        return {"tta": self.tta, "classes": names, "coverage": self.coverage, "keep": keep}

    def load(self) -> LoadedJob:
        """Load the model, and run it on a blank image to check that it supports the task.

        Raises:
            ModelError: the model cannot be loaded, or does not support the task.
        """
        model = load_predictor(self.model, tta=self.tta, classes=self.classes, device=self.device)
        job = (
            ClassifyJob(model, self.coverage) if self.task == "predict" else SegmentJob(model, self.keep or MaskRules())
        )
        job.columns([LoadedImage(ImageLocation("blank", ""), job.resize(np.zeros((3, 8, 8), np.uint8)), (8, 8))])
        return job


@dataclass(frozen=True, eq=False)
class ModelJob:
    """Base of the jobs that run a model."""

    model: Predictor

    @property
    def batch_size(self) -> int:
        """How many images the model predicts at a time."""
        return self.model.chunk

    @property
    def pixel_range(self) -> PixelRange | None:
        """How the model scales images of more than 8 bits per channel."""
        return self.model.pixel_range

    def resize(self, image: Image) -> UInt8[np.ndarray, "3 h2 w2"]:
        """An image at the model's input size."""
        return self.model.fitted(image)


@dataclass(frozen=True, eq=False)
class ClassifyJob(ModelJob):
    """Predicted class, probabilities and the model's other outputs: the columns of `handful predict`."""

    coverage: float | None = None

    def columns(self, images: Sequence[LoadedImage]) -> pa.Table:
        """One row per image."""
        predictions = self.model.predict_all(_dataset(images), coverage=self.coverage)
        columns = columns_of(self.model.classes, [r.location.id for r in images], predictions)
        del columns["id"]
        return to_arrow(columns)


@dataclass(frozen=True, eq=False)
class SegmentJob(ModelJob):
    """The predicted mask of each image at the image's own size, as a PNG with values 0 and 255.

    There is no mask where its share of the image is outside the limits of `keep`.
    """

    keep: MaskRules

    def columns(self, images: Sequence[LoadedImage]) -> pa.Table:
        """Columns `mask` (PNG, or null) and `share` (of the image that the predicted mask covers, in [0, 1])."""
        masks: list[bytes | None] = []
        shares: list[float] = []
        for loaded, maps in zip(images, self.model.maps(_dataset(images)), strict=True):
            mask = self.model.own_size(foreground(maps, self.keep.confidence), loaded.size)
            share = float(mask.mean())
            shares.append(share)
            masks.append(_encode_png(mask) if self.keep.min_share < share < self.keep.max_share else None)
        return pa.table({"mask": pa.array(masks, pa.binary()), "share": pa.array(shares, pa.float32())})


def _dataset(images: Sequence[LoadedImage]) -> Dataset:
    return Dataset(tuple(Sample(r.location.id, r.image) for r in images if r.image is not None), ())


def _encode_png(mask: Bool[np.ndarray, "h w"]) -> bytes:
    file = BytesIO()
    Picture.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(file, format="PNG")
    return file.getvalue()
