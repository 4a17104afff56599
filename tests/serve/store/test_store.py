"""What the store promises, on SQLite and on PostgreSQL alike."""

import base64
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from genrec.errors import InputError, StoreError
from genrec.serve.store import Erased, Store, default_url
from genrec.serve.store.database import Database
from genrec.serve.store.files import VisualFiles
from genrec.serve.store.records import EVENT_KINDS, Base


def test_events_come_back_in_the_order_they_were_taken(store: Store) -> None:
    for number in range(5):
        store.add_event(person="ann", item_id=f"i{number}", kind="like", timestamp=100 - number)
    store.add_event(person="bob", item_id="i9", kind="view")
    assert [event.item_id for event in store.events_of("ann")] == ["i0", "i1", "i2", "i3", "i4"]
    assert store.num_events() == 6


def test_an_event_sent_twice_counts_once_and_an_id_means_one_event(store: Store) -> None:
    first = store.add_event(person="ann", item_id="a", kind="like", event_id="e1", timestamp=5)
    assert store.add_event(person="ann", item_id="a", kind="like", event_id="e1") == first
    assert store.num_events() == 1
    with pytest.raises(InputError, match="'e1' was used for another event"):
        store.add_event(person="ann", item_id="b", kind="like", event_id="e1")
    with pytest.raises(InputError, match="kind 'adore' is unknown"):
        store.add_event(person="ann", item_id="b", kind="adore")


