import json
from pathlib import Path

import pytest

from handful.errors import HandfulWarning
from handful.saving.classifier import load_classifier, save_classifier
from handful.saving.model_folder import is_unfinished_run, not_a_model
from tests.support.classifiers import untrained

PLAN = {"data": "bf9a138d82f8", "per_class": None, "seed": 0}


def test_a_run_is_unfinished_until_it_has_written_its_answer(tmp_path: Path) -> None:
    assert not is_unfinished_run(tmp_path)
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    assert is_unfinished_run(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    assert not is_unfinished_run(tmp_path)


@pytest.mark.parametrize("plan", ['{"images per class": [1]}', "[]", "no json"])
def test_the_folder_of_a_comparison_is_not_that_of_a_run(plan: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(plan)
    assert not is_unfinished_run(tmp_path)


def test_a_run_without_a_model_says_how_to_continue_it(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    error = not_a_model(tmp_path)
    assert "no model yet" in error.what
    assert "continues it" in error.remedy


def test_the_model_of_an_unfinished_run_is_loaded_with_a_note(tmp_path: Path) -> None:
    save_classifier(untrained(), tmp_path / "model")
    load_classifier(tmp_path)
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    with pytest.warns(HandfulWarning, match="this run is not finished"):
        load_classifier(tmp_path)
