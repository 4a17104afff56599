"""Profiles: what a person chose in training and since, and what they refused.

Knows the workspace's events and the store's; deliberately knows no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from genrec.errors import USER_AND_HISTORY
from genrec.schema import Catalog, Interactions
from genrec.serve.errors import ApiError
from genrec.serve.store import Store


@dataclass(frozen=True, slots=True)
class Profile:
    """What recommendations rest on. history: item ids, oldest first; refused: items that must not come back."""

    history: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Profiles:
    """The profiles of all people; someone nobody knows has an empty one."""

    def __init__(self, catalog: Catalog, interactions: Interactions, store: Store) -> None:
        self._catalog, self._store = catalog, store
        self._histories, self._aversions = interactions.histories(), interactions.aversions()

    def find(self, person: str | None, history: Sequence[str] | None = None) -> Profile:
        """A person's profile, or that of a history given in its place, whose items are not checked.

        A person's history is their positive training events, then the liked and chosen items of the store; what they
        refused, likewise, the negative ones and those of the store. The latest feedback on an item counts. Raises
        ApiError 400 when both a person and a history are given.
        """
        if history is not None:
            if person is not None:
                raise ApiError(status=400, code="invalid_value", message=USER_AND_HISTORY, param="history")
            return Profile(history=tuple(history))
        if person is None:
            return Profile()
        feedback = self._store.latest_feedback(person)
        trained, averse = (
            [item_id for item_id in items.get(person, ()) if item_id not in feedback]
            for items in (self._histories, self._aversions)
        )
        known = {item_id: self._catalog.item_id(item_id) for item_id in feedback if item_id in self._catalog}
        return Profile(
            history=(*trained, *(item_id for told, item_id in known.items() if feedback[told])),
            refused=(
                *(item_id for item_id in averse if item_id in self._catalog),
                *(item_id for told, item_id in known.items() if not feedback[told]),
            ),
        )
