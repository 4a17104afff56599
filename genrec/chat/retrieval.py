"""Items for one turn: those that meet all wishes, else the nearest, and what had to be left out.

Knows wishes as filters and in which order they give way; deliberately knows no words.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from genrec.chat.constraints import counts_of, numbers_of
from genrec.chat.lexicon import Lexicon, words_of
from genrec.chat.requests import ChatRequest, Extreme
from genrec.chat.session import Session
from genrec.data.filters import Filter, Predicate, all_of
from genrec.data.images import Picture
from genrec.errors import FilterError
from genrec.schema import BoolArray, Catalog, IntArray, Recommendation
from genrec.search import SearchIndex

MAX_UNLIKE = 5  # of the items refused last, from which the next ones keep away
# How much wishes matter where not all can be met, said before and said now: two old values go for one new.
_NUMBER_WEIGHT, _VALUE_WEIGHT, _KIND_WEIGHT = (0.9, 1.5), (1.0, 2.5), (4.0, 8.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """Items for one turn. relaxed: wishes that they do not all meet.

    kind: new items, only seen ones met the wishes, the nearest ones, every item is used up, or nothing at all.
    """

    kind: Literal["new", "seen", "nearest", "used up", "nothing"]
    item_ids: tuple[str, ...] = ()
    relaxed: tuple[Predicate, ...] = ()


class Searchable(Protocol):
    """What a recommender must offer to find items for a conversation."""

    @property
    def catalog(self) -> Catalog: ...
    def passing(self, where: Filter | None) -> BoolArray: ...
    def recommend(
        self,
        *,
        history: Sequence[str],
        query: str,
        image: Picture | None,
        like: Sequence[str],
        disliked: Sequence[str],
        where: Filter | None,
        exclude: Sequence[str],
        k: int,
    ) -> Sequence[Recommendation]: ...


class Retriever:
    """Finds items for a session, never ones that were chosen, refused or named as what the wanted is like."""

    def __init__(
        self,
        recommender: Searchable,
        lexicon: Lexicon,
        search: SearchIndex,
        *,
        num_shown: int,
        find_photo: Callable[[str], Picture | None],
    ) -> None:
        """find_photo: the photo of a name that a session holds."""
        self.recommender, self.lexicon, self.search = recommender, lexicon, search
        self.num_shown, self._find_photo = num_shown, find_photo

    def find(self, session: Session, request: ChatRequest) -> Retrieved:
        """Items that meet the wishes, unseen ones first; else seen ones; else the nearest, and what those miss.

        Where whatever comes is welcome, the nearest come before what was seen.
        """
        wishes, k = session.constraints, request.limit or self.num_shown
        if request.found:
            others = replace(request, found=(), limit=max(1, k - len(request.found)))
            beside = self.find(session, others)
            return Retrieved(kind="new", item_ids=(*request.found, *beside.item_ids)[:k], relaxed=beside.relaxed)
        never = {*session.disliked, *session.history, *session.refers_to, *self._holding(session.avoided)}
        avoided = never | set(session.seen)
        if request.extreme is not None and self._count(wishes, never):
            return Retrieved(kind="new", item_ids=self._first_by(request.extreme, wishes, never, k))
        if self._count(wishes, avoided):
            return Retrieved(kind="new", item_ids=self._search(session, wishes, avoided, k))
        if self._count(wishes, never) and not (request.is_open and self._count([], avoided)):
            return Retrieved(kind="seen", item_ids=self._search(session, wishes, never, k))
        if not self._count([], never):
            return Retrieved(kind="used up")
        return self._relax(session, request, never, avoided)

    def _holding(self, avoided: Sequence[str]) -> set[str]:
        """The items that hold all words of anything that is avoided, in their title, text or values."""
        items = self.recommender.catalog.items
        found: set[str] = set()
        for said in avoided:
            by_word = [{hit.row for hit in self.search.search(word, len(items))} for word in words_of(said)]
            found |= {items[row].item_id for row in set.intersection(*by_word)} if by_word else set()
        return found

    def _first_by(self, extreme: Extreme, wishes: Sequence[Predicate], excluded: set[str], k: int) -> tuple[str, ...]:
        """The cheapest (dearest, newest) of what meets the wishes, in that order, shown before or not."""
        catalog = self.recommender.catalog
        numbers_N = numbers_of(extreme.attribute, catalog)
        rows = np.flatnonzero(self._passing(wishes, excluded) & ~np.isnan(numbers_N))
        order = np.argsort(-numbers_N[rows] if extreme.is_most else numbers_N[rows], kind="stable")
        return tuple(catalog.items[row].item_id for row in rows[order[:k]])

    def _count(self, wishes: Sequence[Predicate], excluded: set[str]) -> int:
        return int(self._passing(wishes, excluded).sum())

    def _passing(self, wishes: Sequence[Predicate], excluded: set[str]) -> BoolArray:
        """Which catalog rows meet the wishes and are not excluded, bool (N,); none where a wish cannot be compared."""
        try:
            passing_N = self.recommender.passing(all_of(wishes))
        except FilterError:
            return np.zeros(len(self.recommender.catalog), bool)
        passing_N[self._rows(excluded)] = False
        return passing_N

    def _rows(self, item_ids: Iterable[str]) -> IntArray:
        catalog = self.recommender.catalog
        return np.sort(catalog.rows(item_id for item_id in item_ids if item_id in catalog))

    def _relax(self, session: Session, request: ChatRequest, never: set[str], avoided: set[str]) -> Retrieved:
        """Leave out the wishes that matter least together, what was said before rather than what is said now.

        Where wishes are said now, rather what was seen than what meets less of them.
        """
        wishes = session.constraints
        named = frozenset(kind for wish in wishes if wish.attribute == self._kind for kind in self._kinds_of(wish))
        weights = [self._weight(wish, named, is_new=wish in request.where) for wish in wishes]
        for places in subsets_by_weight(weights):
            left_out = tuple(wishes[place] for place in places)
            remaining = [wish for place, wish in enumerate(wishes) if place not in places]
            excluded = avoided if self._count(remaining, avoided) else never
            is_seen_enough = request.where or not self._count([], avoided)
            if excluded is avoided or (is_seen_enough and self._count(remaining, never)):
                nearest = self._widen(remaining, left_out, excluded)
                item_ids = self._search(session, nearest, excluded, request.limit or self.num_shown)
                return Retrieved(kind="nearest", item_ids=item_ids, relaxed=left_out)
        return Retrieved(kind="nothing", relaxed=tuple(wishes))

    def _weight(self, wish: Predicate, named: frozenset[str], *, is_new: bool) -> float:
        """Numbers give way first, to the nearest ones; what kind of thing is wanted gives way last.

        named: kinds that are wished by name. "A tall vase" is a vase, though mugs alone are known as tall.
        """
        if isinstance(wish.value, float | int):
            return _NUMBER_WEIGHT[is_new]
        kinds = named.intersection(self._kinds_of(wish)) if named else self._kinds_of(wish)
        return _KIND_WEIGHT[is_new] if kinds else _VALUE_WEIGHT[is_new]

    def kinds(self, wishes: Iterable[Predicate]) -> frozenset[str]:
        """The kinds of thing that wishes ask for, none where they leave that open."""
        return frozenset(kind for wish in wishes for kind in self._kinds_of(wish))

    @property
    def _kind(self) -> str | None:
        return self.lexicon.kind or next(iter(self.lexicon.text_attributes), None)

    def _kinds_of(self, wish: Predicate) -> tuple[str, ...]:
        """The kind of thing that a wish asks for, itself or because only one kind has it (armchair: chair)."""
        if self._kind is None or wish.operator != "=":
            return ()
        if wish.attribute == self._kind:
            return wish.choices
        found = counts_of(self._kind, self.recommender.catalog, self._passing([wish], set()))
        return tuple(value for value in found if isinstance(value, str)) if len(found) == 1 else ()

    def _widen(
        self, remaining: Sequence[Predicate], left_out: Sequence[Predicate], excluded: set[str]
    ) -> list[Predicate]:
        """In place of a number that cannot be met, the bound that the nearest items meet; of an armchair, a chair."""
        widened = list(remaining)
        kinds = {kind for wish in left_out if wish.attribute != self._kind for kind in self._kinds_of(wish)}
        if self._kind is not None and len(kinds) == 1 and all(wish.attribute != self._kind for wish in remaining):
            of_kind = Predicate(attribute=self._kind, operator="=", value=kinds.pop())
            widened += [of_kind] if self._count([*widened, of_kind], excluded) else []
        for wish in left_out:
            if not isinstance(wish.value, float | int) or wish.operator == "!=":
                continue
            goal = float(wish.value)
            numbers_N = numbers_of(wish.attribute, self.recommender.catalog)
            away = np.abs(numbers_N[self._passing(widened, excluded) & ~np.isnan(numbers_N)] - goal)
            if len(away):
                reach = float(np.sort(away)[: self.num_shown][-1])
                low = Predicate(attribute=wish.attribute, operator=">=", value=goal - reach - 1e-9)
                high = Predicate(attribute=wish.attribute, operator="<=", value=goal + reach + 1e-9)
                widened += [low, high]
        return widened

    def _search(self, session: Session, wishes: Sequence[Predicate], excluded: set[str], k: int) -> tuple[str, ...]:
        found = self.recommender.recommend(
            history=session.context(),
            query=session.query,
            image=None if session.photo is None else self._find_photo(session.photo),
            like=session.refers_to if session.relation == "like" else (),
            disliked=session.disliked,
            where=all_of(wishes),
            exclude=[self.recommender.catalog.items[row].item_id for row in self._rows(excluded)],
            k=min(k, self._count(wishes, excluded)),
        )
        return tuple(entry.item_id for entry in found)


def subsets_by_weight(weights: Sequence[float]) -> Iterator[tuple[int, ...]]:
    """All choices of one place or more, those of the least total weight first, each made when it is asked for."""
    order = sorted(range(len(weights)), key=weights.__getitem__)
    waiting: list[tuple[float, tuple[int, ...]]] = [(weights[order[0]], (0,))] if order else []
    while waiting:
        total, chosen = heapq.heappop(waiting)
        yield tuple(sorted(order[n] for n in chosen))
        last = chosen[-1]
        if last + 1 < len(order):
            added, own = weights[order[last + 1]], weights[order[last]]
            heapq.heappush(waiting, (total + added, (*chosen, last + 1)))
            heapq.heappush(waiting, (total + added - own, (*chosen[:-1], last + 1)))