def test_events_of_many_threads_are_all_kept(store: Store) -> None:
    def send(person: str) -> None:
        for number in range(20):
            store.add_event(person=person, item_id=f"i{number}", kind="like")

    threads = [threading.Thread(target=send, args=(f"p{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.num_events() == 160
    assert all(len(store.events_of(f"p{n}")) == 20 for n in range(8))


def test_a_store_keeps_everything_when_opened_again(store: Store, store_url: str, tmp_path: Path) -> None:
    store.add_event(person="ann", item_id="a", kind="like")
    _, secret = store.create_key("shop", ["recommend"], rate_per_minute=60)
    store.save_session("s1", "ann", '{"a": "ü"}', after=None)
    store.close()
    again = Store.open(store_url, tmp_path)
    assert again.num_events() == 1
    assert again.find_key(secret).rate_per_minute == 60
    assert again.load_session("s1") == '{"a": "ü"}'
    again.close()


def test_sessions_are_replaced_and_missing_ones_are_none(store: Store) -> None:
    assert store.save_session("s1", None, "old", after=None)
    assert store.save_session("s1", "ann", "new", after="old")
    assert store.load_session("s1") == "new"
    assert not store.save_session("s1", "ann", "late", after="old")  # another process went on with it
    assert not store.save_session("s1", "ann", "late", after=None)
    assert not store.save_session("s3", "ann", "late", after="erased meanwhile")
    assert store.load_session("s1") == "new"
    assert store.load_session("s3") is None
    assert store.load_session("s2") is None


def test_secrets_are_not_kept_and_revoked_keys_open_nothing(store: Store, database: sa.Engine) -> None:
    key, secret = store.create_key("shop", ["recommend", "chat"])
    assert store.find_key(secret) == key
    assert store.find_key(secret + "x") is None
    with database.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM keys")).all()
    assert key.key_id in str(rows)
    assert secret not in str(rows)
    store.revoke_key(key.key_id)
    assert store.find_key(secret) is None
    assert store.keys()[0].revoked is not None
    with pytest.raises(InputError, match="no key 'nobody'"):
        store.revoke_key("nobody")
    with pytest.raises(InputError, match=r"\['fly'\]"):
        store.create_key("shop", ["fly"])


def test_photos_of_a_session_come_and_go_with_its_document(store: Store) -> None:
    assert store.save_session("s1", "ann", "one", after=None, photos={"p1": b"png 1"})
    assert store.save_session("s2", "ann", "other", after=None, photos={"p1": b"png 1"})
    assert store.save_session("s1", "ann", "two", after="one", photos={"p1": None, "p2": b"png 2"})
    assert store.load_photos("s1") == {"p1": b"png 1", "p2": b"png 2"}
    assert not store.save_session("s1", "ann", "late", after="one", photos={"p3": b"png 3"})
    assert store.save_session("s1", "ann", "three", after="two", photos={"p2": b"png 2", "never": None})
    assert store.load_photos("s1") == {"p2": b"png 2"}
    assert store.erase_session("s1")
    assert not store.erase_session("s1")
    assert store.load_photos("s1") == {}
    assert store.load_photos("s2") == {"p1": b"png 1"}


def draw(directory: Path, name: str) -> Path:
    """A drawing with its record, in a workspace."""
    picture = directory / "visuals" / f"{name}.png"
    picture.parent.mkdir(exist_ok=True)
    picture.write_bytes(b"png of " + name.encode())
    picture.with_suffix(".json").write_text("{}")
    return picture


def test_an_equal_request_finds_its_drawing_of_the_same_person_while_its_file_is_there(
    store: Store, tmp_path: Path
) -> None:
    told = {"mode": "scene", "taste": "warm"}
    for person, name in (("ann", "a"), ("bob", "b"), (None, "n")):
        path = draw(tmp_path, name)
        store.add_visual(person=person, item_id="i", path=path, record={}, told=told, answers="same")
    for person, name in (("ann", "a"), ("bob", "b"), (None, "n")):
        found = store.find_answer(person, "same")
        assert found is not None
        assert (found.path, found.told) == (tmp_path / "visuals" / f"{name}.png", told)
    assert store.find_answer("ann", "other") is None
    assert store.find_answer("eve", "same") is None
    (exported,) = store.export_person("ann")["visuals"]
    assert exported["told"] == told
    (tmp_path / "visuals" / "a.png").unlink()
    assert store.find_answer("ann", "same") is None
    store.erase_person("bob")
    assert store.find_answer("bob", "same") is None
    assert store.find_answer(None, "same") is not None


def test_the_oldest_drawings_of_one_person_go(store: Store, tmp_path: Path) -> None:
    last = {}
    for number, (person, name) in enumerate(
        (("ann", "a"), ("ann", "b"), ("bob", "c"), ("ann", "d"), (None, "e"), (None, "f"))
    ):
        path = draw(tmp_path, name)
        last[person] = store.add_visual(person=person, item_id=name, path=path, record={}, timestamp=number)
    assert store.drop_visuals(last["ann"], beyond=2) == 1
    assert store.drop_visuals(last["ann"], beyond=2) == 0
    assert store.drop_visuals(last[None], beyond=1) == 1
    assert sorted(path.name for path in (tmp_path / "visuals").glob("*.png")) == ["b.png", "c.png", "d.png", "f.png"]
    assert {visual["item_id"] for visual in store.export_person("ann")["visuals"]} == {"b", "d"}


def test_a_person_can_be_exported_and_erased_and_nobody_else_is(store: Store, tmp_path: Path) -> None:
    picture = draw(tmp_path, "drawn")
    for person in ("ann", "bob"):
        store.add_event(person=person, item_id="a", kind="like")
        store.save_session(f"s-{person}", person, "said", after=None, photos={"p": b"png"})
    record = {"seed": 3, "models": {"clip": "/srv/models/clip@81", "diffusion": "org/name"}, "prompt": "a / b"}
    visual = store.add_visual(person="ann", item_id="a", path=picture, record=record)
    assert store.find_visual(visual.visual_id) == visual
    assert (visual.path, visual.record) == (picture, record)
    document = store.export_person("ann")
    assert [event["item_id"] for event in document["events"]] == ["a"]
    (session,) = document["sessions"]
    assert (session["session_id"], session["document"], session["photos"]) == ("s-ann", "said", {"p": "cG5n"})
    (exported,) = document["visuals"]
    assert exported["picture"] == base64.b64encode(b"png of drawn").decode()
    assert exported["record"] == record | {"models": {"clip": "clip@81", "diffusion": "org/name"}}
    assert str(tmp_path) not in json.dumps(document)
    assert store.erase_person("ann") == Erased(events=1, sessions=1, photos=1, visuals=1, pending=None)
    assert not picture.exists()
    assert not picture.with_suffix(".json").exists()
    assert store.export_person("ann") == {"person": "ann", "events": [], "sessions": [], "visuals": []}
    assert len(store.events_of("bob")) == 1
    assert store.load_session("s-bob") == "said"
    assert store.load_photos("s-bob") == {"p": b"png"}


def test_a_copied_workspace_erases_its_own_drawings_alone(tmp_path: Path) -> None:
    original, copy = tmp_path / "W", tmp_path / "V"
    original.mkdir()
    picture = draw(original, "drawn")
    store = Store.open(default_url(original), original)
    visual = store.add_visual(person="ann", item_id="a", path=picture, record={})
    store.close()
    shutil.copytree(original, copy)
    copied = Store.open(default_url(copy), copy)
    assert copied.find_visual(visual.visual_id).path == copy / "visuals" / "drawn.png"
    assert copied.erase_person("ann").visuals == 1
    copied.close()
    assert list((copy / "visuals").iterdir()) == []
    assert picture.exists()
    assert picture.with_suffix(".json").exists()


def test_drawings_are_erased_wherever_the_server_was_started_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shops" / "W").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "shops")
    picture = draw(Path("W"), "drawn")
    store = Store.open(default_url(Path("W")), Path("W"))
    store.add_visual(person="ann", item_id="a", path=picture, record={})
    store.close()
    monkeypatch.chdir(tmp_path)
    again = Store.open(default_url(Path("shops/W")), Path("shops/W"))
    again.erase_person("ann")
    again.close()
    assert list(Path("shops/W/visuals").iterdir()) == []


def test_a_drawing_that_cannot_be_deleted_is_told_and_stays_known(tmp_path: Path) -> None:
    class StubbornFiles(VisualFiles):
        def delete(self, place: str | None) -> None:
            raise PermissionError(13, "Permission denied")

    store = Store(Database.open(default_url(tmp_path), tmp_path), StubbornFiles(tmp_path))
    store.add_event(person="ann", item_id="a", kind="like")
    store.add_visual(person="ann", item_id="a", path=draw(tmp_path, "drawn"), record={})
    with pytest.raises(StoreError, match=r"drawing visuals/drawn.png cannot be deleted \(Permission denied\)"):
        store.erase_person("ann")
    assert len(store.events_of("ann")) == len(store.export_person("ann")["visuals"]) == 1
    store.close()


def feedback_of(history: Sequence[tuple[str, str]]) -> dict[str, bool]:
    """The latest feedback that holds, by the definition: an undo takes back the last of what holds for the item."""
    holding: list[tuple[str, str]] = []
    for item_id, kind in history:
        if kind != "undo":
            holding.append((item_id, kind))
        elif same := [place for place, (other, _) in enumerate(holding) if other == item_id]:
            del holding[same[-1]]
    latest: dict[str, bool] = {}
    for item_id, kind in holding:
        if kind != "view":
            latest.pop(item_id, None)
            latest[item_id] = kind != "dislike"
    return latest


def test_the_latest_feedback_that_was_not_taken_back_counts(store: Store) -> None:
    rng, history = random.Random(3), []
    for number in range(150):
        history.append((rng.choice("abcd"), rng.choice(EVENT_KINDS)))
        item_id, kind = history[-1]
        store.add_event(person="ann", item_id=item_id, kind=kind)
        store.add_event(person="bob", item_id=item_id, kind="like")
        if number % 7 == 0:
            assert list(store.latest_feedback("ann").items()) == list(feedback_of(history).items())
    assert list(store.latest_feedback("ann").items()) == list(feedback_of(history).items())


def test_an_undo_takes_back_the_last_thing_done_to_the_item(store: Store) -> None:
    for kind in ("like", "dislike", "undo"):
        store.add_event(person="ann", item_id="a", kind=kind)
    store.add_event(person="ann", item_id="b", kind="choose")
    store.add_event(person="ann", item_id="c", kind="like")
    store.add_event(person="ann", item_id="c", kind="undo")
    store.add_event(person="ann", item_id="c", kind="undo")
    assert store.latest_feedback("ann") == {"a": True, "b": True}
    exported = store.export_events()
    assert list(exported.item_ids) == ["a", "b"]
    assert list(exported.user_ids) == ["ann", "ann"]


def test_exported_dislikes_are_negative_and_views_stay_here(store: Store) -> None:
    for item_id, kind in (("a", "like"), ("b", "dislike"), ("c", "choose"), ("d", "view")):
        store.add_event(person="ann", item_id=item_id, kind=kind)
    exported = store.export_events()
    assert list(zip(exported.item_ids, exported.feedback.tolist(), strict=True)) == [("a", 1), ("b", -1), ("c", 1)]
    assert store.export_events(["view"]).feedback.tolist() == [0]


def test_feedback_of_one_person_given_at_once_leaves_one_that_counts(store: Store, database: sa.Engine) -> None:
    def send(kind: str) -> None:
        for _ in range(10):
            store.add_event(person="ann", item_id="a", kind=kind)

    threads = [threading.Thread(target=send, args=(kind,)) for kind in ("like", "dislike", "undo", "choose")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM events WHERE is_latest")) == 1
    history = [(event.item_id, event.kind) for event in store.events_of("ann")]
    assert store.latest_feedback("ann") == feedback_of(history)


def test_reading_feedback_asks_an_index_for_what_counts_alone(
    store_url: str, tmp_path: Path, database: sa.Engine
) -> None:
    opened = Database.open(store_url, tmp_path)
    store = Store(opened, VisualFiles(tmp_path))
    for number in range(40):
        store.add_event(person="ann", item_id="a", kind=("like", "view")[number % 2])
    if database.dialect.name == "postgresql":
        plan, settings = "EXPLAIN ", ["SET enable_seqscan = off"]
    else:
        plan, settings = "EXPLAIN QUERY PLAN ", []
    asked: list[str] = []
    sa.event.listen(opened.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    store.latest_feedback("ann")
    store.close()
    with database.connect() as connection:
        for setting in settings:
            connection.exec_driver_sql(setting)
        parameters = {"person": "ann"} if settings else ("ann",)
        steps = str(connection.exec_driver_sql(plan + asked[-1], parameters).all())
    assert "ix_events_latest" in steps


def test_the_migrations_make_the_tables_that_the_code_knows(store: Store, database: sa.Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


WRITER = """
import sys
from pathlib import Path
from genrec.serve.store import Store
store = Store.open(sys.argv[1], Path(sys.argv[2]))
number = 0
while True:
    event = store.add_event(person="ann", item_id=f"i{number}", kind="like")
    print(event.event_id, flush=True)
    number += 1
"""


def test_no_acknowledged_event_is_lost_to_a_kill(store: Store, store_url: str, tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for round_number in range(3):
        command = [sys.executable, "-c", WRITER, store_url, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(5 + 7 * round_number):
                acknowledged.append(writer.stdout.readline().strip())
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged += [line.strip() for line in writer.stdout.read().splitlines() if len(line.strip()) == 32]
    kept = {event.event_id for event in store.events_of("ann")}
    assert len(acknowledged) >= 36
    assert set(acknowledged) <= kept
