"""ReDial: people who talk about movies, and what was recommended to them (Li et al. 2018, arXiv 1812.07617).

The catalog is the data's own id2info.json; titles with their year name its movies exactly. The validation conversations
are the events that a workspace is built from (the data's training part is not needed), the test turns ask: every movie
that was recommended in a turn is one case. A repeat is a case whose movie was named before in its conversation. Beside
the chat, which hears the whole conversation (`redial_chat`), stand ours from the movies named, with the last words as a
query and without, popularity, and two baselines trained on the same events.
"""

import csv
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genrec.artifacts import write_text
from genrec.bench.measure import Row
from genrec.bench.redial_chat import TalkTurn, hold_turns
from genrec.data.ingest import ingest
from genrec.data.splits import split_interactions
from genrec.errors import SourceError
from genrec.evaluate.contract import TrainingData
from genrec.evaluate.peers import fit_peer
from genrec.generations import is_ingested
from genrec.pipeline import build
from genrec.ranking.client import Request
from genrec.runtime import progress
from genrec.sinks import csv_cell
from genrec.workspace import Workspace, load

CUTOFFS = (1, 10, 50)
SETTINGS = (
    "split.protocol=none",
    "tokenize.num_codes=128",
    "sequence.epochs=12",
    "tune.epochs=6",
    "recommend.sequence_weight=0.7",
)
PEERS_BESIDE = ("itemknn", "sasrec")
_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieTurn:
    """One turn of a test conversation. named: movies named before it, oldest first, each where it was named last;
    context: all that was said before; wanted: the movies recommended in it."""

    dialog: str = ""
    named: tuple[str, ...]
    context: tuple[str, ...]
    wanted: tuple[str, ...]

    @property
    def words(self) -> str:
        """What was said last."""
        return self.context[-1] if self.context else ""


def make_workspace(source: Path, directory: Path) -> Workspace:
    """Ingest and build what is not there yet. Raises SourceError when `source` does not hold ReDial."""
    if not is_ingested(directory):
        with tempfile.TemporaryDirectory() as files:
            _write_files(source, Path(files))
            ingest("files", Path(files), directory)
    build(directory, settings=SETTINGS)
    return load(directory)


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SourceError(f"{path} cannot be read ({error}); wanted the folder of ReDial with id2info.json") from error


