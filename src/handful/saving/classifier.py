"""Saving and loading of classifiers as folders: weights (safetensors, never pickle), recipe, classes and model card.

The posthoc parts that wrap a network are saved as their names and options, and loading wraps the network
again (`wrap` of the part's module). An ensemble is a folder that contains one folder per member.
"""

import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from handful._version import __version__
from handful.core.context import Task
from handful.core.files import existing, is_clutter, refuse_foreign, replace_folder
from handful.core.recipe import Part, Recipe
from handful.core.tensors import LabelEmbedding
from handful.data.pixel_range import read_pixel_range
from handful.errors import HandfulWarning, RecipeError, WeightsError, offers, option
from handful.models import stored_values
from handful.models.base_weights import base_names, described
from handful.models.classifier import Classifier
from handful.models.ensemble import Ensemble, join
from handful.models.posthoc_module import posthoc_modules
from handful.parts import registry
from handful.recipes.bounds import OPTIONS
from handful.recipes.write import to_toml
from handful.saving import adapted_backbone
from handful.saving.build_limit import BuildLimit
from handful.saving.checkpoint import DRAFT, NETWORKS
from handful.saving.checkpoint import FILE as CHECKPOINT
from handful.saving.disk_space import refuse_when_full
from handful.saving.model_card import CARD, to_markdown
from handful.saving.model_files import (
    FORMAT,
    LABEL_FIELDS,
    NEWEST,
    card_file,
    damaged,
    json_file,
    label_embedding,
    list_of,
    posthoc_tables,
    refuse_format,
    refuse_groups,
    saved_recipe,
)
from handful.saving.model_folder import (
    ENSEMBLE,
    FILES,
    VALUES,
    is_model,
    is_unfinished_run,
    model_folder,
    not_a_model,
)

OWN_FOLDERS = re.compile(rf"member-\d+|{NETWORKS}|\.?[0-9a-f]+-[0-9a-f]+-\d+(\.part|\.old)?")
# What losses learn or remember is kept in checkpoints only: nothing predicts with it, and a memory tells of the images
# that it was trained on. Models of earlier versions have it in their files.
OF_LOSSES = re.compile(r"(network\.)*losses\.")
BROKEN = (
    SafetensorError,
    RecipeError,
    OSError,
    LookupError,
    ArithmeticError,
    TypeError,
    ValueError,
    RuntimeError,
    AttributeError,
    MemoryError,
)


