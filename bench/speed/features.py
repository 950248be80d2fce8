"""Frozen features of the embedded network through onnxruntime against PyTorch: one process, one thread, float32.

At 224 pixels, as `logistic` reads them. "first" exports the extractor on the way, as the first 1,000 images on a
machine do; "later" finds it in the cache.
"""

import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import torch

from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options
from handful.core.context import Task
from handful.models.network import Network
from handful.parts import registry
from handful.recipes.load import load_recipe

BATCH = 83  # images at this size that `fit` hands over at a time


def run(options: Options) -> None:
    """Processor seconds for random images; the cache of features is empty in each round."""
    torch.set_num_threads(1)
    recipe = load_recipe("logistic", overrides=("precision=fp32",))
    context = registry.make_context(recipe, Task(("a", "b"), np.ones(2, dtype=np.int64)))
    rng = torch.Generator().manual_seed(0)
    count = 250 if options.quick else 1000
    images = torch.rand((count, 3, 224, 224), generator=rng)
    with tempfile.TemporaryDirectory() as name:
        build = partial(registry.build_network, recipe, context)
        arms = {
            "torch": lambda: _seconds(build().eval(), images, Path(name) / "fresh", "torch", keep=False),
            "first": lambda: _seconds(build().eval(), images, Path(name) / "fresh", "", keep=False),
            "later": lambda: _seconds(build().eval(), images, Path(name) / "kept", "", keep=True),
        }
        costs = take_turns(arms, repeats=1 if options.quick else 3)
    ratios = {
        "torch / onnxruntime, the export included": ratio(costs, "torch", "first"),
        "torch / onnxruntime, exported before": ratio(costs, "torch", "later"),
    }
    report("features: 224 pixels", ratios, costs, quick=options.quick, images=count, threads=1, clock="processor")


def _seconds(network: Network, images: torch.Tensor, cache: Path, variable: str, *, keep: bool) -> float:
    """Processor time of the features of all images, computed anew."""
    shutil.rmtree(cache / "features" if keep else cache, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    os.environ |= {"HANDFUL_CACHE": str(cache), "HANDFUL_FEATURES": variable}
    start = process_time()
    with torch.inference_mode():
        for i in range(0, len(images), BATCH):
            network.features(images[i : i + BATCH])
    return process_time() - start
