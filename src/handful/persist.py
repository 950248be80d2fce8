"""Save a classifier as a folder and load it back: safetensors, recipe, classes, card. Never pickle."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

import handful
from handful import catalog
from handful.classifier import Classifier
from handful.errors import ModelError, OutputError, RecipeError
from handful.recipes import from_toml, to_toml
from handful.types import Context, LabelEmbedding, Task

FORMAT = 1
FILES = ("card.json", "classes.json", "recipe.toml", "weights.safetensors")


def save_classifier(classifier: Classifier, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write a classifier to a new folder; it appears whole or not at all.

    Raises:
        OutputError: something is there already and `overwrite` is false, or it is no saved model.
    """
    folder = Path(folder)
    refuse_existing(folder, overwrite=overwrite)
    draft = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    tensors = {f"network.{k}": v.detach().cpu().contiguous() for k, v in classifier.network.state_dict().items()}
    tensors["labels.vectors"] = classifier.labels.vectors.detach().cpu().contiguous()
    save_file(tensors, draft / "weights.safetensors")
    (draft / "recipe.toml").write_text(to_toml(classifier.recipe), encoding="utf-8")
    labels = {"similarity": classifier.labels.similarity, "temperature": classifier.labels.temperature}
    described = {
        "format": FORMAT,
        "classes": classifier.classes,
        "counts": classifier.counts.tolist(),
        "size": classifier.size,
        "labels": labels,
    }
    (draft / "classes.json").write_text(json.dumps(described, indent=1, ensure_ascii=False), encoding="utf-8")
    card = {"handful": handful.__version__, "torch": torch.__version__, **classifier.card}
    (draft / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False), encoding="utf-8")
    if folder.exists():
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old)
    else:
        os.replace(draft, folder)  # noqa: PTH105
    return folder


def refuse_existing(folder: Path, *, overwrite: bool) -> None:
    """Nothing of the user's is overwritten without a word; even then only a saved model is.

    Raises:
        OutputError: the path is taken.
    """
    if not folder.exists():
        return
    model = folder.is_dir() and all(p.name in (*FILES, "checkpoint.safetensors") for p in folder.iterdir())
    if not model:
        raise OutputError("this exists and is no saved model", where=folder, remedy="choose another output folder.")
    trained = (folder / "weights.safetensors").exists()
    if trained and not overwrite:
        raise OutputError("a model is already here", where=folder, remedy="choose another folder or pass --overwrite.")


def load_classifier(folder: str | Path, *, device: str = "cpu") -> Classifier:
    """Read a saved classifier.

    Raises:
        ModelError: it is not there, damaged, not ours, or written by a newer version.
    """
    folder = Path(folder)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"this is not a saved model: {', '.join(missing)} missing",
            where=folder,
            remedy="give a folder `handful fit` wrote.",
        )
    described = _json(folder / "classes.json")
    card = _json(folder / "card.json")
    found = described.get("format")
    if not isinstance(found, int) or found > FORMAT:
        raise ModelError(
            f"model format {found!r} is newer than this version's {FORMAT}"
            if isinstance(found, int)
            else "this is not a model of handful's: it names no format",
            where=folder,
            remedy=f"update handful (this is {handful.__version__}; the model says {card.get('handful', 'nothing')}).",
        )
    try:
        recipe = from_toml((folder / "recipe.toml").read_text(encoding="utf-8"), where=str(folder / "recipe.toml"))
        classes = tuple(str(c) for c in described["classes"])
        h, w = (int(side) for side in described["size"])
        tensors = load_file(folder / "weights.safetensors")
        counts = np.array(described["counts"], dtype=np.int64)
        vectors = tensors.pop("labels.vectors")
        if len(vectors) != len(classes) or counts.shape != (len(classes),):
            raise ValueError(f"{len(classes)} class names but {len(vectors)} label vectors")
        labels = LabelEmbedding(vectors, **described["labels"])
        backbone = {k: v for k, v in recipe.backbone.options.items() if k not in ("pretrained", "weights")}
        known = catalog.options("backbones", recipe.backbone.name)
        if "pretrained" in known:
            backbone["pretrained"] = False  # its weights are in the folder
        bare = catalog.replace_options(recipe, backbone)
        network = catalog.build_network(bare, Context(Task(classes, counts), labels, recipe))
        state = {k.removeprefix("network."): v for k, v in tensors.items()}
        own = {k: v for k, v in state.items() if not k.startswith("losses.")}
        network.load_state_dict(own)
    except (SafetensorError, RecipeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"this model is damaged or foreign: {first}",
            where=folder,
            remedy="copy it again from where it was trained.",
        ) from error
    network = network.to(device, memory_format=network.layout)  # type: ignore[call-overload]
    network.eval().requires_grad_(False)
    return Classifier(recipe, classes, labels, network, (h, w), counts, card)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"not JSON: {error}", where=path, remedy="copy the model again.") from error
    if not isinstance(value, dict):
        raise ModelError("not a JSON object", where=path, remedy="copy the model again.")
    return value
