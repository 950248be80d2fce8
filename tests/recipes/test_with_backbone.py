from pathlib import Path

import pytest

from handful.core.recipe import Part
from handful.data.unlabelled import with_an_unlabelled_sample
from handful.errors import RecipeError, WeightsError
from handful.recipes.backbone_names import on_backbone, split_name
from handful.recipes.load import load_recipe, with_backbone
from handful.recipes.nested_runs import nested_runs
from handful.recipes.read import recipe_names
from handful.recipes.write import fingerprint, to_toml
from tests.support.datasets import squares
from tests.support.vision_transformer import SIDE, write_transformer

DINO = "vit_small_patch14_dinov2.lvd142m"


def test_the_default_backbone_changes_nothing() -> None:
    for name in ("logistic", "fine-tuned", "cvs", "soft-labels", "self-training"):
        assert load_recipe(name, backbone="lite0") == load_recipe(name)


def test_logistic_regression_on_pixels_is_the_control() -> None:
    assert fingerprint(load_recipe("logistic@pixels")) == fingerprint(load_recipe("logistic-pixels"))


def test_a_name_with_a_backbone_is_the_option() -> None:
    recipe = load_recipe("logistic@resnet18.a1_in1k")
    assert recipe.name == "logistic@resnet18.a1_in1k"
    assert (
        recipe == load_recipe("logistic", backbone="resnet18.a1_in1k") == load_recipe("logistic-lite0@resnet18.a1_in1k")
    )
    assert recipe == with_backbone(load_recipe("logistic"), "resnet18.a1_in1k")
    assert split_name("a@b/mine.toml") == ("a@b/mine.toml", None)
    assert split_name("a@b/mine.toml@lite2") == ("a@b/mine.toml", "lite2")
    assert on_backbone("knn", None) == "knn"


def test_each_kind_of_backbone_gets_what_it_needs() -> None:
    recipe = load_recipe("logistic", backbone=DINO)
    assert recipe.backbone == Part("timm_pooled", {"model": DINO, "pretrained": True})
    assert recipe.image_size == (518, 518)
    assert "tukey" not in recipe.head.options  # its features are signed
    recipe = load_recipe("knn", backbone="resnet18.a1_in1k")
    assert (recipe.image_size, recipe.head.options["tukey"]) == ((224, 224), 0.5)
    assert "tukey" not in load_recipe("knn", backbone="convnext_atto.d2_in1k").head.options  # a norm is its last layer
    assert load_recipe("ridge", backbone="lite2").image_size == (260, 260)
    pair = load_recipe("ridge", backbone="lite0+lite2")
    assert pair.backbone.options["backbones"] == ({"name": "efficientnet_lite0"}, {"name": "efficientnet_lite2"})
    assert pair.image_size == (224, 224)  # as good as 260 where it was measured
    assert load_recipe("ridge", backbone="hog").image_size == (32, 32)


def test_as_many_stages_are_trained_as_of_the_default_backbone() -> None:
    frozen = {name: load_recipe("classification", backbone=name) for name in ("lite2", DINO, "convnext_atto.d2_in1k")}
    assert [r.backbone.options["freeze"] for r in frozen.values()] == [4, 4, 3]
    assert {r.cache_views for r in frozen.values()} == {8}
    whole = load_recipe("classification", backbone="swin_tiny_patch4_window7_224")  # one stage
    assert (whole.backbone.options["freeze"], whole.cache_views) == ("none", 0)
    tuned = load_recipe("fine-tuned", backbone=DINO)
    assert tuned.backbone.options["freeze"] == "none"
    assert tuned.stages == load_recipe("fine-tuned").stages


def test_a_segmenting_head_gets_fine_maps() -> None:
    recipe = load_recipe("cvs", backbone="resnet18.a1_in1k")
    assert recipe.backbone.name == "timm"
    assert (recipe.backbone.options["stride"], recipe.backbone.options["fuse"]) == (8, True)
    assert load_recipe("cvs", backbone="lite2").backbone.options["expand"] is False


def test_a_teacher_reads_the_same_backbone() -> None:
    assert load_recipe("self-training@lite2").prepare[0].options["recipe"] == "pseudo-labels@lite2"


def test_a_teacher_that_names_its_backbone_keeps_it() -> None:
    own = load_recipe("self-training-ensemble")
    other = load_recipe("self-training-ensemble@lite2")
    assert other.prepare == own.prepare
    assert other.backbone.name == "efficientnet_lite2"


