"""Checks of the names of recipes and backbones while the command line is read: before the data, and PyTorch."""

from collections.abc import Sequence

AUTO = "auto"  # recipes that suit the images


def names_of(values: Sequence[str] | None) -> tuple[str, ...]:
    """The names of an option that may be repeated, and has several names with commas between them."""
    return tuple(name.strip() for value in values or () for name in value.split(",") if name.strip())


def check_recipes(value: str | Sequence[str] | None) -> str | Sequence[str] | None:
    """Refuse a recipe of no known name, and a backbone that it names after "@"; returns the value.

    Raises:
        RecipeError: an unknown recipe or backbone, with the nearest names.
        WeightsError: a backbone's file that is not there.
    """
    from handful.recipes.backbone_names import check_backbone_name, split_name
    from handful.recipes.read import recipe_text

    for text in [value] if isinstance(value, str) else value or ():
        name, backbone = split_name(text)
        if name != AUTO:
            recipe_text(name)
        if backbone is not None:
            check_backbone_name(backbone)
    return value


def check_backbone(value: str | None) -> str | None:
    """Refuse what cannot be a backbone; returns the value.

    Raises:
        RecipeError: an unknown backbone, with the nearest names.
        WeightsError: a file that is not there.
    """
    from handful.recipes.backbone_names import check_backbone_name

    if value is not None:
        check_backbone_name(value)
    return value


def check_backbones(value: Sequence[str] | None) -> Sequence[str] | None:
    """`check_backbone` of each name in an option that may be repeated, and has several with commas between them.

    Raises:
        RecipeError, WeightsError: as `check_backbone`.
    """
    for name in names_of(value) or value or ():
        check_backbone(name)
    return value
