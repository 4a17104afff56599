"""The demo's page and contact sheet, from plain values."""

import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hostile_texts import ACTING, TITLES
from markupsafe import escape
from PIL import Image
from rich.console import Console
from workspaces import recommit, stages_of

from genrec.artifacts import seal
from genrec.demo.report import draw_loss_curve, embed_picture, embed_whole, format_seconds, write_report
from genrec.demo.result import DemoItem, DemoPerson, DemoPick, DemoResult, DemoVisual, SameItemDrawn
from genrec.demo.run import workspace_fingerprint
from genrec.demo.sheet import draw_contact_sheet
from genrec.errors import InputError
from genrec.evaluate.metrics import Interval
from genrec.evaluate.report import EvaluationReport, SliceReport
from genrec.schema import Evidence, Item, Recommendation
from genrec.sinks import markdown, visible

FIGURES = {"recall@5": 0.2, "recall@10": 0.3, "recall@20": 0.4, "ndcg@10": 0.2, "mrr@20": 0.1}
HOSTILE = "<script>alert('x')</script> {{ 7 * 7 }}"


def paint(path: Path, color: str, size: tuple[int, int] = (32, 32)) -> Path:
    Image.new("RGB", size, color).save(path)
    return path


def card(folder: Path, name: str, color: str = "teal") -> DemoItem:
    return DemoItem(item_id=name, title=f"The {name}", price="12.50", image=paint(folder / f"{name}.png", color))


def evaluation() -> EvaluationReport:
    interval = {name: Interval(low=value - 0.01, high=value + 0.01) for name, value in FIGURES.items()}
    peers = {"popularity": {name: value / 4 for name, value in FIGURES.items()}}
    part = SliceReport(num_users=9, num_cases=9, metrics=FIGURES, ci95=interval, peers=peers, peers_ci95={})
    return EvaluationReport(
        feedback="every event positive",
        shares={"codes": 0.1, "item head": 0.3, "sequence model": 0.6},
        protocol="leave-one-out",
        split="test",
        num_users=50,
        num_cases=50,
        num_items=40,
        num_repeat_targets=0,
        metrics=FIGURES,
        ci95=interval,
        peers={**peers, "oracle": {name: 2 * value for name, value in FIGURES.items()}},
        peers_ci95={"popularity": interval},
        p_values={"popularity": {"ndcg@10": 0.0001}},
        share_of_oracle={"recall@10": 0.5},
        slices={"cold": part},
        seconds=1.0,
        users_per_second=50.0,
        seed=7,
        machine="x86_64, 2 cores",
    )


@pytest.fixture
def result(tmp_path: Path) -> DemoResult:
    folder = tmp_path / "pictures"
    folder.mkdir()
    visual = DemoVisual(path=paint(folder / "made.png", "#ff0000"), prompt="a mug", seed=3, scores={"item": 0.91})
    evidence = (Evidence(kind="history", source="lamp-1", claim="goes with your lamp", weight=0.83),)
    picks = (
        DemoPick(
            rank=1, item=card(folder, "mug"), score_nats=-2.5, reason="It suits.", evidence=evidence, visual=visual
        ),
        DemoPick(rank=2, item=DemoItem(item_id="x", title=HOSTILE), score_nats=-3.0, reason=HOSTILE, evidence=()),
    )
    person = DemoPerson(user_id="anna", history=(card(folder, "lamp"),), picks=picks, taste="warm colors")
    return DemoResult(
        title="A demo",
        people=(person, replace(person, user_id="bo", request="cheaper, please")),
        num_items=40,
        num_users=50,
        num_events=600,
        stages={"ingest": 2.0, "tune": 130.0},
        evaluation=evaluation(),
        same_item=SameItemDrawn(item=card(folder, "vase"), drawn=(("anna", "warm", visual), ("bo", "cool", visual))),
        loss_curve=draw_loss_curve([{"step": 1, "loss": 2.0}, {"step": 2, "eval_loss": 1.5}], folder / "loss.png"),
        files={"workspace": "demo/workspace"},
        machine="x86_64, 2 cores",
    )


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that tags close in order."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def source(result: DemoResult, tmp_path: Path) -> str:
    return write_report(tmp_path / "out", result).read_text(encoding="utf-8")


def test_the_page_reaches_no_outside_host(source: str) -> None:
    page = Page(source)
    assert page.open == []
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "object", "base", "form"}
        for name, value in attributes.items():
            assert name not in {"href", "srcset", "action"}
            assert not name.startswith("on")
            assert name != "src" or str(value).startswith("data:image/")
    assert "url(" not in source
    assert "@import" not in source
    assert not re.search(r"https?://", source)
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_text_of_items_is_shown_and_never_run(source: str) -> None:
    assert "<script>alert" not in source
    assert HOSTILE in Page(source).text


def test_the_page_shows_people_reasons_evidence_and_figures(source: str) -> None:
    text = Page(source).text
    for words in (
        "anna",
        "warm colors",
        "cheaper, please",
        "The mug",
        "12.50",
        "-2.50 nats",
        "It suits.",
        "goes with your lamp",
        "+0.83 nats",
        "0.300",
        "4.0 ×",
        "50 %",
        "popularity",
        "oracle",
        "2 min 10 s",
        "2 min 12 s",
        "demo/workspace",
    ):
        assert words in text


def test_every_generated_picture_is_labeled_as_generated(source: str, result: DemoResult) -> None:
    made = embed_picture(result.people[0].picks[0].visual.path)  # type: ignore[union-attr]
    shown = source.count(made)
    assert shown == 4  # one per person and two of the same item
    assert len(re.findall(re.escape(made) + r'"[^>]*><span class="badge">generated</span>', source)) == shown
    assert source.count('class="badge"') == shown


