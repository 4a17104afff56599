import hashlib
import json
from dataclasses import replace

import pytest

from genrec.errors import InputError
from genrec.visualize.record import Ingredient, Signer, UsedModel, VisualRecord

RECORD = VisualRecord(
    mode="scene",
    item_id="sku-9",
    title="Lampe «grün» 灯",
    prompt="a lamp on a walnut desk, evening",
    scene="on a walnut desk, evening",
    words_not_drawn=("evening",),
    seed=7,
    settings={"steps": 12, "guidance": 3.0, "offload": False, "scheduler": "lcm", "adapter": None},
    models={"diffusion": UsedModel(name="genrec-tiny-scene@ab12", license="apache-2.0")},
    ingredients=(Ingredient(role="item", format="image/png", sha256="ab" * 32),),
    taste="0123456789abcdef",
    scores={"item": 0.91, "taste": 0.4},
    num_candidates=4,
    fallback="no variation kept the item's shape",
    safety="a-check",
    label=False,
    pixels="cd" * 32,
    signed=Signer(name="A shop", certificate="ef" * 32),
)
PLAIN = VisualRecord(mode="variation", item_id="a", title="a", prompt="a", seed=0, models={})


@pytest.mark.parametrize(
    "record", [RECORD, PLAIN, replace(PLAIN, mode="picture", generated=False), replace(RECORD, mode="photo")]
)
def test_what_is_told_is_read_back(record):
    assert VisualRecord.from_text(record.to_text()) == record
    assert VisualRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_it_says_what_is_generated_and_of_what_kind():
    kinds = {mode: replace(PLAIN, mode=mode).to_json() for mode in ("scene", "variation", "photo")}
    kinds["picture"] = replace(PLAIN, mode="picture", generated=False).to_json()
    assert [told["generated"] for told in kinds.values()] == [True, True, True, False]
    named = {mode: str(told["digital_source_type"]).rpartition("/")[2] for mode, told in kinds.items()}
    assert named == {
        "scene": "compositeWithTrainedAlgorithmicMedia",
        "variation": "trainedAlgorithmicMedia",
        "photo": "compositeWithTrainedAlgorithmicMedia",
        "picture": "None",
    }


def test_what_no_model_made_is_said_to_be_edited():
    """By IPTC's words: altered by an algorithm, and a composite of which nothing more is known."""
    kinds = {mode: replace(PLAIN, mode=mode, generated=False) for mode in ("variation", "photo")}
    named = {mode: str(record.source_type).rpartition("/")[2] for mode, record in kinds.items()}
    assert named == {"variation": "algorithmicallyEnhanced", "photo": "composite"}
    assert all(record.has_strip and record.is_altered for record in kinds.values())
    assert not any(record.to_json()["generated"] for record in kinds.values())


def test_records_of_before_are_read_as_they_were_told():
    before = {**PLAIN.to_json(), "generated": True, "mode": "photo"}
    assert VisualRecord.from_json(before) == replace(PLAIN, mode="photo")


def test_nobody_and_nothing_are_said_as_null():
    told = PLAIN.to_json()
    assert [told[name] for name in ("signed", "taste", "fallback", "safety")] == [None] * 4
    assert told["label"] is True


def test_halves_of_characters_do_not_keep_it_from_being_written():
    told = replace(PLAIN, title="half \ud83d of it", scene="\udfff").to_text()
    assert VisualRecord.from_text(told).title == "half ? of it"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, "version 2; this genrec reads 1"),
        ({"version": None}, "says no version"),
        ({"mode": "dream"}, "record's mode is 'dream'"),
        ({"seed": "7"}, "record's seed is '7'; wanted int"),
        ({"seed": True}, "record's seed is 'True'; wanted int"),
        ({"label": 1}, "record's label is '1'; wanted bool"),
        ({"models": {"diffusion": {"name": "x"}}}, "diffusion lacks 'license'"),
        ({"models": ["x"]}, "record's models"),
        ({"scores": {"item": "high"}}, "record's scores.item is 'high'"),
        ({"words_not_drawn": "evening"}, "words_not_drawn is 'evening'"),
        ({"ingredients": [{"role": "muse", "format": "image/png", "sha256": "00"}]}, "role is 'muse'"),
        ({"signed": "A shop"}, "record's signed is 'A shop'"),
        ({"fallback": 3}, "record's fallback is '3'"),
        ({"mood": "good"}, "record has an unknown 'mood'"),
    ],
)
def test_a_record_that_was_changed_is_refused_with_what_is_wrong(change, says):
    with pytest.raises(InputError, match=says):
        VisualRecord.from_json({**RECORD.to_json(), **change})


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "[" * 100_000, '{"version": ' + "9" * 5000 + "}"])
def test_what_is_no_record_is_refused(text):
    with pytest.raises(InputError, match="record"):
        VisualRecord.from_text(text)


def test_an_ingredient_is_known_by_its_hash_alone(tmp_path):
    content = b"\x89PNG\r\n\x1a\n" + b"0" * 20
    (tmp_path / "me at home.jpg").write_bytes(content)
    found = Ingredient.of("photo", tmp_path / "me at home.jpg")
    assert found == Ingredient.of("photo", content)
    assert (found.format, found.sha256) == ("image/png", hashlib.sha256(content).hexdigest())
    assert "home" not in repr(found)
