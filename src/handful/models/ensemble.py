"""Ensemble: the weighted mean of the probabilities, or of the numbers, of several trained classifiers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from handful.core.dataset import Dataset, Image
from handful.core.kind import Kind
from handful.core.recipe import Recipe
from handful.core.tensors import Output
from handful.core.text import listed
from handful.data.fingerprint import TRAINED_ON, pack_digests, unpack_digests
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.models.kind_checks import refuse_bag_model
from handful.models.link import LEAST

KINDS: dict[Kind, str] = {
    "multiclass": "one label per image",
    "multilabel": "several labels per image",
    "number": "numbers",
    "bag": "bags of images",
}


@dataclass(frozen=True, eq=False)
class Ensemble(Classifier):
    """A classifier that averages its members, each of which resizes and normalizes images as it was trained.

    `weights` add up to 1. `recipe`, `labels` and `counts` are the first member's where nothing else is said; `size` is
    the largest member's. `network` holds the members' networks, and is never called.
    """

    members: tuple[Classifier, ...] = ()
    weights: tuple[float, ...] = ()

    def outputs(self, data: Dataset, *, chunk: int | None = None) -> Iterator[Output]:
        """The members' outputs as one, some images at a time.

        Logits are those of the mean probabilities or numbers, by the link of the data's kind; embeddings and features
        stand side by side. `pixels` are there when every member segments and all have the same `resize`.
        """
        length = chunk or self.chunk
        for outputs in zip(*(m.outputs(data, chunk=length) for m in self.members), strict=True):
            yield self.mean(outputs)

    @property
    def thresholds(self) -> Float32[np.ndarray, " k"] | None:
        """Of a multilabel ensemble, the members' thresholds, weighted as their probabilities."""
        if self.kind != "multilabel":
            return None
        rows = np.array([member.thresholds for member in self.members], dtype=np.float32)
        return np.asarray(np.array(self.weights, dtype=np.float32) @ rows)

    def fitted(self, image: Image) -> UInt8[np.ndarray, "3 h2 w2"]:
        """The image at the working size, where the members agree on one; else as it is."""
        shapes = {(m.size, m.recipe.resize) for m in self.members}
        same_size = len(shapes) == 1 and not any(isinstance(m, Ensemble) for m in self.members)
        return self.members[0].fitted(image) if same_size else image

    def of_images(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """As `outputs`, for images in [0, 1] on this device."""
        return self.mean([m.of_images(images) for m in self.members])

    def to(self, device: torch.device | str) -> "Ensemble":
        """The same ensemble on another device."""
        members = tuple(m.to(device) for m in self.members)
        return replace(self, members=members, network=nn.ModuleList(m.network for m in members))

    def mean(self, outputs: Sequence[Output]) -> Output:
        """The members' outputs as one."""
        pixels = [o.pixels for o in outputs if o.pixels is not None]
        same_resize = len({m.recipe.resize for m in self.members}) == 1
        values = [m.link.probabilities(o.logits.float()) for m, o in zip(self.members, outputs, strict=True)]
        maps = None
        if len(pixels) == len(outputs) and same_resize:
            sized = [F.interpolate(p.float().softmax(dim=1), self.size, mode="bilinear") for p in pixels]
            maps = self._weigh(sized).clamp_min(LEAST).log()
        return Output(
            embedding=torch.cat([o.embedding.float() for o in outputs], dim=1),
            logits=self.link.logits(self._weigh(values)),
            features=torch.cat([o.features.float() for o in outputs], dim=1),
            pixels=maps,
        )

    def _weigh(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.stack([w * part for w, part in zip(self.weights, parts, strict=True)]).sum(dim=0)


def join(
    members: Sequence[Classifier], weights: Sequence[float] | None = None, *, recipe: Recipe | None = None
) -> Ensemble:
    """An ensemble of trained classifiers.

    Args:
        members: two or more, of the same classes; an ensemble may be one of them.
        weights: one per member, none negative, on any scale (VIPF: 3 for its better models, 1 for the rest); None:
            equal weights.
        recipe: what made it; by default the first member's, under the members' names.

    Raises:
        ModelError: fewer than two members, classes that differ (named), or weights that do not fit.
    """
    if len(members) < 2:
        raise ModelError("an ensemble needs two models", remedy="name two or more.")
    first = members[0]
    for member in members:
        refuse_bag_model(member.kind, "an ensemble", where=member.recipe.name)
    for i, other in enumerate(members[1:], start=2):
        if other.kind != first.kind:
            raise ModelError(
                f"it was trained on {KINDS[other.kind]}, and the first model on {KINDS[first.kind]}",
                where=f"model {i} ({other.recipe.name})",
                remedy="use models that were trained on the same data.",
            )
        refuse_other_classes(other.classes, first.classes, where=f"model {i} ({other.recipe.name})")
        if other.pixel_range != first.pixel_range:
            raise ModelError(
                "it scales images of more than 8 bits by another range than the first model",
                where=f"model {i} ({other.recipe.name})",
                remedy="train both with the same bit depth or window.",
            )
    shares = (1.0,) * len(members) if weights is None else tuple(float(w) for w in weights)
    finite = all(np.isfinite(w) and w >= 0 for w in shares)
    if len(shares) != len(members) or not finite or sum(shares) <= 0:
        raise ModelError(
            f"weights {shares} do not fit {len(members)} models",
            where="weights",
            remedy="give one per model, none negative and not all 0, e.g. 3,1.",
        )
    names = list(dict.fromkeys(m.recipe.name for m in members))
    card = {
        **first.card,
        "seconds": round(sum(m.card.get("seconds", 0.0) for m in members), 2),
        "steps": sum(m.card.get("steps", 0) for m in members),
        "members": [m.recipe.name for m in members],
        "weights": list(shares),
    }
    card |= {TRAINED_ON: _joined_digests(members)}
    return Ensemble(
        recipe=recipe or replace(first.recipe, name="+".join(names)),
        classes=first.classes,
        labels=first.labels,
        network=nn.ModuleList(m.network for m in members),
        size=max((m.size for m in members), key=lambda size: size[0] * size[1]),
        counts=first.counts,
        card=card,
        members=tuple(members),
        weights=tuple(w / sum(shares) for w in shares),
        pixel_range=first.pixel_range,
        kind=first.kind,
        scale=first.scale,
    )


def _joined_digests(members: Sequence[Classifier]) -> str | None:
    """Digests of the images that any member was trained on; None: one does not say."""
    seen = [member.card.get(TRAINED_ON) for member in members]
    if not all(isinstance(text, str) for text in seen):
        return None
    return pack_digests(digest for text in seen for digest in unpack_digests(str(text)))


def refuse_other_classes(given: tuple[str, ...], wanted: tuple[str, ...], *, where: str) -> None:
    """Refuse a model of other classes.

    Raises:
        ModelError: names what is missing and what is too many, or says that only the order differs.
    """
    if given == wanted:
        return
    missing = [c for c in wanted if c not in given]
    extra = [c for c in given if c not in wanted]
    parts = [f"{listed(names, 5)} {what}" for names, what in ((missing, "missing"), (extra, "too many")) if names]
    raise ModelError(
        f"its classes differ: {'; '.join(parts) or 'they come in another order'}",
        where=where,
        remedy="use models that were trained on the same classes.",
    )


def each(classifier: Classifier, change: Callable[[Classifier], Classifier]) -> Classifier:
    """The classifier changed; of an ensemble, every member."""
    if not isinstance(classifier, Ensemble):
        return change(classifier)
    changed = join([each(m, change) for m in classifier.members], classifier.weights, recipe=classifier.recipe)
    return replace(changed, card=classifier.card)
