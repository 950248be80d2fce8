"""Extending a saved model: what is replayed, how labels join, what is refused, and that nothing is overwritten."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.core.dataset import Dataset
from handful.core.hierarchy import Tree
from handful.errors import DataError, ModelError, OutputError, ProtocolError
from handful.models.classifier import Classifier
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.extend import extend_to, joined, replayed
from handful.training.train import train
from tests.support.datasets import recipe, squares

TREE = Tree("all", (Tree("cold", (Tree("blue"), Tree("green"))), Tree("red")))


def renamed(data: Dataset, **names: str) -> Dataset:
    """The data with other class names, of which several may be one."""
    new = [names.get(name, name) for name in data.classes]
    classes = tuple(sorted(set(new)))
    samples = tuple(replace(s, label=classes.index(new[s.label or 0])) for s in data.samples)
    return replace(data, samples=samples, classes=classes)


def only(data: Dataset, *names: str) -> Dataset:
    wanted = {data.classes.index(n) for n in names}
    kept = replace(data, samples=tuple(s for s in data.samples if s.label in wanted))
    classes = tuple(sorted(names))
    samples = tuple(replace(s, label=classes.index(data.classes[s.label or 0])) for s in kept.samples)
    return replace(kept, samples=samples, classes=classes)


def saved(folder: Path, data: Dataset, *, network: bool = False) -> Classifier:
    plan = recipe("linear", "batch_size=8", "steps=2") if network else load_recipe("logistic-pixels")
    model = train(plan, data, device="cpu", progress=False)
    save_classifier(model, folder)
    return model


def test_a_model_learns_a_new_class_and_keeps_the_old_ones(tmp_path: Path) -> None:
    old = only(squares(), "blue", "green")
    saved(tmp_path / "old", old)
    before = (tmp_path / "old" / "weights.safetensors").read_bytes()
    found = extend_to(tmp_path / "new", tmp_path / "old", only(squares(seed=1), "red"), old, device="cpu")
    assert (found.added, found.split, found.replayed, found.missing, found.new) == (("red",), (), 8, 0, 4)
    model = load_classifier(tmp_path / "new")
    assert model.classes == ("blue", "green", "red")
    assert model.card["extended"]["classes"] == ["blue", "green"]
    images = squares(seed=2)
    assert (model.predict(images.without_labels()) == images.labels).mean() > 0.9
    assert (tmp_path / "old" / "weights.safetensors").read_bytes() == before


def test_it_is_the_training_on_both(tmp_path: Path) -> None:
    old, new = only(squares(), "blue", "green"), only(squares(seed=1), "red", "green")
    saved(tmp_path / "old", old)
    found = extend_to(tmp_path / "new", tmp_path / "old", new, old, device="cpu", seed=3)
    both = replace(joined(new, old, None), classes=("blue", "green", "red"))
    other = train(load_recipe("logistic-pixels"), both, seed=3, device="cpu", progress=False)
    images = squares(seed=2).without_labels()
    np.testing.assert_array_equal(found.classifier.probabilities(images), other.probabilities(images))


def test_old_images_of_a_class_that_is_split_become_candidates() -> None:
    old, new = renamed(squares(), blue="cold", green="cold"), only(squares(2, seed=1), "blue", "green")
    data = joined(new, old, TREE)
    assert data.classes == ("blue", "green", "red")
    assert [s.label for s in data.samples[:4]] == [0, 0, 1, 1]
    old_ones = data.samples[4:]
    assert [s.candidates is not None for s in old_ones] == [True] * 8 + [False] * 4
    assert data.candidates()[4].tolist() == [True, True, False]
    assert data.counts.tolist() == [2, 2, 4]


def test_a_model_learns_finer_classes_whose_names_it_then_tells(tmp_path: Path) -> None:
    old, new = renamed(squares(8), blue="cold", green="cold"), only(squares(2, seed=1), "blue", "green")
    saved(tmp_path / "old", old)
    tree = tmp_path / "tree.yaml"
    tree.write_text("cold: [blue, green]\nred:\n")
    found = extend_to(tmp_path / "new", tmp_path / "old", new, old, tree=tree, device="cpu")
    assert (found.added, found.split) == (("blue", "green"), ("cold",))
    assert found.classifier.card["candidate_images"] == 16
    images = squares(seed=2)
    assert (found.classifier.predict(images.without_labels()) == images.labels).mean() > 0.9


def test_a_network_starts_from_the_old_backbone(tmp_path: Path) -> None:
    old, new = only(squares(), "blue", "green"), only(squares(seed=1), "red")
    plan = load_recipe("classification-wrn", overrides=("backbone.depth=10", "backbone.width=1", "steps=1", "lr=1e-9"))
    first = train(plan, old, device="cpu", progress=False)
    save_classifier(first, tmp_path / "old")
    found = extend_to(tmp_path / "new", tmp_path / "old", new.select([0]), old, memory_per_class=2, device="cpu")
    backbones = [dict(m.network.named_parameters()) for m in (first, found.classifier)]
    names = [name for name in backbones[0] if name.startswith("backbone.")]
    assert len(names) > 5
    assert all(torch.allclose(backbones[0][n], backbones[1][n], atol=1e-6) for n in names)
    assert load_classifier(tmp_path / "new").classes == ("blue", "green", "red")


def test_what_the_model_did_not_learn_from_is_not_replayed(tmp_path: Path) -> None:
    old = squares(6)
    learned = old.select([i for i in range(len(old)) if i % 6 < 4])
    saved(tmp_path / "old", learned)
    nothing = replace(old, samples=())
    kept, missing, _ = replayed(old, tmp_path / "old", without=nothing, per_class=None, seed=0)
    assert set(kept.ids) == set(learned.ids)
    assert missing == 0
    few, missing, _ = replayed(old.select(range(3)), tmp_path / "old", without=nothing, per_class=None, seed=0)
    assert (len(few), missing) == (3, 9)
    one, *_ = replayed(old, tmp_path / "old", without=nothing, per_class=1, seed=0)
    assert one.counts.tolist() == [1, 1, 1]
    again, missing, renewed = replayed(old, tmp_path / "old", without=learned.select([0]), per_class=None, seed=0)
    assert learned.ids[0] not in again.ids, "it is among the new images, with a new label"
    assert (missing, renewed) == (0, 1)


def test_a_share_weighs_old_and_new_images() -> None:
    old, new = only(squares(), "blue", "green"), only(squares(2, seed=1), "red")
    data = joined(new, old, None, share=0.25)
    weights = np.array([s.weight for s in data.samples])
    assert weights[:2].sum() == pytest.approx(7.5)
    assert weights[2:].sum() == pytest.approx(2.5)
    assert not joined(new, old, None).has_weights


@pytest.mark.parametrize(("options", "what"), [({"share": 1.0}, "share"), ({"memory_per_class": 0}, "replay 0")])
def test_numbers_out_of_range_are_refused(tmp_path: Path, options: dict[str, float], what: str) -> None:
    with pytest.raises(ProtocolError, match=what):
        extend_to(tmp_path / "new", tmp_path / "old", squares(), squares(), **options)  # type: ignore[arg-type]


def test_another_memory_one_without_a_class_and_the_old_folder_are_refused(tmp_path: Path) -> None:
    old, new = only(squares(), "blue", "green"), only(squares(seed=1), "red")
    saved(tmp_path / "old", old)
    with pytest.raises(DataError, match="none of the 8 images"):
        extend_to(tmp_path / "new", tmp_path / "old", new, squares(seed=5), device="cpu")
    with pytest.raises(DataError, match="no image of 'green'"):
        extend_to(tmp_path / "new", tmp_path / "old", new, only(squares(), "blue"), device="cpu")
    again = extend_to(tmp_path / "new", tmp_path / "old", squares(), old, device="cpu")
    assert (again.replayed, again.renewed, again.missing, again.new) == (0, 8, 0, 12), (
        "all old images are among the new ones"
    )
    with pytest.raises(OutputError):
        extend_to(tmp_path / "old", tmp_path / "old", new, old, device="cpu")
    with pytest.raises(ProtocolError, match="the old model would be replaced"):
        extend_to(tmp_path / "old", tmp_path / "old", new, old, device="cpu", overwrite=True)


def test_a_model_that_does_not_say_what_it_learned_from_is_refused(tmp_path: Path) -> None:
    old = squares()
    model = train(load_recipe("logistic-pixels"), old, device="cpu", progress=False)
    card = {k: v for k, v in model.card.items() if k != "trained_on"}
    save_classifier(replace(model, card=card), tmp_path / "old")
    with pytest.raises(ModelError, match="does not say which images"):
        extend_to(tmp_path / "new", tmp_path / "old", squares(seed=1), old, device="cpu")


def test_new_images_without_any_label_are_refused(tmp_path: Path) -> None:
    old = only(squares(), "blue", "green")
    saved(tmp_path / "old", old)
    with pytest.raises(DataError, match="none of the 4 new images has a label"):
        extend_to(tmp_path / "new", tmp_path / "old", only(squares(seed=1), "red").without_labels(), old, device="cpu")
    assert not (tmp_path / "new").exists()


def test_an_old_image_that_lies_among_the_new_ones_without_a_label_is_replayed(tmp_path: Path) -> None:
    old = only(squares(), "blue", "green")
    saved(tmp_path / "old", old)
    copies = replace(old.without_labels(), samples=tuple(replace(s, label=None) for s in old.samples))
    kept, missing, _ = replayed(old, tmp_path / "old", without=copies, per_class=None, seed=0)
    assert (len(kept), missing) == (8, 0)
    kept, *_ = replayed(old, tmp_path / "old", without=old.select([0, 1]), per_class=None, seed=0)
    assert len(kept) == 6
