"""ONNX model: predictions of an exported classifier by onnxruntime, without PyTorch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from handful.core.dataset import Dataset, Image, Mask
from handful.core.pixel_range import PixelRange
from handful.core.prediction import Predictions, predict_batch_size
from handful.data.images import pixels
from handful.data.masks.regions import SMALLEST_REGION, number_regions
from handful.data.resampling import Resize, fit_image, unfit_mask
from handful.errors import ModelError
from handful.models.conformal_coverage import CLOSE, HERE, significance

EXPORT = "give a file that `handful export` wrote."


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """A graph that `handful export` wrote. `session` is onnxruntime's; `coverage` says what its sets can have.

    `thresholds` are of a multilabel model: from which probability on it says that an image shows a class.
    """

    session: Any
    classes: tuple[str, ...]
    size: tuple[int, int]
    resize: Resize
    outputs: tuple[str, ...]
    name: str
    false_rejection: float = 0.0
    views: int = 1
    coverage: dict[str, Any] | None = None
    card: dict[str, Any] = field(default_factory=dict)
    recipe: str = ""
    pixel_range: PixelRange | None = None
    thresholds: tuple[float, ...] | None = None

    @property
    def chunk(self) -> int:
        """How many images are predicted at a time: at most 256, and 4 million pixels."""
        return predict_batch_size(self.size)

    def run(self, images: UInt8[np.ndarray, "n 3 h w"]) -> dict[str, np.ndarray]:
        """Outputs of the graph for images of one size, by name."""
        if not len(images):  # some operators want one at least
            return {name: value[:0] for name, value in self.run(np.zeros((1, 3, *self.size), np.uint8)).items()}
        try:
            values = self.session.run(None, {"images": np.ascontiguousarray(images)})
        except Exception as error:  # onnxruntime's own classes, without a common base
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ModelError(f"this ONNX model fails on images: {first}", where=self.name, remedy=EXPORT) from error
        outputs = dict(zip(self.outputs, values, strict=True))
        for name, value in outputs.items():
            _check_output(name, value, len(images), len(self.classes), self.name)
        return outputs

    def fitted(self, image: Image) -> UInt8[np.ndarray, "3 h2 w2"]:
        """The image as small as the graph would make it, where it works at a single size: images then batch."""
        return image if self.views > 1 else fit_image(image, self.size, self.resize)

    def ask(self, images: Sequence[UInt8[np.ndarray, "3 _ _"]]) -> dict[str, np.ndarray]:
        """Outputs of the graph for images of any size; images that share one size are a single batch."""
        if len({image.shape for image in images}) > 1:
            images = [self.fitted(image) for image in images]
        if len({image.shape for image in images}) <= 1:
            stacked = np.stack(images) if images else np.zeros((0, 3, *self.size), np.uint8)
            return self.run(stacked)
        rows = [self.run(image[None]) for image in images]
        return {name: np.concatenate([row[name] for row in rows]) for name in self.outputs}

    def predict_all(self, data: Dataset, *, coverage: float | None = None) -> Predictions:
        """Probabilities, answers, and the typicality and conformal sets that the model supports.

        Raises:
            ModelError: sets of this coverage cannot be given.
            DataError: an image cannot be read.
        """
        significance_level = None if coverage is None else self.significance(coverage)
        rows = list(self._outputs(data))
        return self._predictions(_joined(rows, self.outputs), significance_level)

    def _predictions(self, outputs: dict[str, np.ndarray], significance_level: float | None = None) -> Predictions:
        """Predictions from the graph's outputs; `significance_level` replaces that of the exported sets."""
        if "numbers" in outputs:
            numbers = outputs["numbers"]
            return Predictions(numbers, numbers.argmax(axis=1).astype(np.int64), None, None, numbers=numbers)
        sets = outputs.get("sets") if significance_level is None else outputs["p_values"] > significance_level + CLOSE
        answers = outputs.get("answers", outputs["probabilities"].argmax(axis=1))
        probabilities, present = outputs["probabilities"], outputs.get("present")
        typicality = outputs.get("typicality")
        return Predictions(
            probabilities, answers.astype(np.int64), typicality, sets, present, unknown=outputs.get("unknown_share")
        )

    def maps(self, data: Dataset) -> Iterator[Float[np.ndarray, "k1 h w"]]:
        """Pixel probabilities of each sample at the working size, background first.

        Raises:
            ModelError: the model does not segment.
        """
        if "maps" not in self.outputs:
            raise ModelError(
                "this model has no pixel maps", where=self.name, remedy="export one with a segmenting head."
            )
        for outputs in self._outputs(data):
            yield from outputs["maps"]

    @property
    def finds_unknown(self) -> bool:
        """Whether `unknown_regions` can be given."""
        return "unknown" in self.outputs

    def unknown_regions(self, data: Dataset) -> Iterator[Int[np.ndarray, "h w"]]:
        """Numbers of the unknown regions of each sample, connected pieces, at the working size; 0 where all is known.

        Raises:
            ModelError: the model does not find any.
        """
        if not self.finds_unknown:
            raise ModelError(
                "this model finds no unknown regions",
                where=self.name,
                remedy='export one that was trained with posthoc = [{ name = "unknown_regions" }].',
            )
        for outputs in self._outputs(data):
            for mask in outputs["unknown"]:
                yield number_regions(mask, smallest=SMALLEST_REGION)

    def own_size(self, mask: Bool[np.ndarray, "h2 w2"], size: tuple[int, int]) -> Mask:
        """A mask at the working size, back at an image's own h, w."""
        return unfit_mask(mask, size, self.resize)

    def significance(self, coverage: float) -> float:
        """Significance level 1 - coverage.

        Raises:
            ModelError: the model gives no sets, or was calibrated on too few images.
        """
        if self.coverage is None:
            raise ModelError(
                "this model was exported without sets",
                where=HERE,
                remedy="train it with `handful fit --coverage 0.9`, and export again.",
            )
        known = {key: self.coverage[key] for key in ("images", "heaviest", "by_class")}
        return significance(coverage, **known)

    def _outputs(self, data: Dataset) -> Iterator[dict[str, np.ndarray]]:
        """The graph's outputs, some images at a time; no images are one empty chunk, which tells the classes."""
        for start in range(0, max(1, len(data)), self.chunk):
            part = data.samples[start : start + self.chunk]
            yield self.ask([pixels(replace(s, pixel_range=self.pixel_range)) for s in part])


