"""User-defined hierarchy in nested YAML: groups are keys, classes are list items or keys without a value.

    animal:
      - cat
      - bird: [robin, eagle]
    car:

All names are text: 0, no and 007 are the classes "0", "no" and "007".
"""

from pathlib import Path

from handful.core.context import Context
from handful.core.hierarchy import Hierarchy
from handful.data.class_tree import leaves, read_tree
from handful.parts.hierarchies._tree import to_hierarchy


def build(context: Context, *, path: str, prune: bool = False) -> Hierarchy:
    """The tree of the file; a group with one member is replaced by the member.

    Args:
        context: the class names.
        path: the YAML file.
        prune: ignore names that are not classes of this task, so that one file serves many tasks; else they are an
            error.

    Raises:
        DataError: the file is not YAML or has another structure; a cycle; a class that is missing, is listed twice, or
            is a group; names that are not classes (without `prune`); a single class.
    """
    return to_hierarchy(read_tree(Path(path)), context.task.classes, where=path, prune=prune)


def read_whole(path: Path, classes: tuple[str, ...]) -> Hierarchy:
    """The tree of a file with all its leaves: first these classes, then those that are none of them.

    Raises:
        DataError: as `build`.
    """
    tree = read_tree(path)
    others = [name for name in leaves(tree) if name not in classes]
    return to_hierarchy(tree, (*classes, *dict.fromkeys(others)), where=path)
