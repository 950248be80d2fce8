import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench.gpu.carry import pack, unpack
from bench.gpu.trial import trial

from bench.gpu import carry
from handful.errors import DataError
from tests.support.real_sets import write_real_sets


def test_the_carried_file_has_what_the_trial_reads_and_unpacks_beside_itself(tmp_path: Path) -> None:
    sets = write_real_sets(tmp_path / "sets")
    path = pack(trial("hrf"), sets, tmp_path / "there" / "hrf.zip")
    folder = unpack(path)
    assert folder == tmp_path / "there" / "hrf"
    assert [p.name for p in folder.iterdir()] == ["hrf"]
    assert trial("hrf").load(folder).ids == trial("hrf").load(sets).ids
    (folder / "old").touch()
    assert not (unpack(path) / "old").exists()


def test_class_vectors_travel_in_place_of_the_text_encoder(tmp_path: Path) -> None:
    sets = write_real_sets(tmp_path / "sets")
    (sets / "glove.6B.100d.classwords.txt").write_text(
        "thing 1.0 0.0\n" + "".join(f"{i} {i}.5 1.0\n" for i in range(10))
    )
    wanted = replace(trial("soft-labels-cifar10"), vectors=("glove",))
    folder = unpack(pack(wanted, sets, tmp_path / "x.zip"))
    with np.load(folder / "glove.npz") as stored:
        assert stored["classes"].tolist() == list(wanted.load(sets).classes)
        assert stored["vectors"].shape == (10, 2)


def test_too_large_a_file_is_refused_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry, "MOST", 100)
    with pytest.raises(DataError, match="more than the 0 that can be carried"):
        pack(trial("cvs-mnist"), write_real_sets(tmp_path / "sets"), tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_a_data_set_that_is_not_there_and_a_file_that_was_not_packed_have_remedies(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)mnist\.npz.*bench/README\.md"):
        pack(trial("cvs-mnist"), tmp_path, tmp_path / "x.zip")
    with pytest.raises(DataError, match=r"run python -m bench\.gpu pack cvs-mnist --data FOLDER first"):
        unpack(tmp_path / "cvs-mnist.zip")


def test_the_file_is_an_ordinary_archive(tmp_path: Path) -> None:
    path = pack(trial("cvs-mnist"), write_real_sets(tmp_path / "sets"), tmp_path / "x.zip")
    assert zipfile.ZipFile(path).namelist() == ["mnist.npz"]
