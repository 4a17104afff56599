"""Which column of items is the price: what a customer pays now.

Knows what else columns of money are; deliberately reads no cell that `values` does not.
"""

import numpy as np

from genrec.data.layouts.names import ITEM_PHRASES, plain, speaks_for
from genrec.data.layouts.search import Search
from genrec.data.tables import Table
from genrec.data.values import numbers
from genrec.data.values.units import currency_named

_CALLED = 0.9  # from which a name says nothing but the role
_LEAST_NUMBERS = 0.2  # of the cells of a column that is called a price
_NUM_PRICES = 2_000  # rows in which prices are compared
# What something cost before, costs elsewhere, or costs the shop: no price that a customer pays.
_OTHER_PRICES = frozenset(
    {"regular", "list", "msrp", "compare", "original", "old", "retail", "cost", "normal", "previous", "before", "was"}
    | {"rrp", "uvp", "regularer", "regulier", "shipping", "purchase", "buying", "wholesale", "supplier", "net", "netto"}
    | {"einkauf", "einkaufspreis", "ek", "achat", "compra"}
)


def settle_price(search: Search, table: Table) -> list[str]:
    """Give the role of the price, the reduced one before the regular; what to ask where several could be it.

    Of two columns the one that is nowhere higher than the other is what things cost now, whatever it is called.
    """
    if "price" in search.roles:
        return []
    found = search.scores("price", lambda name: _is_price(search, name), least=0.35)
    usual = [(sure, name) for sure, name in found if not is_other_price(name)]
    if not found:
        return _settle_money(search)
    now = usual or found
    reduced = [name for _, name in usual if name != now[0][1] and is_reduced(table, name, now[0][1])]
    regular = [name for _, name in found if name != now[0][1] and is_reduced(table, now[0][1], name)]
    rivals = [n for sure, n in now[1:] if sure > now[0][0] - 0.15 and now[0][0] < 0.9 and n not in reduced + regular]
    rivals += [n for _, n in now[1:] if n not in rivals and _are_in_two_currencies(n, now[0][1])]
    if rivals:
        names = ", ".join(repr(name) for name in (now[0][1], *rivals))
        return [f"which of {names} is the price? none is taken for it; say --map price=COLUMN"]
    search.take("price", *reduced[:1], now[0][1], *(regular[:1] if not reduced else ()))
    return []


def is_other_price(name: str) -> bool:
    """Whether a column's name says that its prices are none that a customer pays now."""
    return bool(_OTHER_PRICES & set(plain(name).split()))


def _is_price(search: Search, name: str) -> bool:
    """Whether cells may be prices: mostly numbers, or some where the name says nothing but price."""
    is_called = speaks_for(name, ITEM_PHRASES["price"]) > _CALLED
    return search.looks[name].numbers > (_LEAST_NUMBERS if is_called else 0.5)


def _settle_money(search: Search) -> list[str]:
    """Give the role of the price to the only column of money, where no name speaks for it; what to ask or say."""
    money = [n for n in search.free if search.looks[n].numbers > 0.5]
    money = [n for n in money if numbers([*search.looks[n].values], name=n).currency is not None]
    paid = [n for n in money if not is_other_price(n)] or money
    if len(paid) == 1:
        search.take("price", paid[0])
    elif paid:
        return [f"which of {', '.join(map(repr, paid))} is the price? say --map price=COLUMN"]
    return []


def _are_in_two_currencies(one: str, other: str) -> bool:
    """Whether the names of two columns say that they are the same prices in two currencies."""
    found = {currency_named(one), currency_named(other)}
    return len(found) == 2 and None not in found


def is_reduced(table: Table, low: str, high: str) -> bool:
    """Whether one column of prices is below another somewhere and above it nowhere."""
    sample = table.head(_NUM_PRICES).select([low, high])
    low_N, high_N = (numbers(sample.columns[name], name=name).values for name in (low, high))
    is_both = np.isfinite(low_N) & np.isfinite(high_N)
    return bool(
        is_both.any() and (low_N[is_both] <= high_N[is_both]).all() and (low_N[is_both] < high_N[is_both]).any()
    )
