from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.errors import DataError, ModelError
from handful.models.classifier import Classifier
from handful.models.ensemble import join
from handful.parts import registry
from handful.parts.posthoc.tta import over_views
from handful.saving.classifier import load_classifier, save_classifier
from handful.saving.extra_classes import with_class_vectors, with_file, with_names, with_tree
from handful.training.train import train
from tests.support.classifiers import untrained
from tests.support.datasets import recipe, squares
from tests.support.word_vector_files import write_text_vectors

WORDS = {"blue": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "red": (0.0, 0.0, 1.0), "teal": (0.8, 0.6, 0.0)}
# The cosine loss draws an image to its class's vector; equation 1 only needs to tell the classes apart.
COSINE = ('stages=[{steps=200, losses=["cosine"], optimizer={lr=0.05}}]', "backbone.dropout=0.0", "augment=[]")


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Classifier]:
    """Trains on blue and red alone; green is left for its name."""
    path = str(write_text_vectors(tmp_path_factory.mktemp("words") / "words.txt", WORDS))

    def trained(*overrides: str, **options: object) -> Classifier:
        labels = Part("word_embeddings", {"source": "words", "path": path, "temperature": 0.1, **options})
        return train(replace(recipe("linear", *overrides), labels=labels), seen(), progress=False)

    return trained


