"""Who asks: what a person chose in training and since, and what they refused.

Knows the workspace's events and the store's; deliberately knows no model.
"""

from dataclasses import dataclass

from genrec.schema import Catalog, Interactions
from genrec.serve.store import Event, Store
from genrec.serve.store.store import standing

_JUDGEMENTS = {"like": True, "choose": True, "dislike": False}


@dataclass(frozen=True, slots=True)
class Taste:
    """history: item ids, oldest first; refused: items that must not come back."""

    history: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Profiles:
    """Looks up what is known of a person; someone nobody knows has an empty taste."""

    def __init__(self, catalog: Catalog, interactions: Interactions, store: Store) -> None:
        self._catalog, self._store = catalog, store
        self._histories = interactions.histories()

    def taste(self, person: str | None) -> Taste:
        """The training events followed by the liked and chosen items of the store, in which a later word counts."""
        if person is None:
            return Taste()
        judged = judgements(self._store.events_of(person))
        trained = [item_id for item_id in self._histories.get(person, ()) if item_id not in judged]
        known = [item_id for item_id in judged if item_id in self._catalog]
        return Taste(
            history=(*trained, *(item_id for item_id in known if judged[item_id])),
            refused=tuple(item_id for item_id in known if not judged[item_id]),
        )


def judgements(events: list[Event]) -> dict[str, bool]:
    """Whether each judged item is wanted by the last standing word on it; items in the order of those last words."""
    judged: dict[str, bool] = {}
    for event in standing(events):
        if event.kind in _JUDGEMENTS:
            judged.pop(event.item_id, None)
            judged[event.item_id] = _JUDGEMENTS[event.kind]
    return judged
