"""What is done with the images of an archive: name their classes, or outline what is in them."""

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
from handful.core.prediction import Predictor
from handful.data.masks.threshold import Keep, foreground
from handful.deployment.batch.archive import Piece
from handful.deployment.batch.prefetch import Read
from handful.deployment.batch.write_chunks import Work
from handful.deployment.predict_table import columns_of, to_arrow
from handful.saving.predictor import Tta, load_predictor


@dataclass(frozen=True)
class BatchJob:
    """What is to be done, in words that another process understands."""

    task: Literal["predict", "propagate"]
    model: Path
    tta: Tta | None = None
    classes: Path | None = None
    coverage: float | None = None
    device: str = "auto"
    keep: Keep | None = None

    def options(self) -> dict[str, Any]:
        """What decides the answers beside the model."""
        names = None if self.classes is None else self.classes.read_text(encoding="utf-8")
        keep = asdict(self.keep or Keep()) if self.task == "propagate" else None
        return {"tta": self.tta, "classes": names, "coverage": self.coverage, "keep": keep}

    def work(self) -> Work:
        """Load the model.

        Raises:
            ModelError: it cannot be loaded, or cannot do this.
        """
        model = load_predictor(self.model, tta=self.tta, classes=self.classes, device=self.device)
        work = ClassifyJob(model, self.coverage) if self.task == "predict" else SegmentJob(model, self.keep or Keep())
        work.columns([Read(Piece("blank", ""), work.fitted(np.zeros((3, 8, 8), np.uint8)), (8, 8))])
        return work


@dataclass(frozen=True, eq=False)
class Asking:
    """Work that asks a model."""

    model: Predictor

    @property
    def chunk(self) -> int:
        """How many images are done at a time."""
        return self.model.chunk

    def fitted(self, image: Image) -> UInt8[np.ndarray, "3 h2 w2"]:
        """The image as the model wants it."""
        return self.model.fitted(image)


@dataclass(frozen=True, eq=False)
class ClassifyJob(Asking):
    """Predicted class, probabilities, and what else the model says: the columns of `handful predict`."""

    coverage: float | None = None

    def columns(self, reads: Sequence[Read]) -> pa.Table:
        """A row for each image."""
        judged = self.model.judge(_dataset(reads), coverage=self.coverage)
        columns = columns_of(self.model.classes, [r.piece.id for r in reads], judged)
        del columns["id"]
        return to_arrow(columns)


@dataclass(frozen=True, eq=False)
class SegmentJob(Asking):
    """The mask of each image at its own size, as a PNG of 0 and 255; none where what it covers is not to be kept."""

    keep: Keep

    def columns(self, reads: Sequence[Read]) -> pa.Table:
        """Columns mask (PNG, or none) and share (of the image that the predicted mask covers, in 0..1)."""
        masks: list[bytes | None] = []
        shares: list[float] = []
        for read, maps in zip(reads, self.model.maps(_dataset(reads)), strict=True):
            mask = self.model.own_size(foreground(maps, self.keep.confidence), read.size)
            share = float(mask.mean())
            shares.append(share)
            masks.append(_png(mask) if self.keep.min_share < share < self.keep.max_share else None)
        return pa.table({"mask": pa.array(masks, pa.binary()), "share": pa.array(shares, pa.float32())})


def _dataset(reads: Sequence[Read]) -> Dataset:
    return Dataset(tuple(Sample(r.piece.id, r.image) for r in reads if r.image is not None), ())


def _png(mask: Bool[np.ndarray, "h w"]) -> bytes:
    file = BytesIO()
    Picture.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(file, format="PNG")
    return file.getvalue()
