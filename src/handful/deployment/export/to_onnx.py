"""Export to ONNX (https://onnx.ai): one file from uint8 images to calibrated outputs, including the resizing."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from handful._version import __version__
from handful.core.files import write_atomically
from handful.core.json_values import jsonable
from handful.deployment.export.exportable import ExportableModel, refuse_too_large
from handful.deployment.export.exporter_logs import first_error_line, silence_exporters
from handful.deployment.export.onnx_resize import resizing_model
from handful.deployment.export.onnx_translations import translations
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.models.load_onnx import FORMATS, KEY
from handful.recipes.write import to_toml


def export_onnx(classifier: Classifier, path: str | Path) -> tuple[str, ...]:
    """Write a classifier that is on the CPU as an ONNX file, whole or not at all.

    Input `images`: uint8 RGB [n 3 h w], any height and width. Outputs: `probabilities` [n k], and where the model has
    them `present` [n k] (whether each class is there, of several labels per image), `maps` [n k+1 H W] (pixel
    probabilities at the working size), `p_values` and `sets` [n k], `typicality` [n] and `answers` [n] (k: "I do not
    know"). A model of numbers has one output, `numbers` [n k]. Everything is computed in float32, whatever the recipe's
    precision.

    Args:
        classifier: what to export.
        path: the ONNX file.

    Returns:
        Names of the outputs.

    Raises:
        ModelError: the model is too large, or a part of it cannot be traced.

    Example:
        >>> from handful import export_onnx, load_data, load_recipe, train
        >>> digits = load_data("digits").select(range(30))
        >>> classifier = train(load_recipe("logistic-pixels"), digits, device="cpu", progress=False)
        >>> export_onnx(classifier, "digits.onnx")
        ('probabilities',)
    """
    refuse_too_large(classifier)
    model = ExportableModel(classifier).eval()
    write_model(with_resizing(model, trace(model)), Path(path))
    return model.names


def trace(exportable: ExportableModel) -> Any:
    """The ONNX model of the network, for images that already have its input sizes.

    Raises:
        ModelError: PyTorch cannot trace it.
    """
    names = [f"view_{i}" for i in range(len(exportable.input_sizes))]
    examples = tuple(torch.zeros(2, 3, *size) for size, _ in exportable.input_sizes)
    try:
        with silence_exporters():
            program: Any = torch.onnx.export(
                exportable,
                examples,
                dynamo=True,
                dynamic_shapes=(tuple({0: torch.export.Dim("n")} for _ in examples),),
                input_names=names,
                output_names=list(exportable.names),
                custom_translation_table=translations(),
                verbose=False,
                external_data=False,
            )
        model = program.model_proto
    except Exception as error:  # the exporter raises errors of many types
        recipe = exportable.classifier.recipe
        parts = ", ".join([recipe.backbone.name, recipe.head.name, *(p.name for p in recipe.posthoc)])
        raise ModelError(
            f"PyTorch cannot convert the model to ONNX: {first_error_line(error)}",
            where=f"{recipe.name} ({parts})",
            remedy="export a model with another head or without the last posthoc part, or use the model's folder.",
        ) from error
    return model


def with_resizing(exportable: ExportableModel, network: Any) -> Any:
    """The complete ONNX model: resizing, then the network, with the classifier's metadata.

    Args:
        exportable: the classifier.
        network: the ONNX model that `trace` returns, or its quantized form.
    """
    from onnx import compose

    opset = next(o.version for o in network.opset_import if o.domain == "")
    resizing = resizing_model(exportable.input_sizes, opset=opset, ir_version=network.ir_version)
    links = [(f"resizing/view_{i}", f"view_{i}") for i in range(len(exportable.input_sizes))]
    resizing = compose.add_prefix(resizing, "resizing/")
    for node in resizing.graph.node:
        node.input[:] = ["images" if name == "resizing/images" else name for name in node.input]
    resizing.graph.input[0].name = "images"
    merged = compose.merge_models(resizing, network, io_map=links)
    merged.graph.name, merged.producer_name, merged.producer_version = "handful", "handful", __version__
    del merged.metadata_props[:]
    for key, value in metadata(exportable).items():
        merged.metadata_props.add(key=key, value=value)
    return merged


def metadata(exportable: ExportableModel) -> dict[str, str]:
    """Metadata of an exported model; values are JSON, except for the recipe, which is TOML."""
    classifier, conformal = exportable.classifier, exportable.conformal
    values: dict[str, Any] = {
        KEY: FORMATS[classifier.kind],
        "handful": __version__,
        "name": classifier.recipe.name,
        "classes": classifier.classes,
        "size": classifier.size,
        "resize": classifier.recipe.resize,
        "views": exportable.input_sizes,
        "outputs": exportable.names,
        "false_rejection": classifier.false_rejection,
        "coverage": None,
        "card": {"handful": __version__, "torch": torch.__version__, **classifier.card},
    }
    if classifier.thresholds is not None:
        values["thresholds"] = [float(f"{value:.6g}") for value in classifier.thresholds]
    if classifier.pixel_range is not None:
        values["pixel_range"] = asdict(classifier.pixel_range)
    if conformal is not None:
        values["coverage"] = {
            "coverage": conformal.coverage,
            "by_class": conformal.by_class,
            "images": conformal.fewest,
            "heaviest": float(conformal.weights.max()),
        }
    text = {key: json.dumps(jsonable(value), ensure_ascii=False) for key, value in values.items()}
    return {**text, "recipe": to_toml(classifier.recipe)}


def write_model(model: Any, path: Path) -> Path:
    """Write an ONNX model, whole or not at all."""
    with write_atomically(path) as draft:
        draft.write_bytes(model.SerializeToString())
    return path
