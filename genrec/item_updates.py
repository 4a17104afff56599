"""Changes of a built workspace's known items: prices, offers, and what is no longer recommended.

Nothing is encoded, fitted or tuned again: one new generation shares every file with the one before, but for its
offers. Knows how a change reaches an item, its variants and the workspace; deliberately knows no file's layout, which
is `data.changes`'s.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from genrec.data.catalog import load_catalog
from genrec.data.changes import ChangesRead, ItemChange, read_changes, read_item_ids
from genrec.data.ingest import kept_mapping
from genrec.data.offers import with_offers, write_offers
from genrec.errors import SourceError
from genrec.generations import CATALOG, Generation, checked_base, new_folder, require_no_draft, writing
from genrec.offers import PRICE, Offer, Variant
from genrec.schema import Catalog, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateReport:
    """What a change of items did.

    item_ids: the items that changed; returned: those of them that were removed before; num_unchanged: those that were
    so already; unknown: ids of no item and no variant; notes: what was left as it is, and why.
    """

    item_ids: tuple[str, ...]
    returned: tuple[str, ...]
    num_unchanged: int
    unknown: tuple[str, ...]
    notes: tuple[str, ...] = ()


def update_items(directory: Path | str, path: Path, *, columns: Mapping[str, str] | None = None) -> UpdateReport:
    """Change prices, offers, numbers and truths of known items, by their ids or those of their variants.

    Removed items that are named come back. Raises ArtifactError when the workspace is not built or a draft waits,
    SourceError when no row is of a known item or no column can change, WorkspaceBusy.
    """
    return _change(
        directory,
        "genrec update-items",
        lambda catalog, base: read_changes(path, catalog, columns or {}, kept_mapping(base)),
    )


def remove_items(directory: Path | str, ids: Path | Collection[str]) -> UpdateReport:
    """Let items no longer be recommended; they stay in the catalog and in histories.

    ids: of items, or a file with a column of them. Raises as `update_items` does.
    """

    def read(_: Catalog, __: Path) -> ChangesRead:
        wanted = read_item_ids(ids) if isinstance(ids, Path) else tuple(ids)
        return ChangesRead(changes={item_id: ItemChange(removed=True) for item_id in wanted})

    return _change(directory, "genrec remove-items", read)


def return_items(folder: Path, item_ids: Iterable[str]) -> None:
    """Let removed items be recommended again, in the folder of a new generation."""
    content = load_catalog(folder / CATALOG)
    write_offers(folder, changed(with_offers(content, folder), dict.fromkeys(item_ids, ItemChange())), content)


def _change(directory: Path | str, command: str, read: Callable[[Catalog, Path], ChangesRead]) -> UpdateReport:
    """Read changes for the current catalog and make them a new generation, where anything changes."""
    root = Path(directory)
    Generation.open(root)
    with writing(root, command):
        require_no_draft(root)
        base = checked_base(root)
        content = load_catalog(base / CATALOG)
        before = with_offers(content, base)
        found = read(before, base)
        _refuse_strangers(found.changes, before)
        after = changed(before, found.changes)
        different = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
        if different:
            with new_folder(root, base, is_whole=True) as folder:
                write_offers(folder, after, content)
    known = {before.item_id(any_id) for any_id in found.changes if any_id in before}
    return UpdateReport(
        item_ids=tuple(item.item_id for _, item in different),
        returned=tuple(new.item_id for old, new in different if old.removed and not new.removed),
        num_unchanged=len(known) - len(different),
        unknown=tuple(any_id for any_id in found.changes if any_id not in before),
        notes=found.notes,
    )


def _refuse_strangers(changes: Mapping[str, ItemChange], catalog: Catalog) -> None:
    """Raises SourceError when not one id is of an item or a variant."""
    if not any(any_id in catalog for any_id in changes):
        examples = ", ".join(map(repr, list(changes)[:3])) or "none"
        raise SourceError(
            f"none of {len(changes)} ids is in the catalog of {len(catalog)} items (found {examples}; its ids look "
            f"like {catalog.items[0].item_id!r}); give ids of its items, or add new items with genrec add-items"
        )


def changed(catalog: Catalog, changes: Mapping[str, ItemChange]) -> Catalog:
    """The catalog after changes by id. A variant's reaches its item, whose own counts more; unknown ids do nothing."""
    items = list(catalog.items)
    rows = [(any_id, row, change) for any_id, change in changes.items() if (row := catalog.find(any_id)) is not None]
    for any_id, row, change in sorted(rows, key=lambda entry: entry[0] == catalog.items[entry[1]].item_id):
        item = items[row]
        items[row] = _with_change(item, change) if any_id == item.item_id else _with_variant(item, any_id, change)
    return Catalog(items=tuple(items))


def _with_change(item: Item, change: ItemChange) -> Item:
    offer = replace(item.offer or Offer(), **change.offer)
    return replace(
        item,
        attributes={**item.attributes, **change.attributes},
        offer=None if offer == Offer() else offer,
        removed=change.removed,
    )


def _with_variant(item: Item, variant_id: str, change: ItemChange) -> Item:
    """The item with a changed price or availability of one variant, and what its variants have together.

    A variant that is removed is sold out; others of its item are still recommended.
    """
    assert item.offer is not None
    variants = tuple(
        _changed_variant(variant, change) if variant.variant_id == variant_id else variant
        for variant in item.offer.variants
    )
    offer, attributes = replace(item.offer, variants=variants), item.attributes
    if any(new.availability != old.availability for new, old in zip(variants, item.offer.variants, strict=True)):
        offer = offer.summed_up()
    prices = [variant.price for variant in variants if variant.price is not None]
    if PRICE in change.attributes and prices:
        attributes = {**attributes, PRICE: min(prices)}
        offer = replace(offer, price_upper=max(prices) if max(prices) > min(prices) else None)
    return replace(item, attributes=attributes, offer=offer, removed=item.removed and change.removed)


def _changed_variant(variant: Variant, change: ItemChange) -> Variant:
    price, stock = change.attributes.get(PRICE, variant.price), change.offer.get("stock")
    availability = change.offer.get("availability", variant.availability)
    if change.removed:
        availability = "discontinued"
    elif stock is not None and "availability" not in change.offer:
        availability = "in_stock" if stock > 0 else "out_of_stock"
    return replace(variant, price=price, availability=availability)  # type: ignore[arg-type]  # a price is a number
