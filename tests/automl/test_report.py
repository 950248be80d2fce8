from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.automl.report import write_report
from handful.automl.result import DoubtfulLabel
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Part
from tests.automl.test_text import RUN
from tests.support.results import result, run


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """Four wide images of the classes 0 and 1."""
    samples = []
    for i in range(4):
        path = tmp_path / f"{i}.png"
        Picture.new("RGB", (300, 100), (60 * i, 0, 0)).save(path)
        samples.append(Sample(str(i), path, label=i % 2))
    return Dataset(tuple(samples), ("0", "1"))


def page_of(data: Dataset, folder: Path, backbone: str = "efficientnet_lite0") -> str:
    scored = result("r", run([0, 1, 0, 1], [0, 1, 1, 1]), classes=data.classes)
    runs = (replace(scored.runs[0], ids=data.ids, probabilities=np.eye(2)[[0, 1, 1, 1]]),)
    scored = replace(scored, runs=runs, recipe=replace(scored.recipe, backbone=Part(backbone)))
    whole = write_report(replace(RUN, result=scored, data="leaves"), folder / "report.html", data=data)
    return " ".join(whole.read_text(encoding="utf-8").split())


def test_the_open_part_has_images_method_and_what_the_network_has_seen(data: Dataset, tmp_path: Path) -> None:
    page = page_of(data, tmp_path)
    opened, _, folded = page.partition("The numbers</h2>")
    assert 'leaves: how good is it? <span class="tag">120 images of 3 classes' in opened
    assert "Method: logistic regression on a pretrained network" in opened
    assert "(efficientnet_lite0) was pretrained on ImageNet-1k (1.28 million photographs" in opened
    assert "Not tried" not in opened
    assert "Not tried: fine-tuning" in folded


def test_a_network_from_random_weights_has_seen_nothing(data: Dataset, tmp_path: Path) -> None:
    assert "was pretrained on" not in page_of(data, tmp_path, backbone="wide_resnet")


def test_wide_images_have_wide_columns_and_numbers_are_called_classes(data: Dataset, tmp_path: Path) -> None:
    page = page_of(data, tmp_path)
    assert page.count('class="strip wide-images"') == 2
    assert '<h3>class 0 <span class="tag">1 of 2 right' in page
    assert '<span class="wrong">class 1</span>' in page


def test_images_with_doubtful_labels_are_shown(data: Dataset, tmp_path: Path) -> None:
    assert "Labels to check" not in page_of(data, tmp_path)
    doubtful = (DoubtfulLabel("1", "1", "0", 0.1),)
    run_ = replace(RUN, doubtful_labels=doubtful, labels_to_check="Labels to check: 1 image looks like another class.")
    page = write_report(run_, tmp_path / "doubtful.html", data=data).read_text(encoding="utf-8")
    assert "<h2>Labels to check</h2>" in page
    assert 'class 1 <span class="wrong">looks like class 0</span>' in page
