"""Static quantization to 8-bit integers, calibrated on training images, and its effect on predictions.

The scale of each tensor comes from its range on the calibration images, with one scale per filter (Jacob et al. 2018,
https://arxiv.org/abs/1712.05877; onnxruntime's quantize_static). Resizing and the softmax are not quantized.
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
from handful.data.pixel_range import scaled
from handful.deployment.export.exportable import ExportableModel, refuse_too_large
from handful.deployment.export.exporter_logs import silence_exporters
from handful.deployment.export.to_onnx import trace, with_resizing, write_model
from handful.errors import DataError, ModelError, option
from handful.evaluation.intervals import paired_interval
from handful.models.classifier import Classifier
from handful.models.ensemble import refuse_other_classes
from handful.models.kind_checks import refuse_number_model
from handful.models.load_onnx import load_onnx

MAX_CALIBRATION_IMAGES = 200
QUANTIZED_OPERATORS = ["Conv", "Gemm", "MatMul"]


@dataclass(frozen=True)
class QuantizationReport:
    """Predictions in 8 bits against those in floating point, on the same images.

    Args:
        images: number of images.
        held_out: the model was not calibrated on them.
        same_answer: share of images with the same predicted class.
        largest: the largest change of a probability.
        labelled: number of images with a label; if 0, the accuracies below are None.
        before: accuracy in floating point.
        after: accuracy in 8 bits.
        difference: `after` - `before`, with its 95 % confidence interval from `low` to `high`.
        low: see `difference`.
        high: see `difference`.
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
    """Refuse a model whose guarantees were calibrated in floating point.

    Raises:
        ModelError: the model has conformal sets, or rejects images.
    """
    for name, output in (("conformal", "sets"), ("out_of_distribution", "rejection")):
        if classifier.wrapped_by(name) is not None:
            raise ModelError(
                f"the model's {output} were calibrated in floating point, and would not be valid in 8 bits",
                where=option("int8"),
                remedy="export in floating point, or train without that part.",
            )


def calibration_split(data: Dataset, classifier: Classifier) -> tuple[Dataset, Dataset, bool]:
    """Images to calibrate on, images to measure on, and whether the latter are held out. Test images are never used.

    Raises:
        DataError: there are no training images.
        ModelError: the classes differ from the classifier's.
    """
    if data.classes:
        refuse_other_classes(data.classes, classifier.classes, where=option("data", None))
    training, validation = data.split("train", None), data.split("val")
    if not len(training):
        raise DataError(
            "no training images found",
            where=option("data", None),
            remedy="give the images that the model was trained on.",
        )
    chosen = np.linspace(0, len(training) - 1, min(MAX_CALIBRATION_IMAGES, len(training))).round().astype(np.int64)
    return training.select(chosen), validation if len(validation) else training, bool(len(validation))


def quantize(exportable: ExportableModel, network: Any, data: Dataset) -> Any:
    """The ONNX model of the network in 8 bits.

    Args:
        exportable: the classifier.
        network: its ONNX model, as `trace` returns it.
        data: images to calibrate on.
    """
    from onnx import load
    from onnxruntime import quantization as q
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(q.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.remaining = _inputs(exportable, data)

        def get_next(self) -> Mapping[str, np.ndarray] | None:
            return next(self.remaining, None)

    with TemporaryDirectory() as folder, silence_exporters():
        original, prepared, quantized = (Path(folder) / f"{n}.onnx" for n in ("original", "prepared", "quantized"))
        original.write_bytes(network.SerializeToString())
        quant_pre_process(str(original), str(prepared), skip_symbolic_shape=True)  # folds batch norms into convolutions
        q.quantize_static(
            str(prepared),
            str(quantized),
            Reader(),
            quant_format=q.QuantFormat.QDQ,
            op_types_to_quantize=QUANTIZED_OPERATORS,
            per_channel=True,
            activation_type=q.QuantType.QInt8,
            weight_type=q.QuantType.QInt8,
        )
        return load(str(quantized))


def _inputs(exportable: ExportableModel, data: Dataset) -> Iterator[dict[str, np.ndarray]]:
    for sample in scaled(data, exportable.classifier.pixel_range).samples:
        image = pixels(sample)
        resized = [fit_size(image, size, resize) for size, resize in exportable.input_sizes]
        yield {f"view_{i}": view[None].astype(np.float32) / 255 for i, view in enumerate(resized)}


def compare_predictions(before: Predictor, after: Predictor, data: Dataset, *, held_out: bool) -> QuantizationReport:
    """Compare the predictions of two models on the same images.

    Args:
        before: the model in floating point.
        after: the model in 8 bits.
        data: the images; their labels, if any, are used for the accuracies only.
        held_out: the model was not calibrated on these images.
    """
    images = data.without_labels()
    p_before, p_after = before.predict_all(images).probabilities, after.predict_all(images).probabilities
    same_answer = float((p_before.argmax(1) == p_after.argmax(1)).mean())
    largest = float(np.abs(p_before - p_after).max())
    labels = data.labels
    labelled = labels >= 0
    if not labelled.any():
        return QuantizationReport(len(data), held_out, same_answer, largest)
    right_before, right_after = ((p.argmax(1) == labels)[labelled] for p in (p_before, p_after))
    difference, low, high = paired_interval(right_before, right_after)
    return QuantizationReport(
        len(data),
        held_out,
        same_answer,
        largest,
        labelled=int(labelled.sum()),
        before=float(right_before.mean()),
        after=float(right_after.mean()),
        difference=difference,
        low=low,
        high=high,
    )


def export_int8(classifier: Classifier, data: Dataset, path: Path) -> tuple[tuple[str, ...], QuantizationReport]:
    """Write a classifier that is on the CPU as an ONNX file that computes in 8-bit integers.

    Args:
        classifier: what to export.
        data: the data that the classifier was trained on.
        path: the ONNX file.

    Returns:
        Names of the outputs, and the effect of the quantization.

    Raises:
        ModelError: as in `export_onnx`, or the classes of the data differ.
        DataError: there are no training images.
    """
    refuse_too_large(classifier)
    refuse_number_model(classifier.kind, "int8", where=classifier.recipe.name)
    refuse_int8(classifier)
    calibration, measured, held_out = calibration_split(data, classifier)
    exportable = ExportableModel(classifier).eval()
    write_model(with_resizing(exportable, quantize(exportable, trace(exportable), calibration)), path)
    return exportable.names, compare_predictions(classifier, load_onnx(path), measured, held_out=held_out)
