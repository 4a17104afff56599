"""The commands: their JSON shapes, and one clear line with exit code 2 for whatever is wrong."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hostile_texts import ACTING, TITLES
from PIL import Image
from workspaces import recommit, stages_of

from genrec import cli
from genrec.artifacts import FORMAT_VERSION
from genrec.data.ingest import append_items, extend_catalog, ingest, load_workspace_data
from genrec.data.interactions import write_events
from genrec.pipeline import STAGES
from genrec.schema import Interactions, why_no_id
from genrec.sinks import visible


def tree(directory: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(directory.rglob("*"))}


def test_recommend_explain_and_visualize_print_their_shapes(genrec, shop_directory, tmp_path):
    code, out, _ = genrec("recommend", shop_directory, "--user", "user-00003", "-k", 4, "--json")
    answer = json.loads(out)
    assert code == 0
    assert [entry["rank"] for entry in answer["recommendations"]] == [1, 2, 3, 4]
    first = answer["recommendations"][0]
    assert {"item_id", "title", "semantic_id", "score_nats"} <= first.keys()
    assert all(isinstance(code, int) for code in first["semantic_id"])
    assert answer["history"]

    code, out, _ = genrec("explain", shop_directory, "--user", "user-00003", "--item", first["item_id"], "--json")
    told = json.loads(out)
    assert (code, told["item_id"]) == (0, first["item_id"])
    assert told["text"]
    assert {"kind", "source", "claim", "weight"} <= told["evidence"][0].keys()

    picture = tmp_path / "new folder" / "drawn.png"
    code, out, _ = genrec(
        "visualize", shop_directory, "--history", ",".join(answer["history"]), "--item", first["item_id"],
        "-o", picture, "--json",
    )  # fmt: skip
    drawn = json.loads(out)
    assert code == 0
    assert drawn["generated"] is True
    assert {"contrast", "taste", "fit"} == drawn["scores"].keys()
    assert Image.open(drawn["path"]).text["generated"] == "true"


def test_an_unknown_try_on_is_told_in_one_line(genrec, shop_directory, tmp_path):
    Image.new("RGB", (90, 80), "beige").save(tmp_path / "room.png")
    asked = ("visualize", shop_directory, "--item", "mug-0000", "-o", tmp_path / "out.png", "--try-on", "nobody")
    code, out, err = genrec(*asked, "--photo", tmp_path / "room.png")
    assert (code, out) == (2, "")
    assert "no try-on painter 'nobody' is installed; " in err
    assert len(err.strip().splitlines()) == 1
    code, _, err = genrec(*asked)
    assert code == 2
    assert "no photo is given; give one" in err
    assert not (tmp_path / "out.png").exists()


def test_filters_and_words_narrow_the_answer(genrec, shop_directory):
    code, out, _ = genrec(
        "recommend", shop_directory, "--history", "", "--query", "red mug", "--where", "price < 30", "--json", "-k", 3
    )
    assert code == 0
    assert len(json.loads(out)["recommendations"]) == 3


def test_info_and_adapters_print_lists(genrec, shop_directory):
    _, out, _ = genrec("info", shop_directory, "--json")
    stages = {stage["name"]: stage for stage in json.loads(out)["stages"]}
    assert {"embeddings", "semids", "model"} <= stages.keys()
    assert all(stage["stale"] is None for stage in stages.values())
    code, out, _ = genrec("adapters", "list", shop_directory, "--json")
    assert code == 0
    assert isinstance(json.loads(out), list)


def test_a_table_in_a_pipe_is_as_wide_as_its_rows(genrec, shop_directory):
    _, out, _ = genrec("info", shop_directory)
    _, as_json, _ = genrec("info", shop_directory, "--json")
    rows = [line.split("│")[1].strip() for line in out.splitlines() if line.startswith("│")]
    assert rows == [stage["name"] for stage in json.loads(as_json)["stages"]]


def test_a_fresh_build_is_skipped(genrec, shop_directory):
    before = tree(shop_directory)
    code, out, _ = genrec("build", shop_directory)
    assert (code, out.count("fresh")) == (0, len(STAGES))
    assert tree(shop_directory) == before


def test_the_version_is_printed(genrec):
    code, out, _ = genrec("--version")
    assert code == 0
    assert out.startswith("genrec 0.")


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_unknown_items_of_a_history_are_named_once_and_the_rest_is_used(genrec, shop_directory, caplog):
    _, known, _ = genrec("recommend", shop_directory, "--user", "user-00003", "--json")
    item = json.loads(known)["history"][0]
    code, out, _ = genrec("recommend", shop_directory, "--history", f"gone-1,{item}", "--json")
    assert code == 0
    assert json.loads(out)["history"] == [item]
    assert [record.getMessage() for record in caplog.records if "gone-1" in record.getMessage()] == [
        "1 of 2 history items are unknown and left out: ['gone-1']"
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("recommend", "{shop}", "--user", "nobody"), "UnknownUser: .*'nobody'"),
        (("recommend", "{shop}", "--history", "no-such-item"), "UnknownItem: .*no-such-item"),
        (("recommend", "{shop}", "--user", "user-00003", "--where", "prize < 40"), "FilterError: .*'prize'"),
        (("recommend", "{shop}", "--user", "user-00003", "--where", "price <"), "FilterError"),
        (("recommend", "{shop}", "--user", "user-00003", "--where", "price < 0"), "no item is left"),
        (("recommend", "{shop}", "--user", "user-00003", "--image", "{tmp}/none.png"), r"none\.png"),
        (("recommend", "{shop}", "--user", "user-00003", "--history", "a"), "both a user and a history"),
        (("recommend", "{shop}", "--user", "user-00003", "--adapter", "none"), "adapter 'none' was not found"),
        (("recommend", "{tmp}/nowhere", "--user", "u"), "not a built workspace"),
        (("explain", "{shop}", "--user", "user-00003", "--item", "none"), "UnknownItem"),
        (("visualize", "{shop}", "--user", "user-00003", "--item", "none", "-o", "{tmp}/x.png"), "UnknownItem"),
        (("ingest", "files", "{tmp}/none.csv", "--out", "{tmp}/new"), r"none\.csv"),
        (("ingest", "files", "{empty}", "--out", "{tmp}/new"), r"empty\.csv"),
        (("ingest", "movielens", "{tmp}/none", "--out", "{tmp}/new"), "none"),
        (("ingest", "carrier-pigeon", "{tmp}", "--out", "{tmp}/new"), "carrier-pigeon"),
        (("build", "{shop}", "--set", "tune.ephocs=3"), r"ConfigError: .*tune\.ephocs"),
        (("build", "{shop}", "--preset", "huge"), "choose one of tiny, small, base, large"),
        (("build", "{tmp}/nowhere"), "nothing was ingested there"),
        (("add-items", "{shop}", "{tmp}/none.csv"), r"none\.csv"),
        (("add-items", "{shop}", "{empty}"), r"empty\.csv"),
        (("adapt", "{shop}", "{tmp}/nowhere", "--name", "new"), "nothing was ingested there"),
        (("adapt", "{shop}", "{shop}", "--name", "Bad Name"), "adapter name 'Bad Name' is not usable"),
        (("evaluate", "{shop}", "--peers", "oracle9000"), "oracle9000"),
        (("evaluate", "{shop}", "--split", "train"), "choose test or validation"),
        (("bench", "everything"), "everything"),
    ],
)
def test_bad_input_gets_one_line_and_changes_nothing(genrec, shop_copy, tmp_path, words, message):
    import re

    places = {"shop": shop_copy, "tmp": tmp_path, "empty": write(tmp_path / "empty.csv", "")}
    before = tree(tmp_path)
    code, out, err = genrec(*(word.format(**places) for word in words))
    assert code == 2, err
    assert out == ""
    *_, line = err.strip().splitlines()
    assert re.search(message, line), line
    assert "Traceback" not in err
    assert {p: t for p, t in tree(tmp_path).items() if not p.endswith("/shop")} == {
        p: t for p, t in before.items() if not p.endswith("/shop")
    }


def test_a_column_that_is_not_there_is_named(genrec, tmp_path):
    items = write(tmp_path / "items.csv", "sku,name\na,Red lamp\nb,Blue lamp\n")
    events = write(tmp_path / "events.csv", "user,sku,time\nu,a,1\nu,b,2\n")
    code, _, err = genrec(
        "ingest", "files", "--items", items, "--events", events, "--column", "item_id=code", "--out", tmp_path / "new"
    )
    assert code == 2
    assert "code" in err.splitlines()[-1]
    assert "sku" in err.splitlines()[-1]
    assert not (tmp_path / "new").exists()


def test_a_broken_picture_is_counted_and_listed(genrec, tmp_path):
    items = write(tmp_path / "items.csv", "item_id,title,image\na,Red lamp,a.png\nb,Blue lamp,b.png\n")
    events = write(tmp_path / "events.csv", "user_id,item_id,timestamp\nu,a,1\nu,b,2\n")
    Image.new("RGB", (32, 32), "red").save(tmp_path / "a.png")
    write(tmp_path / "b.png", "this is no picture")
    code, out, _ = genrec(
        "ingest", "files", "--items", items, "--events", events, "--images", tmp_path, "--out", tmp_path / "new",
        "--json",
    )  # fmt: skip
    report = json.loads(out)
    assert code == 0
    assert report["num_images"] == 1
    assert report["num_refused"] == 0  # the item stays
    assert sum(report["losses"].values()) == 1
    refused = "".join(path.read_text() for path in (tmp_path / "new").rglob("*refused*") if path.is_file())
    assert "b.png" in refused


def test_a_workspace_of_another_version_is_refused(genrec, shop_copy):
    manifest = stages_of(shop_copy) / "model" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"format": {FORMAT_VERSION}', '"format": 99'))
    recommit(shop_copy)
    code, _, err = genrec("recommend", shop_copy, "--user", "user-00003")
    assert code == 2
    assert "format version 99" in err


@pytest.mark.parametrize("title", TITLES)
def test_tables_and_lines_show_titles_and_never_act_on_them(title, capsys):
    table = cli.Table("item", "title")
    table.add_row(*cli._cells("i1", title))
    cli._print_table(table)
    cli._say(f"{title} → out")
    out = capsys.readouterr().out
    assert out.count(visible(title)) == 1 + ("\n" not in title)
    assert not ACTING.search(out)


def test_an_error_shows_what_was_given_and_never_acts_on_it(genrec, tmp_path):
    code, out, err = genrec("ingest", "files", tmp_path / "\x1b[2J[/b]\u202e", "--out", tmp_path / "ws")
    assert (code, out) == (2, "")
    assert "\\x1b[2J[/b]\\u202e is not there" in err
    assert not ACTING.search(err)
    assert err.count("\n") == 1


def test_feedback_of_hostile_ids_is_no_formula_and_can_be_ingested_again(tmp_path):
    ids = [name for number, title in enumerate(TITLES) if not why_no_id(name := f"{title} {number}")]
    assert len(ids) > len(TITLES) // 2
    events = Interactions.sort(
        user_ids=np.array(ids, dtype=object),
        item_ids=np.array(ids, dtype=object),
        timestamps=np.arange(len(ids)),
        kinds=np.array(["=like"] * len(ids), dtype=object),
        feedback=np.full(len(ids), -1, dtype=np.int8),
        weights=np.full(len(ids), 2.5, dtype=np.float32),
    )
    (tmp_path / "shop").mkdir()
    items = [json.dumps({"item_id": item_id, "title": "a"}) for item_id in ids]
    (tmp_path / "shop" / "items.jsonl").write_text("\n".join(items))
    write_events([events], tmp_path / "shop" / "events.csv")
    with (tmp_path / "shop" / "events.csv").open(newline="") as stream:
        cells = [cell for row in list(csv.reader(stream))[1:] for cell in row[:2]]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    report = ingest("files", tmp_path / "shop", tmp_path / "ws")
    assert (report.num_events, report.num_refused) == (len(ids), 0)
    again = load_workspace_data(tmp_path / "ws").interactions
    assert set(again.user_ids) == {user.strip() for user in ids}
    assert set(again.kinds) == {"=like"}
    assert set(again.feedback) == {-1}
    assert set(again.weights) == {2.5}


def test_refused_rows_are_no_formulas_and_come_back(tmp_path):
    (tmp_path / "items.csv").write_text("item_id,title\n=1+1,Lamp\n=1+1,Mug\n")
    ingest("files", tmp_path / "items.csv", tmp_path / "ws")
    assert ',"\'=1+1, Mug"' in (stages_of(tmp_path / "ws") / "catalog" / "refused.csv").read_text()
    (tmp_path / "more.csv").write_text("item_id,title\nb,Mug\n")
    extend_catalog(stages_of(tmp_path / "ws"), append_items(stages_of(tmp_path / "ws"), tmp_path / "more.csv"))
    assert ',"\'=1+1, Mug"' in (stages_of(tmp_path / "ws") / "catalog" / "refused.csv").read_text()
    assert "''" not in (stages_of(tmp_path / "ws") / "catalog" / "refused.csv").read_text()


def test_prechecks_measure_each_modality(genrec, shop_directory):
    before = tree(shop_directory)
    code, out, _ = genrec("prechecks", shop_directory, "--json")
    report = json.loads(out)
    assert code == 0
    rows = {row["modality"]: row for row in report["rows"]}
    assert {"image", "text", "all"} <= rows.keys()
    assert rows["all"]["recall"] > report["chance_recall"]
    assert rows["text"]["likeness"]["order"] > 0.5
    assert tree(shop_directory) == before

    code, out, _ = genrec("prechecks", shop_directory)
    assert code == 0
    assert f"{report['num_cases']:,} validation cases" in out
    assert f"{rows['image']['recall']:.4f}" in out
