"""Jinja environments for the templates that lie in a package's `templates` folder."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment(package: str, *, escape: bool = True) -> Environment:
    """The templates of a package, e.g. "handful.reports"; a value that is missing is an error.

    Args:
        package: dotted name of the package that has a `templates` folder.
        escape: escape what is filled in, for HTML.
    """
    return Environment(
        loader=PackageLoader(package),
        autoescape=escape,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
