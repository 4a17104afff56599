"""What the store promises, on SQLite and on PostgreSQL alike."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from genrec.errors import InputError, StoreError
from genrec.serve.store import Store, default_url
from genrec.serve.store.records import Base, Event, effective_events


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


def test_a_store_keeps_everything_when_opened_again(store: Store, store_url: str) -> None:
    store.add_event(person="ann", item_id="a", kind="like")
    _, secret = store.create_key("shop", ["recommend"], rate_per_minute=60)
    store.save_session("s1", "ann", '{"a": "ü"}', after=None)
    store.close()
    again = Store.open(store_url)
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


def test_a_person_can_be_exported_and_erased_and_nobody_else_is(store: Store, tmp_path: Path) -> None:
    picture = tmp_path / "drawn.png"
    picture.write_bytes(b"png")
    picture.with_suffix(".json").write_text("{}")
    for person in ("ann", "bob"):
        store.add_event(person=person, item_id="a", kind="like")
        store.save_session(f"s-{person}", person, "said", after=None)
    visual = store.add_visual(person="ann", item_id="a", path=picture, record={"seed": 3})
    assert store.find_visual(visual.visual_id).record == {"seed": 3}
    document = store.export_person("ann")
    assert [event["item_id"] for event in document["events"]] == ["a"]
    assert document["sessions"] == [{"session_id": "s-ann", "document": "said"}]
    assert document["visuals"][0]["record"] == {"seed": 3}
    assert store.erase_person("ann") == {"events": 1, "sessions": 1, "visuals": 1}
    assert not picture.exists()
    assert not picture.with_suffix(".json").exists()
    empty = {"person": "ann", "events": [], "sessions": [], "visuals": []}
    assert store.export_person("ann") == empty
    assert len(store.events_of("bob")) == 1
    assert store.load_session("s-bob") == "said"


def test_an_undo_takes_back_the_last_thing_done_to_the_item(store: Store) -> None:
    for kind in ("like", "dislike", "undo"):
        store.add_event(person="ann", item_id="a", kind=kind)
    store.add_event(person="ann", item_id="b", kind="choose")
    store.add_event(person="ann", item_id="c", kind="like")
    store.add_event(person="ann", item_id="c", kind="undo")
    store.add_event(person="ann", item_id="c", kind="undo")
    assert [(event.item_id, event.kind) for event in effective_events(store.events_of("ann"))] == [
        ("a", "like"),
        ("b", "choose"),
    ]
    exported = store.export_events()
    assert list(exported.item_ids) == ["a", "b"]
    assert list(exported.user_ids) == ["ann", "ann"]


def test_undoing_nothing_changes_nothing() -> None:
    undo = Event(event_id="e", person="ann", item_id="a", kind="undo", timestamp=0)
    assert effective_events([undo]) == []


def test_the_migrations_make_the_tables_that_the_code_knows(store: Store, database: sa.Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_database_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"this is no database, only some bytes of text" * 40)
    for url in (default_url(tmp_path), "postgresql://nobody:pw@127.0.0.1:1/none", "nonsense"):
        with pytest.raises(StoreError) as caught:
            Store.open(url)
        assert "cannot be used" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "pw" not in str(caught.value).split("cannot be used")[0].replace("***", "")


WRITER = """
import sys
from genrec.serve.store import Store
store = Store.open(sys.argv[1])
number = 0
while True:
    event = store.add_event(person="ann", item_id=f"i{number}", kind="like")
    print(event.event_id, flush=True)
    number += 1
"""


def test_no_acknowledged_event_is_lost_to_a_kill(store: Store, store_url: str) -> None:
    acknowledged: list[str] = []
    for round_number in range(3):
        command = [sys.executable, "-c", WRITER, store_url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(5 + 7 * round_number):
                acknowledged.append(writer.stdout.readline().strip())
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged += [line.strip() for line in writer.stdout.read().splitlines() if len(line.strip()) == 32]
    kept = {event.event_id for event in store.events_of("ann")}
    assert len(acknowledged) >= 36
    assert set(acknowledged) <= kept