def save_classifier(classifier: Classifier, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write a classifier to a folder, whole or not at all.

    Raises:
        OutputError: the folder exists and `overwrite` is false, it holds other files than a saved model, or the disk is
            full: what was in the folder, a checkpoint too, stays.
        ModelError: it has further classes from a tree.

    Example:
        >>> from handful import load_data, load_recipe, save_classifier, train
        >>> digits = load_data("digits").select(range(30))
        >>> classifier = train(load_recipe("logistic-pixels"), digits, device="cpu", progress=False)
        >>> save_classifier(classifier, "digits-model").name
        'digits-model'
    """
    folder = Path(folder)
    refuse_groups(classifier.classes, classifier.labels, classifier.recipe)
    refuse_existing_model(folder, overwrite=overwrite)
    remedy = "free disk space, then run the same again."
    if (folder / CHECKPOINT).exists() and offers("resume"):
        remedy = f"free disk space, then continue with {option('resume')}: nothing is trained again."
    with refuse_when_full(folder, "the model", remedy=remedy), replace_folder(folder) as draft:
        _write(classifier, draft)
    return folder


def write_card(classifier: Classifier, folder: Path) -> None:
    """Write the model card of a classifier to its folder, as JSON and as Markdown."""
    card = {"handful": __version__, "torch": torch.__version__, **classifier.card}
    counts = tuple(classifier.counts.tolist())
    text = to_markdown(card, classifier.recipe, classes=classifier.classes, counts=counts, size=classifier.size)
    _write_json(folder / VALUES, card)
    (folder / CARD).write_text(text, encoding="utf-8")


def _write(classifier: Classifier, folder: Path) -> None:
    """Write the files of a classifier into a folder that exists."""
    if isinstance(classifier, Ensemble):
        _write_members(classifier, folder)
    else:
        _write_network(classifier, folder)
    (folder / "recipe.toml").write_text(to_toml(classifier.recipe), encoding="utf-8")
    write_card(classifier, folder)


def _write_members(ensemble: Ensemble, folder: Path) -> None:
    names = [f"member-{i}" for i in range(1, len(ensemble.members) + 1)]
    for name, member in zip(names, ensemble.members, strict=True):
        (folder / name).mkdir()
        _write(member, folder / name)
    content = {"format": FORMAT, "classes": ensemble.classes, "members": names, "weights": ensemble.weights}
    _write_json(folder / ENSEMBLE, content)


def _write_network(classifier: Classifier, folder: Path) -> None:
    state, elsewhere = classifier.network.state_dict(), base_names(classifier.network)
    here = {k: v for k, v in state.items() if k not in elsewhere and not OF_LOSSES.match(k)}
    tensors = {f"network.{k}": v.detach().cpu().contiguous() for k, v in here.items()}
    tensors["labels.vectors"] = classifier.labels.vectors.detach().cpu().contiguous()
    save_file(tensors, folder / "weights.safetensors")
    wraps = [{"name": m.part.name, **m.part.options} for m in posthoc_modules(classifier.network)][::-1]
    content = {
        "format": FORMAT if classifier.kind == "multiclass" else NEWEST,
        "classes": classifier.classes,
        "counts": classifier.counts.tolist(),
        "size": classifier.size,
        "labels": {key: getattr(classifier.labels, key) for key in LABEL_FIELDS},
        "wraps": wraps,
    }
    if classifier.pixel_range is not None:  # models of 8-bit images have no such key
        content["pixel_range"] = asdict(classifier.pixel_range)
    if elsewhere:
        content["pretrained"] = described(classifier.network)
    if classifier.kind != "multiclass":
        content["kind"] = classifier.kind
    if classifier.scale is not None:
        content["scale"] = asdict(classifier.scale)
    _write_json(folder / "classes.json", content)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


def refuse_existing_model(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder with a saved model; the files of an interrupted training are no reason to refuse it.

    Raises:
        OutputError: it contains a model and `overwrite` is false, or it holds other files.
    """
    refuse_foreign(folder, ours=_is_ours)
    if is_model(folder) and not overwrite:
        raise existing(folder)


def _is_ours(entry: Path) -> bool:
    """Whether an entry of a folder belongs to a saved model, or to its training."""
    if entry.is_dir():
        return bool(OWN_FOLDERS.fullmatch(entry.name)) and all(
            is_clutter(inner) or _is_ours(inner) for inner in entry.iterdir()
        )
    return entry.name in (*FILES, CARD, CHECKPOINT, DRAFT, ENSEMBLE, adapted_backbone.FILE)


def load_classifier(folder: str | Path, *, device: str = "cpu") -> Classifier:
    """Read a saved classifier or ensemble from its folder, or from that of `handful run`.

    Raises:
        ModelError: it is missing, damaged, not a model of handful, or written by a newer version; or the pretrained
            weights that it adapts are missing, or others.

    Example:
        >>> from handful import load_classifier, load_data, load_recipe, save_classifier, train
        >>> digits = load_data("digits").select(range(30))
        >>> classifier = train(load_recipe("logistic-pixels"), digits, device="cpu", progress=False)
        >>> load_classifier(save_classifier(classifier, "digits-model")).classes == classifier.classes
        True
    """
    given, folder = Path(folder), model_folder(Path(folder))
    if (folder / ENSEMBLE).is_file():
        return _load_ensemble(folder, device)
    if not all((folder / name).is_file() for name in FILES):
        raise not_a_model(folder)
    if is_unfinished_run(given):
        text = f"{given}: this run is not finished; the model may yet change. The same command continues the run"
        warnings.warn(text, HandfulWarning, stacklevel=2)
    content = json_file(folder / "classes.json")
    card = card_file(folder)
    refuse_format(content, card, folder)
    try:
        recipe = saved_recipe(folder)
        h, w = stored_values.image_size(content["size"])
        tensors = load_file(folder / "weights.safetensors")
        classes = stored_values.class_names(content["classes"])
        counts = np.array(stored_values.counts(content["counts"], len(classes)), dtype=np.int64)
        kind = stored_values.kind(content.get("kind", "multiclass"))
        task = Task(classes, counts, kind, stored_values.scale(content.get("scale"), kind, len(classes)))
        pixel_range = read_pixel_range(content.get("pixel_range"))
        labels = label_embedding(tensors.pop("labels.vectors"), content["labels"], task)
        limit = partial(BuildLimit, sum(t.numel() for t in tensors.values()), len(tensors))
        pretrained = adapted_backbone.stored_backbones(content.get("pretrained", []))
        backbone = registry.without_weights("backbones", recipe.backbone)
        backbone = adapted_backbone.backbone_with_weights(recipe, folder) if pretrained else backbone
        untrained, wraps = replace(recipe, backbone=backbone), posthoc_tables(content.get("wraps", []))
        network, layout = _build_network(untrained, task, labels, wraps, limit)
        state = {k.removeprefix("network."): v for k, v in tensors.items()}
        adapted_backbone.load_trained(network, {k: v for k, v in state.items() if not OF_LOSSES.match(k)})
        adapted_backbone.refuse_other(network, pretrained, folder)
    except WeightsError as error:
        if not content.get("pretrained"):
            raise
        raise adapted_backbone.cannot_load(error, recipe, folder) from error
    except BROKEN as error:
        raise damaged(error, folder) from error
    network = network.to(device, memory_format=layout)  # type: ignore[call-overload]
    network.eval().requires_grad_(False)
    return Classifier(recipe, task.classes, labels, network, (h, w), task.counts, card, pixel_range, kind, task.scale)


def _build_network(
    untrained: Recipe,
    task: Task,
    labels: LabelEmbedding,
    wraps: Sequence[Mapping[str, Any]],
    limit: Callable[[], AbstractContextManager[Any]],
) -> tuple[nn.Module, torch.memory_format]:
    """The network of a saved model before its weights are loaded, in its posthoc modules, and its memory format.

    `untrained` is its recipe with a backbone of random weights, or the pretrained one that it adapts. `limit` bounds
    what is built; a backbone that is a model of a library, cut off at a stage, is first built whole.
    """
    with nullcontext() if _is_library_model(untrained.backbone) else limit():
        built = registry.build_network(untrained, registry.make_context(untrained, task, labels=labels))
    network: nn.Module = built
    with limit():
        for wrap in wraps:
            part = Part(wrap["name"], {k: v for k, v in wrap.items() if k != "name"})
            network = registry.part_module("posthoc", part.name).wrap(network, **part.options)
    return network, built.layout


def _is_library_model(backbone: Part) -> bool:
    """Whether a backbone, or one that it is made of, is named by a model of a library."""
    inside = registry.members("backbones", backbone)
    return "model" in registry.options("backbones", backbone.name) or any(map(_is_library_model, inside))


def _load_ensemble(folder: Path, device: str) -> Ensemble:
    content, card = json_file(folder / ENSEMBLE), card_file(folder)
    refuse_format(content, card, folder)
    try:
        recipe = saved_recipe(folder)
        names = stored_values.texts(content["members"], "the list of members")
        if len(names) > OPTIONS["members"] or not all(re.fullmatch(r"member-\d{1,4}", name) for name in names):
            raise ValueError(f"members {names}"[:200])
        if any((folder / name).is_symlink() for name in names):
            raise ValueError("a member is a link")
        weights = [stored_values.number(w, "a member's weight", low=0, high=1e12) for w in list_of(content["weights"])]
        ensemble = join([load_classifier(folder / n, device=device) for n in names], weights, recipe=recipe)
        if list(ensemble.classes) != content["classes"]:
            raise ValueError("its members have other classes")
    except BROKEN as error:
        raise damaged(error, folder) from error
    return replace(ensemble, card=card)
