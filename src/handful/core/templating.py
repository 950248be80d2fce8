"""Jinja environments for the templates in a package's folder `templates`."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment(package: str, *, escape: bool = True) -> Environment:
    """The Jinja environment of a package, e.g. "handful.reports"; an undefined variable is an error.

    Args:
        package: dotted name of the package that has a `templates` folder.
        escape: escape values for HTML.
    """
    return Environment(
        loader=PackageLoader(package),
        autoescape=escape,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
