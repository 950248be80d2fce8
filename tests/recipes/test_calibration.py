import pytest

from handful.errors import ProtocolError, command_line
from handful.recipes.calibration import with_calibration
from tests.support.datasets import recipe


@pytest.mark.parametrize("name", ["coverage", "reject", "missed"])
@pytest.mark.parametrize("share", [0.0, 1.0, 1.5, -0.1])
def test_a_share_outside_0_and_1_is_refused_by_the_name_of_its_option(name: str, share: float) -> None:
    with command_line(), pytest.raises(ProtocolError, match=f"--{name} {share}: not a share between 0 and 1"):
        with_calibration(recipe(), kind="multilabel", **{name: share})  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [{"thresholds": True}, {"missed": 0.1}])
def test_thresholds_of_classes_need_several_labels(given: dict[str, object]) -> None:
    (name,) = given
    with command_line(), pytest.raises(ProtocolError, match=f"--{name}.*: thresholds are for images with several"):
        with_calibration(recipe(), kind="multiclass", **given)  # type: ignore[arg-type]
    for kind in ("multilabel", None):
        parts = with_calibration(recipe(), kind=kind, **given).posthoc  # type: ignore[arg-type]
        assert [part.name for part in parts] == ["thresholds"]
