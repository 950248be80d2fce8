"""8-bit integers in place of floats: static quantisation, calibrated on training images, and what it costs.

Each tensor gets a scale from the range it takes on the calibration images, each filter one of its own (Jacob et al.
2018, https://arxiv.org/abs/1712.05877; onnxruntime's quantize_static). Resizing and the softmax stay as they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from handful.core.dataset import Dataset
from handful.core.prediction import Predictor
from handful.data.images import pixels
from handful.data.in_memory import fit_size
from handful.deployment.export.exportable import Answering
from handful.deployment.export.exporter_logs import quiet
from handful.errors import DataError, ModelError
from handful.evaluation.intervals import paired_interval
from handful.models.classifier import Classifier
from handful.models.ensemble import refuse_other_classes

MOST = 200  # images that ranges are taken from
KINDS = ["Conv", "Gemm", "MatMul"]


@dataclass(frozen=True)
class Change:
    """What the 8 bits changed on some images. Accuracies are None where none has a label.

    `difference` is the accuracy's, int8 less float, from `low` to `high` with 95 % confidence. `held_out`: they were
    not calibrated on.
    """

    images: int
    held_out: bool
    same_answer: float
    largest: float
    labelled: int = 0
    before: float | None = None
    after: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None


def refuse_int8(classifier: Classifier) -> None:
    """Refuse a model whose guarantees were measured with its float weights.

    Raises:
        ModelError: it gives sets, or rejects images.
    """
    for name, what in (("conformal", "sets"), ("out_of_distribution", "rejection")):
        if classifier.wrapped_by(name) is not None:
            raise ModelError(
                f"the model's {what} were calibrated in floating point, and would not hold in 8 bits",
                where="--int8",
                remedy="export without --int8, or train without that part.",
            )


def parts(data: Dataset, classifier: Classifier) -> tuple[Dataset, Dataset, bool]:
    """What to calibrate on, what to measure on, and whether these are others. Test images serve for neither.

    Raises:
        DataError: no training images, or other classes.
    """
    if data.classes:
        refuse_other_classes(data.classes, classifier.classes, where="--data")
    training, held = data.split("train", None), data.split("val")
    if not len(training):
        raise DataError("there are no training images", where="--data", remedy="give those the model was trained on.")
    chosen = np.linspace(0, len(training) - 1, min(MOST, len(training))).round().astype(np.int64)
    return training.select(chosen), held if len(held) else training, bool(len(held))


def quantised(answering: Answering, network: Any, data: Dataset) -> Any:
    """The network's ONNX model in 8 bits, calibrated on the images of `data`."""
    from onnx import load
    from onnxruntime import quantization as q
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(q.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = _inputs(answering, data)

        def get_next(self) -> Mapping[str, np.ndarray] | None:
            return next(self.left, None)

    with TemporaryDirectory() as folder, quiet():
        plain, ready, small = (Path(folder) / f"{name}.onnx" for name in ("plain", "ready", "small"))
        plain.write_bytes(network.SerializeToString())
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)  # folds batch norms into convolutions
        q.quantize_static(
            str(ready),
            str(small),
            Reader(),
            quant_format=q.QuantFormat.QDQ,
            op_types_to_quantize=KINDS,
            per_channel=True,
            activation_type=q.QuantType.QInt8,
            weight_type=q.QuantType.QInt8,
        )
        return load(str(small))


def _inputs(answering: Answering, data: Dataset) -> Iterator[dict[str, np.ndarray]]:
    for sample in data.samples:
        image = pixels(sample)
        fitted = [fit_size(image, size, resize) for size, resize in answering.views]
        yield {f"view_{i}": view[None].astype(np.float32) / 255 for i, view in enumerate(fitted)}


def measure(before: Predictor, after: Predictor, data: Dataset, *, held_out: bool) -> Change:
    """Compare the answers of two models on the same images."""
    images = data.without_labels()
    was, now = before.judge(images).probabilities, after.judge(images).probabilities
    same, largest = float((was.argmax(1) == now.argmax(1)).mean()), float(np.abs(was - now).max())
    labels = data.labels
    known = labels >= 0
    if not known.any():
        return Change(len(data), held_out, same, largest)
    right_before, right_after = ((p.argmax(1) == labels)[known] for p in (was, now))
    difference, low, high = paired_interval(right_before, right_after)
    return Change(
        len(data),
        held_out,
        same,
        largest,
        labelled=int(known.sum()),
        before=float(right_before.mean()),
        after=float(right_after.mean()),
        difference=difference,
        low=low,
        high=high,
    )