def test_all_that_trains_on_the_recipes_own_backbone_moves() -> None:
    """Of a loss, of an ensemble, of a tree, and of the recipes below these; names of .toml files, too."""
    student = load_recipe("distilled-self-training@lite2")
    assert student.stages[0].losses[0].options["recipe"] == "self-training@lite2"
    nested = [recipe for recipe, _ in nested_runs(student, with_an_unlabelled_sample(squares()))]
    assert [recipe.backbone.name for recipe in nested] == ["efficientnet_lite2"] * 2  # the teacher and its own teacher


def test_members_on_another_backbone_stay(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('extends = "ridge"\n')
    members = ["knn", str(own), "knn@lite2", "logistic-pixels", "classification-wrn"]
    path = tmp_path / "mixed.toml"
    path.write_text(f'extends = "logistic"\n[[posthoc]]\nname = "ensemble"\nrecipes = {members!r}\n')
    moved = load_recipe(f"{path}@hog")
    assert list(moved.posthoc[0].options["recipes"]) == ["knn@hog", f"{own}@hog", *members[2:]]
    for name in moved.posthoc[0].options["recipes"]:
        load_recipe(name)


def test_a_tree_of_another_recipes_weights_moves(tmp_path: Path) -> None:
    path = tmp_path / "tree.toml"
    hierarchy = '{ name = "classifier_weights", recipe = "classification" }'
    path.write_text(f'extends = "fine-tuned"\nhierarchy = {hierarchy}\n')
    moved = load_recipe(f"{path}@lite2")
    assert moved.hierarchy is not None
    assert moved.hierarchy.options["recipe"] == "classification@lite2"


def test_hypercolumns_are_of_the_other_backbones_stages() -> None:
    recipe = load_recipe("logistic-hypercolumns@lite2")
    assert recipe.backbone.name == "efficientnet_lite2"
    assert (recipe.backbone.options["stride"], recipe.backbone.options["fuse"]) == (16, True)


def test_overrides_come_after_the_backbone() -> None:
    recipe = load_recipe("logistic", backbone=DINO, overrides=("image_size=224", "backbone.token=pooled"))
    assert recipe.image_size == (224, 224)
    assert recipe.backbone.options["token"] == "pooled"
    assert load_recipe("fine-tuned@lite2", overrides=("steps=7",)).stages[0].steps == 7


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"cvs@{DINO}", "(?s)gives no maps of 8 pixels a cell.*lite2, resnet18"),
        ("cvs@pixels", "gives no maps"),
        ("fine-tuned@lite0+lite2", "(?s)cannot be trained further.*logistic"),
        ("fine-tuned@hog", "cannot be trained further"),
        ("cvs-wrn@lite0", "(?s)written for the backbone that it names.*fine-tuned or cvs"),
        ("zero-shot@lite0", "written for the backbone"),
        ("lora@lite0", r"(?s)'lite0' is none that can be adapted: .*adapt = 'lora'.*fine-tuned"),
        ("lora@resnet18.a1_in1k", "(?s)has no linear layers.*use a vision transformer"),
        ("visual-prompt@convnext_atto.d2_in1k", "(?s)is not a plain transformer.*vit_small_patch14_dinov2"),
        ("adapter@lite0+lite2", "none that can be adapted"),
        ("logistic-hypercolumns@lite0+lite2", "(?s)no maps of an earlier stage.*lite2, resnet18.*such as logistic"),
        ("logistic@", "no backbone is named"),
        ("logistic@resnet81", "did you mean 'resnet18'"),
        ("logistic@lite3", "did you mean 'lite"),
        ("logistic@resnet18.a1_in2k", "did you mean 'resnet18.a1_in1k'"),
    ],
)
def test_what_does_not_go_together_is_one_error(name: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(name)


def test_a_recipe_on_a_backbone_is_read_back(tmp_path: Path) -> None:
    from handful.recipes.load import from_toml

    folder = write_transformer(tmp_path / "vit")
    for name in (f"logistic@{folder}", f"classification@{folder}"):
        recipe = load_recipe(name)
        assert recipe.name.endswith("@vit")
        assert recipe.image_size == (SIDE, SIDE)
        assert from_toml(to_toml(recipe), where="saved") == recipe
    with pytest.raises(WeightsError, match="no such file"):
        load_recipe(f"logistic@{tmp_path}/none.safetensors")


def test_every_recipe_of_the_default_backbone_takes_another() -> None:
    taken = [name for name in recipe_names() if load_recipe(name).backbone.name == "efficientnet_lite0"]
    assert len(taken) >= 27
    for name in taken:
        assert load_recipe(name, backbone="lite2").name == f"{name}@lite2"
