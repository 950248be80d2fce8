"""Model cards in Markdown (Mitchell et al. 2019, https://arxiv.org/abs/1810.03993).

A card describes a saved model: its training data, its scores, its intended use and its limits. `card.json` has the same
facts as values. Every card has every heading: one without content says that nothing was measured or stated.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import UndefinedError

from handful.core.dataset import Dataset
from handful.core.parsing import read_json
from handful.core.recipe import Part, Recipe
from handful.core.templating import environment
from handful.core.text import in_words
from handful.data.fingerprint import fingerprint
from handful.errors import ModelError
from handful.models import stored_values
from handful.parts.traits import has_trait, reads_masks
from handful.saving.model_folder import VALUES, model_folder
from handful.saving.pretraining import describe_pretraining

CARD = "CARD.md"
FEW = 5  # images of a class below which its card warns of it


def to_markdown(
    card: Mapping[str, Any], recipe: Recipe, *, classes: tuple[str, ...], counts: tuple[int, ...], size: tuple[int, int]
) -> str:
    """The text of CARD.md.

    Args:
        card: content of `card.json`; with `scores`, `measured`, `failures`, `use` and `limits` if `handful card` added
            them.
        recipe: the recipe that it was trained with.
        classes: its class names.
        counts: training images of each class.
        size: height and width to which images are resized.
    """
    templates = environment("handful.saving", escape=False)
    templates.filters.update(percent=_percent, cell=_cell, in_words=in_words)
    template = templates.get_template("NUMBER_CARD.md.j2" if card.get("kind") == "number" else "CARD.md.j2")
    try:
        text = template.render(
            card=card,
            recipe=recipe,
            parts=[(name, _format_part(part)) for name, part in _parts(recipe)],
            rows=list(zip(classes, counts, strict=True)),
            size=size,
            few=[name for name, n in zip(classes, counts, strict=True) if n < FEW],
            multilabel=card.get("kind") == "multilabel",
            scores=card.get("scores"),
            several=(card.get("scores") or {}).get("draws", 0) > 1,
            uses_masks=_uses_masks(recipe),
            pretraining=describe_pretraining(recipe.backbone),
            measured=card.get("measured", []),
            failures=card.get("failures"),
            normal=card.get("normal_class"),
            calibration=card.get("calibration", {}),
            data=card.get("data", {}),
            versions={name: card[name] for name in ("handful", "torch") if name in card},
        )
    except (UndefinedError, TypeError, ValueError) as error:  # entries that a stranger wrote, or left out
        raise ModelError(
            f"the values of the card do not fit together: {error}",
            where=VALUES,
            remedy="copy the model again from where it was trained.",
        ) from error
    return text.strip() + "\n"


def read_card(folder: Path) -> tuple[dict[str, Any], str] | None:
    """Values and text of a saved model's card, read without PyTorch; None where either is missing or damaged."""
    folder = model_folder(folder)
    try:
        card = stored_values.card(read_json(folder / VALUES, finite=False))
        text = (folder / CARD).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    return card, text


def data_facts(data: Dataset) -> dict[str, Any]:
    """The facts about the training images that a card states.

    Raises:
        DataError: an image file cannot be read.
    """
    voted = sum(s.probabilities is not None for s in data.samples)
    return {
        "fingerprint": fingerprint(data),
        "images": len(data),
        **({"class_probabilities": voted} if voted else {}),
        "masks": sum(s.mask is not None for s in data.samples),
        "groups": len({s.group for s in data.samples} - {None}),
        "grouped": sum(s.group is not None for s in data.samples),
    }


def _uses_masks(recipe: Recipe) -> bool:
    """Whether the recipe learns from masks, or makes further ones from them."""
    return reads_masks(recipe) or any(has_trait("prepare", part, "makes_masks") for part in recipe.prepare)


def _parts(recipe: Recipe) -> list[tuple[str, Part]]:
    parts = [("backbone", recipe.backbone), ("head", recipe.head), ("labels", recipe.labels)]
    parts += [("hierarchy", recipe.hierarchy)] if recipe.hierarchy is not None else []
    for kind in ("prepare", "augment", "posthoc"):
        parts += [(kind, part) for part in getattr(recipe, kind)]
    return parts + [("loss", part) for stage in recipe.stages for part in stage.losses]


def _format_part(part: Part) -> str:
    options = ", ".join(f"{k} = {v}" for k, v in part.options.items())
    return part.name + (f" ({options})" if options else "")


def _percent(value: float | None) -> str:
    return "n/a" if value is None or value != value else f"{100 * value:.1f} %"


def _cell(text: object) -> str:
    """Text with the characters escaped that would end a cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")
