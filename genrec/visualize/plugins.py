"""Parts that somebody installed beside genrec, found by their entry points and made by calling them without anything.

Deliberately loads nothing that a workspace or a model folder names: an entry point is there because its author's
package was installed on this machine.
"""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from genrec.errors import ConfigError


def find_plugin(group: str, name: str, *, what: str) -> EntryPoint | None:
    """The entry point of a name; None where nobody installed one. Raises ConfigError where two packages did."""
    found = {plugin.value: plugin for plugin in entry_points(group=group, name=name)}
    if len(found) > 1:
        raise ConfigError(
            f"{what} {name!r} is offered by {' and by '.join(sorted(found))}; uninstall the package that is not meant"
        )
    return next(iter(found.values()), None)


def names_of_plugins(group: str) -> list[str]:
    """The names that are installed in a group, sorted."""
    return sorted(entry_points(group=group).names)


def make_plugin(plugin: EntryPoint, *, what: str, advice: str) -> object:
    """What an entry point makes. Raises ConfigError where that fails. what, advice: as errors call it, what to do."""
    try:
        make: Callable[[], object] = plugin.load()
        return make()
    except Exception as error:  # of somebody else's code
        raise ConfigError(
            f"{what} {plugin.name!r} of {plugin.value} cannot be made ({type(error).__name__}: {error}); {advice}"
        ) from error
