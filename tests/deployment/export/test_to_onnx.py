"""Parity of exported models with the classifiers they come from, on images as files of every kind."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Part, Recipe
from handful.data.arrays import from_arrays, image_samples
from handful.data.readers.folder import read_folder
from handful.deployment.export.to_onnx import export_onnx
from handful.deployment.predict_table import predict_table
from handful.errors import DataError, ModelError
from handful.models.classifier import Classifier
from handful.models.ensemble import join
from handful.models.load_onnx import load_onnx
from handful.models.onnx_model import OnnxModel, refuse_exported_numbers
from handful.recipes.load import load_recipe
from handful.training.train import train
from tests.support.datasets import numbered_squares, recipe, squares

pytest.importorskip("onnxscript")
CLOSE = 1e-4
BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "timm", "onnx"):
            raise ImportError(f"{name} is not to be imported")

sys.meta_path.insert(0, Blocked())
"""


def _trained(wish: Recipe, *, size: int = 12) -> Classifier:
    return train(wish, squares(8, size=size), seed=0, device="cpu", progress=False)


def _recipe(kind: str = "segmentation", *posthoc: Part, **changes: object) -> Recipe:
    return replace(recipe(kind, "image_size=[12,12]", "steps=2"), posthoc=posthoc, **changes)  # type: ignore[arg-type]


CALIBRATED = (
    Part("temperature", {"folds": 2}),
    Part("conformal", {"coverage": 0.8, "folds": 2}),
    Part("out_of_distribution", {"false_rejection": 0.2, "folds": 2, "score": "mahalanobis"}),
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """One picture in the modes and sizes that files have."""
    folder = tmp_path_factory.mktemp("pictures") / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (37, 61, 3), dtype=np.uint8)
    rgb[5:25, 10:40] = (200, 30, 60)
    picture = Picture.fromarray(rgb)
    alpha = Picture.fromarray(np.dstack([rgb, rng.integers(0, 256, (37, 61), dtype=np.uint8)]))
    alpha.save(folder / "rgba.png")
    picture.save(folder / "rgb.png")
    picture.convert("L").save(folder / "grey.png")
    picture.convert("P").save(folder / "palette.png")
    picture.convert("CMYK").save(folder / "cmyk.jpg")
    picture.save(folder / "webp.webp", lossless=True)
    Picture.fromarray(rng.integers(0, 65536, (37, 61)).astype(np.uint16)).save(folder / "deep.png")
    turned = Picture.Exif()
    turned[0x0112] = 6
    picture.save(folder / "turned.jpg", exif=turned)
    for side in ((12, 12), (1, 1), (3, 200), (400, 300)):
        picture.resize(side).save(folder / f"of{side[0]}x{side[1]}.png")
    return read_folder(folder, unlabelled=True)


def _same(one: Classifier, model: OnnxModel, data: Dataset) -> None:
    wanted, found = one.predict_all(data), model.predict_all(data)
    assert np.abs(wanted.probabilities - found.probabilities).max() < CLOSE
    assert np.array_equal(wanted.answers, found.answers)
    assert (wanted.sets is None) == (found.sets is None)
    if wanted.sets is not None and found.sets is not None:
        assert np.array_equal(wanted.sets, found.sets)
    if wanted.typicality is not None and found.typicality is not None:
        assert np.abs(wanted.typicality - found.typicality).max() < CLOSE


def test_all_that_a_calibrated_model_says(tmp_path: Path, pictures: Dataset) -> None:
    one = _trained(_recipe("segmentation", *CALIBRATED))
    names = export_onnx(one, tmp_path / "model.onnx")
    assert names == ("probabilities", "maps", "p_values", "sets", "typicality", "answers")
    model = load_onnx(tmp_path / "model.onnx")
    _same(one, model, pictures)
    _same(one, model, replace(pictures, samples=tuple(squares(3, size=20).samples)))
    for sample in pictures.samples:  # one at a time the graph resizes, together they are resized before
        _same(one, model, replace(pictures, samples=(sample,)))
    for wanted, found in zip(one.maps(pictures), model.maps(pictures), strict=True):
        assert np.abs(wanted - found).max() < CLOSE
    for coverage in (0.5, 0.85):
        wanted_sets, found_sets = (
            one.sets(pictures, coverage=coverage),
            model.predict_all(pictures, coverage=coverage).sets,
        )
        assert np.array_equal(wanted_sets, found_sets)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"sets of coverage 0\.99 need"):
        model.predict_all(pictures, coverage=0.99)
    with pytest.raises(ModelError, match=r"sets of coverage 0\.99 need"):
        one.predict_all(pictures, coverage=0.99)
    assert (model.classes, model.size) == (one.classes, one.size)
    assert model.card["calibration"] == one.card["calibration"]
    assert 'name = "tiny"' in model.recipe
    mask = np.eye(12, dtype=bool)
    assert np.array_equal(model.own_size(mask, (30, 41)), one.own_size(mask, (30, 41)))


