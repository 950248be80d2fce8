"""Training images of a saved model: digests in its card, to tell whether it has seen an image that it is scored on."""

from pathlib import Path

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.fingerprint import TRAINED_ON, image_digest, pack_digests, unpack_digests
from handful.errors import ModelError
from handful.parts.traits import loaded_models, uses_unlabelled
from handful.recipes.nested_runs import nested_runs
from handful.saving.model_files import card_file
from handful.saving.model_folder import model_folder


def digests_of_run(recipe: Recipe, data: Dataset) -> str:
    """The entry of a card: digests of the images that a run learns from, and of those that its loaded models saw.

    What its nested runs learn from and load is among them.
    """
    recipes = [recipe, *(nested for nested, _ in nested_runs(recipe, data))]
    uses = any(map(uses_unlabelled, recipes))
    seen = {image_digest(s) for s in data.samples if uses or s.supervised}
    for _, path in (found for each in recipes for found in loaded_models(each)):
        seen |= digests_seen_by(Path(path)) or set()
    return pack_digests(seen)


def digests_seen_by(model: Path) -> frozenset[str] | None:
    """Digests of the images that a saved model was trained on; None: it does not say, or is no model of handful."""
    try:
        stored = card_file(model_folder(model)).get(TRAINED_ON)
        return unpack_digests(stored) if isinstance(stored, str) else None
    except (ModelError, OSError, ValueError):
        return None