def _lines(path: Path) -> Iterator[Mapping[str, object]]:
    if not path.is_file():
        raise SourceError(f"{path} is missing; wanted the folder of ReDial with valid.jsonl and test.jsonl")
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _write_files(source: Path, files: Path) -> None:
    """The movies and the conversations in the layout of `genrec ingest files`; the first of equal titles is kept."""
    movies: dict[str, dict[str, object]] = {}
    for entry in _read_json(source / "id2info.json").values():  # type: ignore[attr-defined]
        people = {name: entry[name] for name in ("director", "star") if entry.get(name)}
        genres = {"genres": entry["genre"]} if entry.get("genre") else {}
        named = {"item_id": entry["name"], "title": entry["name"], "text": entry.get("plot") or entry["name"]}
        movies.setdefault(entry["name"], {**named, "attributes": {**genres, **people}})
    write_text(files / "items.jsonl", "".join(json.dumps(movie) + "\n" for movie in movies.values()))
    told: dict[str, dict[str, None]] = {}
    for line in _lines(source / "valid.jsonl"):
        named_movies = told.setdefault(str(line["dialog_id"]), {})
        named_movies.update(dict.fromkeys(name for name in _names(line, "entity") + _names(line, "rec")))
    with (files / "events.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("user_id", "item_id", "timestamp"))
        for number, (dialog, named_movies) in enumerate(told.items()):
            known = [name for name in named_movies if name in movies]
            writer.writerows((dialog, csv_cell(name), 1000 * number + place) for place, name in enumerate(known))


def _names(line: Mapping[str, object], key: str) -> list[str]:
    return [str(name) for name in line[key]]  # type: ignore[attr-defined]


def read_turns(source: Path, known: set[str]) -> list[MovieTurn]:
    """The test turns whose recommended movies the catalog has."""
    turns = []
    for line in _lines(source / "test.jsonl"):
        named = [name for name in _names(line, "entity") if name in known]
        latest = tuple(dict.fromkeys(reversed(named)))[::-1]
        context = _names(line, "context")
        wanted = tuple(dict.fromkeys(name for name in _names(line, "rec") if name in known))
        if wanted:
            dialog = str(line["dialog_id"])
            turns.append(MovieTurn(dialog=dialog, named=latest, context=tuple(context), wanted=wanted))
    return turns


def bench_redial(source: Path, directory: Path, *, max_turns: int | None = None) -> list[Row]:
    """The rows of `compare_recommenders` over the test turns, on a workspace that is built first where it is not.

    max_turns: so many turns at the most, of whole conversations evenly spread.
    """
    recommender = make_workspace(source, directory)
    turns = read_turns(source, {i.item_id for i in recommender.catalog})
    return compare_recommenders(recommender, turns if max_turns is None else spread(turns, max_turns))


def spread(turns: Sequence[MovieTurn], max_turns: int) -> list[MovieTurn]:
    """The turns of whole conversations, evenly spread over all."""
    dialogs = list(dict.fromkeys(turn.dialog for turn in turns))
    step = max(1.0, len(turns) / max_turns)
    kept = {dialogs[int(place * step)] for place in range(int(len(dialogs) / step))}
    return [turn for turn in turns if turn.dialog in kept][:max_turns]


def compare_recommenders(recommender: Workspace, turns: Sequence[MovieTurn]) -> list[Row]:
    """One row per recommender, repeats counted and repeats removed: Recall@1, @10 and @50 over all cases.

    The chat and the trained baselines never name what was named before, so they have no row with repeats counted.
    """
    counts = Counter(str(item_id) for item_id in recommender.interactions.positives().item_ids)
    popular = [item_id for item_id, _ in counts.most_common()]
    answers: dict[str, dict[bool, list[list[str]]]] = {
        "genrec": {repeats: _ask(recommender, turns, repeats=repeats, words=False) for repeats in (True, False)},
        "genrec, words too": {
            repeats: _ask(recommender, turns, repeats=repeats, words=True) for repeats in (True, False)
        },
        "popular": {
            repeats: [[i for i in popular if repeats or i not in turn.named][: CUTOFFS[-1]] for turn in turns]
            for repeats in (True, False)
        },
        "copy what was named": {
            repeats: [list(turn.named[::-1]) if repeats else [] for turn in turns] for repeats in (True, False)
        },
    }
    answers |= {name: {False: _rank_by_peer(recommender, turns, name)} for name in PEERS_BESIDE}
    talked = [TalkTurn(dialog=turn.dialog, context=turn.context, named=turn.named) for turn in turns]
    answers["genrec, the whole talk"] = {False: hold_turns(recommender, talked, CUTOFFS[-1])}
    return [
        _row(name, turns, ranked, repeats)
        for name, by_repeats in answers.items()
        for repeats, ranked in by_repeats.items()
    ]


def _ask(recommender: Workspace, turns: Sequence[MovieTurn], *, repeats: bool, words: bool) -> list[list[str]]:
    k, excludes = CUTOFFS[-1], not repeats
    requests = [
        Request(history=turn.named, query=turn.words if words else "", k=k, exclude_history=excludes) for turn in turns
    ]
    ranked: list[list[str]] = []
    label = f"movie turns{', with words' if words else ''}{'' if repeats else ', repeats removed'}"
    for start in progress(list(range(0, len(requests), _BATCH)), label=label):
        found = recommender.answer(requests[start : start + _BATCH])
        ranked += [[entry.item_id for entry in answer] for answer in found]
    return ranked


def _rank_by_peer(recommender: Workspace, turns: Sequence[MovieTurn], name: str) -> list[list[str]]:
    """What a baseline recommends to who named these movies, trained on the events that ours was."""
    catalog, config = recommender.catalog, recommender.config
    train = split_interactions(recommender.interactions, config.split).train
    peer = fit_peer(name, TrainingData(train, catalog), sequence=config.sequence)
    named = [catalog.rows(turn.named) for turn in turns]
    ranked = peer.rank(named, named, CUTOFFS[-1])
    return [[catalog.items[row].item_id for row in rows] for rows in ranked.tolist()]


def _row(name: str, turns: Sequence[MovieTurn], ranked: Sequence[Sequence[str]], repeats: bool) -> Row:
    cases = [
        (wanted, found)
        for turn, found in zip(turns, ranked, strict=True)
        for wanted in turn.wanted
        if repeats or wanted not in turn.named
    ]
    row: Row = {
        "set": f"redial, {'repeats counted' if repeats else 'repeats removed'}",
        "recommender": name,
        "turns": len(turns),
        "cases": len(cases),
    }
    for cutoff in CUTOFFS:
        row[f"recall@{cutoff}"] = sum(wanted in found[:cutoff] for wanted, found in cases) / len(cases)
    return row
