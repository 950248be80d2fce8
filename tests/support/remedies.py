"""Messages to users as they stand in the sources, and which commands can print them."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import handful
import handful.errors

ROOT = Path(handful.__file__).parent
CLI = "handful.cli"
KINDS = {name for name, value in vars(handful.errors).items() if isinstance(value, type)} | {"Finding", "LeftOut"}
SPELLED = ("option", "by_interface", "hint")  # functions that write an option in the words of the caller
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
FOREIGN = re.compile(r"ray start --head|`?handful [a-z]+ [^`]*`?")  # what other commands take


@dataclass(frozen=True)
class Message:
    """A call that makes an error, a warning or a finding.

    Attributes:
        module: where the call is.
        line: its line.
        texts: its literal texts that are not arguments of `option` or `by_interface`.
        options: names of options in Python that it writes with `option`.
        flags: options as the command line spells them, of its literal texts and of `by_interface`.
    """

    module: str
    line: int
    texts: tuple[str, ...]
    options: tuple[str, ...]
    flags: tuple[str, ...]


@cache
def trees() -> dict[str, ast.Module]:
    """The syntax tree of every module, by its name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("handful", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text(encoding="utf-8"))
    return found


@cache
def messages() -> tuple[Message, ...]:
    """All messages of the package."""
    return tuple(
        _message(module, node) for module, tree in trees().items() for node in ast.walk(tree) if _is_message(node)
    )


def _is_message(node: ast.AST) -> bool:
    """Whether a node makes a message, or is a text that is named as a remedy."""
    if isinstance(node, ast.Call):
        name = _called(node)
        return name in KINDS or (name == "warn" and any(_name(a) == "HandfulWarning" for a in node.args))
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return node.value is not None and any("remed" in _name(t).lower() for t in targets)
    return isinstance(node, ast.keyword) and node.arg == "remedy"


def _message(module: str, node: ast.AST) -> Message:
    texts: list[str] = []
    options: list[str] = []
    flags: list[str] = []
    for part in _outside_functions(node):
        if isinstance(part, ast.Call) and _called(part) == "option":
            options += [a.value for a in part.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        elif isinstance(part, ast.Call) and _called(part) == "by_interface":
            command = next(k.value for k in part.keywords if k.arg == "command")
            flags += [flag for text in _literals(command) for flag in FLAG.findall(FOREIGN.sub("", text))]
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            texts.append(part.value)
    flags += [flag for text in texts for flag in FLAG.findall(FOREIGN.sub("", text))]
    return Message(module, getattr(node, "lineno", 0), tuple(texts), tuple(options), tuple(flags))


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """The node and its descendants, without those of `option` and `by_interface`."""
    yield node
    if isinstance(node, ast.Call) and _called(node) in SPELLED:
        return
    for child in ast.iter_child_nodes(node):
        yield from _outside_functions(child)


def _literals(node: ast.AST) -> list[str]:
    """The literal texts of an expression, one for each f-string."""
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(n.value) if isinstance(n, ast.Constant) else "..." for n in node.values)]
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    return [text for child in ast.iter_child_nodes(node) for text in _literals(child)]


def _called(node: ast.Call) -> str:
    return _name(node.func)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


@cache
def asked_for(module: str) -> frozenset[str]:
    """The options, by their names in Python, that a module names only where the running command has them."""
    calls = [n for n in ast.walk(trees()[module]) if isinstance(n, ast.Call) and _called(n) == "offers"]
    return frozenset(a.value for n in calls for a in n.args if isinstance(a, ast.Constant) and isinstance(a.value, str))


@cache
def commands_of() -> dict[str, frozenset[str]]:
    """The commands whose modules import a module, directly or through others, by the module's name."""
    imports = {module: _imports(module, tree) for module, tree in trees().items()}
    reached: dict[str, set[str]] = {module: set() for module in imports}
    for start in imports:
        command = start.removeprefix(f"{CLI}.")
        if not start.startswith(f"{CLI}.") or command.startswith("_"):
            continue
        waiting = [start]
        while waiting:
            module = waiting.pop()
            if command not in reached[module]:
                reached[module].add(command)
                waiting += imports[module]
    return {module: frozenset(commands) for module, commands in reached.items()}


def _imports(module: str, tree: ast.Module) -> set[str]:
    """The modules of the package that a module imports, at its top or when it runs."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name in trees() and name != CLI and name != module}
