"""labels.toml lists what was made, keeps what a person changed, and is checked in one line."""

import tomllib
from pathlib import Path

import pytest

from genrec.data.ingest import ingest
from genrec.data.labels import LABELS_FILE, Labels, load_edits, write_listing
from genrec.errors import ConfigError
from genrec.schema import Item

ITEMS = [
    Item(item_id=f"i{n}", title=f"T{n}", attributes={"mood": ("dark", "light")[n % 2], 'odd "name"': "a"})
    for n in (1, 2)
]


def test_what_is_listed_changes_nothing_until_a_person_takes_it(tmp_path: Path) -> None:
    path = tmp_path / LABELS_FILE
    labels = Labels.of(ITEMS)
    write_listing(labels, path)
    assert load_edits(path) == {}
    text = path.read_text()
    path.write_text(
        "\n".join(
            line.removeprefix("# ") if "say = " in line and "=" in line[:14] else line for line in text.splitlines()
        )
    )
    edits = load_edits(path)
    assert edits["mood"] == {"say": "value", "name": "mood"}
    assert Labels.of(ITEMS, edits).by_attribute == labels.by_attribute


def test_a_person_s_line_stands_over_the_made_label(tmp_path: Path) -> None:
    path = tmp_path / LABELS_FILE
    path.write_text('mood = { say = "property", form = "has {a} {value} mood" }\ngone = { say = "kind" }\n')
    labels = Labels.of(ITEMS, load_edits(path))
    assert labels.say("mood", "dark") == "has a dark mood"
    assert "gone" not in labels.by_attribute
    path.write_text('mood = { say = "silent" }\n')
    assert not Labels.of(ITEMS, load_edits(path)).says("mood", "dark")


def test_a_listing_is_renewed_but_no_changed_line_is_touched(tmp_path: Path) -> None:
    path = tmp_path / LABELS_FILE
    write_listing(Labels.of(ITEMS), path)
    write_listing(Labels.of([Item(item_id="a", attributes={"color": "red"})]), path)
    assert "color" in path.read_text()
    assert "mood" not in path.read_text()
    mine = '# my note\nmood = { say = "silent" }\n'
    path.write_text(mine)
    write_listing(Labels.of([Item(item_id="a", attributes={"color": "red", "mood": "dark"})]), path)
    assert path.read_text().startswith(mine)
    assert tomllib.loads(path.read_text()) == {"mood": {"say": "silent"}}
    assert '# "color" =' in path.read_text()
    write_listing(Labels.of([Item(item_id="a", attributes={"color": "red", "mood": "dark"})]), path)
    assert path.read_text().count('"color" =') == 1


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("mood = ", "cannot be read as labels"),
        ('mood = "kind"', "mood is 'kind'; wanted a table"),
        ('mood = { say = "noun" }', "say is 'noun'; choose one of kind"),
        ('mood = { says = "kind" }', "unknown entry 'says'; choose of say"),
        ('mood = { form = "is it" }', "form is 'is it'; wanted words with {value}"),
        ('mood = { form = "is {value} {other}" }', "wanted words with {value}"),
        ('mood = { form = "is {value" }', "wanted words with {value}"),
        ("mood = { name = 3 }", "name is 3; wanted a text"),
        ('mood = { lowers = "yes" }', "lowers is 'yes'; wanted true or false"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / LABELS_FILE
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_edits(path)
    assert wrong in str(error.value)
    assert "\n" not in str(error.value)


def test_ingest_lists_labels_and_leaves_a_person_s_file(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title,mood\na,One,dark\nb,Two,light\n")
    workspace = tmp_path / "ws"
    ingest("files", tmp_path / "items.csv", workspace)
    path = workspace / LABELS_FILE
    assert '# "mood" =' in path.read_text()
    path.write_text('mood = { say = "silent" }\n')
    ingest("files", tmp_path / "items.csv", workspace)
    assert load_edits(path) == {"mood": {"say": "silent"}}
