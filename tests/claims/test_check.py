"""What no claim backs is caught."""

import re

import numpy as np
import pytest
from claim_items import LABELS, MOVIES, RED, STRIPED, lamp, shop_items
from judge import Facts, spoken_values, untruths

from genrec.claims.check import NO_CLAIM, check_text, is_garbled
from genrec.claims.claims import (
    Claim,
    attribute_claims,
    candidate_claims,
    constraint_claims,
    history_claims,
    neighbor_claim,
    popularity_claim,
    similar_claim,
)
from genrec.claims.merging import merge_by_source
from genrec.claims.sampling import draw_wishes
from genrec.claims.template import phrase
from genrec.data.filters import Predicate
from genrec.data.labels import Labels
from genrec.schema import Item


@pytest.mark.parametrize(
    ("text", "left_over"),
    [
        ("It is blue, like Popsy Mug.", "It is blue, like Popsy Mug."),
        ("It is red, like Halden Chair.", ", like Halden Chair."),
        ("It is red, like Popsy Mug, and costs 20.", ", and costs 20."),
        ("It is red and striped, like Popsy Mug.", " and striped, like Popsy Mug."),
        ("It is red, like Popsy Mug, and waterproof.", ", and waterproof."),
        ("It is red, like Popsy Mug, and is red, like Popsy Mug.", ", and is red, like Popsy Mug."),
        ("It is red, like Popsy Mug. It is red.", "It is red."),
        ("It is not red, like Popsy Mug.", "It is not red, like Popsy Mug."),
        ("It is more red, like Popsy Mug.", "It is more red, like Popsy Mug."),
        ("It is is red, like Popsy Mug.", "It is is red, like Popsy Mug."),
        ("It has a red, like Popsy Mug.", "It has a red, like Popsy Mug."),
        ("It is red, just like it.", ", just like it."),
        ("It is red, the same as it.", ", the same as it."),
        ("It is red, the same as Popsy Mug.", ", the same as Popsy Mug."),
        ("It is red, like Popsy Mug in looks and words.", " in looks and words."),
        ("It is red, like all of Popsy Mug.", ", like all of Popsy Mug."),
        ("It is red, unlike Popsy Mug.", ", unlike Popsy Mug."),
        ("It is red, like.", ", like."),
        ("It is red,), like Popsy Mug.", ",), like Popsy Mug."),
        ("It is red, like Popsy Mug,.", ",."),
        ("It is red, like Popsy Mug, and", ", and"),
        ("It is red, like Popsy Mug", NO_CLAIM),
        ("It is red, like Popsy Mug....", "...."),
        ("It is red, like Popsy Mug. It also was.", "It also was."),
        ("We picked it is red, like Popsy Mug.", "We picked it is red, like Popsy Mug."),
        ("it is red.", "it is red."),
        ("This one suits you.", "This one suits you."),
        ("", NO_CLAIM),
    ],
)
def test_what_no_claim_backs_is_caught(text: str, left_over: str) -> None:
    assert check_text(text, RED, history_claims(RED, STRIPED, LABELS)) == left_over


def test_all_that_is_claimed_passes() -> None:
    claims = history_claims(RED, STRIPED, LABELS)
    for likeness in ("like", "just like", "as with"):
        assert not check_text(f"You may like it because it is red, {likeness} Popsy Mug.", RED, claims)
    assert not check_text("Nordic Lamp is red.", RED, claims)
    assert not check_text("This goes with what you chose: it is red, like Popsy Mug!", RED, claims)


def test_who_chose_nothing_is_told_of_no_choices() -> None:
    facts = [claim for claim in candidate_claims(RED, (), LABELS) if claim.attribute == "color"]
    assert not check_text("A good match for you, since it is red.", RED, facts)
    assert check_text("This goes with what you chose: it is red.", RED, facts)
    assert not any("chose" in phrase(RED, facts, np.random.default_rng(seed)) for seed in range(200))


def test_values_cannot_move_to_another_source() -> None:
    one = lamp("x", "Item X", color="red", style="retro")
    claims = history_claims(one, lamp("p", "Past P", color="red"), LABELS) + history_claims(
        one, lamp("q", "Past Q", style="retro"), LABELS
    )
    assert not check_text("It is red, like Past P, and has a retro style, like Past Q.", one, claims)
    assert check_text("It is red, like Past Q, and has a retro style, like Past P.", one, claims)
    assert check_text("It is red and has a retro style, like Past P.", one, claims)
    assert check_text("It is red and it has a retro style, like Past Q.", one, claims)


def test_a_value_cannot_move_to_another_attribute() -> None:
    chair = lamp("x", "Item X", color="red", accent="black")
    claims = attribute_claims(chair, LABELS)
    assert not check_text("It is red and has a black accent.", chair, claims)
    assert check_text("It is red accent.", chair, claims)
    assert check_text("It has a red accent and is black.", chair, claims)


def test_only_what_was_asked_is_said_to_be_asked() -> None:
    chair = lamp("x", "Item X", color="red", accent="black")
    wish = constraint_claims(chair, [Predicate(attribute="color", operator="=", value="red")], LABELS)
    claims = [*wish, *(claim for claim in attribute_claims(chair, LABELS) if claim.attribute == "accent")]
    assert not check_text("It is red, as you asked, and has a black accent.", chair, claims)
    assert not check_text("It has a black accent. It is red, as you asked.", chair, claims)
    assert check_text("It has a black accent and is red, as you asked.", chair, claims) == ", as you asked."
    assert check_text("It is red and has a black accent, as you asked.", chair, claims) == ", as you asked."
    texts = {phrase(chair, claims[::-1], np.random.default_rng(seed)) for seed in range(50)}
    assert all(text.index("as you asked") < text.index("accent") for text in texts)


