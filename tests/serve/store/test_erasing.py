"""What erasing leaves on disk, on SQLite and on PostgreSQL: nothing, as long as one looks."""

import base64
import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from genrec.errors import PersonErased
from genrec.serve.store import Store
from genrec.serve.store.database import Database
from genrec.serve.store.files import VisualFiles

PERSON, SENTENCE, PHOTO = "ann-of-4711-zanzibar", "a quokka-proof lamp, please", b"\x89PNG of ann's own kitchen"
TRACES = (PERSON.encode(), SENTENCE.encode(), PHOTO, base64.b64encode(PHOTO))
OTHER = "bob-who-stays"
SEED, NUM_EVENTS = 2, 900


def files_under(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file() and "pg_wal" not in path.parts)


def traces(folders: list[Path], database: sa.Engine) -> dict[str, list[bytes]]:
    """What is left of the person, by file; PostgreSQL's write-ahead log is left out, as `erase_person` says."""
    if database.dialect.name == "postgresql":
        with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("CHECKPOINT")  # which comes by itself every few minutes
    found = {str(path): [trace for trace in TRACES if trace in path.read_bytes()] for path in files_under(*folders)}
    return {path: left for path, left in found.items() if left}


def live(store: Store, directory: Path) -> None:
    """A past in which the person's rows are moved between pages, rewritten and spread among others'.

    Its seed is one of those after which SQLite's `secure_delete` alone leaves some of them readable.
    """
    rng, document = random.Random(SEED), None
    for number in range(NUM_EVENTS):
        person = PERSON if rng.random() < 0.15 else f"passer-by-{rng.randrange(300)}"
        event_id = f"{person}-{number}" if rng.random() < 0.5 else f"{rng.getrandbits(128):032x}"
        store.add_event(person=person, item_id=f"i{rng.randrange(100)}", kind="like", event_id=event_id)
        if number % 20 == 0:
            store.save_session(f"{person}-{number}", person, f"{person} says " * rng.randrange(1, 100), after=None)
        if number % 100 == 0:
            said = f"{number} {PERSON} says: {SENTENCE} " * rng.randrange(1, 200)
            assert store.save_session("s", PERSON, said, after=document, photos={"photo": PHOTO * 20})
            document = said
    store.save_session(f"{OTHER}-s", OTHER, "hello", after=None)
    for number in range(10):
        store.add_event(person=OTHER, item_id=f"i{number}", kind="like")
    picture = directory / "visuals" / "drawn.png"
    picture.parent.mkdir()
    picture.write_bytes(PHOTO)
    picture.with_suffix(".json").write_text(SENTENCE)
    store.add_visual(person=PERSON, item_id="i1", path=picture, record={"scene": SENTENCE})


@pytest.fixture
def folders(store_url: str, tmp_path: Path) -> list[Path]:
    """Every folder in which the database and the workspace keep files."""
    if store_url.startswith("sqlite"):
        return [tmp_path]
    if "GENREC_POSTGRES" in os.environ:
        pytest.skip("the files of the PostgreSQL that GENREC_POSTGRES names cannot be read here")
    return [tmp_path, Path(sa.make_url(store_url).query["host"]) / "data"]


def test_nothing_of_an_erased_person_is_left_in_any_file(
    store: Store, database: sa.Engine, folders: list[Path], tmp_path: Path
) -> None:
    live(store, tmp_path)
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")  # statistics quote what is common
    assert {trace for left in traces(folders, database).values() for trace in left} >= set(TRACES[:3])
    assert store.erase_person(PERSON).pending is None
    assert traces(folders, database) == {}
    assert len(store.events_of(OTHER)) == 10
    assert store.load_session(f"{OTHER}-s") is not None


class QuickDatabase(Database):
    """A database that waits for others briefly, and tries again at once."""

    overwrite_ms, retry_s = 50, 0.0


