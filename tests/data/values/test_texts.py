import pytest
from columns_of import column
from hypothesis import given, settings
from hypothesis import strategies as st

from genrec.data.values import clean_text, texts


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<p>Steel &amp; glass.</p><br/>Boils 1.7&nbsp;L.", "Steel & glass. Boils 1.7 L."),
        (
            '<meta charset="utf-8"><p>Light &amp; <strong>ai</strong>ry.</p><style>.x{color:red}</style>',
            "Light & airy.",
        ),
        ("<ul><li>One</li><li>Two</li></ul><!-- no --><script>var x = 1;</script>", "One Two"),
        ("Tea &amp;amp; &quot;cups&quot; &#8211; &#x2713;", 'Tea & "cups" – ✓'),
        ("&lt;p&gt;Twice&lt;/p&gt;", "Twice"),
        ("<p>A</p>\\n<ul><li>B</li></ul>", "A B"),
        ("a<br>b</span></span>", "a b"),
        ("<!DOCTYPE html><html><head><title>t</title></head><body>b</body></html>", "b"),
        ("<![CDATA[<p>hello</p>]]>", "hello"),
        ("a < b and b > c", "a < b and b > c"),
        ("I <3 you", "I <3 you"),
        ("I <3 <b>you</b>", "I <3 you"),
        ("Vase <rot>", "Vase <rot>"),
        ("x <b and c> y", "x <b and c> y"),
        ("AT&T &copy R&D", "AT&T &copy R&D"),
        ("two\n lines\tand\r\n more", "two lines and more"),
        ("C:\\new\\table", "C:\\new\\table"),
        ('<img src="data:image/png;base64,AAAA=="/>Lamp data:image/png;base64,BBBB+/= red', "Lamp red"),
        ("bell\x07 nul\x00 zero\u200bwidth", "bell nul zerowidth"),
        ("e\u0301te\u0301", "été"),
        ("half \ud83d cup", "half \ufffd cup"),
        ("schÃ¶n", "schön"),
        ("it’s “naïve” – señor Ünï", "it’s “naïve” – señor Ünï"),
        ("Learn {CSS}: a guide (2nd ed.)", "Learn {CSS}: a guide (2nd ed.)"),
        ("['Soft', 'Vegan']", "Soft Vegan"),
        ("[Verse 1]", "[Verse 1]"),
        (["<p>Soft</p>", None, "Vegan"], "Soft Vegan"),
        ({"name": "x", "size": None}, "name: x"),
        (12.0, "12"),
        (True, "yes"),
        (None, ""),
    ],
)
def test_cells_become_one_line_for_people(cell, text):
    assert texts([cell]).values == [text]
    assert clean_text(cell) == text


@pytest.mark.parametrize(
    "code",
    [
        "var aPage = (new Date()).getTime();\nvar ue='y';",
        ".a-box{background-color:#fff}#wid .sel{margin:0}",
        "function foo() { return 1; }",
        "if (window.x) { window.x.y('z'); }",
        "document.getElementById('a').innerHTML = 'b'; jQuery('c').hide();",
    ],
)
def test_scripts_and_styles_are_odd(code):
    found = texts([code, "Lamp"])
    assert found.values == ["", "Lamp"]
    assert (found.odd.count, found.odd.rows.tolist()) == (1, [0])
    assert any("scripts or styles" in note for note in found.notes)


@pytest.mark.parametrize(
    "title",
    ["C++ (2nd ed.); Java", "f(x) = x; g(x) = {y}", "#1 Hit [Remix] (Live)", "Set: {1, 2}; {3}", "var. Alba = white"],
)
def test_titles_with_signs_are_no_code(title):
    assert texts([title]).values == [title]


def test_mended_cells_are_counted():
    found = texts(column("schÃ¶n", "FranÃ§ois", "schön"))
    assert found.values == ["schön", "François", "schön"]
    assert (found.mended.count, found.mended.rows.tolist()) == (2, [0, 1])
    assert "2 cells in a wrong encoding, mended" in found.notes


def test_long_cells_are_cut_at_a_word_and_counted():
    found = texts(column("word " * 20, "short", "x" * 60), limit_chars=42)
    assert found.values == [("word " * 8).strip(), "short", "x" * 42]
    assert (found.cut.count, found.cut.rows.tolist()) == (2, [0, 2])
    assert "2 cells cut at 42 characters" in found.notes


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("None", "Lamp", "Vase"), ["None", "Lamp", "Vase"]),
        (("N/A", "N/A", "Lamp"), ["", "", "Lamp"]),
        (("nan", "Lamp", "nan", "Vase"), ["", "Lamp", "", "Vase"]),
        (("-", "-", "-"), ["-", "-", "-"]),
        (("\\N", "Lamp"), ["", "Lamp"]),
        (("Unknown", "Unknown", "none", "none"), ["Unknown", "Unknown", "none", "none"]),
    ],
)
def test_words_of_absence_are_missing_where_they_recur_beside_texts(cells, values):
    found = texts(column(*cells))
    assert found.values == values
    assert any("no text" in note for note in found.notes) == ("" in values)


@settings(deadline=None)
@given(st.lists(st.none() | st.text() | st.from_regex(r"[a-z <>&;/\\\[\]{}'\"=]{0,30}", fullmatch=True)))
def test_any_text_becomes_one_line(cells):
    found = texts([*cells])
    assert len(found.values) == len(cells)
    for value in found.values:
        assert value == " ".join(value.split())
        value.encode()


@given(st.lists(st.from_regex(r"[A-Za-zäöüéßñçΩя0-9 .,!?'()-]{1,30}", fullmatch=True).map(str.strip), max_size=1))
def test_good_text_stays(cells):
    assert texts([*cells]).values == [" ".join(cell.split()) for cell in cells]