def test_every_picture_says_what_it_shows(source: str) -> None:
    pictures = [attributes for tag, attributes in Page(source).tags if tag == "img"]
    assert pictures
    assert all(attributes.get("alt") for attributes in pictures)


def test_the_page_is_the_same_every_time(result: DemoResult, tmp_path: Path, source: str) -> None:
    again = write_report(tmp_path / "again", result)
    assert again.read_text(encoding="utf-8") == source
    sheets = [(tmp_path / name / "contact_sheet.png").read_bytes() for name in ("out", "again")]
    assert sheets[0] == sheets[1]


def test_a_result_without_evaluation_or_pictures_still_makes_a_page(tmp_path: Path) -> None:
    item = DemoItem(item_id="a", title="A film without a poster")
    pick = DemoPick(rank=1, item=item, score_nats=-1.0, reason="", evidence=())
    person = DemoPerson(user_id="u", history=(item,), picks=(pick,))
    bare = DemoResult(title="Bare", people=(person,), num_items=1, num_users=1, num_events=1, stages={})
    text = Page(write_report(tmp_path, bare).read_text(encoding="utf-8")).text
    assert "A film without a poster" in text
    assert "How good is it?" not in text
    assert "What was learned" not in text


def test_the_contact_sheet_shows_real_and_generated_pictures(result: DemoResult, tmp_path: Path) -> None:
    with Image.open(draw_contact_sheet(result, tmp_path / "sheet.png")) as sheet:
        colors = {color: count for count, color in sheet.convert("RGB").getcolors(maxcolors=1_000_000) or ()}
    assert colors[(0, 128, 128)] > 4 * 100 * 100  # lamps and mugs of two people, and the vase
    assert colors[(255, 0, 0)] > 4 * 100 * 100
    assert colors[(194, 65, 12)] > 4 * 500  # the badge on each generated picture


def test_the_contact_sheet_grows_with_people_and_not_with_long_words(result: DemoResult, tmp_path: Path) -> None:
    def size_of(shown: DemoResult) -> tuple[int, int]:
        with Image.open(draw_contact_sheet(shown, tmp_path / "sheet.png")) as sheet:
            return sheet.size

    two = size_of(result)
    three, four = (size_of(replace(result, people=(result.people * 2)[:count])) for count in (3, 4))
    assert three[1] < four[1]  # the item drawn twice takes the free cell instead of a band below
    wordy = replace(result.people[0], taste="word " * 500, user_id="u" * 400)
    assert four[0] == two[0]
    assert four[1] > 1.5 * two[1]
    assert size_of(replace(result, people=(wordy, wordy))) == two


def test_nobody_to_show_is_an_error(result: DemoResult, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no person to show"):
        write_report(tmp_path / "none", replace(result, people=()))


def test_a_broken_picture_is_named(result: DemoResult, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"broken\.png cannot be shown as a picture"):
        embed_picture(broken)
    with pytest.raises(InputError, match=r"missing\.png cannot be shown as a picture"):
        write_report(tmp_path / "out", replace(result, loss_curve=tmp_path / "missing.png"))


def test_large_pictures_are_shrunk_and_charts_are_not(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 700, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    small, whole = embed_picture(tmp_path / "large.png"), embed_whole(tmp_path / "large.png")
    assert small.startswith("data:image/jpeg;base64,")
    assert whole.startswith("data:image/png;base64,")
    assert len(small) < len(whole) / 4


def test_items_become_cards_with_prices_as_people_write_them(tmp_path: Path) -> None:
    item = Item(item_id="i", title="", text="words", attributes={"price": 9.5})
    assert DemoItem.of(item) == DemoItem(item_id="i", title="i", price="9.50", image=None)
    assert DemoItem.of(Item(item_id="i", title="t")).price == ""
    recommendation = Recommendation(rank=3, item_id="i", title="t", semantic_id=(1, 2), score_nats=-4.0)
    pick = DemoPick.of(recommendation, item, reason="r", evidence=())
    assert (pick.rank, pick.semantic_id, pick.score_nats) == (3, (1, 2), -4.0)


def test_a_history_without_losses_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 entries has no loss"):
        draw_loss_curve([{"step": 1}, {"epoch": 1.0}], tmp_path / "loss.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.42, "0.4 s"), (12.4, "12 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s")]
)
def test_durations_read_as_people_say_them(seconds: float, words: str) -> None:
    assert format_seconds(seconds) == words


def test_what_was_shown_is_shown_again_only_while_every_stage_is_the_same(shop_copy):
    stage = stages_of(shop_copy) / "mixture"
    before = workspace_fingerprint(shop_copy)
    seal(stage, kind="mixture", inputs={"other": "1"}, details={})
    recommit(shop_copy)
    assert workspace_fingerprint(shop_copy) != before


@pytest.mark.parametrize("title", TITLES)
def test_titles_are_shown_and_never_acted_on_in_page_sheet_and_tables(result: DemoResult, tmp_path: Path, title: str):
    pick = DemoPick(rank=1, item=DemoItem(item_id="x", title=title), score_nats=-3.0, reason=title, evidence=())
    person = replace(result.people[0], user_id=title, taste=title, picks=(pick,))
    page = write_report(tmp_path / "out", replace(result, people=(person,))).read_text(encoding="utf-8")
    assert not ACTING.search(page)
    assert f"<h3>{escape(visible(title))}</h3>" in page
    peers = {title: FIGURES}
    report = replace(evaluation(), peers=peers, peers_ci95={}, p_values={}, slices={})
    told = report.to_markdown()
    assert not ACTING.search(told)
    assert f"\n| {markdown(title)} | " in told
    output = io.StringIO()
    Console(file=output, width=300).print(report.to_rich())
    assert not ACTING.search(output.getvalue())
    assert visible(title) in output.getvalue()
