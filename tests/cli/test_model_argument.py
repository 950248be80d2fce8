from pathlib import Path

import pytest

from handful.cli._model_argument import check_model_argument
from handful.errors import ModelError
from handful.saving.model_folder import FILES


def model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).touch()
    return folder


def test_a_model_and_the_folder_of_its_run_are_accepted(tmp_path: Path) -> None:
    check_model_argument(model(tmp_path / "run" / "model"))
    check_model_argument(tmp_path / "run")
    (tmp_path / "exported.onnx").touch()
    check_model_argument(tmp_path / "exported.onnx")


def test_swapped_arguments_are_said_to_be_swapped(tmp_path: Path) -> None:
    folder = model(tmp_path / "run" / "model").parent
    (tmp_path / "new photos").mkdir()
    with pytest.raises(ModelError, match="wrong way round") as error:
        check_model_argument(tmp_path / "new photos", [str(folder)])
    assert error.value.remedy == f'name the model first: "{folder}" "{tmp_path / "new photos"}".'


def test_what_is_no_model_names_both_commands_that_write_one(tmp_path: Path) -> None:
    for path, what in ((tmp_path / "none", "no such file or folder"), (tmp_path, "card.json, classes.json")):
        with pytest.raises(ModelError, match=what) as error:
            check_model_argument(path, ["photos"])
        assert "`handful run` or `handful fit`" in error.value.remedy
    (tmp_path / "a.jpg").touch()
    with pytest.raises(ModelError, match="it is a file"):
        check_model_argument(tmp_path / "a.jpg")


def test_a_wrong_folder_names_the_models_that_lie_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a-model", "handful-my photos/model"):
        model(tmp_path / name)
    (tmp_path / "photos/ants").mkdir(parents=True)
    for path, alike in (("photos", "'handful-my photos'"), ("a-modle", "'a-model'"), ("A-Model.onnx", "'a-model'")):
        with pytest.raises(ModelError) as error:
            check_model_argument(Path(path), ["photos/ants"])
        assert error.value.remedy.startswith(f"did you mean {alike}? If not, give the folder that")
    for path in ("gone", "photos/ants"):
        with pytest.raises(ModelError) as error:
            check_model_argument(Path(path), ["photos/ants"])
        assert error.value.remedy.endswith("wrote. Near by lies 'handful-my photos' and 'a-model'.")
        assert "did you mean" not in error.value.remedy