def seen() -> Dataset:
    data = squares(6)
    kept = [replace(s, label=s.label // 2) for s in data.samples if s.label is not None and s.label != 1]
    return Dataset(tuple(kept), ("blue", "red"))


@pytest.mark.parametrize("learn", [False, True])
def test_known_classes_keep_their_scores_and_new_ones_join(make: Callable[..., Classifier], learn: bool) -> None:
    before = make("steps=3", learn_temperature=learn)
    data = seen()
    after = with_names(before, ["green", "teal"])
    assert after.classes == ("blue", "red", "green", "teal")
    assert after.counts.tolist() == [6, 6, 0, 0]
    assert after.labels.read_as == after.classes
    old = torch.cat([o.logits for o in before.outputs(data)])
    new = torch.cat([o.logits for o in after.outputs(data)])
    torch.testing.assert_close(new[:, :2], old)
    embedding = torch.cat([o.embedding for o in before.outputs(data)])
    scale = old / torch.nn.functional.normalize(embedding, dim=1)[:, [0, 2]]  # 1 / temperature
    expected = torch.nn.functional.normalize(embedding, dim=1) @ torch.tensor([WORDS["green"], WORDS["teal"]]).T
    torch.testing.assert_close(new[:, 2:], expected * scale[0, 0], rtol=1e-4, atol=1e-4)
    assert before.classes == ("blue", "red")
    assert before.probabilities(data).shape == (12, 2)


def test_the_nearer_of_two_unseen_names_is_the_likelier(make: Callable[..., Classifier]) -> None:
    trained = make(*COSINE)
    assert (trained.predict(seen()) == seen().labels).all()
    probabilities = with_names(trained, ["green", "teal"]).probabilities(seen())
    blue = seen().labels == 0
    # By its vector teal is blue with some green in it: of all names but blue it suits a blue square best.
    assert (probabilities[blue, 3] > probabilities[blue][:, [1, 2]].max(axis=1)).all()


def test_saved_and_loaded_with_its_new_classes(make: Callable[..., Classifier], tmp_path: Path) -> None:
    classifier = with_names(make("steps=3", "backbone.norm=auto", learn_temperature=True), ["green", "teal"])
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    assert loaded.classes == classifier.classes
    np.testing.assert_array_equal(loaded.probabilities(seen()), classifier.probabilities(seen()))


def test_an_ensembles_members_all_learn_the_name(make: Callable[..., Classifier]) -> None:
    both = join([make("steps=2"), make("steps=3")])
    extended = with_names(both, ["teal"])
    assert extended.classes == ("blue", "red", "teal")
    assert extended.probabilities(seen()).shape == (12, 3)


def test_what_cannot_be_extended_is_refused(make: Callable[..., Classifier], tmp_path: Path) -> None:
    classifier = make("steps=2")
    with pytest.raises(ModelError, match=r"labels \(one_hot\) do not depend"):
        with_names(untrained(), ["teal"])
    with pytest.raises(ModelError, match="'red' already exists"):
        with_names(classifier, ["red"])
    with pytest.raises(DataError, match="'mauve'"):
        with_names(classifier, ["mauve"])
    with pytest.raises(ModelError, match="does not end in a comparison"):
        with_names(over_views(classifier, views="flip"), ["teal"])
    with pytest.raises(ModelError, match="vectors of 2 numbers; the model's have 3"):
        with_class_vectors(classifier, ["teal"], torch.ones(1, 2))
    path = Path(str(classifier.recipe.labels.options["path"]))
    was = path.read_bytes()
    write_text_vectors(path, {**WORDS, "red": (0.0, 0.5, 1.0)})
    with pytest.raises(ModelError, match="has changed since this model was trained"):
        with_names(classifier, ["teal"])
    path.write_bytes(was)


TREE = "all: {cold: [blue, green, teal], warm: [red, orange]}\n"


def tree_file(folder: Path, text: str = TREE) -> Path:
    (folder / "tree.yaml").write_text(text)
    return folder / "tree.yaml"


def test_a_tree_adds_its_groups_to_any_model(tmp_path: Path) -> None:
    before, data = untrained("linear"), squares(2)
    before = replace(before, card={"scores": {"rows": []}, "data": "squares"})
    after = with_file(before, tree_file(tmp_path))
    assert after.classes == ("blue", "green", "red", "cold", "warm")
    assert after.probabilities(data).shape == (6, 5)
    assert after.card == {"data": "squares"}  # how often its trained classes are right does not hold for groups


def test_a_group_is_the_answer_where_its_classes_are_in_doubt(tmp_path: Path) -> None:
    one = with_tree(untrained("linear"), tree_file(tmp_path))
    squared = one.network.squared
    assert isinstance(squared, torch.Tensor)
    answers = {
        row: one.classes[int((torch.tensor(row) @ squared).argmin())]
        for row in ((0.9, 0.1, 0.0), (0.5, 0.5, 0.0), (0.04, 0.06, 0.9), (0.2, 0.2, 0.6))
    }
    assert list(answers.values()) == ["blue", "cold", "red", "warm"]
    sure = (-(torch.tensor((1.0, 0.0, 0.0)) @ squared) / one.network.temperature).softmax(dim=0)  # type: ignore[operator]
    assert sure[0] > 0.9


def test_an_ensembles_members_all_have_the_tree(tmp_path: Path) -> None:
    both = join([untrained("linear"), untrained("linear")])
    extended = with_tree(both, tree_file(tmp_path))
    assert extended.classes == ("blue", "green", "red", "cold", "warm")
    assert extended.probabilities(squares(2)).shape == (6, 5)
    assert over_views(extended, views="flip").probabilities(squares(2)).shape == (6, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("all: {cold: [blue, green]}", "classes are missing from the hierarchy: 'red'"),
        ("all: {cold: [blue, green], warm: [red, blue]}", "listed twice: 'blue'"),
        ("all: {cold: [blue, teal, teal], warm: [green, red]}", "listed twice: 'teal'"),
        ("all: {cold: [blue, {green: [teal, mint]}], warm: [red, pink]}", "other classes below them: 'green'"),
        ("all: &a {cold: [blue, green], warm: [red, *a]}", "contains itself"),
        ("all: [blue, green, red]", "no group with classes of the model"),
        ("all: {cold: {x: [blue, teal], y: [green]}, x: [red, pink]}", "names are in the tree twice: 'x'"),
        ("all: {cold: [blue, green", "not YAML"),
    ],
)
def test_a_tree_that_does_not_fit_the_model_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        with_tree(untrained("linear"), tree_file(tmp_path, text))


def test_models_that_have_no_use_for_a_tree_are_refused(tmp_path: Path) -> None:
    one = untrained("linear")
    with pytest.raises(DataError, match="no such file"):
        with_tree(one, tmp_path / "none.yaml")
    path = tree_file(tmp_path)
    with pytest.raises(ModelError, match="by a model of one label per image"):
        with_tree(replace(one, kind="multilabel"), path)
    conformal = replace(one, network=registry.part_module("posthoc", "conformal").wrap(one.network))
    with pytest.raises(ModelError, match="prediction sets of this model"):
        with_tree(conformal, path)
    with pytest.raises(ModelError, match="cannot be saved"):
        save_classifier(with_tree(one, path), tmp_path / "model")
    assert not (tmp_path / "model").exists()