def test_counts_and_nearness_keep_whom_they_are_of() -> None:
    claims = [neighbor_claim(STRIPED, 12), similar_claim(RED, STRIPED), popularity_claim(40)]
    assert not check_text("It was chosen by 12 people after Popsy Mug.", RED, claims)
    assert not check_text("It is close to Popsy Mug. It also was chosen by 40 people.", RED, claims)
    assert check_text("It was chosen by 12 people.", RED, claims)
    assert check_text("It was chosen by 40 people after Popsy Mug.", RED, claims)
    assert check_text("It is close to it.", RED, claims)
    assert check_text("It is as close as Popsy Mug.", RED, claims)


def test_marks_of_a_title_are_no_end() -> None:
    past = lamp("p", "When Harry Met Sally... (1989)", color="red")
    assert not check_text(f"It is red, like {past.title}.", RED, history_claims(RED, past, LABELS))
    past = lamp("q", "Who's there?!", color="red")
    for end in ("", "."):
        assert not check_text(f"It is red, like {past.title}{end}", RED, history_claims(RED, past, LABELS))
    assert check_text("It is red, like Who's there", RED, history_claims(RED, past, LABELS))


def test_garble_is_told_from_titles() -> None:
    assert is_garbled("Red, like ....")
    assert is_garbled("…....")
    assert is_garbled("red red, like Popsy Mug")
    assert not is_garbled("Red, like When Harry Met Sally... (1989)", ["When Harry Met Sally... (1989)"])


# ---- a second opinion


def _mutants(text: str, other: str, rng: np.random.Generator, words: list[str]) -> list[str]:
    """A text as models spoil it: words left out, doubled, moved, taken from elsewhere, ends changed."""
    tokens = text.split(" ")
    place, second = (int(rng.integers(len(tokens))) for _ in range(2))
    swapped = list(tokens)
    swapped[place], swapped[second] = swapped[second], swapped[place]
    theirs = other.split(" ")
    changed = [*tokens[:place], str(rng.choice(words)), *tokens[place + 1 :]]
    return [
        " ".join([*tokens[:place], *tokens[place + 1 :]]),
        " ".join([*tokens[:place], tokens[place], *tokens[place:]]),
        " ".join(swapped),
        " ".join(changed),
        " ".join([*tokens[:place], *theirs[min(second, len(theirs)) :]]),
        re.sub(r", (?:just )?like|, as with", ", the same as", text, count=1),
        re.sub(r" after .*?(?=[.,])", "", text, count=1),
        re.sub(r"\d+", lambda number: str(int(number[0]) + 1), text, count=1),
        re.sub(r",? and (?:it )?", rng.choice([" and ", ", ", " but not ", ". It "]), text, count=1),
        re.sub(r"(?<=like |with ).*?(?=[.,])", "it", text, count=1),
        re.sub(r"\bis\b", rng.choice(["is not", "is more", "is as", "is never"]), text, count=1),
        f"{text} {other}",
        text.replace(". ", ", and ", 1),
        re.sub(r"\.$", ", as you asked.", text),
    ]


@pytest.mark.parametrize("catalog", [shop_items(60), MOVIES], ids=["shop", "movies"])
def test_what_passes_is_true_by_a_second_opinion(catalog: list[Item]) -> None:
    rng, labels = np.random.default_rng(8), Labels.of(catalog)
    values = spoken_values(catalog, labels)
    words = ["the", "same", "as", "it", "like", "not", "more", "7", "and", "also", "close", *sorted(values)]
    said: list[tuple[str, Facts, list[Claim]]] = []
    for _ in range(150):
        item, *history = [catalog[n] for n in rng.choice(len(catalog), 5, replace=False)]
        facts = Facts(
            item=item, history=history, labels=labels, values=values, after={history[0].item_id: 9},
            near=frozenset({history[1].item_id}), num_people=20, wishes=draw_wishes(item, rng)[:1],
        )  # fmt: skip
        candidates = candidate_claims(
            item, history, labels, num_chosen_after=facts.after, similar=facts.near, num_people=20,
            constraints=facts.wishes,
        )  # fmt: skip
        chosen = [candidates[n] for n in rng.choice(len(candidates), min(3, len(candidates)), replace=False)]
        claims = merge_by_source(chosen, labels)
        said.append((phrase(item, claims, rng), facts, claims))
    num_passed, num_refused, num_untrue = 0, 0, 0
    for number, (text, facts, claims) in enumerate(said):
        assert not check_text(text, facts.item, claims), text
        assert not untruths(text, facts), (text, untruths(text, facts))
        for mutant in _mutants(text, said[number - 1][0], rng, words):
            found = untruths(mutant, facts)
            if check_text(mutant, facts.item, claims):
                num_refused += 1
                num_untrue += bool(found)
            else:
                num_passed += 1
                assert not found, (mutant, found, [claim.text for claim in claims])
    assert num_passed > 100  # neither refuses everything …
    assert num_untrue > 400  # … and there was something to find
