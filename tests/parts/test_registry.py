import dataclasses
import inspect
import re
import typing
from types import ModuleType

import pytest
from torch import nn

from handful.core.recipe import Part
from handful.core.tensors import Backbone
from handful.errors import RecipeError
from handful.parts import registry
from tests.support.datasets import context


@pytest.mark.parametrize("folder", registry.FOLDERS)
def test_every_file_in_a_folder_is_a_part(folder: registry.Folder) -> None:
    for name in registry.names(folder):
        module = registry.part_module(folder, name)
        assert callable(module.build)
        assert (module.__doc__ or "").strip(), f"{folder}/{name} does not say what it computes"
        for option in registry.options(folder, name).values():
            assert option.kind is option.KEYWORD_ONLY


def declared(module: ModuleType) -> set[str]:
    """Lower-case flags and words of a part's module: its traits, or what was meant for one."""
    values = {name: value for name, value in vars(module).items() if name.islower() and not name.startswith("_")}
    return {name for name, value in values.items() if isinstance(value, bool | str)}


@pytest.mark.parametrize("folder", registry.FOLDERS)
def test_parts_declare_known_traits_only_and_every_trait_is_declared(folder: registry.Folder) -> None:
    used: set[str] = set()
    for name in registry.names(folder):
        traits = declared(registry.part_module(folder, name))
        assert traits <= set(registry.TRAITS[folder]), f"{folder}/{name}: a misspelt trait"
        used |= traits
    assert used == set(registry.TRAITS[folder])
    assert all(meaning.strip() for meaning in registry.TRAITS[folder].values())


def test_a_misspelt_trait_fails() -> None:
    module = ModuleType("part")
    module.fited = True  # type: ignore[attr-defined]
    assert declared(module) == {"fited"}
    with pytest.raises(AssertionError, match="'fited' is not a trait of heads"):
        registry.has_trait("heads", Part("linear"), "fited")


def test_typos_get_the_nearest_name_back() -> None:
    with pytest.raises(RecipeError, match="did you mean 'wide_resnet'"):
        registry.part_module("backbones", "wide_resnt")
    with pytest.raises(RecipeError, match="did you mean 'dropout'"):
        registry.check("backbones", Part("wide_resnet", {"dropuot": 0.1}))
    with pytest.raises(RecipeError, match="takes no options"):
        registry.check("losses", Part("cosine", {"size": 3}))


def test_a_value_that_a_part_refuses_names_the_part() -> None:
    with pytest.raises(RecipeError, match=r"(?s)backbones/wide_resnet.*depth must be 6 n \+ 4"):
        registry.build("backbones", Part("wide_resnet", {"depth": 17}), context())


@pytest.mark.parametrize("folder", registry.FOLDERS)
def test_every_option_is_in_the_docstring_of_build(folder: registry.Folder) -> None:
    for name in registry.names(folder):
        build = registry.part_module(folder, name).build
        hints = typing.get_type_hints(build).values()
        documented = [build, *(hint for hint in hints if dataclasses.is_dataclass(hint))]
        docstrings = "\n".join(inspect.getdoc(item) or "" for item in documented)
        missing = set(registry.options(folder, name)) - set(re.findall(r"^ {4}(\w+):", docstrings, flags=re.MULTILINE))
        assert not missing, f"{folder}/{name} does not say in Args: what {', '.join(sorted(missing))} is"


def test_the_fields_of_a_dataclass_are_options_and_arrive_as_one_value() -> None:
    options = registry.options("heads", "logistic")
    assert list(options) == ["C", "center", "l2", "tukey"]
    assert (options["tukey"].default, options["tukey"].annotation) == (1.0, float)
    with pytest.raises(RecipeError, match="did you mean 'tukey'"):
        registry.check("heads", Part("logistic", {"tukye": 0.5}))
    with pytest.raises(RecipeError, match="unknown option 'transform'"):
        registry.check("heads", Part("logistic", {"transform": 1}))
    head = registry.build(
        "heads", Part("logistic", {"tukey": 0.5, "l2": False}), context(), backbone=Backbone(nn.Identity(), 4, 1)
    )
    assert vars(head.transform) == {"center": True, "l2": False, "tukey": 0.5}
    with pytest.raises(RecipeError, match="tukey must be a number above 0"):
        registry.build("heads", Part("logistic", {"tukey": 0}), context(), backbone=Backbone(nn.Identity(), 4, 1))