@pytest.mark.parametrize("resize", [pytest.param("pad", marks=pytest.mark.slow), "crop"])
def test_images_are_padded_and_cropped_as_in_training(tmp_path: Path, pictures: Dataset, resize: str) -> None:
    one = _trained(_recipe("linear", resize=resize))
    assert export_onnx(one, tmp_path / "model.onnx") == ("probabilities",)
    _same(one, load_onnx(tmp_path / "model.onnx"), pictures)


@pytest.mark.parametrize(
    "head", ["nearest_centroid", *(pytest.param(name, marks=pytest.mark.slow) for name in ("logistic", "knn", "lda"))]
)
def test_heads_that_are_fitted(tmp_path: Path, pictures: Dataset, head: str) -> None:
    one = _trained(_recipe("linear", head=Part(head), stages=(), augment=()))
    assert export_onnx(one, tmp_path / "model.onnx") == ("probabilities",)
    model = load_onnx(tmp_path / "model.onnx")
    _same(one, model, pictures)
    found = model.predict_all(squares(4)).probabilities
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=CLOSE)
    assert len(set(found.argmax(axis=1).tolist())) > 1, "its predictions depend on the image"


def test_an_ensemble_whose_members_work_at_their_own_sizes(tmp_path: Path, pictures: Dataset) -> None:
    small, large = _trained(_recipe()), _trained(_recipe(image_size=(16, 20)))
    one = join([small, large], (3.0, 1.0))
    export_onnx(one, tmp_path / "model.onnx")
    model = load_onnx(tmp_path / "model.onnx")
    assert model.views == 2
    _same(one, model, pictures)
    for wanted, found in zip(one.maps(pictures), model.maps(pictures), strict=True):
        assert np.abs(wanted - found).max() < CLOSE


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        Part("class_means"),
        Part("tta", {"views": "ten_crop"}),
        Part("out_of_distribution", {"score": "nearest_neighbour", "false_rejection": 0.2}),
        Part("out_of_distribution", {"score": "energy", "false_rejection": 0.2}),
        Part("loki"),
        Part("logit_adjustment"),
    ],
    ids=lambda part: f"{part.name}-{'-'.join(map(str, part.options.values()))}",
)
def test_every_part_that_follows_training(tmp_path: Path, pictures: Dataset, part: Part) -> None:
    one = _trained(_recipe("linear", part))
    export_onnx(one, tmp_path / "model.onnx")
    _same(one, load_onnx(tmp_path / "model.onnx"), pictures)


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    import onnx
    from onnx import parser

    with pytest.raises(ModelError, match="no such file"):
        load_onnx(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("not a graph")
    with pytest.raises(ModelError, match="this ONNX model is damaged or foreign"):
        load_onnx(tmp_path / "text.onnx")
    other = parser.parse_model('<ir_version: 8, opset_import: ["" : 18]> g (float[n] x) => (float[n] y) { y = Abs(x) }')
    onnx.save(other, str(tmp_path / "other.onnx"))
    with pytest.raises(ModelError, match="not a handful model"):
        load_onnx(tmp_path / "other.onnx")
    other.metadata_props.add(key="handful.format", value="99")
    onnx.save(other, str(tmp_path / "newer.onnx"))
    with pytest.raises(ModelError, match="newer than this version's 3"):
        load_onnx(tmp_path / "newer.onnx")
    other.metadata_props[0].value = "1"
    onnx.save(other, str(tmp_path / "bare.onnx"))
    with pytest.raises(ModelError, match="damaged"):
        load_onnx(tmp_path / "bare.onnx")


def test_a_model_without_sets_maps_or_readable_images(tmp_path: Path) -> None:
    export_onnx(_trained(_recipe("linear")), tmp_path / "model.onnx")
    model = load_onnx(tmp_path / "model.onnx")
    nothing = Dataset((), ())
    assert model.predict_all(nothing).probabilities.shape == (0, 3)
    with pytest.raises(ModelError, match="exported without sets"):
        model.predict_all(nothing, coverage=0.9)
    with pytest.raises(ModelError, match="no pixel maps"):
        list(model.maps(squares(1)))
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"bad\.png"):
        model.predict_all(Dataset((Sample("bad.png", tmp_path / "bad.png"),), ()))


