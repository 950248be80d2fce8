"""Save a classifier as a folder and load it back: safetensors, recipe, classes, card. Never pickle.

A network that a posthoc part wrapped says by which `part`; the parts are written down, and loading wraps it again
(`wrap` of the part's module). An ensemble is a folder of its members' folders.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from handful._version import __version__
from handful.core.context import Task
from handful.core.files import existing, refuse_foreign, replace_folder
from handful.core.recipe import Part
from handful.core.tensors import LabelEmbedding
from handful.errors import ModelError, RecipeError
from handful.models.classifier import Classifier
from handful.models.ensemble import Ensemble, join
from handful.models.posthoc_module import posthoc_modules
from handful.parts import registry
from handful.recipes.load import from_toml
from handful.recipes.write import to_toml
from handful.saving.checkpoint import DRAFT, NETWORKS
from handful.saving.checkpoint import FILE as CHECKPOINT
from handful.saving.model_card import to_markdown

FORMAT = 2  # 1: without wraps and ensembles
FILES = ("card.json", "classes.json", "recipe.toml", "weights.safetensors")
ENSEMBLE = "ensemble.json"
CARD = "CARD.md"
OWN_FOLDERS = re.compile(rf"member-\d+|{NETWORKS}|\.?[0-9a-f]+-[0-9a-f]+-\d+(\.part|\.old)?")
LABELS = ("similarity", "temperature", "learn_temperature", "read_as")  # beside the vectors
BROKEN = (SafetensorError, RecipeError, KeyError, TypeError, ValueError, RuntimeError, AttributeError)


def save_classifier(classifier: Classifier, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write a classifier to a new folder; it appears whole or not at all.

    Raises:
        OutputError: something is there already and `overwrite` is false, or it is not a saved model.

    Example:
        >>> from handful import load_data, load_recipe, save_classifier, train
        >>> digits = load_data("digits").select(range(30))
        >>> classifier = train(load_recipe("logistic-pixels"), digits, device="cpu", progress=False)
        >>> save_classifier(classifier, "digits-model").name
        'digits-model'
    """
    folder = Path(folder)
    refuse_existing_model(folder, overwrite=overwrite)
    with replace_folder(folder) as draft:
        if isinstance(classifier, Ensemble):
            _write_members(classifier, draft)
        else:
            _write_network(classifier, draft)
        (draft / "recipe.toml").write_text(to_toml(classifier.recipe), encoding="utf-8")
        write_card(classifier, draft)
    return folder


def write_card(classifier: Classifier, folder: Path) -> None:
    """Write the card of a classifier, as values and in words, to its folder."""
    card = {"handful": __version__, "torch": torch.__version__, **classifier.card}
    counts = tuple(classifier.counts.tolist())
    text = to_markdown(card, classifier.recipe, classes=classifier.classes, counts=counts, size=classifier.size)
    _write_json(folder / "card.json", card)
    (folder / CARD).write_text(text, encoding="utf-8")


def _write_members(ensemble: Ensemble, folder: Path) -> None:
    names = [f"member-{i}" for i in range(1, len(ensemble.members) + 1)]
    for name, member in zip(names, ensemble.members, strict=True):
        save_classifier(member, folder / name)
    described = {"format": FORMAT, "classes": ensemble.classes, "members": names, "weights": ensemble.weights}
    _write_json(folder / ENSEMBLE, described)


def _write_network(classifier: Classifier, folder: Path) -> None:
    tensors = {f"network.{k}": v.detach().cpu().contiguous() for k, v in classifier.network.state_dict().items()}
    tensors["labels.vectors"] = classifier.labels.vectors.detach().cpu().contiguous()
    save_file(tensors, folder / "weights.safetensors")
    wraps = [{"name": m.part.name, **m.part.options} for m in posthoc_modules(classifier.network)][::-1]
    described = {
        "format": FORMAT,
        "classes": classifier.classes,
        "counts": classifier.counts.tolist(),
        "size": classifier.size,
        "labels": {key: getattr(classifier.labels, key) for key in LABELS},
        "wraps": wraps,
    }
    _write_json(folder / "classes.json", described)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


