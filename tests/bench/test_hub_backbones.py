from typing import Any

import pytest
from bench.tables import hub_backbones

from handful.errors import WeightsError


def test_without_a_network_the_table_says_that_it_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(backbone: Any) -> None:
        raise WeightsError("no hub answers")

    monkeypatch.setattr(hub_backbones, "check_weights", missing)
    with pytest.raises(WeightsError, match=r"(?s)needs a network.*no hub answers.*hf download timm/vit_small"):
        hub_backbones.recipes(quick=False)


def test_with_the_weights_both_backbones_see_images_of_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_backbones, "check_weights", lambda backbone: None)
    rows = hub_backbones.recipes(quick=True)
    assert rows[0].name == hub_backbones.CONTROL
    assert [r.name.partition("@")[0] for r in rows[-2:]] == ["logistic", "lora"]
    assert {r.image_size for r in rows if r.head.name != "conse"} == {(224, 224)}
