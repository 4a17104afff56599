"""Catalogs and people of which one is odd: they are built and answered, or one line says what to do."""

import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from genrec.data.ingest import ingest
from genrec.data.splits import split_interactions
from genrec.errors import FilterError, InputError
from genrec.evaluate.protocol import evaluate
from genrec.item_updates import remove_items
from genrec.new_items import add_items
from genrec.pipeline import build
from genrec.workspace import Workspace, load

QUICK = (
    *("tokenize.num_codes=4", "tune.epochs=0.2", "tune.checkpoints_per_run=1", "recommend.beam_width=5"),
    *("sequence.epochs=1", "sequence.num_features=16", "sequence.num_layers=1", "item_head.epochs=1"),
)
EVERYTHING = "split.protocol=none"
NUM_ITEMS = 12
Event = tuple[str, str, int]


def items_csv(num_items: int) -> str:
    rows = [
        f"i{n},{('red', 'blue', 'green')[n % 3]} lamp {n},{('red', 'blue', 'green')[n % 3]},\n"
        for n in range(num_items)
    ]
    return "item_id,title,color,empty\n" + "".join(rows)


def events_csv(*events: Event, kind: str = "") -> str:
    head = "user_id,item_id,timestamp" + (",kind" if kind else "") + "\n"
    return head + "".join(f"{user},{item},{time}{',' + kind if kind else ''}\n" for user, item, time in events)


def usual(num_items: int = NUM_ITEMS, num_users: int = 6) -> list[Event]:
    return [(f"u{u}", f"i{(3 * u + 2 * n) % num_items}", 100 * u + n) for u in range(num_users) for n in range(4)]


# Everything that can be odd of one person or item beside others, in one catalog: "all" has chosen everything, "one"
# has one event, "twice" two at a time, i0 is in every history, i12 is called by one letter, a column is empty.
ODD = [("all", f"i{n}", n) for n in range(NUM_ITEMS + 1)] + [("one", "i3", 5)]
ODD += [("twice", f"i{n}", 7) for n in (1, 2, 4, 5)] + [(f"u{u}", "i0", 9_999) for u in range(6)]
SOURCES: dict[str, tuple[str | None, str | None]] = {
    "odd": (items_csv(NUM_ITEMS) + "i12,q,,\n", events_csv(*usual(), *ODD)),
    "three items": (items_csv(3), events_csv(*[(f"u{u}", f"i{(u + n) % 3}", n) for u in range(4) for n in range(3)])),
    "equal items": ("item_id,title\n" + "".join(f"i{n},lamp\n" for n in range(300)), events_csv(*usual(300))),
    "one user": (items_csv(NUM_ITEMS), events_csv(*[("u0", f"i{n}", n) for n in range(6)])),
    "one item": (items_csv(1), events_csv(("u0", "i0", 1), ("u1", "i0", 2))),
    "log alone": (None, events_csv(*usual(), *[("u7", f"i{n}", n) for n in range(90, 96)])),
    "half bare": (items_csv(6) + "".join(f"i{n},,,\n" for n in range(6, 12)), events_csv(*usual())),
    "no events": (items_csv(NUM_ITEMS), None),
    "all negative": (items_csv(NUM_ITEMS), events_csv(*usual(), kind="dislike")),
}


