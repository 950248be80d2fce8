from dataclasses import replace
from pathlib import Path

import pytest

from handful.deployment.export import export as export_module
from handful.deployment.export.export import export_to
from handful.deployment.export.formats import file_format
from handful.errors import ModelError, OutputError
from handful.saving.classifier import save_classifier
from handful.training.train import train
from tests.support.classifiers import untrained
from tests.support.datasets import recipe, squares


def test_the_suffix_decides_the_format_and_nothing_is_overwritten(tmp_path: Path) -> None:
    classifier = train(recipe("linear", "steps=1"), squares(2), device="cpu", progress=False)
    model = save_classifier(classifier, tmp_path / "model")
    result = export_to(tmp_path / "model.pt2", model)
    assert (result.format, result.outputs, result.size) == ("torch", ("probabilities",), (12, 12))
    with pytest.raises(OutputError, match="exists"):
        export_to(tmp_path / "model.pt2", model)
    with pytest.raises(ModelError, match="ONNX files only"):
        export_to(tmp_path / "model.pt2", model, calibration=squares(2), overwrite=True)


def test_a_page_that_cannot_be_is_refused_before_its_runtime_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "load_runtime", lambda _: pytest.fail("fetched"))
    monkeypatch.setattr(export_module, "load_classifier", lambda _: replace(untrained("linear"), kind="number"))
    with pytest.raises(ModelError, match="a page needs a model of classes"):
        export_to(tmp_path / "model.html", tmp_path / "model")


@pytest.mark.parametrize(("name", "requested"), [("model.zip", None), ("model", None), ("model.onnx", "html")])
def test_a_suffix_of_another_format_is_refused(name: str, requested: str | None) -> None:
    with pytest.raises(OutputError, match=r"the file (ends in|has no ending)"):
        file_format(Path(name), requested)  # type: ignore[arg-type]
