from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid

from handful.models.ensemble import join
from handful.parts.posthoc.class_means import build, over_means
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.classifiers import untrained
from tests.support.datasets import context, recipe, squares


def features(data: Any, seed: int = 0) -> Any:
    return np.concatenate([o.features.numpy() for o in untrained(seed=seed).outputs(data)])


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_")
def test_predicts_as_scikit_learns_nearest_centroid() -> None:
    train_set, test_set = squares(5), squares(20, seed=9)
    oracle = NearestCentroid().fit(features(train_set), train_set.labels)
    found = over_means(untrained(), train_set)
    np.testing.assert_array_equal(found.predict(test_set), oracle.predict(features(test_set)))
    np.testing.assert_allclose(found.network.get_buffer("means").numpy(), oracle.centroids_, rtol=1e-5)


@pytest.mark.parametrize(("metric", "temperature"), [("euclidean", 1.0), ("euclidean", 0.01), ("cosine", 0.1)])
def test_probabilities_are_the_papers(metric: Any, temperature: float) -> None:
    data, test = squares(3), squares(2, seed=5)
    x, f = features(data), features(test)
    means = np.stack([x[data.labels == c].mean(axis=0) for c in range(3)])
    if metric == "cosine":
        lengths = np.linalg.norm(f, axis=1)[:, None] * np.linalg.norm(means, axis=1)
        scores = f @ means.T / lengths / temperature
    else:
        scores = -((f[:, None] - means) ** 2).sum(axis=2) / temperature
    expected = np.exp(scores - scores.max(axis=1, keepdims=True))
    found = over_means(untrained(), data, metric=metric, temperature=temperature).probabilities(test)
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True), rtol=1e-3, atol=1e-6)


def test_an_ensembles_members_have_means_of_their_own(tmp_path: Path) -> None:
    both = join([untrained(), untrained(seed=1)])
    found = over_means(both, squares())
    assert [m.network.part.name for m in found.members] == ["class_means", "class_means"]  # type: ignore[attr-defined]
    alone = [over_means(untrained(seed=s), squares()).probabilities(squares(2, seed=3)) for s in (0, 1)]
    np.testing.assert_allclose(found.probabilities(squares(2, seed=3)), sum(alone) / 2, atol=1e-6)


def test_behind_prototypical_training_it_learns_and_is_saved(tmp_path: Path) -> None:
    stage = 'stages=[{steps=30, losses=[{name="prototypical", shots=3}], optimizer={lr=0.02}}]'
    plan = replace(recipe("linear", stage, 'posthoc=["class_means"]'), batch_size=24, fill_batch=True)
    classifier = train(plan, squares(8), progress=False)
    test = squares(8, seed=4)
    assert (classifier.predict(test) == test.labels).mean() > 0.8
    loaded = load_classifier(save_classifier(classifier, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.probabilities(test), classifier.probabilities(test))


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"temperature": -1.0}, {"temperature": True}])
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="temperature must be"):
        build(context(), **options)