def refuse_existing_model(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder with a saved model; what a stopped training left there is no reason to refuse it.

    Raises:
        OutputError: there is one and `overwrite` is false, or the folder holds other files.
    """
    refuse_foreign(folder, ours=_is_ours)
    if is_model(folder) and not overwrite:
        raise existing(folder)


def is_model(folder: Path) -> bool:
    """Whether a folder holds a saved classifier or ensemble."""
    return (folder / "weights.safetensors").exists() or (folder / ENSEMBLE).exists()


def _is_ours(entry: Path) -> bool:
    """Whether an entry of a folder belongs to a saved model, or to its training."""
    if entry.is_dir():
        return bool(OWN_FOLDERS.fullmatch(entry.name)) and all(map(_is_ours, entry.iterdir()))
    return entry.name in (*FILES, CARD, CHECKPOINT, DRAFT, ENSEMBLE)


def load_classifier(folder: str | Path, *, device: str = "cpu") -> Classifier:
    """Read a saved classifier or ensemble.

    Raises:
        ModelError: it is not there, damaged, not ours, or written by a newer version.

    Example:
        >>> from handful import load_classifier, load_data, load_recipe, save_classifier, train
        >>> digits = load_data("digits").select(range(30))
        >>> classifier = train(load_recipe("logistic-pixels"), digits, device="cpu", progress=False)
        >>> load_classifier(save_classifier(classifier, "digits-model")).classes == classifier.classes
        True
    """
    folder = Path(folder)
    if (folder / ENSEMBLE).is_file():
        return _load_ensemble(folder, device)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"this is not a saved model: {', '.join(missing)} missing",
            where=folder,
            remedy="give a folder `handful fit` wrote.",
        )
    described = _json(folder / "classes.json")
    card = _json(folder / "card.json")
    _refuse_format(described, card, folder)
    try:
        recipe = from_toml((folder / "recipe.toml").read_text(encoding="utf-8"), where=str(folder / "recipe.toml"))
        classes = tuple(str(c) for c in described["classes"])
        h, w = (int(side) for side in described["size"])
        tensors = load_file(folder / "weights.safetensors")
        counts = np.array(described["counts"], dtype=np.int64)
        vectors = tensors.pop("labels.vectors")
        if len(vectors) != len(classes) or counts.shape != (len(classes),):
            raise ValueError(f"{len(classes)} class names but {len(vectors)} label vectors")
        kept: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in described["labels"].items()}
        labels = LabelEmbedding(vectors, **kept)
        bare = replace(recipe, backbone=registry.without_weights("backbones", recipe.backbone))
        built = registry.build_network(bare, registry.make_context(recipe, Task(classes, counts), labels=labels))
        network: torch.nn.Module = built
        for wrap in described.get("wraps", ()):
            part = Part(wrap["name"], {k: v for k, v in wrap.items() if k != "name"})
            network = registry.part_module("posthoc", part.name).wrap(network, **part.options)
        state = {k.removeprefix("network."): v for k, v in tensors.items()}
        own = {k: v for k, v in state.items() if not re.match(r"(network\.)*losses\.", k)}
        network.load_state_dict(own)
    except BROKEN as error:
        raise _damaged(error, folder) from error
    network = network.to(device, memory_format=built.layout)  # type: ignore[call-overload]
    network.eval().requires_grad_(False)
    return Classifier(recipe, classes, labels, network, (h, w), counts, card)


def _load_ensemble(folder: Path, device: str) -> Ensemble:
    described, card = _json(folder / ENSEMBLE), _json(folder / "card.json")
    _refuse_format(described, card, folder)
    try:
        recipe = from_toml((folder / "recipe.toml").read_text(encoding="utf-8"), where=str(folder / "recipe.toml"))
        names, weights = [str(name) for name in described["members"]], [float(w) for w in described["weights"]]
        if not all(re.fullmatch(r"member-\d+", name) for name in names):
            raise ValueError(f"members {names}")
        ensemble = join([load_classifier(folder / n, device=device) for n in names], weights, recipe=recipe)
        if list(ensemble.classes) != described["classes"]:
            raise ValueError("its members have other classes")
    except (*BROKEN, OSError) as error:
        raise _damaged(error, folder) from error
    return replace(ensemble, card=card)


def _refuse_format(described: dict[str, Any], card: dict[str, Any], folder: Path) -> None:
    found = described.get("format")
    if not isinstance(found, int) or found > FORMAT:
        raise ModelError(
            f"model format {found!r} is newer than this version's {FORMAT}"
            if isinstance(found, int)
            else "this is not a handful model: it names no format",
            where=folder,
            remedy=f"update handful (this is {__version__}; the model says {card.get('handful', 'nothing')}).",
        )


def _damaged(error: Exception, folder: Path) -> ModelError:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ModelError(
        f"this model is damaged or foreign: {first}", where=folder, remedy="copy it again from where it was trained."
    )


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(f"{path.name} is missing", where=path.parent, remedy="copy the model again.")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"not JSON: {error}", where=path, remedy="copy the model again.") from error
    if not isinstance(value, dict):
        raise ModelError("not a JSON object", where=path, remedy="copy the model again.")
    return value
