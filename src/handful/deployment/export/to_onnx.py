"""Export to ONNX (https://onnx.ai): resizing, network, calibration and answers in one file, from uint8 images on."""

import json
from pathlib import Path
from typing import Any

import torch

from handful._version import __version__
from handful.core.files import write_atomically
from handful.core.json_values import jsonable
from handful.deployment.export.exportable import Answering, refuse
from handful.deployment.export.exporter_logs import quiet, reason
from handful.deployment.export.onnx_resize import resizing_model
from handful.deployment.export.onnx_translations import translations
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.models.onnx_model import FORMAT, KEY
from handful.recipes.write import to_toml


def export_onnx(classifier: Classifier, path: str | Path) -> tuple[str, ...]:
    """Write a classifier, on the CPU, as an ONNX file; it appears whole or not at all.

    Input `images`: uint8 RGB [n 3 h w], any height and width. Outputs: `probabilities` [n k], and where the model has
    them `maps` [n k+1 H W] (pixel probabilities at the working size), `p_values` and `sets` [n k], `typicality` [n]
    and `answers` [n] (k: "I do not know"). Everything is computed in float32, whatever the recipe's precision.

    Returns:
        The outputs' names.

    Raises:
        ModelError: the model is too large, or a part of it cannot be traced.

    Example:
        >>> from handful import export_onnx, load_data, load_recipe, train
        >>> digits = load_data("digits").select(range(30))
        >>> classifier = train(load_recipe("logistic-pixels"), digits, device="cpu", progress=False)
        >>> export_onnx(classifier, "digits.onnx")
        ('probabilities',)
    """
    refuse(classifier)
    answering = Answering(classifier).eval()
    write(whole(answering, network_model(answering)), Path(path))
    return answering.names


def network_model(answering: Answering) -> Any:
    """The ONNX model from images at their working sizes on.

    Raises:
        ModelError: PyTorch cannot trace it.
    """
    names = [f"view_{i}" for i in range(len(answering.views))]
    examples = tuple(torch.zeros(2, 3, *size) for size, _ in answering.views)
    try:
        with quiet():
            program: Any = torch.onnx.export(
                answering,
                examples,
                dynamo=True,
                dynamic_shapes=(tuple({0: torch.export.Dim("n")} for _ in examples),),
                input_names=names,
                output_names=list(answering.names),
                custom_translation_table=translations(),
                verbose=False,
                external_data=False,
            )
        model = program.model_proto
    except Exception as error:  # the exporter raises nearly anything
        recipe = answering.classifier.recipe
        parts = ", ".join([recipe.backbone.name, recipe.head.name, *(p.name for p in recipe.posthoc)])
        raise ModelError(
            f"PyTorch cannot write it as a graph: {reason(error)}",
            where=f"{recipe.name} ({parts})",
            remedy="export a model with another head or without the last posthoc part, or use the model's folder.",
        ) from error
    return model


def whole(answering: Answering, network: Any) -> Any:
    """The network's ONNX model behind the resizing one, with what is known of the classifier."""
    from onnx import compose

    opset = next(o.version for o in network.opset_import if o.domain == "")
    resizing = resizing_model(answering.views, opset=opset, ir_version=network.ir_version)
    links = [(f"resizing/view_{i}", f"view_{i}") for i in range(len(answering.views))]
    resizing = compose.add_prefix(resizing, "resizing/")
    for node in resizing.graph.node:
        node.input[:] = ["images" if name == "resizing/images" else name for name in node.input]
    resizing.graph.input[0].name = "images"
    merged = compose.merge_models(resizing, network, io_map=links)
    merged.graph.name, merged.producer_name, merged.producer_version = "handful", "handful", __version__
    del merged.metadata_props[:]
    for key, value in facts(answering).items():
        merged.metadata_props.add(key=key, value=value)
    return merged


def facts(answering: Answering) -> dict[str, str]:
    """What the file says of itself; values are JSON but for the recipe, which is TOML."""
    classifier, conformal = answering.classifier, answering.conformal
    known: dict[str, Any] = {
        KEY: FORMAT,
        "handful": __version__,
        "name": classifier.recipe.name,
        "classes": classifier.classes,
        "size": classifier.size,
        "resize": classifier.recipe.resize,
        "views": answering.views,
        "outputs": answering.names,
        "false_rejection": classifier.false_rejection,
        "coverage": None,
        "card": {"handful": __version__, "torch": torch.__version__, **classifier.card},
    }
    if conformal is not None:
        known["coverage"] = {
            "coverage": conformal.coverage,
            "by_class": conformal.by_class,
            "images": conformal.fewest,
            "heaviest": float(conformal.weights.max()),
        }
    text = {key: json.dumps(jsonable(value), ensure_ascii=False) for key, value in known.items()}
    return {**text, "recipe": to_toml(classifier.recipe)}


def write(model: Any, path: Path) -> Path:
    """Write an ONNX model; the file appears whole or not at all."""
    with write_atomically(path) as draft:
        draft.write_bytes(model.SerializeToString())
    return path
