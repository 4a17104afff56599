"""Whose history counts: training events, then feedback since; the latest feedback on an item counts."""

from pathlib import Path

import pytest

from genrec.schema import Catalog, Interactions, Item
from genrec.serve.errors import ApiError
from genrec.serve.profiles import Profile, Profiles
from genrec.serve.store import Store

CATALOG = Catalog(items=tuple(Item(item_id=name, title=name) for name in "abcdef"))
TRAINED = Interactions.sort(user_ids=["ann"] * 3, item_ids=["a", "b", "c"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("feedback", "history", "refused"),
    [
        ("", "abc", ""),
        ("like d, choose e", "abcde", ""),
        ("dislike d, dislike b", "ac", "db"),
        ("like d, dislike d", "abc", "d"),
        ("dislike d, like d", "abcd", ""),
        ("dislike d, undo d", "abc", ""),
        ("like b", "acb", ""),
        ("view f, view d", "abc", ""),
        ("like z", "abc", ""),
    ],
)
def test_the_latest_feedback_on_an_item_counts(store: Store, feedback: str, history: str, refused: str) -> None:
    for kind, item_id in (word.split() for word in feedback.split(", ") if word):
        store.add_event(person="ann", item_id=item_id, kind=kind)
    store.add_event(person="bob", item_id="f", kind="like")
    assert Profiles(CATALOG, TRAINED, store).find("ann") == Profile(tuple(history), tuple(refused))


def test_a_stranger_and_nobody_have_an_empty_profile(store: Store) -> None:
    profiles = Profiles(CATALOG, TRAINED, store)
    assert profiles.find("carl") == profiles.find(None) == Profile()


def test_a_given_history_stands_in_for_a_person_but_not_beside_one(store: Store) -> None:
    profiles = Profiles(CATALOG, TRAINED, store)
    assert profiles.find(None, ["c", "z"]) == Profile(("c", "z"))
    with pytest.raises(ApiError, match="both a user and a history") as caught:
        profiles.find("ann", [])
    assert (caught.value.status, caught.value.param) == (400, "history")
