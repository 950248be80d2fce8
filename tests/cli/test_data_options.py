from dataclasses import fields, replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from handful.cli._data import read
from handful.cli._data_options import (
    BagOptions,
    DataOptions,
    ImageOptions,
    MaskOptions,
    SourceOptions,
    flatten,
    source_arguments,
)
from handful.data.load import ReadOptions
from handful.errors import DataError
from tests.cli.test_cli import COMMANDS
from tests.support.command_line import fails


def test_each_data_option_is_one_of_reading() -> None:
    assert {f.name for f in fields(DataOptions)} <= {f.name for f in fields(ReadOptions)}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_all_options_of_a_group_or_none(name: str) -> None:
    own: set[str] = {"columns", "multilabel", "unlisted"} if name == "annotate" else set()  # it reads image files alone
    own |= BagOptions.unavailable if name == "proportions" else set()
    given = {p.name for p in COMMANDS[name].params} - own
    names = {group: {f.name for f in fields(group)} for group in (SourceOptions, ImageOptions, MaskOptions)}
    source = names[SourceOptions] - own
    names[ImageOptions] -= own
    if given & (source | {"bit_depth", "window"}):
        assert source <= given
        assert names[ImageOptions] <= given or not (names[ImageOptions] - source) & given


def test_the_fields_of_a_group_become_options_and_reach_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    seen: list[tuple[str, DataOptions]] = []

    def command(data: str, *, data_options: DataOptions) -> None:
        """Read data."""
        seen.append((data, data_options))

    app = typer.Typer()
    app.command()(flatten(command))
    values = ["photos", "--column", "path=file", "--column", "label=kind", "--masks", "m", "--window=-200,800"]
    result = CliRunner().invoke(app, [*values, "--bit-depth", "12", "--root", "sets", "--download", "--allow-outside"])
    assert result.exit_code == 0, result.output
    options = DataOptions(
        columns=["path=file", "label=kind"],
        allow_outside=True,
        root=Path("sets"),
        download=True,
        bit_depth=12,
        window="-200,800",
        masks=Path("m"),
    )
    assert seen == [("photos", options)]


def test_values_are_parsed_when_the_data_are_read() -> None:
    assert len(read("digits", DataOptions())) == 1797
    with pytest.raises(DataError, match="ROLE=NAME"):
        read("digits", SourceOptions(columns=["file"]))
    with pytest.raises(DataError, match="dark"):
        read("digits", replace(ImageOptions(), window="dark"))


def test_predict_has_remedies_for_new_images_and_not_for_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "m.onnx").touch()
    said = fails("predict", "m.onnx", "nowhere")
    assert "Remedy: check the path." in said
    assert "public data set" not in said
    assert "public data set" in fails("inspect", "nowhere")
    said = fails("predict", "m.onnx", "empty")
    assert "no images found" in said
    assert "name a folder that holds images" in said
    assert "per class" not in said


def test_a_source_and_its_options_are_written_for_another_command() -> None:
    assert source_arguments("my photos", DataOptions()) == "'my photos'"
    options = DataOptions(columns=["path=file", "label=kind"], allow_outside=True, masks=Path("masks"), bit_depth=12)
    assert source_arguments("t.csv", options) == (
        "t.csv --column=path=file --column=label=kind --allow-outside --bit-depth=12 --masks=masks"
    )
