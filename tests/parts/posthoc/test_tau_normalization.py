from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from handful.core.recipe import Part
from handful.core.tensors import LabelEmbedding
from handful.errors import ModelError, RecipeError
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.parts.posthoc.tau_normalization import normalised
from handful.parts.posthoc.tta import over_views
from tests.support.classifiers import mean_colour, untrained
from tests.support.datasets import context, squares


def linear(classifier: Classifier) -> Any:
    network: Any = classifier.network
    return network.head.linear


@pytest.mark.parametrize("tau", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("bias", [False, True])
def test_weights_are_divided_by_their_length_to_tau_up_to_one_factor(tau: float, bias: bool) -> None:
    before = untrained("linear")
    after = normalised(before, tau=tau, bias=bias)
    own, other = linear(before).weight.double().numpy(), linear(after).weight.double().numpy()
    lengths = np.sqrt((own**2).sum(axis=1))
    factor = (other / (own / lengths[:, None] ** tau)).ravel()
    np.testing.assert_allclose(factor, lengths.mean() ** tau, rtol=1e-4)
    wanted = linear(before).bias if bias else torch.zeros(3)
    torch.testing.assert_close(linear(after).bias, wanted)
    assert linear(before).bias.abs().sum() > 0


def test_at_one_the_class_is_that_of_the_nearest_weight_by_angle() -> None:
    before, data = untrained("linear"), squares(5, seed=3)
    found = normalised(before, tau=1.0).predict(data)
    features = torch.cat([o.features for o in before.outputs(data)])
    cosine = torch.nn.functional.cosine_similarity(features[:, None], linear(before).weight[None], dim=2)
    np.testing.assert_array_equal(found, cosine.argmax(dim=1).numpy())


def test_it_reaches_through_other_parts() -> None:
    before, data = untrained("linear"), squares(2, seed=3)
    a = normalised(over_views(before, views="flip"))
    b = over_views(normalised(before), views="flip")
    np.testing.assert_array_equal(a.probabilities(data), b.probabilities(data))


def test_without_class_weights_it_is_refused_before_training() -> None:
    soft = LabelEmbedding(torch.eye(3), similarity="cosine")
    for given in (context("segmentation"), replace(context("linear"), labels=soft)):
        with pytest.raises(RecipeError, match=r"(?s)no class weights.*linear, multitask with one_hot"):
            registry.build("posthoc", Part("tau_normalization"), given)
    with pytest.raises(RecipeError, match="from 0 to 1"):
        registry.build("posthoc", Part("tau_normalization", {"tau": 2.0}), context("linear"))
    with pytest.raises(ModelError, match="no linear layer"):
        normalised(mean_colour())
