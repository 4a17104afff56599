"""Roles of a table's columns, settled one after the other.

Knows how a name and cells weigh together; deliberately knows no role by name.
"""

from collections.abc import Callable, Mapping, Sequence

from genrec.data.layouts.looks import Look
from genrec.data.layouts.names import speaks_for

SURE = 0.6  # from which a name settles a role, where cells allow it


class Search:
    """Roles that are settled one after the other; a column has one role."""

    def __init__(
        self,
        looks: Mapping[str, Look],
        phrases: Mapping[str, Sequence[str]],
        given: Mapping[str, tuple[str, ...]],
        taken: Sequence[str],
    ) -> None:
        self.looks, self._phrases = looks, phrases
        self.roles = dict(given)
        self._taken = {*taken, *(name for names in given.values() for name in names)}

    @property
    def free(self) -> list[str]:
        """Columns without a role."""
        return [name for name in self.looks if name not in self._taken]

    def take(self, role: str, *names: str) -> None:
        """Give a role to columns."""
        self.roles[role] = names
        self._taken.update(names)

    def scores(self, role: str, fits: Callable[[str], float | bool], least: float) -> list[tuple[float, str]]:
        """The columns without a role that may have this one, the surest first: how sure, and which."""
        found = []
        for name in self.free:
            sure = speaks_for(name, self._phrases[role])
            fit = float(fits(name)) if sure >= least and self.looks[name].num_filled else 0.0
            if fit > 0:
                found.append((sure * fit, name))
        return sorted(found, key=lambda pair: -pair[0])

    def settle(self, role: str, fits: Callable[[str], float | bool], *, least: float = SURE) -> None:
        """Give a role to the column whose name speaks for it most, times how well its cells fit."""
        if role not in self.roles:
            best = self.scores(role, fits, least)
            if best:
                self.take(role, best[0][1])

    def settle_all(self, role: str, fits: Callable[[str], float | bool]) -> None:
        """Give a role to all columns whose names speak for it."""
        if role not in self.roles:
            best = [name for _, name in self.scores(role, fits, SURE)]
            if best:
                self.take(role, *[name for name in self.looks if name in best])
