import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from handful.data.in_memory import fit_size
from handful.data.resampling import Resize, fit_image, fit_mask, resample, taps, unfit_mask


def _noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("seed", range(40))
def test_resampling_is_pytorch_s_to_the_last_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    (h, w, a, b) = (int(side) for side in rng.integers(1, 150, 4))
    planes = _noise(3 if seed % 2 else 1, h, w, seed=seed)
    if (a, b) == (1, 1):
        return
    wanted = F.interpolate(torch.from_numpy(planes)[None], (a, b), mode="bilinear", antialias=True)[0].numpy()
    assert np.array_equal(resample(planes, (a, b)), wanted)


@pytest.mark.parametrize("own", [(778, 1168), (84, 84), (120, 33), (7, 900), (224, 10), (5, 5)])
@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
def test_an_image_is_fitted_as_it_is_for_training(own: tuple[int, int], resize: Resize) -> None:
    image = _noise(3, *own)
    for size in ((32, 32), (31, 48)):
        assert np.array_equal(fit_image(image, size, resize), fit_size(image, size, resize))


def test_a_single_pixel_is_the_mean() -> None:
    image = _noise(3, 9, 5)
    assert np.array_equal(fit_image(image, (1, 1), "squash"), fit_size(image, (1, 1), "squash"))


def test_weights_add_up_to_one_as_nearly_as_integers_do() -> None:
    found = taps(1168, 224)
    assert found.weights.max() < 2**15
    assert np.abs(found.weights.sum(axis=1) / 2**found.digits - 1).max() < found.weights.shape[1] / 2**found.digits


@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
@pytest.mark.parametrize("own", [(13, 20), (20, 13), (12, 12), (40, 41)])
def test_what_was_not_cut_comes_back(own: tuple[int, int], resize: Resize) -> None:
    mask = np.ones(own, dtype=bool)
    back = unfit_mask(fit_mask(mask, (17, 12), resize), own, resize)
    assert back.shape == own
    h, w = own
    assert back[h // 2 - 1 : h // 2 + 1, w // 2 - 1 : w // 2 + 1].all()


def test_it_takes_no_pytorch() -> None:
    code = "import sys, handful.data.load, handful.reports.overlay; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
