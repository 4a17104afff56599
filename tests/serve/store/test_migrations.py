"""Stores of earlier versions: brought up to date without losing or touching what is not theirs."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from genrec.serve.store import Store
from genrec.serve.store import database as database_module

SERVED = "0123456789abcdef0123456789abcdef.png"
_EVENTS = [
    ("ann", "a", "like"), ("ann", "a", "dislike"), ("bob", "a", "like"), ("ann", "a", "undo"), ("ann", "b", "choose"),
    ("ann", "c", "like"), ("ann", "c", "undo"), ("ann", "c", "undo"), ("ann", "d", "view"), ("ann", "b", "view"),
]  # fmt: skip


def old_store(engine: sa.Engine, paths: dict[str, str], document: str) -> None:
    """A store as version 0001 made it."""
    config = Config()
    config.set_main_option("script_location", str(Path(database_module.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for number, (person, item_id, kind) in enumerate(_EVENTS):
            connection.execute(
                sa.text("INSERT INTO events (event_id, person, item_id, kind, timestamp) VALUES (:e, :p, :i, :k, :n)"),
                {"e": f"e{number}", "p": person, "i": item_id, "k": kind, "n": number},
            )
        for visual_id, path in paths.items():
            connection.execute(
                sa.text(
                    "INSERT INTO visuals (visual_id, person, item_id, path, record, timestamp) "
                    "VALUES (:v, 'ann', 'a', :p, '{}', 0)"
                ),
                {"v": visual_id, "p": path},
            )
        connection.execute(
            sa.text("INSERT INTO sessions (session_id, person, document, timestamp) VALUES ('s', 'ann', :d, 0)"),
            {"d": document},
        )


@pytest.fixture
def migrated(store_url: str, database: sa.Engine, tmp_path: Path) -> Store:
    """An old store with drawings here and there, opened by what is there now."""
    elsewhere = tmp_path / "elsewhere" / "visuals"
    workspace = tmp_path / "W"
    for folder in (elsewhere, workspace / "visuals"):
        folder.mkdir(parents=True)
        for name in (SERVED, "other.png", "lamp.png"):
            (folder / name).write_text("png")
    (elsewhere / "other.png").rename(elsewhere / "not-here.png")
    paths = {
        "inside": str(workspace / "visuals" / "lamp.png"),
        "copied": str(elsewhere / SERVED),
        "relative": f"shops/W/visuals/{SERVED}",
        "anothers": str(elsewhere / "lamp.png"),
        "gone": str(elsewhere / "not-here.png"),
        "escaping": str(workspace / "visuals" / ".." / ".." / "elsewhere" / "visuals" / "lamp.png"),
        "settings": str(workspace / "genrec.toml"),
    }
    document = json.dumps({"photo": "/tmp/genrec-photos-x/3f.png", "earlier": {"photo": "/tmp/genrec-photos-x/4a.png"}})
    old_store(database, paths, document)
    store = Store.open(store_url, workspace)
    yield store
    store.close()


def test_drawings_inside_are_named_by_their_place_and_others_are_forgotten_not_deleted(
    migrated: Store, tmp_path: Path
) -> None:
    visuals = tmp_path / "W" / "visuals"
    found = {name: migrated.find_visual(name).path for name in ("inside", "copied", "relative", "anothers", "gone")}
    assert found == {
        "inside": visuals / "lamp.png", "copied": visuals / SERVED, "relative": visuals / SERVED,
        "anothers": None, "gone": None,
    }  # fmt: skip
    assert migrated.find_visual("escaping").path is migrated.find_visual("settings").path is None
    assert migrated.erase_person("ann").visuals == 7
    assert sorted(path.name for path in visuals.iterdir()) == ["other.png"]
    assert sorted(path.name for path in (tmp_path / "elsewhere" / "visuals").iterdir()) == [
        SERVED, "lamp.png", "not-here.png"
    ]  # fmt: skip


def test_feedback_counts_as_before(migrated: Store) -> None:
    assert list(migrated.latest_feedback("ann").items()) == [("a", True), ("b", True)]
    assert migrated.latest_feedback("bob") == {"a": True}
    assert list(migrated.export_events().item_ids) == ["a", "b", "a"]
    migrated.add_event(person="ann", item_id="b", kind="undo")  # the view
    assert "b" in migrated.latest_feedback("ann")
    migrated.add_event(person="ann", item_id="b", kind="undo")
    assert migrated.latest_feedback("ann") == {"a": True}


def test_paths_of_photos_leave_the_documents(migrated: Store) -> None:
    assert json.loads(migrated.load_session("s")) == {"photo": "3f.png", "earlier": {"photo": "4a.png"}}
    assert "/tmp" not in json.dumps(migrated.export_person("ann"))


def test_drawings_of_before_are_told_without_what_was_not_kept_and_answer_no_request(migrated: Store) -> None:
    visual = migrated.find_visual("inside")
    assert visual is not None
    assert visual.told == {}
    assert migrated.find_answer("ann", "") is None
