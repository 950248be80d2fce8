"""The rows of a table differ in their method and in nothing else."""

from dataclasses import replace

import pytest

from handful.core.recipe import Part, Recipe
from handful.recipes.load import load_recipe, recipe_names

NETWORKS = ("resnet50", "vgg16")
ROWS = [n for n in recipe_names() if n.startswith("paper-soft-labels") and not n.endswith(NETWORKS)]


def without_method(recipe: Recipe) -> Recipe:
    stages = tuple(replace(stage, losses=()) for stage in recipe.stages)
    plain = Part("linear", {"norm": recipe.head.options["norm"]})
    return replace(recipe, name="", about={}, head=plain, labels=Part("one_hot"), posthoc=(), stages=stages)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_of_the_papers_table_is_its_baseline_but_for_the_method(name: str) -> None:
    assert len(ROWS) == 9
    assert without_method(load_recipe(name)) == without_method(load_recipe("paper-soft-labels-cross-entropy"))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("method", ["cross-entropy", "glove"])
def test_a_row_of_another_network_is_its_row_but_for_the_network(method: str, network: str) -> None:
    own, plain = load_recipe(f"paper-soft-labels-{method}-{network}"), load_recipe(f"paper-soft-labels-{method}")
    assert replace(own, name="", about={}, backbone=plain.backbone) == replace(plain, name="", about={})
    assert own.backbone != plain.backbone


LONG_TAILS = [name for name in recipe_names() if name.startswith("paper-long-tail-")]


@pytest.mark.parametrize("name", LONG_TAILS)
def test_a_row_of_the_papers_long_tails_is_its_baseline_but_for_the_method(name: str) -> None:
    own, plain = load_recipe(name), load_recipe("paper-soft-labels-cross-entropy")
    stages = tuple(
        replace(s, losses=p.losses, sampler=p.sampler) for s, p in zip(own.stages, plain.stages, strict=True)
    )
    same = replace(own, name="", about={}, head=plain.head, labels=plain.labels, stages=stages)
    assert same == replace(plain, name="", about={})
    assert len(LONG_TAILS) == 7


@pytest.mark.parametrize("size", ["-wrn", ""])
def test_our_recipes_are_their_control_but_for_the_labels(size: str) -> None:
    ours, control = load_recipe(f"soft-labels{size}"), load_recipe(f"classification{size}")
    plain = replace(control, name="", about={}, search={})
    assert replace(ours, name="", about={}, search={}, labels=control.labels) == plain
    assert ours.search == {**control.search, "labels.temperature": ours.search["labels.temperature"]}
    assert ours.labels.name == "word_embeddings"


def combinations() -> list[str]:
    return [
        name
        for name in recipe_names()
        if name.startswith("soft-labels-") and name not in ("soft-labels-wrn",) and name.endswith("-wrn")
    ]


@pytest.mark.parametrize("name", combinations())
def test_a_combination_is_soft_labels_but_for_its_loss_or_its_last_augmentation(name: str) -> None:
    own, plain = load_recipe(name), load_recipe("soft-labels-wrn")
    if name == "soft-labels-ldam-drw-wrn":  # its margin wants a lower temperature
        plain = replace(plain, labels=replace(plain.labels, options={**plain.labels.options, "temperature": 0.1}))
    plain = replace(plain, name="", about={})
    stages = tuple(replace(s, losses=plain.stages[0].losses) for s in own.stages)
    assert replace(own, name="", about={}, stages=stages, augment=plain.augment) == plain
    changed = [own.stages != plain.stages, own.augment != plain.augment]
    assert sum(changed) == 1
    assert own.augment[: len(plain.augment)] == plain.augment


def test_the_losses_of_combinations_are_those_of_the_long_tail_recipes() -> None:
    for method in ("ldam-drw", "class-balanced-focal"):
        own, plain = load_recipe(f"soft-labels-{method}-wrn"), load_recipe(f"{method}-wrn")
        for one, other in zip(own.stages[0].losses, plain.stages[0].losses, strict=True):
            options = {k: v for k, v in other.options.items() if k != "scale"}  # 1 / temperature of the labels
            assert replace(other, options=options) == one
