"""The user's own tree, from nested YAML: groups are keys, classes are list items or keys with nothing below.

    animal:
      - cat
      - bird: [robin, eagle]
    car:

All names are text: 0, no and 007 are the classes "0", "no" and "007".
"""

from pathlib import Path

import yaml

from handful.core.context import Context
from handful.core.hierarchy import Hierarchy
from handful.errors import DataError
from handful.parts.hierarchies._tree import Tree, to_hierarchy


def build(context: Context, *, path: str, prune: bool = False) -> Hierarchy:
    """The file's tree; a group with one member is replaced by it.

    Args:
        context: gives the class names.
        path: the YAML file.
        prune: leave out names that are no classes of this task, so that one file serves for many tasks.

    Raises:
        DataError: not YAML, or not of this form; cycles; classes that are missing, there twice or groups; names that
            are no classes (without `prune`); one class.
    """
    return to_hierarchy(read_tree(Path(path)), context.task.classes, where=path, prune=prune)


def read_tree(path: Path) -> Tree:
    """The tree in a file, below a root named "all" unless there is one group at the top.

    Raises:
        DataError: see `build`.
    """
    if not path.is_file():
        raise DataError("there is no such file", where=path, remedy="check the path.")
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"not YAML: {' '.join(str(error).split())}", where=path, remedy="mend that line.") from error
    if root is None:
        raise DataError("the file is empty", where=path, remedy="list the classes in their groups.")
    top = _below(root, path, ())
    if len(top) == 1:
        return top[0]
    return Tree("all", top)


def _below(node: yaml.Node, path: Path, above: tuple[tuple[int, str], ...]) -> tuple[Tree, ...]:
    """What a YAML node lists. `above`: the nodes on the way here, by identity and name."""
    where = f"{path}, line {node.start_mark.line + 1}"
    if id(node) in (known for known, _ in above):
        raise DataError("a group contains itself", where=where, remedy="take the cycle out.")
    if isinstance(node, yaml.ScalarNode):
        return (Tree(node.value),) if node.value.strip() else ()
    if isinstance(node, yaml.SequenceNode):
        return tuple(tree for item in node.value for tree in _below(item, path, (*above, (id(node), ""))))
    found: list[Tree] = []
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or not key.value.strip():
            raise DataError("a group has no name", where=where, remedy="write NAME: and list its members below.")
        if key.value in (name for _, name in above):
            raise DataError(f"the group {key.value!r} contains itself", where=where, remedy="take the cycle out.")
        if key.value in (tree.name for tree in found):
            raise DataError(f"the key {key.value!r} is there twice", where=where, remedy="join the two.")
        found.append(Tree(key.value, _below(value, path, (*above, (id(node), key.value)))))
    return tuple(found)
