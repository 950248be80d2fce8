"""Throughput of `handful predict` over an archive compared with decoding alone and inference alone; peak memory.

Decoding and the model have a thread each, so that on two cores the slower of the two is the bound; above 1 nothing is
left to gain by overlapping them better. Memory: tar shards of 1,000 and 100,000 small pictures, each in a new process.
"""

import io
import tarfile
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow

from bench.speed.memory import peak
from bench.support.jobs import images, recipe
from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options
from handful.core.recipe import Recipe
from handful.deployment.batch.archive import Archive, find_archive
from handful.deployment.batch.jobs import ClassifyJob
from handful.deployment.batch.plan import identify_job, make_plan
from handful.deployment.batch.prefetch import ArchiveReader, prefetch_images
from handful.deployment.batch.write_chunks import write_chunks
from handful.deployment.export.to_onnx import export_onnx
from handful.models.load_onnx import load_onnx
from handful.recipes.load import load_recipe
from handful.saving.classifier import save_classifier
from handful.training.train import train


def run(options: Options) -> None:
    """A large model on photographs and a small one, then memory."""
    torch.set_num_threads(1)
    number, repeats = (32, 1) if options.quick else (768, 5)
    lite0 = load_recipe("logistic-lite0", overrides=('head="nearest_centroid"', 'precision="fp32"'))
    small = recipe(head="linear", depth=10, width=1, batch=20, steps=2, precision="fp32")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shard = shards(folder / "photographs", number, side=(480, 640), per_shard=number)
        archive = find_archive(str(shard))
        _throughput("EfficientNet-Lite0, JPEG 640 x 480", lite0, archive, folder / "a", repeats, options.quick)
        _throughput("WRN-10-1, JPEG 640 x 480", small, archive, folder / "b", repeats, options.quick)
        _memory(small, folder / "c", quick=options.quick)


def shards(folder: Path, number: int, *, side: tuple[int, int], per_shard: int) -> Path:
    """Tar shards of JPEGs: noise, blurred so that it compresses as a photograph does."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    kept: list[bytes] = []
    for _ in range(min(number, 32)):
        coarse = rng.integers(0, 256, (side[0] // 8, side[1] // 8, 3), dtype=np.uint8)
        file = io.BytesIO()
        Pillow.fromarray(coarse).resize((side[1], side[0]), Pillow.Resampling.BICUBIC).save(file, "JPEG", quality=90)
        kept.append(file.getvalue())
    for start in range(0, number, per_shard):
        with tarfile.open(folder / f"x-{start // per_shard:04d}.tar", "w") as tar:
            for i in range(start, min(start + per_shard, number)):
                member = tarfile.TarInfo(f"{i:07d}.jpg")
                content = kept[i % len(kept)]
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return folder


def _throughput(called: str, wish: Recipe, archive: Archive, folder: Path, repeats: int, quick: bool) -> None:
    folder.mkdir()
    classifier = train(wish, images(per_class=4, side=64), device="cpu", progress=False)
    export_onnx(classifier, folder / "model.onnx")
    job = ClassifyJob(load_onnx(folder / "model.onnx", threads=1))
    identity = identify_job(archive, task="predict", model="", chunk_size=256, options={})
    plan = make_plan(folder, archive, identity)
    reader = ArchiveReader(archive.root)
    held = list(prefetch_images(archive.locations(), reader, job.resize, threads=1, max_waiting=8))

    def decode() -> float:
        start = time.perf_counter()
        for _ in prefetch_images(archive.locations(), reader, job.resize, threads=1, max_waiting=64):
            pass
        return time.perf_counter() - start

    def compute() -> float:
        start = time.perf_counter()
        for at in range(0, len(held), job.batch_size):
            job.columns(held[at : at + job.batch_size])
        return time.perf_counter() - start

    def predict() -> float:
        start = time.perf_counter()
        for _ in write_chunks(plan, range(plan.chunk_count), job, threads=1):
            pass
        took = time.perf_counter() - start
        for chunk in range(plan.chunk_count):
            plan.chunk_path(chunk).unlink()
        return took

    costs = take_turns({"decode": decode, "compute": compute, "predict": predict}, repeats=repeats)
    costs["the slower"] = [max(a, b) for a, b in zip(costs["decode"], costs["compute"], strict=True)]
    costs["one after the other"] = [a + b for a, b in zip(costs["decode"], costs["compute"], strict=True)]
    ratios = {
        "throughput / that of the slower of decoding and model": ratio(costs, "the slower", "predict"),
        "throughput / one after the other": ratio(costs, "one after the other", "predict"),
    }
    facts = {"images": plan.images, "threads": "1 decodes, 1 computes", "clock": "wall"}
    report(f"predict: {called}", ratios, costs, quick=quick, **facts)


def _memory(wish: Recipe, folder: Path, *, quick: bool) -> None:
    sizes = (50, 500) if quick else (1_000, 100_000)
    folder.mkdir()
    classifier = train(wish, images(per_class=4, side=64), device="cpu", progress=False)
    save_classifier(classifier, folder / "model")
    for n in sizes:
        shards(folder / str(n), n, side=(64, 64), per_shard=10_000)
    few, many = (f"{n:,} images" for n in sizes)
    arms = {f"{n:,} images": partial(peak, folder / "model", folder / str(n), folder / f"out{n}") for n in sizes}
    arms["nothing"] = partial(peak, folder / "model", None, folder / "none")
    costs = take_turns(arms, repeats=1)
    report("predict: memory", {f"peak, {many} / {few}": ratio(costs, many, few)}, costs, quick=quick, unit="MiB")
