"""An exported model in onnxruntime against the classifier in PyTorch, on one thread, floats and 8 bits."""

import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench.support.jobs import images, recipe
from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options
from handful.core.dataset import Dataset
from handful.core.prediction import Predictor
from handful.core.recipe import Part, Recipe
from handful.deployment.export.exportable import ExportableModel
from handful.deployment.export.quantize import quantize
from handful.deployment.export.to_onnx import export_onnx, trace, with_resizing, write_model
from handful.models.classifier import Classifier
from handful.models.load_onnx import load_onnx
from handful.models.network import Network
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train


def run(options: Options) -> None:
    """Seconds on the clock for images in memory: resizing, network and answers; above 1, onnxruntime is faster."""
    torch.set_num_threads(1)
    number, repeats = (16, 1) if options.quick else (128, 7)
    small = replace(
        recipe(head="segmentation", depth=16, width=2, batch=20, steps=2, precision="fp32"), image_size=(28, 28)
    )
    for name, wish in {"WRN-16-2 segmentation": small, "EfficientNet-Lite0 logistic": _lite0()}.items():
        _compare(name, wish, number, repeats, quick=options.quick)


def _lite0() -> Recipe:
    return replace(load_recipe("logistic-lite0"), precision="fp32", head=Part("nearest_centroid"))


def _compare(name: str, wish: Recipe, number: int, repeats: int, *, quick: bool) -> None:
    data = images(per_class=4, side=96)
    probe = images(per_class=max(1, number // 10), side=96, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        save_classifier(train(wish, data, device="cpu", progress=False), Path(folder) / "model")
        one = load_classifier(Path(folder) / "model")
        assert isinstance(one.network, Network)
        one.network.cache = None  # features from the disk are no peer of computing them
        export_onnx(one, Path(folder) / "model.onnx")
        exported = load_onnx(Path(folder) / "model.onnx", threads=1)
        exportable = ExportableModel(one).eval()
        quantized = quantize(exportable, trace(exportable), data)
        write_model(with_resizing(exportable, quantized), Path(folder) / "int8.onnx")
        int8 = load_onnx(Path(folder) / "int8.onnx", threads=1)
        for batch in (1, 16):
            arms = {
                "pytorch": partial(_seconds, one, probe, batch),
                "onnxruntime": partial(_seconds, exported, probe, batch),
                "int8": partial(_seconds, int8, probe, batch),
            }
            costs = take_turns(arms, repeats=repeats)
            apart = float(np.abs(one.probabilities(probe) - exported.predict_all(probe).probabilities).max())
            report(
                f"export: {name}, batch {batch}",
                {
                    "PyTorch / onnxruntime": ratio(costs, "pytorch", "onnxruntime"),
                    "PyTorch / onnxruntime in 8 bits": ratio(costs, "pytorch", "int8"),
                },
                costs,
                quick=quick,
                side=96,
                size=list(one.size),
                images=len(probe),
                threads=1,
                clock="wall",
                largest_difference=float(f"{apart:.2g}"),
            )


def _seconds(model: Classifier | Predictor, data: Dataset, batch: int) -> float:
    parts = [data.select(range(start, min(start + batch, len(data)))) for start in range(0, len(data), batch)]
    start = time.perf_counter()
    for part in parts:
        model.predict_all(part)
    return time.perf_counter() - start
