"""Models of the timm library by name: their configuration, and where their pretrained weights come from."""

from http.client import HTTPException
from typing import Any

import huggingface_hub
import timm

from handful.errors import RecipeError, WeightsError, alternatives, hint, nearest
from handful.models.hub import reach

MODEL_ERRORS = (AssertionError, AttributeError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError)


def pretrained_config(model: str, *, where: str) -> Any:
    """Timm's configuration of a model.

    Args:
        model: a name, with or without its tag.
        where: the part that asks, for errors.

    Raises:
        RecipeError: the model or its tag is unknown; with the nearest names.
    """
    base, _, tag = model.partition(".")
    if not timm.is_model(base):
        raise RecipeError(f"unknown model {base!r}", where=where, remedy=nearest(base, tuple(timm.list_models())))
    tagged = tuple(timm.list_pretrained(f"{base}.*"))
    if tag and model not in tagged:
        raise RecipeError(f"unknown weights {model!r}", where=where, remedy=nearest(model, tagged or (base,)))
    config = timm.get_pretrained_cfg(model)
    if config is None:  # a deprecated name, which timm builds under another one
        remedy = nearest(base, tuple(timm.list_models()))
        raise RecipeError(f"timm has renamed the model {base!r}", where=where, remedy=remedy)
    return config


def required_size(model: str, size: tuple[int, int] | None, *, where: str) -> tuple[int, int]:
    """The recipe's image size, which a model that is built for one size cannot do without.

    Raises:
        RecipeError: the recipe has none.
    """
    if size is None:
        raise RecipeError(
            f"{model} is built for one image size",
            where=where,
            remedy=f"set image_size = [h, w] in the recipe{hint('overrides', 'image_size=[h,w]')}.",
        )
    return size


def cached_weights(config: Any) -> str | None:
    """The file of a model's pretrained weights in the cache of the Hugging Face hub; None: not there."""
    if config.hf_hub_id:
        for name in (config.hf_hub_filename or "model.safetensors", "pytorch_model.bin"):
            path = huggingface_hub.try_to_load_from_cache(config.hf_hub_id, name)
            if isinstance(path, str):
                return path
    return None


def weight_options(model: str, config: Any, *, where: str, replaceable: bool = True) -> dict[str, Any]:
    """Timm's options to load pretrained weights: from the cache without asking the hub, else from a hub that answers.

    Args:
        model: a name, with or without its tag.
        config: its configuration.
        where: the part that asks, for errors.
        replaceable: as for `remedy`.

    Raises:
        WeightsError: the model has no weights, or they are not cached and the hub does not answer.
    """
    if not (config.hf_hub_id or config.url or config.file):
        raise WeightsError(f"timm has no pretrained weights of {model}", where=where, remedy=remedy(None, replaceable))
    path = cached_weights(config)
    if path is not None:
        return {"pretrained": True, "pretrained_cfg_overlay": {"file": path, "custom_load": False}}
    if config.hf_hub_id:
        try:
            reach()
        except (OSError, HTTPException) as error:
            raise missing_weights(model, error, hub_id=config.hf_hub_id, replaceable=replaceable) from error
    return {"pretrained": True}


def hub_repository(model: str) -> str | None:
    """The repository of a model's pretrained weights on the Hugging Face hub; None where they are elsewhere."""
    config: Any = timm.get_pretrained_cfg(model)
    return None if config is None else config.hf_hub_id


def missing_weights(where: str, error: Exception, *, hub_id: str | None, replaceable: bool = True) -> WeightsError:
    """The error for weights that are neither on this machine nor can be downloaded."""
    return WeightsError(
        f"the pretrained weights are not on this machine and cannot be downloaded ({str(error)[:120]})",
        where=where,
        remedy=remedy(hub_id, replaceable),
    )


def remedy(hub_id: str | None, replaceable: bool = True) -> str:
    """How to bring weights to a machine without a network, and what is there already.

    Args:
        hub_id: the weights' repository on the Hugging Face hub, where they are there.
        replaceable: the installed network may take the place of the missing one.
    """
    installed = f"use the installed weights of efficientnet_lite0{hint('backbone', 'lite0')}"
    if hub_id is None:
        ways = [*([installed] if replaceable else []), "give a checkpoint file as weights"]
        return alternatives([*ways, *(["set pretrained = false"] if replaceable else [])])
    folder = hub_id.rpartition("/")[2]
    return (
        f'{f"{installed}; or " if replaceable else ""}run "hf download {hub_id} --local-dir {folder}" where there is a '
        f"network, and bring that folder here{hint('backbone', folder)}; or bring the cache of the hub, or give a file "
        "as weights."
    )
