from pathlib import Path

import numpy as np

from handful.annotation.files.feature_file import FeatureFile


def test_features_of_each_backbone_have_a_file_of_their_own(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"x")
    FeatureFile(tmp_path).add({"a": image}, np.ones((1, 3)))
    assert FeatureFile(tmp_path).path.name == ".features.npz"  # as in folders of earlier versions
    assert FeatureFile(tmp_path, "pixels").missing({"a": image}) == ["a"]
    FeatureFile(tmp_path, "pixels").add({"a": image}, np.zeros((1, 5)))
    assert FeatureFile(tmp_path, "pixels").rows["a"].shape == (5,)
    assert FeatureFile(tmp_path).rows["a"].shape == (3,)


def test_a_changed_image_is_missing_and_a_damaged_file_is_empty(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"x")
    FeatureFile(tmp_path).add({"a": image}, np.ones((1, 3)))
    assert FeatureFile(tmp_path).missing({"a": image}) == []
    image.write_bytes(b"longer")
    assert FeatureFile(tmp_path).missing({"a": image}) == ["a"]
    FeatureFile(tmp_path).path.write_bytes(b"x")
    assert FeatureFile(tmp_path).rows == {}