def test_an_erasure_that_another_hinders_says_so_and_is_completed_at_the_next_use(
    store_url: str, database: sa.Engine, folders: list[Path], tmp_path: Path
) -> None:
    store = Store(QuickDatabase.open(store_url, tmp_path), VisualFiles(tmp_path))
    live(store, tmp_path)
    with database.connect().execution_options(isolation_level="SERIALIZABLE") as reader:
        if database.dialect.name == "sqlite":
            reader.exec_driver_sql("BEGIN")
        assert reader.exec_driver_sql("SELECT count(*) FROM keys").scalar() == 0  # sees the past from now on
        erased = store.erase_person(PERSON)
        assert erased.events > 50
        assert "reads" in (erased.pending or "")
        assert traces(folders, database)
        assert store.events_of(PERSON) == []
    store.add_event(person=OTHER, item_id="i1", kind="like")
    assert traces(folders, database) == {}
    store.close()


def test_an_erasure_that_was_cut_short_is_completed_when_the_store_is_opened(
    store_url: str, database: sa.Engine, folders: list[Path], tmp_path: Path
) -> None:
    class KilledDatabase(Database):
        def overwrite_what_was_erased(self, **_: object) -> str | None:
            return "killed"

    store = Store(KilledDatabase.open(store_url, tmp_path), VisualFiles(tmp_path))
    live(store, tmp_path)
    store.erase_person(PERSON)
    store.close()
    again = Store.open(store_url, tmp_path)
    assert traces(folders, database) == {}
    again.close()


def test_others_may_write_while_a_person_is_erased(store: Store) -> None:
    failures: list[BaseException] = []

    def repeat(do: Callable[[int], object]) -> None:
        try:
            for number in range(15):
                do(number)
        except BaseException as error:
            failures.append(error)

    store.add_event(person=PERSON, item_id="a", kind="like")
    jobs = [
        lambda n: store.add_event(person=OTHER, item_id=f"i{n}", kind="like"),
        lambda n: store.save_session(f"s{n}", OTHER, "said", after=None),
        lambda _: store.erase_person(PERSON),
        lambda n: store.latest_feedback(OTHER),
    ]
    threads = [threading.Thread(target=repeat, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.events_of(OTHER)) == 15
    assert store.erase_person(PERSON).pending is None


def test_what_began_before_an_erasure_is_not_stored_after_it(store: Store, tmp_path: Path) -> None:
    begun, others = store.moment("ann"), store.moment("bob")
    path = tmp_path / "visuals" / "a.png"
    assert store.save_session("old", "ann", "hello", after=None, begun=begun)
    store.erase_person("ann")
    for late in (
        lambda: store.add_event(person="ann", item_id="a", kind="like", begun=begun),
        lambda: store.save_session("old", "ann", "hello again", after="hello", begun=begun),
        lambda: store.save_session("new", "ann", "hello", after=None, begun=begun),
        lambda: store.add_visual(person="ann", item_id="a", path=path, record={}, begun=begun),
    ):
        with pytest.raises(PersonErased, match="erased while"):
            late()
    assert store.export_person("ann") == {"person": "ann", "events": [], "sessions": [], "visuals": []}
    store.add_event(person="bob", item_id="a", kind="like", begun=others)
    store.add_event(person="ann", item_id="a", kind="like", begun=store.moment("ann"))
    store.erase_person("ann")
    assert store.moment("ann") != begun


def test_a_drawing_is_not_put_in_its_place_once_it_is_erased(store: Store, tmp_path: Path) -> None:
    visual = store.add_visual(person="ann", item_id="a", path=tmp_path / "visuals" / "a.png", record={})
    store.erase_person("ann")
    assert not store.place_visual(visual, lambda: pytest.fail("it is erased"))


def test_an_erasure_waits_until_a_drawing_is_in_its_place_and_then_deletes_it(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "visuals" / "a.png"
    path.parent.mkdir()
    visual = store.add_visual(person="ann", item_id="a", path=path, record={})
    erasing = threading.Thread(target=store.erase_person, args=("ann",))

    def place() -> None:
        erasing.start()
        erasing.join(0.3)
        assert erasing.is_alive()
        path.write_bytes(b"drawn")

    assert store.place_visual(visual, place)
    erasing.join(60)
    assert not path.exists()
    assert store.find_visual(visual.visual_id) is None