def test_the_command_line_predicts_without_pytorch(tmp_path: Path, pictures: Dataset) -> None:
    """The same table, to a millionth, where importing PyTorch fails."""
    from handful.deployment.predict_table import predict_table
    from handful.saving.classifier import save_classifier

    one = _trained(_recipe("segmentation", Part("temperature", {"folds": 2})))
    save_classifier(one, tmp_path / "model")
    export_onnx(one, tmp_path / "model.onnx")
    folder = Path(str(pictures.samples[0].image)).parent
    predict_table(one, pictures, tmp_path / "wanted.csv", maps=tmp_path / "wanted")
    arguments = ["handful", "predict", "model.onnx", str(folder), "-o", "found.csv", "--maps", "found", "--json"]
    code = f"{BLOCKED}\nfrom handful.cli import main; sys.argv = {arguments!r}; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == len(pictures)
    wanted = [line.split(",") for line in (tmp_path / "wanted.csv").read_text().splitlines()]
    found = [line.split(",") for line in (tmp_path / "found.csv").read_text().splitlines()]
    assert found[0] == wanted[0]
    for one_row, other_row in zip(found[1:], wanted[1:], strict=True):
        assert one_row[:2] == other_row[:2]
        assert np.allclose([float(x) for x in one_row[2:]], [float(x) for x in other_row[2:]], atol=CLOSE)
    assert (tmp_path / "found" / "rgb.png.png").read_bytes() == (tmp_path / "wanted" / "rgb.png.png").read_bytes()


def test_an_exported_model_scales_deep_images_as_its_classifier(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (8, 8, 8)).astype(np.uint16)
    data = from_arrays(values, ["cat", "dog"] * 4, bit_depth=12)
    classifier = train(load_recipe("logistic-pixels"), data, device="cpu", progress=False)
    export_onnx(classifier, tmp_path / "m.onnx")
    model = load_onnx(tmp_path / "m.onnx")
    assert model.pixel_range == classifier.pixel_range
    new = Dataset(tuple(image_samples(values // 2)), ())
    np.testing.assert_allclose(
        model.predict_all(new).probabilities, classifier.predict_all(new).probabilities, atol=CLOSE
    )


def test_a_model_of_numbers_predicts_them_from_its_file(tmp_path: Path) -> None:
    plan = load_recipe("ridge", backbone="pixels", overrides=("image_size=[12,12]", "head.tukey=1.0"))
    one = train(plan, numbered_squares(60), device="cpu", progress=False)
    assert export_onnx(one, tmp_path / "model.onnx") == ("numbers",)
    model, data = load_onnx(tmp_path / "model.onnx"), numbered_squares(10, seed=1)
    numbers = model.predict_all(data).numbers
    assert numbers is not None
    np.testing.assert_allclose(numbers, one.predict(data), rtol=1e-4)
    counts = [predict_table(each, data, tmp_path / f"{name}.csv") for name, each in (("one", one), ("model", model))]
    heads = [(tmp_path / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0] for name in ("one", "model")]
    assert (counts, heads[0]) == ([{}, {}], heads[1])
    with pytest.raises(ModelError, match="the server needs a model of classes"):
        refuse_exported_numbers(model, "the server")


def test_a_network_of_numbers_is_exported_too(tmp_path: Path) -> None:
    one = train(_recipe("linear"), numbered_squares(24), device="cpu", progress=False)
    export_onnx(one, tmp_path / "model.onnx")
    data = numbered_squares(5, seed=1)
    numbers = load_onnx(tmp_path / "model.onnx").predict_all(data).numbers
    assert numbers is not None
    np.testing.assert_allclose(numbers, one.predict(data), rtol=1e-3)
