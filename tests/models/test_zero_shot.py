import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

from handful.core.recipe import Part
from handful.data.in_memory import fit_size
from handful.models import efficientnet_lite
from handful.models.text import imagenet_classes
from handful.models.zero_shot import SCALE, ClassNameScores, NameTexts, embed, imagenet_arrays
from handful.parts import registry
from tests.support.datasets import context
from tests.support.imagenet_names import SIZE, fake_texts


def arrays(networks: int = 2, channels: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    shapes = {"named": (3, 4), "weight": (networks, 7, channels), "bias": (networks, 7), "vectors": (7, 4)}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def test_an_image_is_the_mean_of_class_vectors_as_the_networks_see_them() -> None:
    given = arrays()
    x = np.random.default_rng(2).random((6, 10)).astype(np.float32)
    tensors = [torch.from_numpy(given[name]) for name in ("weight", "bias", "vectors")]
    embedded = embed(torch.from_numpy(x), *tensors)
    for row, image in zip(embedded.numpy(), x, strict=True):
        mixed = np.zeros(4)
        for m, part in enumerate((image[:5], image[5:])):
            logits = given["weight"][m] @ (SCALE * part / np.linalg.norm(part)) + given["bias"][m]
            shares = np.exp(logits) / np.exp(logits).sum()
            mixed += sum(share * vector for share, vector in zip(shares, given["vectors"], strict=True)) / 2
        np.testing.assert_allclose(row, mixed / np.linalg.norm(mixed), atol=1e-5)


def test_without_a_classifier_the_features_are_the_vector() -> None:
    scores = ClassNameScores({"named": np.eye(3, dtype=np.float32)})
    cosines = scores(torch.tensor([[3.0, 4.0, 0.0]]))
    torch.testing.assert_close(cosines, torch.tensor([[0.6, 0.8, 0.0]]))


def test_buffers_take_the_shapes_of_a_saved_model() -> None:
    full, empty = ClassNameScores(arrays()), ClassNameScores()
    empty.load_state_dict(full.state_dict())
    x = torch.rand((2, 10), generator=torch.Generator().manual_seed(0))
    assert torch.equal(empty(x), full(x))


def test_the_arrays_are_those_of_the_installed_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_texts(monkeypatch)
    made = imagenet_arrays((0, 2), ("cat", "dog"))
    assert made["weight"].shape == (2, 1000, 1280)
    assert made["vectors"].shape == (1000, SIZE)
    for i, number in enumerate((0, 2)):
        np.testing.assert_array_equal(made["bias"][i], efficientnet_lite.installed_tensors(number)["_fc.bias"])
    np.testing.assert_allclose(np.linalg.norm(made["named"], axis=1), 1, rtol=1e-5)


def test_definitions_are_those_of_the_classes_in_imagenets_order() -> None:
    texts = imagenet_classes.definitions()
    assert len(texts) == 1000
    assert texts[0].startswith("tench, Tinca tinca: freshwater")


@pytest.mark.slow
def test_names_alone_tell_a_palace_from_a_flower() -> None:
    backbone = registry.build("backbones", Part("efficientnet_lite0"), context())
    scores = ClassNameScores(imagenet_arrays((0,), ("flower", "palace")))
    for photograph, wanted in zip(load_sample_images().images, (1, 0), strict=True):
        image = torch.from_numpy(fit_size(np.array(photograph).transpose(2, 0, 1), (224, 224), "crop"))
        with torch.inference_mode():
            features = backbone.network.eval()((image[None].float() / 255 - 0.5) / 0.5).mean(dim=(2, 3))
            assert int(scores(features).argmax()) == wanted


def test_a_name_may_be_read_with_its_definition() -> None:
    assert imagenet_classes.definition_of("Acoustic_guitar") == "sound is not amplified by electrical means"
    assert str(imagenet_classes.definition_of("automobile")).startswith("a motor vehicle with four wheels")
    assert str(imagenet_classes.definition_of("cat")).startswith("feline mammal")  # not the whip, nor the vehicle
    assert imagenet_classes.definition_of("A1") is None
    classes = ("deer", "A1", "bus_0", "pet")
    texts = NameTexts(definitions=True, aliases={"pet": "cat"}, descriptions={"bus_0": "a red bus"})
    read = texts.source(classes)["descriptions"]
    assert read.keys() == {"deer", "bus_0", "pet"}
    assert read["deer"].startswith("deer: distinguished from Bovidae")
    assert read["pet"].startswith("cat: feline")
    assert read["bus_0"] == "a red bus"
    assert NameTexts().source(classes)["descriptions"] is None
