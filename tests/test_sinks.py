"""Text of others is shown, never acted on, wherever it goes."""

import csv
import io
import json
import logging
import sys

import pytest
from hostile_texts import ACTING, TITLES
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from genrec.sinks import (
    LineFormatter,
    csv_cell,
    from_csv_cell,
    json_text,
    markdown,
    markdown_code,
    markdown_link,
    visible,
    without_folders,
)


@given(st.text(st.characters(codec=None)))
def test_nothing_acts_in_what_is_shown(text):
    assert not ACTING.search(visible(text))
    assert "\n" not in visible(text)
    assert not ACTING.search(visible(text, keep_lines=True))
    assert visible(text, keep_lines=True).count("\n") == text.count("\n")


@pytest.mark.parametrize("text", ["Lampe à pied, 20 °", "[pack of 2]", "नमस्ते 👩‍👩‍👧 שלום", "می\u200cخواهم", "x [/b]"])
def test_what_does_not_act_stays_as_it_is(text):
    assert visible(text) == text


def test_what_acts_is_spelled():
    assert visible("\x1b[2J \u202egnp \x9b") == "\\x1b[2J \\u202egnp \\x9b"
    assert visible("a\r\nb\tc") == "a b c"
    for code in (0x061C, 0x200B, 0x200E, 0x200F, *range(0x2066, 0x2070), 0xFEFF):
        assert visible(f"a{chr(code)}b") == f"a\\u{code:04x}b"
        assert chr(code) not in json_text([chr(code)]) + markdown(chr(code))


@pytest.mark.parametrize("title", TITLES)
def test_json_says_the_same_and_nothing_acts(title):
    text = json_text({"title": [title]})
    assert json.loads(text) == {"title": [title]}
    assert not ACTING.search(text)


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("frame", ["{}", "1. **{}**", "| {} |\n|---|", "- a: {}"])
def test_markdown_shows_a_text_as_it_is(title, frame):
    read = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(frame.format(markdown(title)))
    plain = MarkdownIt("gfm-like", {"linkify": False}).render(frame.format("PLAIN"))
    before, after = plain.split("PLAIN")
    assert read.startswith(before)
    assert read.endswith(after)
    shown = read.removeprefix(before).removesuffix(after)
    assert "<" not in shown
    assert not ACTING.search(shown)


@pytest.mark.parametrize("text", ["-", "- a", "---", "===", "+ a", "## a", "#", "1.", "12) a", "123456789. a", "> a"])
def test_a_text_opens_no_block(text):
    read = MarkdownIt("gfm-like", {"linkify": False}).render(f"a\n{markdown(text)}\n\n{markdown(text)}")
    assert read.count("<") == 4
    assert read.count("<p>") == 2


@pytest.mark.parametrize("text", ["1.0000 / 1.0000", "-0.5", "#1 lamp", "1.5 m", "+5", "=1"])
def test_figures_stay_as_they_are(text):
    assert markdown(text) == text


def test_bare_addresses_do_not_link():
    told = markdown("see https://evil.com/a, HTTP://evil.com and www.evil.com or WWW.evil.com")
    assert "://" not in told
    assert "www." not in told.lower()


def test_code_in_markdown_cannot_be_left():
    assert markdown_code("a`b\n<c>") == "`a'b <c>`"


@given(st.text(st.characters(codec=None)) | st.sampled_from(TITLES))
def test_a_cell_of_csv_is_no_formula_and_comes_back(text):
    cell = csv_cell(text)
    assert not str(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert from_csv_cell(cell) == text


@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
@pytest.mark.parametrize("before", ["", " ", "\u00a0 ", "\u3000", "\ufeff", "\x00", "' ", "\v\x1f"])
def test_a_formula_after_blanks_or_in_wide_signs_is_none_in_a_cell(sign, before):
    text = f"{before}{sign}1+1"
    assert csv_cell(text) == f"'{text}"
    assert from_csv_cell(f"'{text}") == text
    assert csv_cell(f"a{text}") == f"a{text}"


def test_numbers_stay_numbers_and_texts_that_are_no_formulas_stay_as_they_are():
    assert [csv_cell(value) for value in (-1, -2.5, "a", "'tis", "", None)] == [-1, -2.5, "a", "'tis", "", None]
    stream = io.StringIO()
    csv.writer(stream).writerow([csv_cell("-2"), csv_cell("'-2")])
    assert stream.getvalue().strip() == "'-2,''-2"


@pytest.mark.parametrize("title", TITLES)
def test_a_log_line_is_one_line(title):
    record = logging.LogRecord("genrec", logging.WARNING, "file", 1, "item %s is odd", (title,), None)
    line = LineFormatter("%(message)s").format(record)
    assert not ACTING.search(line)
    assert "\n" not in line


def test_a_traceback_keeps_its_lines():
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        record = logging.LogRecord("genrec", logging.ERROR, "file", 1, "broken", (), sys.exc_info())
    text = LineFormatter("%(message)s").format(record)
    assert text.count("\n") >= 3
    assert not ACTING.search(text)


def test_of_a_path_that_tells_of_a_machine_the_last_part_stays():
    told = "'/home/ann/a.png' ../../tmp/x@3f ~/models/m ./b //c/d (see https://a.b/c and org/name, and/or 1 / 2)"
    assert without_folders(told) == "'a.png' x@3f m b d (see https://a.b/c and org/name, and/or 1 / 2)"


@pytest.mark.parametrize("title", TITLES)
def test_a_title_can_be_a_link_to_a_web_address_alone(title):
    address = "https://shop.example/a(b)c?x=1&copy;=<2>|'\"`\\*_~#[d]"
    read = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown_link(title, address))
    (tokens,) = [token.children for token in read if token.children]
    assert [token.type for token in tokens if token.type.startswith("link")] == ["link_open", "link_close"]
    assert tokens[0].attrs["href"] == "https://shop.example/a%28b%29c?x=1&copy;=%3C2%3E%7C%27%22%60%5C*_~#%5Bd%5D"
    for refused in (None, "javascript:alert(1)", "data:text/html,x", "//evil.example"):
        assert markdown_link(title, refused) == markdown(title)