def _check_output(name: str, value: Any, n: int, k: int, where: str) -> None:
    """Check the shape of an output for n images and k classes; a file may come from a stranger.

    Raises:
        ModelError: it is another than the one that its name stands for.
    """
    shapes: dict[str, tuple[int | None, ...]] = {"maps": (n, k + 1, None, None), "typicality": (n,), "answers": (n,)}
    shapes["unknown"] = (n, None, None)
    wanted = shapes.get(name, (n, k))
    shape = tuple(np.shape(value))
    if len(shape) != len(wanted) or any(w not in (None, s) for w, s in zip(wanted, shape, strict=True)):
        raise ModelError(f"this ONNX model gives {name} of shape {shape} for {n} images", where=where, remedy=EXPORT)
    if name in ("numbers", "probabilities") and not np.isfinite(value).all():
        raise ModelError(f"this ONNX model gives {name} that are not numbers", where=where, remedy=EXPORT)
    if name == "answers" and n and not (value.min() >= 0 and value.max() <= k):
        raise ModelError("this ONNX model answers with classes that it does not have", where=where, remedy=EXPORT)


def _joined(rows: list[dict[str, np.ndarray]], names: Sequence[str]) -> dict[str, np.ndarray]:
    joined = {name: np.concatenate([row[name] for row in rows]) for name in names if name not in ("maps", "unknown")}
    if "unknown" in names:
        shares = [row["unknown"].mean(axis=(1, 2), dtype=np.float32) for row in rows]
        joined["unknown_share"] = np.concatenate(shares)
    return joined


def refuse_exported_numbers(model: OnnxModel, what: str) -> None:
    """Refuse an exported model of numbers where one of classes is needed.

    Raises:
        ModelError: names what takes it.
    """
    if "numbers" in model.outputs:
        raise ModelError(
            f"{what} needs a model of classes, and this one predicts a number",
            where=model.name,
            remedy="predict takes it.",
        )
