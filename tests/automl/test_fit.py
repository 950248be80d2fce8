from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.automl import candidates
from handful.automl.fit import fit_to
from handful.data.load import load_data
from handful.errors import DataError, HandfulWarning, OutputError, ProtocolError, RecipeError
from handful.saving.classifier import load_classifier
from tests.support.command_line import files, ok_json
from tests.support.datasets import recipe, squares

FEW_STEPS = ("steps=2",)


def test_a_python_caller_gets_the_files_of_the_command(tmp_path: Path) -> None:
    files(tmp_path)
    data, masks, toml = tmp_path / "images", tmp_path / "masks", tmp_path / "cvs.toml"
    drawn = ("--masks", masks, "-m", 2, "--seed", 3, "--set", *FEW_STEPS)
    ok_json("fit", data, "-r", toml, *drawn, "-o", tmp_path / "command")
    samples = load_data(data, masks=masks)
    with pytest.warns(HandfulWarning, match="mean color"):  # the classes of the squares are colors
        result = fit_to(tmp_path / "python", toml, samples, per_class=2, seed=3, overrides=FEW_STEPS)
    assert result.recipe.name == "cvs"
    assert result.selection is None
    names = [sorted(p.name for p in (tmp_path / folder).iterdir()) for folder in ("command", "python")]
    assert names[0] == names[1]
    command, python = (load_classifier(tmp_path / folder) for folder in ("command", "python"))
    assert {**command.card, "seconds": 0} == {**python.card, "seconds": 0}
    unseen = squares(2, seed=5)
    np.testing.assert_array_equal(command.probabilities(unseen), python.probabilities(unseen))


def test_what_a_folder_holds_is_kept_unless_it_may_be_overwritten(tmp_path: Path) -> None:
    plan = recipe("linear", *FEW_STEPS)
    fit_to(tmp_path / "model", plan, squares(3))
    with pytest.raises(OutputError, match="overwrite=True"):
        fit_to(tmp_path / "model", plan, squares(3))
    again = fit_to(tmp_path / "model", plan, squares(3), seed=1, overwrite=True)
    assert load_classifier(tmp_path / "model").card["seed"] == again.classifier.card["seed"] == 1


def test_auto_says_in_the_card_why_it_took_its_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "has_text_encoder", lambda: False)
    result = fit_to(tmp_path / "model", "auto", squares(1), overrides=("image_size=[32, 32]",))
    assert result.selection is not None
    assert result.recipe.name == "nearest-centroid"
    assert "best on other data" in result.selection.why
    assert load_classifier(tmp_path / "model").card["auto"]["why"] == result.selection.why


def test_doubtful_data_is_a_warning_or_refused(tmp_path: Path) -> None:
    data = squares(3)
    data = replace(data, samples=(*data.samples, replace(data.samples[0], id="copy.png")))
    plan = recipe("linear", *FEW_STEPS)
    with pytest.raises(DataError, match="same picture"):
        fit_to(tmp_path / "model", plan, data, strict=True)
    assert not (tmp_path / "model").exists()
    with pytest.warns(HandfulWarning, match="same picture"):
        fit_to(tmp_path / "model", plan, data)


def test_options_that_do_not_fit_are_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="no recipe to select"):
        fit_to(tmp_path / "model", recipe("linear"), squares(2), seconds=60)
    with pytest.raises(RecipeError, match="load it by its name"):
        fit_to(tmp_path / "model", recipe("linear"), squares(2), overrides=FEW_STEPS)
    assert not (tmp_path / "model").exists()
