"""What messages tell the user to do can be done where they are printed: with the command line's own options."""

import re

import pytest
from typer.main import get_command

from handful.cli import app
from handful.errors import FLAGS
from tests.support.remedies import Message, asked_for, commands_of, messages

OPTIONS = {
    name: {flag for p in command.params for flag in (*p.opts, *p.secondary_opts)} | {"--help"}
    for name, command in get_command(app).commands.items()  # type: ignore[attr-defined]
}
KEYWORD = re.compile(r"(?<![\w-])[a-z_]+=(?!=)")  # an argument in Python: folds=5
FORMATS = {"write e.g. path=file.", "write e.g. cvs-wrn=5.", "write key=value, e.g. "}  # of values on the command line

# Messages that only these commands can print, of those whose modules import the one with the message.
PRINTED_BY = {
    "handful.automl.select": {"fit", "run"},  # the demo's recipes fit into its time
    "handful.comparison.budget": {"compare"},  # its options of a number of trials
    "handful.comparison.candidates": {"compare"},
    "handful.core.ray_cluster": {"compare", "evaluate", "predict", "propagate", "sweep"},
    "handful.data.check": {"compare", "evaluate", "fit", "sweep"},
    "handful.data.readers.table_paths": set(OPTIONS) - {"annotate"},  # which refuses images outside in its own words
    "handful.data.readers.torchvision": set(OPTIONS) - {"annotate"},  # which refuses these data sets
    "handful.data.unlabelled": {"evaluate"},
    "handful.evaluation.evaluate": {"evaluate"},
    "handful.evaluation.tracking": {"evaluate", "fit", "sweep"},
}
WITH_OPTION = {  # modules that read or check the value of an option: only commands with the option print its faults
    "handful.cli._data",
    "handful.core.groups",
    "handful.data.bags",
    "handful.data.candidate_labels",
    "handful.data.masks.kinds",
    "handful.data.multilabel",
    "handful.data.numbers",
    "handful.data.pixel_range",
    "handful.data.readers.annotation_file",
    "handful.data.readers.label_studio_labels",
    "handful.data.readers.multilabel_table",
    "handful.evaluation.normal_class",
    "handful.evaluation.protocol",
    "handful.recipes.kinds",
    "handful.recipes.overrides",
    "handful.saving.checkpoint",
}


def printed_by(message: Message) -> set[str]:
    """The commands that can print a message; the demo reads nothing of the user's."""
    commands = commands_of()[message.module] & PRINTED_BY.get(message.module, set(OPTIONS))
    return set(commands) - {"demo"} if message.module.startswith("handful.data") else set(commands)


def named(message: Message) -> set[str]:
    """The options that a message names, except where it asks whether the command has them."""
    spelled = {"--" + FLAGS.get(name, name).replace("_", "-") for name in set(message.options)}
    asked = {"--" + FLAGS.get(name, name).replace("_", "-") for name in asked_for(message.module)}
    return (spelled | set(message.flags)) - asked - {"--debug"}


SHOWN = [m for m in messages() if commands_of()[m.module]]
NAMING = [m for m in SHOWN if named(m)]


def test_the_messages_of_the_package_are_seen() -> None:
    assert len(SHOWN) > 500
    assert len(NAMING) > 50
    assert {"fit", "evaluate", "compare"} <= commands_of()["handful.data.load"]
    assert "predict" not in commands_of()["handful.automl.fit"]


def test_no_message_of_a_command_is_in_words_of_python() -> None:
    texts = {(m.module, m.line, text) for m in SHOWN for text in m.texts if text not in FORMATS}
    assert not {where for where in texts if KEYWORD.search(where[2])}


@pytest.mark.parametrize("message", NAMING, ids=lambda m: f"{m.module.removeprefix('handful.')}:{m.line}")
def test_every_option_that_a_message_names_exists_where_it_is_printed(message: Message) -> None:
    commands = printed_by(message)
    for flag in named(message):
        having = {command for command in commands if flag in OPTIONS[command]}
        assert having, f"{flag} exists in none of {sorted(commands)}"
        if message.module not in WITH_OPTION:
            assert having == commands, f"{flag} does not exist in {sorted(commands - having)}"


def test_every_command_that_a_message_names_exists() -> None:
    for message in messages():
        for text in message.texts:
            for quoted, plain in re.findall(r"`handful ([a-z]+)|\bhandful (?!model\b|again\b)([a-z]+)", text):
                assert (quoted or plain) in OPTIONS, (message.module, message.line, text)
            for command, rest in re.findall(r"`handful ([a-z]+)([^`]*)", text):
                assert set(re.findall(r"--[a-z][a-z0-9-]*", rest)) <= OPTIONS[command], (message.module, text)
