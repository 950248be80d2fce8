import inspect
import re
from types import ModuleType

import pytest

from handful.core.recipe import Part
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
        docstring = inspect.getdoc(registry.part_module(folder, name).build) or ""
        options = set(registry.options(folder, name))
        missing = options - set(re.findall(r"^ {4}(\w+):", docstring.partition("Args:")[2], flags=re.MULTILINE))
        assert not missing, f"{folder}/{name} does not say in Args: what {', '.join(sorted(missing))} is"
