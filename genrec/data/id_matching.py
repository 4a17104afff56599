"""Names that others wrote, matched to the ids of items: spreadsheets and file names do not spell ids as catalogs do.

An id that is spelled alike wins. Else whole numbers are compared as such, so 12, 12.0 and 0012 are one, and words
whatever their case, as long as only one item can be meant. Knows nothing of what the names stand for.
"""

import re
from collections.abc import Iterable

_WHOLE = re.compile(r"([+-]?)0*(\d+?)(?:\.0*)?")


class IdMatcher:
    """Finds items by ids as others spell them."""

    def __init__(self, item_ids: Iterable[str]) -> None:
        self._ids = frozenset(item_ids)
        self._by_form: dict[str, str | None] = {}  # None where several items share the form
        for item_id in self._ids:
            form = plain_form(item_id)
            self._by_form[form] = None if form in self._by_form else item_id

    def find(self, name: str) -> str | None:
        """The id of the item that is meant, or None."""
        return name if name in self._ids else self._by_form.get(plain_form(name))


def plain_form(name: str) -> str:
    """What two spellings of one id share: "12" for 0012 and 12.0, lower case for words."""
    name = name.strip()
    whole = _WHOLE.fullmatch(name) if name[-1:].isdigit() or name[-1:] == "." else None
    return whole[1].replace("+", "") + whole[2] if whole and name.isascii() else name.casefold()
