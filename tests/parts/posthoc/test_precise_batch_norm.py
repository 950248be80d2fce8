"""Statistics of batch norms after training: those of the training images, through the network as it predicts."""

import numpy as np
import pytest
import torch
from torch import nn

from handful.core.dataset import Dataset
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.models.posthoc_module import unwrap
from handful.parts.backbones._dual_branch import DualBranch
from handful.parts.posthoc.precise_batch_norm import build, reestimated
from tests.parts.posthoc.mean_color_classifier import color_dataset, fit_mean_colors
from tests.support.classifiers import untrained
from tests.support.datasets import context, recipe, squares


def first_norm(classifier: Classifier) -> nn.BatchNorm2d:
    return next(m for m in unwrap(classifier.network).modules() if isinstance(m, nn.BatchNorm2d))


def seen_by_first_norm(classifier: Classifier, data: Dataset) -> torch.Tensor:
    maps: list[torch.Tensor] = []
    handle = first_norm(classifier).register_forward_pre_hook(lambda _, given: maps.append(given[0]))
    list(classifier.outputs(data))
    handle.remove()
    return torch.cat(maps).float()


@pytest.mark.parametrize("batch_size", [256, 6])
def test_statistics_are_those_of_the_training_images(batch_size: int) -> None:
    before, data = untrained("linear"), squares(4)
    after = reestimated(before, data, batch_size=batch_size)
    maps = seen_by_first_norm(before, data)
    torch.testing.assert_close(first_norm(after).running_mean, maps.mean(dim=(0, 2, 3)), atol=1e-4, rtol=1e-4)
    if batch_size > 12:
        wanted = maps.transpose(0, 1).flatten(1).var(dim=1)
        torch.testing.assert_close(first_norm(after).running_var, wanted, atol=1e-4, rtol=1e-3)
    assert first_norm(after).momentum == first_norm(before).momentum
    assert not after.network.training
    fresh = untrained("linear")
    torch.testing.assert_close(first_norm(before).running_mean, first_norm(fresh).running_mean)


def test_branches_are_mixed_as_in_inference() -> None:
    pair = DualBranch(nn.Identity(), nn.Conv2d(3, 3, 1), lambda_per="batch")
    network = nn.Sequential(pair, nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    before = fit_mean_colors(recipe(), color_dataset(4, 0), 0)
    object.__setattr__(before, "network", network)
    data = color_dataset(4, 0)
    after = reestimated(before, data)
    images = torch.from_numpy(np.stack([np.asarray(s.image) for s in data.samples])).float() / 255
    mixed = (images + pair.second(images)) / 2
    norm = next(m for m in after.network.modules() if isinstance(m, nn.BatchNorm2d))
    torch.testing.assert_close(norm.running_mean, mixed.mean(dim=(0, 2, 3)).detach(), atol=1e-3, rtol=1e-3)


def test_a_network_without_batch_norm_is_refused() -> None:
    with pytest.raises(ModelError, match="no batch norm"):
        reestimated(fit_mean_colors(recipe(), color_dataset(4, 0), 0), color_dataset(4, 0))


def test_a_batch_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="from 2 up, not 1"):
        build(context(), batch_size=1)
