import inspect
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest

import handful

NAMES = [name for name in handful.__all__ if name != "__version__"]


def test_public_names_are_listed_once() -> None:
    assert len(handful.__all__) == len(set(handful.__all__))
    assert sorted(NAMES) == NAMES
    assert set(NAMES) <= set(dir(handful))


@pytest.mark.parametrize("name", NAMES)
def test_each_public_name_is_its_modules_own(name: str) -> None:
    value = getattr(handful, name)
    assert value.__module__.startswith("handful.")
    assert value.__doc__
    assert getattr(import_module(value.__module__), name) is value


def test_a_function_is_not_hidden_by_the_module_it_is_named_after() -> None:
    from handful.evaluation.evaluate import evaluate
    from handful.training.train import train

    assert handful.train is train
    assert handful.evaluate is evaluate
    assert isinstance(sys.modules["handful.training.train"], ModuleType)


def test_type_checkers_see_the_same_names() -> None:
    source = inspect.getsource(handful).split("if TYPE_CHECKING:")[1].split("__version__")[0]
    told = {line.split(" as ")[1] for line in source.splitlines() if " import " in line}
    assert told == set(NAMES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'evalute'"):
        _ = handful.evalute


def test_importing_handful_imports_no_torch() -> None:
    code = "import sys, handful; assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_star_import_gives_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from handful import *", names)
    assert set(handful.__all__) <= set(names)
