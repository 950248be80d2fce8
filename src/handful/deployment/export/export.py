"""Export as one task: write a saved model as an ONNX file, a PyTorch program or a page, by the file's suffix."""

from dataclasses import dataclass
from pathlib import Path

from handful.core.dataset import Dataset
from handful.core.files import lock_output, refuse_existing
from handful.core.progress import Activity
from handful.deployment.export.browser_runtime import load_runtime
from handful.deployment.export.exportable import refuse_too_large
from handful.deployment.export.formats import Format, file_format, refuse_int8_format, refuse_kind, refuse_runtime
from handful.deployment.export.page import export_page
from handful.deployment.export.quantize import QuantizationReport, export_int8, refuse_int8
from handful.deployment.export.to_onnx import export_onnx
from handful.deployment.export.to_torch import export_torch
from handful.deployment.extra_packages import refuse_without_export
from handful.saving.classifier import load_classifier


@dataclass(frozen=True)
class ExportResult:
    """The exported file: its format, the names of its outputs, and the image size (height, width) it resizes to.

    `quantization` is the effect of 8-bit arithmetic; None where the model computes in floating point.
    """

    format: Format
    outputs: tuple[str, ...]
    size: tuple[int, int]
    quantization: QuantizationReport | None = None


def export_to(
    path: str | Path,
    model: str | Path,
    *,
    format: Format | None = None,  # noqa: A002
    calibration: Dataset | None = None,
    runtime: str | Path | None = None,
    overwrite: bool = False,
) -> ExportResult:
    """Export a saved model into one file: what `handful export` does.

    Args:
        path: the file to write; its suffix is .onnx, .pt2 or .html.
        model: folder of the saved model.
        format: must agree with the suffix; None: by the suffix.
        calibration: the training data of the model: compute in 8-bit integers, calibrated on it (ONNX only).
        runtime: for a page: folder with onnxruntime-web; None: fetched from npm once and cached.
        overwrite: replace the file.

    Raises:
        OutputError: another suffix, the file exists, the runtime of the page cannot be had, or is given for another
            format.
        ModelError: the model cannot be exported, or not in 8 bits; or a package for it is not installed.
        DataError: the calibration data has no training images, or other classes.
    """
    path = Path(path)
    resolved = file_format(path, format)
    if calibration is not None:
        refuse_int8_format(resolved)
    with lock_output(path):
        refuse_existing(path, overwrite=overwrite)
        if resolved != "torch":
            refuse_without_export(path)
        refuse_runtime(resolved, runtime)
        page = resolved == "html"
        browser = load_runtime(runtime) if page and runtime is not None else None  # a folder costs nothing to look into
        with Activity("loading the model", announce=True):
            classifier = load_classifier(model)
        refuse_too_large(classifier)
        refuse_kind(classifier.kind, resolved, int8=calibration is not None, where=classifier.recipe.name)
        if calibration is not None:
            refuse_int8(classifier)
        if page:
            browser = browser or load_runtime()  # fetched, unless a copy is kept
        with Activity("converting the model", announce=True):
            if calibration is not None:
                outputs, report = export_int8(classifier, calibration, path)
                return ExportResult(resolved, outputs, classifier.size, report)
            if browser is not None:
                return ExportResult(resolved, export_page(classifier, path, runtime=browser), classifier.size)
            export = export_onnx if resolved == "onnx" else export_torch
            return ExportResult(resolved, export(classifier, path), classifier.size)
