"""What is sold changes while all that was made of the content stays, and what is removed is gone for everybody."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from workspaces import stages_of

from genrec.artifacts import read_manifest
from genrec.chat.session import Session
from genrec.data.changes import ItemChange
from genrec.data.ingest import load_workspace_data
from genrec.errors import ArtifactError, FilterError, SourceError
from genrec.generations import current_number
from genrec.item_updates import changed, remove_items, update_items
from genrec.new_items import add_items
from genrec.offers import Offer, Variant
from genrec.pipeline import build, describe
from genrec.schema import Catalog, Item
from genrec.stages import BuildContext
from genrec.workspace import load

VARIANTS = tuple(
    Variant(variant_id=f"lamp-{size}", attributes={"size": size}, price=price, availability="in_stock")
    for size, price in (("s", 10.0), ("l", 20.0))
)
LAMP = Item(
    item_id="lamp",
    title="Lamp",
    attributes={"price": 10.0, "color": "red"},
    offer=Offer(currency="EUR", price_upper=20.0, availability="in_stock", stock=7, variants=VARIANTS),
)
MUG = Item(item_id="mug", title="Mug")
CATALOG = Catalog(items=(LAMP, MUG))


def lamp_after(**changes: ItemChange) -> Item:
    after = changed(CATALOG, {any_id.replace("_", "-"): change for any_id, change in changes.items()})
    assert after["mug"] == MUG
    return after["lamp"]


def test_a_change_touches_what_it_names_alone() -> None:
    found = lamp_after(lamp=ItemChange(offer={"availability": "preorder"}, attributes={"price": 8.0}))
    assert found == replace(
        LAMP,
        attributes={"price": 8.0, "color": "red"},
        offer=replace(LAMP.offer or Offer(), availability="preorder"),
    )
    assert changed(CATALOG, {"stranger": ItemChange(removed=True)}) == CATALOG


def test_a_variants_change_reaches_its_item() -> None:
    found = lamp_after(lamp_s=ItemChange(attributes={"price": 30.0}))
    assert found.price == 20.0
    assert found.offer is not None
    assert found.offer.price_upper == 30.0
    assert [variant.price for variant in found.offer.variants] == [30.0, 20.0]
    one = lamp_after(lamp_s=ItemChange(offer={"stock": 0.0}))
    assert one.available
    assert one.offer is not None
    assert [variant.availability for variant in one.offer.variants] == ["out_of_stock", "in_stock"]
    both = lamp_after(
        lamp_s=ItemChange(offer={"stock": 0.0}), lamp_l=ItemChange(offer={"availability": "discontinued"})
    )
    assert not both.available
    gone = lamp_after(lamp_s=ItemChange(removed=True))
    assert not gone.removed
    assert gone.offer is not None
    assert gone.offer.variants[0].availability == "discontinued"


def test_an_items_own_change_counts_more_than_its_variants() -> None:
    own = ItemChange(attributes={"price": 5.0})
    for order in (("lamp", "lamp_s"), ("lamp_s", "lamp")):
        changes = {"lamp": own, "lamp_s": ItemChange(attributes={"price": 30.0})}
        assert lamp_after(**{name: changes[name] for name in order}).price == 5.0


def table(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def made_of(root: Path) -> dict[str, str]:
    """The fingerprint of each stage but the offers."""
    names = ("catalog", "embeddings", "sequence", "experts", "semids", "model", "mixture")
    return {name: read_manifest(stages_of(root) / name, name).fingerprint for name in names}


def test_prices_and_offers_change_in_one_step_and_nothing_is_made_again(shop_copy: Path, tmp_path: Path) -> None:
    before = load_workspace_data(shop_copy).catalog
    first, second = before.items[:2]
    stages, number = made_of(shop_copy), current_number(shop_copy)
    file = table(
        tmp_path / "new.jsonl",
        {"item_id": first.item_id, "price": 1.5, "currency": "EUR", "link": "https://shop.example/1"},
        {"item_id": second.item_id, "availability": "sold out"},
        {"item_id": "ghost", "price": 3},
    )
    report = update_items(shop_copy, file)
    assert report.item_ids == (first.item_id, second.item_id)
    assert report.unknown == ("ghost",)
    assert report.num_unchanged == 0
    after = load(shop_copy)
    assert after.catalog[first.item_id].price == 1.5
    assert after.catalog[first.item_id].offer == Offer(currency="EUR", link="https://shop.example/1")
    assert made_of(shop_copy) == stages
    assert all(state.stale is None for state in describe(shop_copy))
    assert build(shop_copy).seconds == {}
    folder = stages_of(shop_copy)
    built_from = BuildContext.open(shop_copy, folder, after.config).catalog
    assert [item.words for item in built_from] == [item.words for item in before]
    assert load(shop_copy).catalog == after.catalog
    cheapest = after.recommend(history=[], where="price <= 1.5", k=240)
    assert [entry.item_id for entry in cheapest] == [first.item_id]
    available = {entry.item_id for entry in after.recommend(history=[], where="available", k=240)}
    assert available == {item.item_id for item in before} - {second.item_id}
    again = current_number(shop_copy)
    assert again != number
    same = update_items(shop_copy, file)
    assert (same.item_ids, same.num_unchanged) == ((), 2)
    assert current_number(shop_copy) == again
    (offers,) = [state for state in describe(shop_copy) if state.name == "offers"]
    assert offers.details == {"items": 2, "sold_out": 1, "removed": 0}


def test_a_removed_item_is_for_nobody_until_it_comes_back(shop_copy: Path, tmp_path: Path) -> None:
    before = load(shop_copy)
    item, other = before.catalog.items[0], before.catalog.items[1]
    history = [item.item_id, other.item_id]
    assert remove_items(shop_copy, [item.item_id]).item_ids == (item.item_id,)
    after = load(shop_copy)
    assert after.catalog.row(item.item_id) == 0
    assert after.catalog[item.item_id].removed
    assert after.table.item_ids == before.table.item_ids
    found = [entry.item_id for entry in after.recommend(history=history, k=240, exclude_history=False)]
    assert sorted(found) == sorted(i.item_id for i in after.catalog if i.item_id != item.item_id)
    assert item.item_id not in {entry.item_id for entry in after.stream(history=[other.item_id], k=240)}
    with pytest.raises(FilterError, match="are not removed"):
        after.recommend(history=[], where=f"item_id = '{item.item_id}'")
    assert after.explain(item=other.item_id, history=[item.item_id]).text
    assert after.reader.linker.title(item.title) != item.item_id
    chat = after.chat()
    chat.session = Session(shown=[])
    assert item.item_id not in {card.item_id for card in chat.say(f"I want a {item.attributes['category']}").items}
    report = remove_items(shop_copy, [item.item_id, other.item_id])
    assert (report.item_ids, report.num_unchanged) == ((other.item_id,), 1)
    price = table(tmp_path / "price.jsonl", {"item_id": item.item_id, "price": item.price})
    assert update_items(shop_copy, price).returned == (item.item_id,)
    row = {"item_id": other.item_id, "title": other.title, "text": other.text, "attributes": dict(other.attributes)}
    added = add_items(shop_copy, table(tmp_path / "again.jsonl", row))
    assert (added.item_ids, added.num_known, added.returned) == ((), 1, (other.item_id,))
    back = load_workspace_data(shop_copy).catalog
    assert [replace(item, image=None) for item in back] == [replace(item, image=None) for item in before.catalog]


def test_offers_stay_when_items_are_added(shop_copy: Path, tmp_path: Path) -> None:
    first, second = load_workspace_data(shop_copy).catalog.items[:2]
    update_items(shop_copy, table(tmp_path / "a.jsonl", {"item_id": first.item_id, "price": 1.5, "stock": 0}))
    remove_items(shop_copy, [second.item_id])
    row = {"item_id": "new", "title": "red lamp", "text": "a red lamp", "attributes": {"color": "red"}}
    add_items(shop_copy, table(tmp_path / "new.jsonl", row))
    after = load(shop_copy).catalog
    assert after[first.item_id].price == 1.5
    assert not after[first.item_id].available
    assert after[second.item_id].removed
    assert after["new"].title == "red lamp"


def test_what_cannot_change_leaves_the_workspace_as_it_was(shop_copy: Path, tmp_path: Path) -> None:
    number = current_number(shop_copy)
    item = load_workspace_data(shop_copy).catalog.items[0]
    with pytest.raises(SourceError, match="none of 1 ids is in the catalog of 240 items"):
        update_items(shop_copy, table(tmp_path / "a.jsonl", {"item_id": "ghost", "price": 1}))
    with pytest.raises(SourceError, match="none of 2 ids"):
        remove_items(shop_copy, ["ghost", "spirit"])
    with pytest.raises(SourceError, match="no column that can change"):
        update_items(shop_copy, table(tmp_path / "b.jsonl", {"item_id": item.item_id, "title": "Other"}))
    changed_content = {"item_id": item.item_id, "title": "Other", "text": item.text}
    with pytest.raises(SourceError, match="genrec update-items"):
        add_items(shop_copy, table(tmp_path / "c.jsonl", changed_content))
    with pytest.raises(ArtifactError):
        update_items(tmp_path / "nowhere", tmp_path / "a.jsonl")
    assert current_number(shop_copy) == number


def test_the_commands_tell_what_changed(genrec, shop_copy: Path, tmp_path: Path) -> None:
    first, second = load_workspace_data(shop_copy).catalog.items[:2]
    file = tmp_path / "prices.csv"
    file.write_text(
        f"item_id,price,currency,link,title\n{first.item_id},7.5,EUR,https://shop.example/a,Other\nghost,1,,,\n"
    )
    code, out, _ = genrec("update-items", shop_copy, file)
    assert code == 0
    assert "1 items changed, 0 unchanged, 1 ids unknown (ghost)" in out
    assert "left as they were: title" in out
    code, out, _ = genrec("remove-items", shop_copy, second.item_id, "--json")
    assert json.loads(out)["item_ids"] == [second.item_id]
    (tmp_path / "gone.txt").write_text(second.item_id)
    assert "0 items removed, 1 were already" in genrec("remove-items", shop_copy, tmp_path / "gone.txt")[1]
    code, _, err = genrec("remove-items", shop_copy, "ghost")
    assert code == 2
    assert "none of 1 ids" in err
    code, out, _ = genrec("recommend", shop_copy, "--history", second.item_id, "--where", "price = 7.5", "--json")
    (shown,) = [entry for entry in json.loads(out)["recommendations"] if entry["item_id"] == first.item_id]
    assert (shown["price"], shown["currency"], shown["available"]) == (7.5, "EUR", True)
    assert shown["link"] == "https://shop.example/a"
    assert [Path(path).name for path in shown["images"]] == [f"{first.item_id}.png"]
    _, out, _ = genrec("recommend", shop_copy, "--history", second.item_id, "--where", "price = 7.5")
    assert "€7.50" in out
    _, out, _ = genrec("explain", shop_copy, "--item", first.item_id, "--history", second.item_id, "--json")
    assert json.loads(out)["item"]["currency"] == "EUR"
    assert "removed 1" in genrec("info", shop_copy)[1]
