"""How a source was read is written down and read back."""

from pathlib import Path

import pytest

from genrec.data.layouts.mapping import Kind, SourceMapping, TableMapping, load_mapping, save_mapping
from genrec.errors import SourceError

WHOLE = SourceMapping(
    layout="H&M",
    items=TableMapping(
        file="a.csv",
        roles={"item_id": ("sku",), "price": ("sale", "regular")},
        attributes={"breite": Kind(kind="number", unit="m"), "price": Kind(kind="number", currency="EUR")},
    ),
    events=TableMapping(file="b.csv", roles={"user_id": ("who",)}),
    positive="rating >= 4",
    day_first=False,
)


@pytest.mark.parametrize("mapping", [WHOLE, SourceMapping()])
def test_what_is_written_is_what_is_read(tmp_path: Path, mapping: SourceMapping) -> None:
    save_mapping(mapping, tmp_path / "mapping.toml")
    assert load_mapping(tmp_path / "mapping.toml") == mapping


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layout = [", "cannot be read as a mapping"),
        ("shop = 1", "unknown entry 'shop'; wanted layout, items, events"),
        ("layout = 3", "layout is 3; wanted a str"),
        ("day_first = 'yes'", "day_first is 'yes'; wanted a bool"),
        ("items = 3", r"\[items\] is 3; wanted a table"),
        ("[items.roles]\ntitel = 'a'", "unknown role 'titel'; choose one of item_id, title"),
        ("[events.roles]\ntitle = 'a'", "unknown role 'title'; choose one of user_id"),
        ("[items.roles]\ntitle = 3", "role title is 3; wanted a column's name"),
        ("[items.roles]\ntitle = []", r"role title is \[\]; wanted a column's name"),
        ("[items.attributes]\na = {kind = 'color'}", "wanted kind = number, list, text or truth"),
    ],
)
def test_what_is_no_mapping_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mapping.toml").write_text(text)
    with pytest.raises(SourceError, match=message) as caught:
        load_mapping(tmp_path / "mapping.toml")
    assert "\n" not in str(caught.value)


def test_a_mapping_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read as a mapping"):
        load_mapping(tmp_path / "none.toml")
