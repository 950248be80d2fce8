from pathlib import Path

import pytest

from tests.support.command_line import files, ok


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    files(folder)
    ok("fit", folder / "images", "-r", folder / "cvs.toml", "--masks", folder / "masks", "-o", folder / "model")
    return folder
