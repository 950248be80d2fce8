"""DINOv2 beside the embedded EfficientNet-Lite0 on CIFAR-10: logistic regression on frozen features, and LoRA.

What a user with a network would take first, on the draws of `frozen-cifar`; images at 224 pixels for both. It needs a
network, or the weights in the cache of the Hugging Face hub; LoRA on a processor takes hours.
"""

from bench.support.accuracy import run_sweep, show
from bench.support.data import cifar10
from bench.support.options import Options
from handful.core.recipe import Recipe
from handful.errors import WeightsError
from handful.models.timm_models import hub_repository
from handful.recipes.backbone_names import STRONGER
from handful.recipes.backbones import check_weights
from handful.recipes.load import load_recipe

TABLE = "hub-backbones"
CONTROL = "logistic"


def run(options: Options) -> None:
    """1, 5, 10 and 50 images per class."""
    rows = recipes(quick=options.quick)
    data = cifar10(options.folder())
    shots = (1,) if options.quick else (1, 5, 10, 50)
    show(run_sweep(TABLE, rows, data, options, per_class=shots), control=CONTROL)


def recipes(*, quick: bool) -> list[Recipe]:
    """The rows.

    Raises:
        WeightsError: DINOv2's weights are not here, and no hub answers.
    """
    size = "image_size=224"
    names = ("logistic", "logistic-names", "nearest-centroid")
    dino = [load_recipe("logistic", backbone=STRONGER, overrides=(size,))]
    dino += [load_recipe("lora", backbone=STRONGER, overrides=(size, *(("steps=2",) if quick else ())))]
    try:
        for recipe in dino:
            check_weights(recipe.backbone)
    except WeightsError as error:
        raise WeightsError(
            f"this table needs a network, or the weights of DINOv2 in the cache of the Hugging Face hub ({error.what})",
            where=TABLE,
            remedy=f'run it where there is a network; or run "hf download {hub_repository(STRONGER)}" there, and bring '
            "the cache here.",
        ) from error
    return [*map(load_recipe, names), *dino]
