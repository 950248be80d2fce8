"""Names of recipes on another backbone: NAME@BACKBONE."""

SEPARATOR = "@"


def on_backbone(recipe: str, backbone: str | None) -> str:
    """The name of a recipe on a backbone; None: on its own."""
    return recipe if backbone is None else f"{recipe}{SEPARATOR}{backbone}"


def split_name(name: str) -> tuple[str, str | None]:
    """The recipe's name or path, and its backbone where one is named."""
    if name.endswith(".toml"):
        return name, None
    recipe, separator, backbone = name.partition(f".toml{SEPARATOR}")
    if separator:
        return f"{recipe}.toml", backbone
    recipe, separator, backbone = name.partition(SEPARATOR)
    return recipe, backbone if separator else None
