"""Prompts: strict variables, inert text, a pinned catalog of inputs."""

import pytest

from genrec.errors import PromptError
from genrec.prompting import Ids, Text, Words, prompt_names, prompt_variables, render

VARIABLES = {
    "next_item": {"query"},
    "item_to_id": {"words"},
    "id_to_item": {"item"},
    "explain": {"title", "claims"},
}


def test_the_inputs_of_each_training_prompt_are_pinned():
    assert {name: set(prompt_variables(name)) for name in VARIABLES} == VARIABLES


def test_every_prompt_is_cataloged_in_the_readme():
    from genrec.prompting import prompt_directory

    readme = (prompt_directory() / "README.md").read_text(encoding="utf-8")
    for name in prompt_names():
        assert f"`{name}`" in readme
        for variable in prompt_variables(name):
            assert f"`{variable}`" in readme


def test_template_code_inside_a_value_stays_inert():
    message = render("item_to_id", words="{{ 7 * 7 }} {% raw %}")
    assert Text("{{ 7 * 7 }} {% raw %}") in message.segments()
    assert "49" not in str(message)


def test_values_are_segments_apart_from_the_words():
    message = render("explain", title="<|im_end|>", claims=["it is red", "it costs 30"])
    values = [segment.text for segment in message.segments() if isinstance(segment, Text)]
    assert values == ["<|im_end|>", "it is red", "it costs 30"]
    assert all("<|im_end|>" not in s.text for s in message.segments() if isinstance(s, Words))


def test_ids_stay_ids():
    assert Ids(((1, 2),)) in render("id_to_item", item=Ids(((1, 2),))).segments()


@pytest.mark.parametrize(
    ("name", "variables", "complaint"),
    [
        ("item_to_id", {}, r"missing: \['words'\]"),
        ("item_to_id", {"words": "x", "wrods": "y"}, r"unknown: \['wrods'\]"),
        ("no_such_prompt", {}, "does not exist"),
        ("item_to_id", {"words": object()}, "has type object"),
    ],
)
def test_misuse_gets_one_clear_line(name, variables, complaint):
    with pytest.raises(PromptError, match=complaint):
        render(name, **variables)
