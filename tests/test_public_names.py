import doctest
import inspect
import pkgutil
import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path

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


def test_the_public_names_are_these() -> None:
    expected = """
        load_data Dataset Sample load_recipe recipe_names Recipe
        train fit_to pretrain Classifier save_classifier load_classifier load_predictor
        evaluate sweep Protocol Result summarise paired_difference
        run compare select_recipe ComparisonResult inspect Inspection predict_table export_onnx
        HandfulClassifier HandfulRegressor HandfulError HandfulWarning
    """
    assert set(NAMES) == set(expected.split())


def test_no_module_of_the_package_hides_a_public_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(handful.__path__)}
    assert "training" in modules
    assert not modules & set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_each_public_name_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(getattr(handful, name).__doc__, {}, name, None, None)
    assert example.examples, f"the docstring of {name} has no Example"
    differences: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", handful.HandfulWarning)
        doctest.DocTestRunner(verbose=False).run(example, out=differences.append)
    assert not differences, "".join(differences)


def test_type_checkers_see_the_same_names() -> None:
    source = inspect.getsource(handful).split("if TYPE_CHECKING:")[1].split("__version__")[0]
    imported = {line.split(" as ")[1] for line in source.splitlines() if " import " in line}
    assert imported == set(NAMES)


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
