"""Trees of class names in nested YAML: groups are keys, classes are list items or keys without a value.

    animal:
      - cat
      - bird: [robin, eagle]
    car:

All names are text: 0, no and 007 are the classes "0", "no" and "007".
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from handful.core.hierarchy import Tree
from handful.core.parsing import MAX_DEPTH, read_text
from handful.errors import DataError

MAX_NODES = 100_000  # entries of the file, counted again for each alias


def leaves(tree: Tree) -> list[str]:
    """Names of the leaves, from left to right."""
    return [name for child in tree.children for name in leaves(child)] if tree.children else [tree.name]


def read_tree(path: Path) -> Tree:
    """The tree in a file, below a root named "all" unless there is a single group at the top.

    Raises:
        DataError: the file is not YAML, too large, or has another structure; or a cycle.
    """
    if not path.is_file():
        raise DataError("no such file", where=path, remedy="check the path.")
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        raise DataError(f"the file cannot be read: {error}", where=path, remedy="give a text file in UTF-8.") from error
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise DataError(f"not YAML: {' '.join(str(error).split())}", where=path, remedy="fix that line.") from error
    except RecursionError:
        raise _too_deep(path) from None
    if root is None:
        raise DataError("the file is empty", where=path, remedy="list the classes in their groups.")
    _refuse_large(root, path)
    top = _parse_node(root, path, ())
    if len(top) == 1:
        return top[0]
    return Tree("all", top)


def _refuse_large(root: yaml.Node, path: Path) -> None:
    """Refuse a tree whose aliases repeat too much, level by level and without recursion."""
    level, count = [root], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        if count > MAX_NODES:
            raise DataError(
                f"more than {MAX_NODES:,} entries, with those that aliases repeat",
                where=path,
                remedy="list each class once.",
            )
        level = [inner for node in level for inner in _inner(node)]


def _inner(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        yield from (value for _, value in node.value)


def _too_deep(path: Path) -> DataError:
    return DataError(
        f"groups are nested deeper than {MAX_DEPTH} levels", where=path, remedy="leave out groups with one member."
    )


def _parse_node(node: yaml.Node, path: Path, ancestors: tuple[tuple[int, str], ...]) -> tuple[Tree, ...]:
    """The trees that a YAML node lists. `ancestors`: identity and name of the nodes above it."""
    where = f"{path}, line {node.start_mark.line + 1}"
    if id(node) in (ancestor for ancestor, _ in ancestors):
        raise DataError("a group contains itself", where=where, remedy="remove the cycle.")
    if len(ancestors) >= MAX_DEPTH:
        raise _too_deep(path)
    if isinstance(node, yaml.ScalarNode):
        return (Tree(node.value),) if node.value.strip() else ()
    if isinstance(node, yaml.SequenceNode):
        return tuple(tree for item in node.value for tree in _parse_node(item, path, (*ancestors, (id(node), ""))))
    trees: list[Tree] = []
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or not key.value.strip():
            raise DataError("a group has no name", where=where, remedy="write NAME: and list its members below.")
        if key.value in (name for _, name in ancestors):
            raise DataError(f"the group {key.value!r} contains itself", where=where, remedy="remove the cycle.")
        if key.value in (tree.name for tree in trees):
            raise DataError(f"the key {key.value!r} is listed twice", where=where, remedy="merge the two.")
        trees.append(Tree(key.value, _parse_node(value, path, (*ancestors, (id(node), key.value)))))
    return tuple(trees)
