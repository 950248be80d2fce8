"""How shapes and types are checked while tests run: an int may stand for a float, as the language has it."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