@pytest.fixture(scope="module")
def build_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The workspace of a source of these, built once; copy it before you change it."""

    @cache
    def make(name: str, *settings: str) -> Path:
        folder = tmp_path_factory.mktemp("odd")
        items, events = SOURCES[name]
        if items is not None:
            (folder / "items.csv").write_text(items)
        if events is not None:
            (folder / "events.csv").write_text(events)
        ingest("files", folder, folder / "out")
        build(folder / "out", settings=(*QUICK, *settings))
        return folder / "out"

    return make


@pytest.fixture(scope="module")
def built(build_of: Callable[..., Path]) -> Callable[..., Workspace]:
    """The same, loaded once."""
    return cache(lambda name, *settings: load(build_of(name, *settings)))


@pytest.mark.parametrize("user", ["one", "twice", "u0"])
def test_odd_people_and_items_beside_others_are_answered(built, user: str) -> None:
    workspace = built("odd")
    found = workspace.recommend(user=user, k=3)
    assert len(found) == 3
    assert not {entry.item_id for entry in found} & set(workspace.history_of(user))
    assert workspace.explain(user=user, item=found[0].item_id).text


def test_someone_who_has_chosen_everything_is_told_so_and_nothing_of_a_filter(built) -> None:
    workspace = built("odd")
    with pytest.raises(FilterError) as error:
        workspace.recommend(user="all", k=3)
    assert re.search("the 13 items of the catalog are all in the history .*--seen", str(error.value))
    assert "filter" not in str(error.value)
    assert "--where" not in str(error.value)
    assert len(workspace.recommend(user="all", k=3, exclude_history=False)) == 3


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("three items", ()),
        ("equal items", ()),
        ("log alone", ()),
        ("half bare", ()),
        ("one user", ()),
        ("one item", (EVERYTHING,)),
        ("no events", (EVERYTHING,)),
        ("all negative", (EVERYTHING,)),
    ],
)
def test_a_catalog_that_is_odd_altogether_is_built_and_answers(built, name: str, settings: tuple[str, ...]) -> None:
    workspace = built(name, *settings)
    found = workspace.recommend(history=[], k=2)
    assert len({entry.item_id for entry in found}) == min(2, len(workspace.catalog))
    assert workspace.explain(history=[], item="i0").text
    assert workspace.chat().say("a red lamp please").text


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("one item", f"build with --set {EVERYTHING}"),
        ("no events", f"build with --set {EVERYTHING}"),
        ("all negative", f"build with --set {EVERYTHING}"),
    ],
)
def test_what_cannot_be_built_as_usual_says_which_setting_builds_it(built, name: str, advice: str) -> None:
    with pytest.raises(InputError, match=advice) as error:
        built(name)
    assert "\n" not in str(error.value)


def test_someone_whose_items_were_all_removed_is_answered_with_others(build_of, built, tmp_path: Path) -> None:
    history = set(built("odd").history_of("one"))
    shutil.copytree(build_of("odd"), tmp_path / "out")
    remove_items(tmp_path / "out", history)
    workspace = load(tmp_path / "out")
    found = workspace.recommend(user="one", k=NUM_ITEMS + 1)
    assert {entry.item_id for entry in found} == {item.item_id for item in workspace.catalog} - history
    assert workspace.explain(user="one", item=found[0].item_id).text


def test_items_that_only_a_log_names_are_shown_by_their_ids_and_explained_by_who_chose_them(built) -> None:
    workspace = built("log alone")
    assert not any(item.has_content for item in workspace.catalog)
    found = workspace.recommend(user="u0", k=4)
    assert [entry.title for entry in found] == [entry.item_id for entry in found]
    assert workspace.recommend(history=[], like=["i2"], k=1)
    for entry in found:
        for evidence in workspace.explain(user="u0", item=entry.item_id).evidence:
            assert evidence.kind in ("neighbor", "attribute")
            assert evidence.source == "popularity" or evidence.source in workspace.history_of("u0")
    evaluate(workspace, peers=("popularity", "itemknn", "content-knn"))


def test_what_nothing_tells_of_is_neither_searched_drawn_nor_compared_with_a_photo(
    built, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = built("log alone")
    with pytest.raises(InputError, match="'i2' has no picture"):
        workspace.visualize(item="i2", history=[], out=tmp_path / "i2.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    with pytest.raises(InputError, match="no item here has any"):
        workspace.recommend(history=[], image=tmp_path / "photo.png")
    assert workspace.recommend(history=[], query="lamp", k=1)
    assert "nothing to search for 'lamp'" in caplog.text
    chat = workspace.chat()
    assert "No item here has anything of “lamp”" in chat.say("a lamp please").text
    shown = chat.say("surprise me").items
    assert [card.title for card in shown] == [card.item.item_id for card in shown]
    assert "than who chose it" in chat.say("tell me about the first one").text
    assert "nothing to draw" in chat.say("show me the first one").text


def test_items_that_the_training_never_saw_are_not_recommended_where_nothing_else_tells_of_them(built) -> None:
    workspace = built("log alone")
    trained = set(split_interactions(workspace.interactions, workspace.config.split).train.item_ids)
    unknown = [item.item_id for item in workspace.catalog if item.item_id not in trained]
    assert unknown
    scorer = workspace.client.hybrid.item_scorer
    nats_N = scorer.log_probabilities([workspace.catalog.rows(["i2"])])[0]
    assert nats_N[workspace.catalog.rows(unknown)].max() < -1_000


def test_new_items_cannot_join_where_items_are_known_by_events_alone(build_of, tmp_path: Path) -> None:
    shutil.copytree(build_of("log alone"), tmp_path / "out")
    (tmp_path / "new.csv").write_text("item_id,title\nnew,Red lamp\n")
    with pytest.raises(InputError, match="knows items by collaborative alone; ingest them with their events"):
        add_items(tmp_path / "out", tmp_path / "new.csv")


def test_bare_items_do_not_join_another_workspace(build_of, tmp_path: Path) -> None:
    shutil.copytree(build_of("odd"), tmp_path / "out")
    with pytest.raises(InputError, match="has content; only by that can items join others"):
        add_items(tmp_path / "out", build_of("log alone"))
