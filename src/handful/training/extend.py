"""Extension of a saved model by new or finer classes: training on its old images, or some of them, and new ones.

The old images are replayed, so that the old classes are not forgotten. Where a tree splits an old class into finer
ones, its old images keep their label as candidates: each shows one of the finer classes. This is the data side of
hierarchical label expansion (Lee et al. 2023, "Online Continual Learning on Hierarchical Label Expansion",
https://arxiv.org/abs/2308.14374), whose images come in a stream; here all are there at once, and what is kept is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from handful.core.dataset import Dataset, Sample
from handful.core.files import lock_output
from handful.core.hierarchy import Tree
from handful.core.recipe import Recipe
from handful.core.text import listed
from handful.data.candidate_labels import candidate_dataset, label_of_candidates
from handful.data.class_tree import read_tree
from handful.data.fingerprint import image_digest
from handful.data.splits import random_key, training_split
from handful.errors import DataError, ModelError, ProtocolError, hint, option
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.models.kind_checks import refuse_multilabel_model
from handful.models.norm import with_norm
from handful.parts import registry
from handful.saving.checkpoint import refuse_unfinished
from handful.saving.classifier import load_classifier, refuse_existing_model, save_classifier
from handful.saving.model_card import data_facts
from handful.saving.training_images import digests_seen_by
from handful.training.train import train

SEPARATOR = "|"


@dataclass(frozen=True, eq=False)
class Extended:
    """A model that was extended.

    Attributes:
        classifier: the new model.
        replayed: old images that it learned again.
        renewed: old images that are among the new ones, and have the labels that these have.
        missing: images that the old model learned from and that are not in the memory.
        new: images of the new data.
        added: classes that the old model did not have.
        split: classes of the old model that are groups now.
    """

    classifier: Classifier
    replayed: int
    renewed: int
    missing: int
    new: int
    added: tuple[str, ...]
    split: tuple[str, ...]


def extend_to(
    folder: str | Path,
    model: str | Path,
    data: Dataset,
    memory: Dataset,
    *,
    tree: str | Path | None = None,
    memory_per_class: int | None = None,
    share: float | None = None,
    seed: int = 0,
    device: str = "auto",
    overwrite: bool = False,
) -> Extended:
    """Train a saved model's recipe on its old images and on new ones, and save it in `folder`: `handful extend`.

    A network starts from the old one's backbone; a head is fitted, or learned, anew. The old model is not changed.

    Args:
        folder: of the new model.
        model: folder of the old one.
        data: new images, of old or new classes; its training part is learned from.
        memory: where the old training images are, with their labels. Of these the ones are taken that the old model
            learned from, by the digests in its card, so that images which were held out then stay held out.
        tree: a file of nested YAML: an old class with new ones below it is split, and its old images show one of these.
        memory_per_class: replay at most this many old images of each label; None: all.
        share: of the loss that comes from old images, between 0 and 1; None: every image counts alike.
        seed: decides what is replayed, initial weights, order and augmentation.
        device: as for `train`.
        overwrite: replace the model in `folder`.

    Raises:
        ModelError: the model has several labels per image, numbers or bags, or does not say what it learned from.
        OutputError: `folder` is taken, or is the old model.
        ProtocolError: a share or a number out of range.
        DataError: the new data have no label, the memory has none of the old images, or none of an old class; or as
            `candidate_dataset`.
        RecipeError, TrainingError: as `train`.

    Example:
        >>> import tempfile
        >>> from handful import fit_to, load_data
        >>> from handful.training.extend import extend_to
        >>> digits = load_data("digits").select(range(100))
        >>> few = digits.select([i for i, s in enumerate(digits.samples) if s.label < 8])
        >>> folder = tempfile.mkdtemp()
        >>> _ = fit_to(f"{folder}/old", "logistic-pixels", few, device="cpu")
        >>> new = digits.select([i for i, s in enumerate(digits.samples) if s.label >= 8])
        >>> extend_to(f"{folder}/new", f"{folder}/old", new, few, device="cpu").added
        ('8', '9')
    """
    folder, model = Path(folder), Path(model)
    _refuse_out_of_range(memory_per_class, share)
    device = select_device(device)
    old = load_classifier(model, device=device)
    refuse_multilabel_model(old.kind, "extension", where=old.recipe.name)
    with lock_output(folder):
        refuse_existing_model(folder, overwrite=overwrite)
        refuse_unfinished(folder, resume=False, overwrite=overwrite)
        if folder.resolve() == model.resolve():
            raise ProtocolError("the old model would be replaced", where=folder, remedy="name another folder.")
        new = training_split(data)
        _refuse_unlabelled(new)
        kept, missing, renewed = replayed(memory, model, without=new, per_class=memory_per_class, seed=seed)
        both = joined(new, kept, None if tree is None else read_tree(Path(tree)), share=share)
        _refuse_forgotten(old.classes, kept, new)
        classifier = train(_warm(old, model), both, seed=seed, device=device)
        counts = {"replayed": len(kept), "renewed": renewed, "missing": missing, "new": len(new)}
        facts = {**counts, "classes": list(old.classes)}
        classifier = replace(classifier, card={**classifier.card, "extended": facts, "data": data_facts(both)})
        save_classifier(classifier, folder, overwrite=overwrite)
    classes = set(classifier.classes)
    added = tuple(name for name in classifier.classes if name not in old.classes)
    split = tuple(name for name in old.classes if name not in classes)
    return Extended(classifier, len(kept), renewed, missing, len(new), added, split)


def replayed(
    memory: Dataset, model: Path, *, without: Dataset, per_class: int | None, seed: int
) -> tuple[Dataset, int, int]:
    """The images of the memory that a model learned from, one of each content; how many of these are missing, and how
    many are left out since they are among the new images.

    Args:
        memory: old images with their labels.
        model: folder of the old model.
        without: new images: an old one of the content of a labelled one is left out, since it has a new label.
        per_class: at most so many of each label, drawn with the seed; None: all.
        seed: of the draw.

    Raises:
        ModelError: the card does not say what the model learned from.
        DataError: there is none of these images.
    """
    seen = digests_seen_by(model)
    if seen is None:
        raise ModelError(
            "the model does not say which images it learned from", where=model, remedy="train it again, on all images."
        )
    found = {image_digest(s): s for s in memory.samples if s.supervised}
    old = {digest: sample for digest, sample in found.items() if digest in seen}
    if not old:
        raise DataError(
            f"none of the {len(seen)} images that the model learned from is there",
            where=option("memory", None),
            remedy="give the data that it was trained on, with the same options.",
        )
    renewed = {image_digest(s) for s in without.samples if s.supervised}
    samples = sorted((s for digest, s in old.items() if digest not in renewed), key=lambda s: random_key(seed, s.id))
    counts: dict[str, int] = {}
    chosen = []
    for sample in samples:
        name = _name(sample, memory.classes) or ""
        counts[name] = counts.get(name, 0) + 1
        if per_class is None or counts[name] <= per_class:
            chosen.append(sample)
    missing, again = len(seen - old.keys() - renewed), len(seen & renewed)
    return replace(memory, samples=tuple(chosen), left_out=()), missing, again


def joined(new: Dataset, old: Dataset, tree: Tree | None, *, share: float | None = None) -> Dataset:
    """New and old images as one training set; a label with others below it in the tree becomes candidates.

    Args:
        new: images with their labels.
        old: images with theirs; their ids get "memory/" before them.
        tree: of all labels; None: each is a class.
        share: of the summed weights that old images have; None: weights stay as they are.
    """
    samples = [*new.samples, *(replace(s, id=f"memory/{s.id}") for s in old.samples)]
    names = [*(_name(s, new.classes) for s in new.samples), *(_name(s, old.classes) for s in old.samples)]
    classes = tuple(sorted({name for name in names if name is not None} | set(new.classes if tree is None else ())))
    index = {name: i for i, name in enumerate(classes)}
    factors = _factors(new.samples, old.samples, share)
    samples = [
        replace(
            s,
            label=None if name is None else index[name],
            candidates=None,
            split=None,
            weight=s.weight * factor,
        )
        for s, name, factor in zip(samples, names, factors, strict=True)
    ]
    data = replace(new, samples=tuple(samples), classes=classes, left_out=())
    lists = SEPARATOR if new.has_candidates or old.has_candidates else None
    return data if tree is None and lists is None else candidate_dataset(data, tree=tree, separator=lists)


def _name(sample: Sample, classes: Sequence[str]) -> str | None:
    """The label of a sample, or its candidates as a list of names; None: it has neither."""
    return classes[sample.label] if sample.label is not None else label_of_candidates(sample, classes) or None


def _factors(new: Sequence[Sample], old: Sequence[Sample], share: float | None) -> list[float]:
    """What the weight of each image is multiplied by."""
    if share is None or not old:
        return [1.0] * (len(new) + len(old))
    sums = [float(np.sum([s.weight for s in part if s.supervised])) for part in (new, old)]
    total = sum(sums)
    return [(1 - share) * total / sums[0]] * len(new) + [share * total / sums[1]] * len(old)


def _warm(old: Classifier, model: Path) -> Recipe:
    """The recipe with the backbone of the model, where that was trained and can be read off; its norms stay."""
    recipe = old.recipe
    named = registry.options("backbones", recipe.backbone.name)
    if not recipe.stages or "weights" not in named or recipe.backbone.options.get("adapt"):
        return recipe
    recipe = with_norm(recipe, old.counts)
    options = {k: v for k, v in recipe.backbone.options.items() if k != "pretrained"}
    return replace(recipe, backbone=replace(recipe.backbone, options={**options, "weights": str(model.resolve())}))


def _refuse_out_of_range(memory_per_class: int | None, share: float | None) -> None:
    if memory_per_class is not None and memory_per_class < 1:
        what = f"cannot replay {memory_per_class} images of each class"
        raise ProtocolError(what, where=option("memory_per_class", memory_per_class), remedy="replay 1 or more.")
    if share is not None and not 0 < share < 1:
        what = f"the share of the loss is {share:g}"
        raise ProtocolError(what, where=option("share", share), remedy="choose one between 0 and 1, such as 0.5.")


def _refuse_unlabelled(new: Dataset) -> None:
    """Refuse new data from which nothing can be learned.

    Raises:
        DataError: no image has a label.
    """
    if not any(s.supervised for s in new.samples):
        raise DataError(
            f"none of the {len(new)} new images has a label",
            where="labels",
            remedy="give images of the new classes in folders of their names, or a table.",
        )


def _refuse_forgotten(classes: Sequence[str], kept: Dataset, new: Dataset) -> None:
    """Refuse an old class of which neither the memory nor the new data have an image.

    Raises:
        DataError: names the classes.
    """
    both = [(s, part.classes) for part in (kept, new) for s in part.samples]
    shown = {name for s, names in both for name in (_name(s, names) or "").split(SEPARATOR)}
    gone = [name for name in classes if name not in shown]
    if gone:
        raise DataError(
            f"the memory has no image of {listed([repr(name) for name in gone], 5)}, and the model would forget it",
            where=option("memory", None),
            remedy=f"give images of every class that the model knows{hint('memory', 'DATA')}.",
        )
