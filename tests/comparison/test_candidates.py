from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.comparison.candidate_rules import has_second_backbone, traits_of
from handful.comparison.candidates import CONTROLS, choose_candidates
from handful.core.dataset import Dataset
from handful.data.images import pixels
from handful.errors import ProtocolError, RecipeError
from handful.recipes.write import to_toml
from tests.support.datasets import CLASSES, recipe, squares


def pictures(*, size: int = 96, masks: bool = True, black: bool = False, classes: tuple[str, ...] = CLASSES) -> Dataset:
    """Three images a class, on noisy or black ground."""
    data = squares(3, size=size, masks=masks)
    if black:
        inside = np.zeros((size, size), dtype=bool)
        inside[2:-2, 2:-2] = True
        ground = (replace(s, image=np.where(inside, pixels(s), 0).astype(np.uint8)) for s in data.samples)
        data = replace(data, samples=tuple(ground))
    return replace(data, classes=classes)


def taken(data: Dataset, *wanted: str | Path, **options: bool) -> tuple[set[str], dict[str, str]]:
    recipes, candidates = choose_candidates(data, wanted, **options)  # type: ignore[arg-type]
    assert {r.name for r in recipes} == {c.recipe for c in candidates if c.taken}
    assert all(c.why for c in candidates)
    return {r.name for r in recipes}, {c.recipe: c.why for c in candidates if not c.taken}


SECOND = {"logistic@lite0+lite2"} if has_second_backbone() else set()
PRETRAINED = {"classification", "nearest-centroid", "logistic"} | SECOND


def test_masks_bring_the_methods_that_learn_from_them() -> None:
    names, left = taken(pictures())
    assert names >= PRETRAINED | {"cvs", "cvs-joint", "multitask"}
    assert "96 pixels" in left["cvs-wrn"]
    names, left = taken(pictures(masks=False, classes=("1", "2", "3")))
    assert names == PRETRAINED | {"fine-tuned", "logistic-hypercolumns"}
    assert "no image has a mask" in left["cvs"]
    assert "not words" in left["soft-labels"]


def test_controls_come_first_and_have_their_role() -> None:
    recipes, candidates = choose_candidates(pictures())
    names = [r.name for r in recipes]
    assert set(names[: len(PRETRAINED)]) == PRETRAINED
    assert {c.recipe for c in candidates if c.role == "control"} == PRETRAINED
    assert set(CONTROLS) > PRETRAINED - SECOND


def test_two_backbones_are_not_joined_where_others_are_named() -> None:
    recipes, _ = choose_candidates(pictures(), backbones=("pixels",))
    assert not SECOND & {r.name for r in recipes}


def test_hypercolumns_need_a_backbone_with_stages() -> None:
    _, candidates = choose_candidates(pictures(), backbones=("lite0", "pixels"))
    found = {c.recipe: c.taken for c in candidates if c.recipe.startswith("logistic-hypercolumns")}
    assert found == {"logistic-hypercolumns": True, "logistic-hypercolumns@pixels": False}


def test_small_images_on_black_ground_are_tried_from_random_weights_too() -> None:
    names, left = taken(pictures(size=28, masks=False, black=True))
    assert {"cvs-wrn", "cvs-joint-wrn", "classification-wrn"} <= names
    assert names >= PRETRAINED
    assert "represented by the other two" in left["multitask-wrn"]
    names, left = taken(pictures(size=28, masks=False))
    assert "ground is not black" in left["cvs-wrn"]
    assert "ground is not black" in left["multitask-wrn"]
    assert {"classification-wrn", "logistic-pixels"} <= names


def test_without_pretrained_weights_the_controls_are_others() -> None:
    names, left = taken(pictures(size=28), pretrained=False)
    assert names >= {"classification-wrn", "logistic-pixels", "cvs-wrn", "multitask-wrn"}
    assert not {n for n in names if n.endswith("lite0")}
    assert left["cvs"] == "pretrained=False"


def test_images_of_several_sizes_are_said_to_be() -> None:
    small, large = pictures(size=28), pictures(size=32)
    both = replace(small, samples=small.samples + tuple(replace(s, id=f"b/{s.id}") for s in large.samples))
    _, left = taken(both)
    assert "differ in size" in left["cvs-wrn"]
    assert traits_of(both).side == 32


def test_controls_are_in_whatever_is_named_unless_spelled_out(tmp_path: Path) -> None:
    names, _ = taken(pictures(), "cvs")
    assert names == PRETRAINED - SECOND | {"cvs"}
    names, _ = taken(pictures(), "cvs-wrn")
    assert names == {"cvs-wrn", "classification-wrn", "logistic-pixels"}
    names, _ = taken(pictures(), "vipf-small")
    assert {"classification-resnext-small", "logistic-pixels"} <= names
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(recipe("segmentation", "name=mine")))
    names, _ = taken(pictures(), path)
    assert names == {"mine", "classification-wrn", "logistic-pixels"}
    names, left = taken(pictures(), "cvs", controls=False)
    assert names == {"cvs"}
    assert left["logistic"] == "controls=False"


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(RecipeError, match="did you mean 'cvs'"):
        choose_candidates(pictures(), ["cvs-lite"])
    with pytest.raises(ProtocolError, match="listed twice"):
        choose_candidates(pictures(), ["cvs", "cvs"])
    with pytest.raises(ProtocolError, match="no recipe besides"):
        choose_candidates(pictures(masks=False, classes=("1", "2", "3")), controls=False, pretrained=False)
