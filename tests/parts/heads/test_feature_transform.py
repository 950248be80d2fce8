import numpy as np
import pytest
import torch
import torch.nn.functional as F

from handful.parts.heads._feature_transform import FeatureTransform
from tests.parts.heads.fitted_heads import blobs, build_fitted, fitted


def test_raise_then_center_then_unit_length() -> None:
    x = torch.tensor([[4.0, -9.0], [1.0, 16.0]])
    mean = torch.tensor([1.0, 1.0])
    roots = torch.tensor([[2.0, -3.0], [1.0, 4.0]])
    torch.testing.assert_close(FeatureTransform(center=False, l2=False, tukey=0.5)(x, mean), roots)
    torch.testing.assert_close(FeatureTransform(center=True, l2=False, tukey=0.5)(x, mean), roots - 1)
    torch.testing.assert_close(FeatureTransform(center=True, l2=True, tukey=0.5)(x, mean), F.normalize(roots - 1))
    assert FeatureTransform(center=False, l2=False)(x, mean) is x


def test_a_power_raises_features_before_anything_else() -> None:
    x, y = blobs()
    options = {"C": 1.0}
    plain = fitted("logistic", options)
    raised = fitted("logistic", {**options, "tukey": 0.5})
    roots = build_fitted("logistic", options)
    roots.fit((x.sign() * x.abs().sqrt())[:, None], y, seed=0)
    of_raised, of_roots, of_plain = (head.state_dict()["weight"].numpy() for head in (raised, roots, plain))
    np.testing.assert_allclose(of_raised, of_roots, atol=1e-6)
    assert not np.allclose(of_raised, of_plain, atol=1e-2)
    torch.testing.assert_close(raised.output(x).features, x)  # what others read stays as it is


@pytest.mark.parametrize("tukey", [0.3, 0.5, 2.0])
def test_raising_0_has_a_finite_gradient_and_changes_no_value(tukey: float) -> None:
    x = torch.tensor([[0.0, -0.0, 1e-38, -4.0], [0.3, 7.0, torch.nan, 0.0]], requires_grad=True)
    raised = FeatureTransform(tukey=tukey).raised(x)
    assert raised.detach().numpy().tobytes() == (x.sign() * x.abs() ** tukey).detach().numpy().tobytes()
    raised[:, [0, 1, 3]].sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert x.grad[:, [0, 1, 3]].isfinite().all()
    assert x.grad[0, 0] == 0


@pytest.mark.parametrize("tukey", [0, -1, True, float("inf")])
def test_powers_that_are_not_above_0_are_refused(tukey: float) -> None:
    with pytest.raises(ValueError, match="tukey must be a number above 0"):
        FeatureTransform(center=True, l2=True, tukey=tukey)
