"""The command line: one command per stage, plus demo, chat and serve.

Answers go to stdout (one JSON document with --json), progress to stderr. Exit 0 is done, 2 is bad usage or bad input
with one line that says what was found, what was wanted and what to do, 1 is our fault.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from genrec import __version__, runtime
from genrec.disk import disk_fault
from genrec.errors import GenrecError, InputError
from genrec.generations import Generation, current_number, draft_number
from genrec.sinks import LineFormatter, json_text, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from genrec.item_updates import UpdateReport
    from genrec.schema import Catalog, Item, Recommendation
    from genrec.serve.store import Store
    from genrec.visualize.checking import VisualReport
    from genrec.workspace import Workspace

app = typer.Typer(
    help="A generative multimodal recommender: ingest, build, recommend, explain, visualize.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
adapters_app = typer.Typer(help="List and export domain adapters.", no_args_is_help=True)
app.add_typer(adapters_app, name="adapters")
keys_app = typer.Typer(help="Create, list and revoke the server's API keys.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
feedback_app = typer.Typer(help="What people told the server.", no_args_is_help=True)
app.add_typer(feedback_app, name="feedback")

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The workspace directory.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
User = Annotated[str | None, typer.Option(help="A known user's id.")]
History = Annotated[str | None, typer.Option(help="Item ids, oldest first, separated by commas.")]
Adapter = Annotated[str | None, typer.Option(help="A domain adapter, by name or folder.")]
StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="The store's address, or @FILE that holds it; else GENREC_STORE of the environment, else the workspace.",
    ),
]
FetchPictures = Annotated[
    bool,
    typer.Option("--fetch-pictures", help="Download pictures at addresses; later reads do so, too."),
]
Settings = Annotated[list[str] | None, typer.Option("--set", help="A setting, such as tune.epochs=4. Repeatable.")]


def main() -> None:
    """The console script."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    runtime.quiet_libraries()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    try:
        with runtime.report_progress_to(runtime.print_progress):
            app()
    except InputError as error:
        if debug:
            raise
        _fail(f"{type(error).__name__}: {error}", 2)
    except (GenrecError, Exception) as error:
        if debug:
            raise
        if (line := disk_fault(error)) is not None:
            _fail(line, 2)
        _fail(f"{type(error).__name__}: {error} (our fault; run again with --debug for the traceback)", 1)


def _fail(message: str, code: int) -> None:
    sys.stderr.write(visible(" ".join(message.split())) + "\n")
    try:
        sys.stdout.flush()
    except OSError:  # what it still holds would be tried again at the end, and change the exit code
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _show_version(wanted: bool) -> None:
    if wanted:
        _say(f"genrec {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True)] = False,
) -> None:
    """Add --debug to any command for tracebacks."""


def _pairs(entries: list[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for entry in entries or []:
        name, equals, value = entry.partition("=")
        if not equals or not name or not value:
            raise InputError(f"{option} {entry!r} has no '='; wanted NAME=VALUE")
        pairs[name] = value
    return pairs


def _ids(history: str | None) -> list[str] | None:
    return None if history is None else [entry.strip() for entry in history.split(",") if entry.strip()]


def _box(text: str | None) -> tuple[int, int, int, int] | None:
    if text is None:
        return None
    try:
        left, top, width, height = (int(number) for number in text.split(","))
    except ValueError:
        raise InputError(f"box {text!r} is no box; wanted left,top,width,height in whole pixels") from None
    return left, top, width, height


def _cells(*texts: str) -> list[Text]:
    """Cells that hold what others wrote, without markup."""
    return [Text(visible(text)) for text in texts]


def _print_table(table: RenderableType) -> None:
    """Print a table as wide as the terminal; into a file or a pipe, as wide as its rows are."""
    console = Console()
    (console if console.is_terminal else Console(width=1000)).print(table)


def _say(text: str) -> None:
    """Print lines for people; what others wrote in them is shown, never acted on."""
    typer.echo(visible(text, keep_lines=True))


def _print_json(document: object) -> None:
    typer.echo(json_text(document))


def _load(directory: Path, adapter: str | None = None) -> "Workspace":
    from genrec.workspace import load

    return load(directory, adapter=adapter)


@app.command()
def demo(
    directory: Annotated[Path, typer.Option("--dir", help="Where to put the demo's workspace.")] = Path("demo"),
    settings: Settings = None,
) -> None:
    """The whole path on the embedded default: a small shop is made, built, asked, explained and drawn."""
    from genrec.demo.run import run_demo

    run_demo(directory, settings=settings or [], console=Console())


@app.command()
def ingest(
    source: Annotated[str, typer.Argument(help="files (any catalog), shop, movielens or amazon.")],
    path: Annotated[Path | None, typer.Argument(help="The source's file or folder; not needed for shop.")] = None,
    *,
    out: Annotated[Path, typer.Option(help="The workspace to write.")],
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--map", "--column", help="A column's role, such as item_id=sku or events.user_id=who. Repeatable."
        ),
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="A mapping.toml to read by.")] = None,
    items: Annotated[Path | None, typer.Option(help="The items table.")] = None,
    events: Annotated[Path | None, typer.Option(help="The events table.")] = None,
    images: Annotated[Path | None, typer.Option(help="The image folder.")] = None,
    positive: Annotated[
        str | None, typer.Option(help="Which events are likings, such as 'rating >= 4'; all: every one.")
    ] = None,
    negative: Annotated[str | None, typer.Option(help="Which events are dislikings, such as 'rating <= 2'.")] = None,
    day_first: Annotated[
        bool | None, typer.Option("--day-first/--month-first", help="How 03/04/2017 is meant.")
    ] = None,
    fetch_pictures: FetchPictures = False,
    features: Annotated[list[str] | None, typer.Option(help="A given modality, NAME=FILE. Repeatable.")] = None,
    k_core: Annotated[int, typer.Option(help="Keep users and items with at least so many events.")] = 0,
    seed: Annotated[int | None, typer.Option(help="shop: the world's seed.")] = None,
    domains: Annotated[str | None, typer.Option(help="shop: seen or held-out.")] = None,
    num_items: Annotated[int | None, typer.Option(help="shop: how many items.")] = None,
    num_people: Annotated[int | None, typer.Option(help="shop: how many people.")] = None,
    strict: Annotated[bool, typer.Option(help="Exit 2 where anything is lost.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Only say how the source would be read.")] = False,
    as_json: Json = False,
) -> None:
    """Read a source into a workspace's catalog and interactions."""
    from genrec.data.fetch import FetchLimits
    from genrec.data.ingest import ingest as run
    from genrec.data.ingest_report import in_lines

    report = run(
        source,
        path,
        out,
        features={name: Path(file) for name, file in _pairs(features, "--features").items()},
        k_core=k_core,
        columns=_pairs(column, "--map"),
        mapping=mapping,
        strict=strict,
        dry_run=dry_run,
        fetch=FetchLimits() if fetch_pictures else None,
        items=items,
        events=events,
        images=images,
        positive=positive,
        negative=negative,
        day_first=day_first,
        seed=seed,
        domains=domains,
        num_items=num_items,
        num_people=num_people,
    )
    if as_json:
        _print_json(asdict(report))
        return
    for line in in_lines(report):
        _say(line)


@app.command()
def build(
    directory: Directory,
    preset: Annotated[str | None, typer.Option(help="tiny, small, base or large.")] = None,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Encode, fuse, tokenize and tune; what is fresh is skipped, what was killed is continued."""
    from genrec.pipeline import build as run

    for name in ("genrec.data_defaults", "genrec.pipeline"):  # which settings suit the data, which stage is made
        logging.getLogger(name).setLevel(logging.INFO)
    report = run(directory, preset=preset, settings=settings or [])
    if as_json:
        _print_json(asdict(report))
        return
    for name in report.skipped:
        _say(f"{name}: fresh")
    for name, seconds in report.seconds.items():
        _say(f"{name}: made in {seconds:.1f} s")


@app.command()
def models(
    directory: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A workspace, whose models are meant.")] = (
        None
    ),
    preset: Annotated[str | None, typer.Option(help="tiny, small, base or large; all where none is named.")] = None,
    settings: Settings = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch from the hub what is not here.")] = False,
    as_json: Json = False,
) -> None:
    """What models a preset or a workspace wants, which are here, their sizes and licenses; fetch the others."""
    from genrec.config import CONFIG_FILE, PRESETS, Config
    from genrec.hub import fetch_model, model_state, wanted_models

    if directory is not None and preset is not None:
        raise InputError("both a workspace and a preset were given; give one of them")
    if fetch and directory is None and preset is None:
        raise InputError("--fetch was given without saying for what; name a preset, as --preset small, or a workspace")
    if directory is not None:
        configs = [Config.load(directory / CONFIG_FILE)]
    else:
        configs = [Config.for_preset(name) for name in ([preset] if preset else PRESETS)]
    rows = [
        (config.preset, state) for config in configs for state in wanted_models(config.with_settings(settings or []))
    ]
    if fetch:
        for _, state in rows:
            if state.path is None:
                fetch_model(state.setting, state.name)
        rows = [(name, model_state(state.setting, state.name)) for name, state in rows]
    if as_json:
        _print_json([{"preset": name, **asdict(state), "path": state.path and str(state.path)} for name, state in rows])
        return
    table = Table("preset", "setting", "model", "here", "MB", "license")
    for name, state in rows:
        size = "" if state.megabytes is None else f"{state.megabytes:,}"
        table.add_row(*_cells(name, state.setting, state.name, state.place or "no", size, state.license or "not said"))
    _print_table(table)


@app.command()
def recommend(
    directory: Directory,
    user: User = None,
    history: History = None,
    query: Annotated[str, typer.Option(help="What is wanted, in plain words.")] = "",
    image: Annotated[Path | None, typer.Option(help="A photo of something like it.")] = None,
    like: Annotated[str | None, typer.Option(help="Item ids that it resembles, separated by commas.")] = None,
    unlike: Annotated[str | None, typer.Option(help="Item ids that it does not resemble, likewise.")] = None,
    where: Annotated[str | None, typer.Option(help="A filter, such as 'price < 40 and color = red'.")] = None,
    disliked: Annotated[
        str | None, typer.Option(help="Item ids that the person dislikes, in place of a user's own, likewise.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many items.", min=1)] = 10,
    seen: Annotated[bool, typer.Option("--seen", help="Items of the history may come back.")] = False,
    adapter: Adapter = None,
    as_json: Json = False,
) -> None:
    """The next items for a user or a history."""
    workspace = _load(directory, adapter)
    past = _ids(history)
    found = workspace.recommend(
        user=user,
        history=past,
        query=query,
        image=image,
        like=_ids(like) or (),
        unlike=_ids(unlike) or (),
        where=where,
        disliked=_ids(disliked),
        k=k,
        exclude_history=not seen,
    )
    unknown = workspace.data.search_by_meaning.unknown(query) if query else []
    if as_json:
        asked = workspace.history_of(user) if user is not None else past or ()
        known, _ = workspace.data.split_history(asked)
        shown = [asdict(entry) | _shown(workspace.catalog[entry.item_id]) for entry in found]
        _print_json({"history": known, "unknown_words": unknown, "recommendations": shown})
        return
    if unknown:
        sys.stderr.write(visible(f"nothing here is about {', '.join(unknown)}\n"))
    _print_table(_list_of(found, workspace.catalog))


def _shown(item: "Item") -> dict[str, object]:
    """How an item is sold, and where its pictures, video and sound lie on this machine."""
    pictures = [str(path) for path in (item.image, *item.more_images) if path is not None]
    media = {name: path and str(path) for name, path in (("video", item.video), ("audio", item.audio))}
    return {**item.sale(), "images": pictures, **media}


def _list_of(found: "Sequence[Recommendation]", catalog: "Catalog") -> Table:
    """Ranked items as a table, with prices where any is known; in a terminal, titles open the items' pages."""
    from genrec.claims.wording import say_sale

    items = [catalog[entry.item_id] for entry in found]
    sales = [say_sale(item, item.price) for item in items]
    table = Table("", "item", "title", *(["price"] if any(sales) else []), "semantic ID", "nats")
    for entry, item, sale in zip(found, items, sales, strict=True):
        codes = " ".join(map(str, entry.semantic_id))
        title = Text(visible(entry.title), style=Style(link=None if item.offer is None else item.offer.link))
        sold = _cells(sale) if any(sales) else []
        score = f"{entry.score_nats:.2f}"
        table.add_row(*_cells(str(entry.rank), entry.item_id), title, *sold, *_cells(codes, score))
    return table


@app.command()
def explain(
    directory: Directory,
    item: Annotated[str, typer.Option(help="The item's id.")],
    user: User = None,
    history: History = None,
    adapter: Adapter = None,
    heat_map: Annotated[
        Path | None,
        typer.Option(help="A PNG to write: where the person looks in the picture (fuse.fuser = vecf, uvcan)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Why an item suits a person, with evidence."""
    workspace = _load(directory, adapter)
    found = workspace.explain(item=item, user=user, history=_ids(history))
    if heat_map is not None:
        workspace.heat_map(item=item, user=user, history=_ids(history), out=heat_map)
    if as_json:
        _print_json(asdict(found) | {"item": _shown(workspace.catalog[found.item_id])})
        return
    if found.reason:
        _say(found.reason)
    _say(found.text)
    for entry in found.evidence:
        _say(f"  [{entry.kind}] {entry.claim}  ({entry.source}, {entry.weight:+.2f} nats)")


@app.command()
def visualize(
    directory: Directory,
    item: Annotated[str, typer.Option(help="The item's id.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The PNG to write.")],
    user: User = None,
    history: History = None,
    scene: Annotated[str | None, typer.Option(help="Where to show it, in plain words.")] = None,
    change: Annotated[
        str | None, typer.Option(help='What to change, such as "in red"; "" changes it toward the taste.')
    ] = None,
    photo: Annotated[Path | None, typer.Option(help="The person's own photo to show it in.")] = None,
    box: Annotated[str | None, typer.Option(help="Where in the photo: left,top,width,height in pixels.")] = None,
    mask: Annotated[Path | None, typer.Option(help="Where in the photo: a picture of its size, white there.")] = None,
    try_on: Annotated[
        str | None, typer.Option(help="An installed painter that puts it on something in the photo, such as room.")
    ] = None,
    strength: Annotated[float | None, typer.Option(help="Of the taste: 0, the item alone, to 1.")] = None,
    seed: Annotated[int, typer.Option(help="Equal seeds draw equal pictures.")] = 0,
    as_json: Json = False,
) -> None:
    """Show an item to a person: in a scene for them, changed, or in their photo."""
    workspace = _load(directory)
    made = workspace.visualize(
        item=item, out=out, user=user, history=_ids(history), scene=scene, change=change, photo=photo, mask=mask,
        box=_box(box), try_on=try_on, strength=strength, seed=seed,
    )  # fmt: skip
    if as_json:
        _print_json({**asdict(made), "models": dict(made.models), "scores": dict(made.scores)})
        return
    how = "generated" if made.generated else "edited"
    _say(f"{made.path} ({made.mode}, {how}, seed {made.seed}): {made.prompt}")
    if made.note:
        _say(made.note)
    if made.taste:
        _say(
            f"for a taste of {made.taste}, seen in {', '.join(workspace.catalog[name].name for name in made.shaped_by)}"
        )


@app.command("check-visual")
def check_picture(
    picture: Annotated[Path, typer.Argument(metavar="PNG", help="A picture that genrec drew.")],
    trust: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) of those whose signatures are trusted.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What a drawing says of itself, who signed it, and whether it was changed since; exit 2 where it was."""
    from genrec.visualize.checking import check_visual

    report = check_visual(picture, trust)
    if as_json:
        _print_json({**asdict(report), "record": report.record and report.record.to_json()})
    else:
        _say("\n".join(_visual_lines(report)))
    if report.faults:
        raise typer.Exit(2)


def _visual_lines(report: "VisualReport") -> Iterator[str]:
    record, signature = report.record, report.signature
    if record is not None:
        yield f"{record.mode} of {record.item_id} ({record.title}), seed {record.seed}: {record.prompt}"
        yield from (f"{role}: {model.name}, {model.license}" for role, model in record.models.items())
        made = "generated" if record.generated else "edited, not generated" if record.is_altered else "as it is"
        yield f"made: {made}"
        yield f"label: {'on' if record.has_strip else 'off'}, safety check: {record.safety or 'none'}"
        yield from [f"instead of what was asked for: {record.fallback}"] if record.fallback else []
        yield from [f"not drawn: {', '.join(record.words_not_drawn)}"] if record.words_not_drawn else []
    if signature is not None:
        trust = {"trusted": "trusted", "unknown": "sound, its signer unknown", "broken": "broken"}[signature.trust]
        yield f"signed by {signature.signer}: {trust}"
    yield f"pixels: {report.pixels}"
    yield from (f"CHANGED: {fault}" for fault in report.faults)
    yield from (f"note: {note}" for note in report.notes)


@app.command()
def chat(
    directory: Directory,
    session: Annotated[Path | None, typer.Option(help="Keep the conversation in this file.")] = None,
    adapter: Adapter = None,
) -> None:
    """Talk with the recommender in the terminal."""
    from genrec.chat.terminal import chat_in_terminal

    chat_in_terminal(_load(directory, adapter), session_file=session)


@app.command()
def serve(
    directory: Directory,
    host: Annotated[str, typer.Option(help="Where to listen; keys are asked for unless it is this machine.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="Processes; each loads the model.", min=1)] = 1,
    store: StoreUrl = None,
    settings: Settings = None,
) -> None:
    """Serve recommendations, chat, embeddings and drawings over HTTP, as OpenAI's clients expect."""
    with _serve_extra():
        from genrec.serve.run import Order
        from genrec.serve.run import serve as run
        from genrec.serve.store import chosen_address
    run(
        Order(
            directory=str(directory),
            host=host,
            port=port,
            workers=workers,
            store=chosen_address(store),
            settings=tuple(settings or []),
        )
    )


@app.command("add-items")
def add_items(
    directory: Directory,
    file: Annotated[Path, typer.Argument(help="CSV, JSON-lines or Parquet of new items.")],
    column: Annotated[
        list[str] | None, typer.Option("--map", "--column", help="A column's role, such as item_id=sku. Repeatable.")
    ] = None,
    features: Annotated[list[str] | None, typer.Option(help="Their vectors in a given modality, NAME=FILE.")] = None,
    fetch_pictures: FetchPictures = False,
    as_json: Json = False,
) -> None:
    """Make new items recommendable at once; nothing is retrained."""
    from genrec.data.fetch import FetchLimits
    from genrec.new_items import add_items as run

    vectors = {name: Path(path) for name, path in _pairs(features, "--features").items()}
    fetch = FetchLimits() if fetch_pictures else None
    report = run(directory, file, columns=_pairs(column, "--map"), features=vectors, fetch=fetch)
    if as_json:
        _print_json(asdict(report))
        return
    known = f", {report.num_known:,} there already" if report.num_known else ""
    returned = f", {len(report.returned):,} of them removed before and back now" if report.returned else ""
    _say(f"{len(report.item_ids):,} items added{known}{returned}, {report.num_refused:,} rows refused")
    for note in report.notes:
        _say(f"  {note}")


@app.command("update-items")
def update_items(
    directory: Directory,
    file: Annotated[Path, typer.Argument(help="CSV, JSON-lines or Parquet of item or variant ids and what is new.")],
    column: Annotated[
        list[str] | None, typer.Option("--map", "--column", help="A column's role, such as price=amount. Repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change prices, availability, links, stock and numbers of known items at once; nothing is made again."""
    from genrec.item_updates import update_items as run

    report = run(directory, file, columns=_pairs(column, "--map"))
    if as_json:
        _print_json(asdict(report))
        return
    returned = f", {len(report.returned):,} of them back" if report.returned else ""
    _say(f"{len(report.item_ids):,} items changed{returned}, {report.num_unchanged:,} unchanged{_unknown(report)}")
    for note in report.notes:
        _say(f"  {note}")


@app.command("remove-items")
def remove_items(
    directory: Directory,
    items: Annotated[list[str], typer.Argument(help="Item ids, or one file with a column of them.")],
    as_json: Json = False,
) -> None:
    """Never recommend items again; histories keep them, and update-items or add-items bring them back."""
    from genrec.item_updates import remove_items as run

    file = Path(items[0])
    report = run(directory, file if len(items) == 1 and file.is_file() else items)
    if as_json:
        _print_json(asdict(report))
        return
    _say(f"{len(report.item_ids):,} items removed, {report.num_unchanged:,} were already{_unknown(report)}")


def _unknown(report: "UpdateReport") -> str:
    if not report.unknown:
        return ""
    more = ", …" if len(report.unknown) > 5 else ""
    return f", {len(report.unknown):,} ids unknown ({', '.join(report.unknown[:5])}{more})"


@app.command()
def adapt(
    directory: Directory,
    new_data: Annotated[Path, typer.Argument(help="An ingested workspace of the new domain.")],
    name: Annotated[str, typer.Option(help="The adapter's name.")],
    epochs: Annotated[float, typer.Option(help="Passes over the new domain's events.")] = 16.0,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Train a LoRA adapter for a new domain."""
    from genrec.adapt import adapt as run

    report = run(directory, new_data, name=name, epochs=epochs, settings=settings or [])
    if as_json:
        _print_json({**asdict(report), "card": {**asdict(report.card), "metrics": dict(report.card.metrics)}})
        return
    _say(f"{report.path}: {report.num_bytes / 2**20:.1f} MiB, trained in {report.card.minutes:.1f} minutes")
    for measure, value in report.card.metrics.items():
        _say(f"  {measure}: {value:.4f}")


@app.command()
def align(
    directory: Directory,
    preset: Annotated[str | None, typer.Option(help="tiny, small, base or large.")] = None,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Tune the CLIP model on the catalog's own words and pictures; the next build encodes with it if it is better."""
    from genrec.align import align as run

    logging.getLogger("genrec.fusion.towers").setLevel(logging.INFO)  # what validation says after each epoch
    report = run(directory, preset=preset, settings=settings or [])
    if as_json:
        _print_json({**asdict(report), "path": report.path and str(report.path)})
        return
    recalls = f"{report.recall_before:.4f} → {report.recall_after:.4f}"
    _say(f"Recall@10 from words to the pictures of {report.num_held_out:,} held-out items: {recalls}")
    if report.path is None:
        _say(f"{report.model} stays, for aligned it finds no more")
    else:
        _say(f"{report.path}: {report.model} aligned on {report.num_pairs:,} items; genrec build encodes with it")


@app.command(name="tune-visuals")
def tune_visuals(directory: Directory, settings: Settings = None, as_json: Json = False) -> None:
    """Tune the diffusion model on the catalog's own pictures, as a LoRA; goes on where it was broken off."""
    from genrec.visualize.tuning import tune_visuals as run

    report = run(directory, settings=settings or [])
    if as_json:
        _print_json(asdict(report))
        return
    _say(
        f"{report.path}: {report.model} tuned on {report.num_pictures:,} pictures in {report.seconds / 60:.1f} minutes"
    )
    _say(f"  loss on held-out pictures: {report.loss_before:.4f} before, {report.loss_after:.4f} after")


@app.command()
def evaluate(
    directory: Directory,
    peers: Annotated[str, typer.Option(help="Peers to run on the same split, separated by commas.")] = (
        "popularity,itemknn"
    ),
    split: Annotated[str, typer.Option(help="test or validation.")] = "test",
    max_users: Annotated[int | None, typer.Option(help="Evaluate a sample of so many users.")] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Rank by each of our two models by itself, too.")] = False,
    unmasked: Annotated[
        bool,
        typer.Option(
            "--unmasked/--masked-only",
            help="Also rank with the items of the history among all others, which costs ours a second search.",
        ),
    ] = True,
    visuals: Annotated[
        bool, typer.Option("--visuals", help="Measure pictures instead, as genrec bench visuals does.")
    ] = False,
    adapter: Adapter = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
    as_json: Json = False,
) -> None:
    """Recall and NDCG under the field's protocol, beside peers on the same split, masked and unmasked."""
    from genrec.evaluate.oracle import load_world
    from genrec.evaluate.protocol import evaluate as run

    if split not in ("test", "validation"):
        raise InputError(f"--split {split!r} is unknown; choose test or validation")
    if visuals:
        bench("visuals", directory, as_json=as_json)
        return
    workspace = _load(directory, adapter)
    names = [name.strip() for name in peers.split(",") if name.strip()]
    world = load_world(directory)
    keep = directory / ".cache" / "peers"
    report = run(
        workspace,
        split=split,  # type: ignore[arg-type]
        peers=names,
        world=world,
        max_users=max_users,
        unmasked=unmasked,
        alone=alone,
        keep=keep,
    )
    if as_json:
        _print_json(report.to_json())
    elif markdown:
        _say(report.to_markdown())
    else:
        _print_table(report.to_rich())


@app.command()
def bench(
    name: Annotated[
        str,
        typer.Argument(help="decode, score, tokenize, recommend, search, composed, serve, chat, visuals or fusion."),
    ],
    place: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="The workspace, as --dir gives it.")] = None,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir",
            help="serve: a built demo workspace; search, composed, chat, visuals: any; fusion: any ingested one. "
            "Without it, a demo is made.",
        ),
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="serve: how long each row is measured.")] = None,
    clients: Annotated[
        list[int] | None, typer.Option(help="serve: how many ask at once; may be given several times.", min=1)
    ] = None,
    conversations: Annotated[
        list[Path] | None,
        typer.Option(help="chat: a TOML file of conversations, and nothing else; may be given several times."),
    ] = None,
    num_grammar: Annotated[
        int | None, typer.Option("--num", help="chat: how many conversations are made from the catalog.", min=0)
    ] = None,
    redial: Annotated[
        Path | None, typer.Option(help="chat: the folder of ReDial; its workspace is kept in DIR/redial.")
    ] = None,
    movie_turns: Annotated[int | None, typer.Option(help="chat: about so many turns of ReDial.", min=1)] = None,
    count: Annotated[
        int | None, typer.Option(help="visuals: pictures of each mode; composed: questions.", min=2)
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="visuals: a PNG of some of them; fusion: of accuracy against cost.")
    ] = None,
    systems: Annotated[
        list[str] | None, typer.Option("--system", help="fusion: a fuser or a peer; all fusers without. Repeatable.")
    ] = None,
    splits: Annotated[list[str] | None, typer.Option("--split", help="fusion: time, random or given.")] = None,
    variants: Annotated[
        list[str] | None,
        typer.Option("--variant", help="fusion: whole, no-image, no-text, only-MODALITY, shuffled, cold, reweighted."),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="fusion: how many seeds.", min=1)] = None,
    people: Annotated[Path | None, typer.Option(help="fusion: a CSV of people, their id first, to group by.")] = None,
    verbose: Annotated[bool, typer.Option(help="chat: print every turn that failed.")] = False,
    as_json: Json = False,
) -> None:
    """Measurements of speed, search, conversation, pictures and fusion."""
    from genrec.bench import bench as run
    from genrec.bench.measure import table_lines

    given: dict[str, Any] = {
        "directory": place if directory is None else directory,
        "seconds": seconds,
        "clients": clients,
        "conversations": conversations,
        "num_grammar": num_grammar,
        "redial": redial,
        "movie_turns": movie_turns,
        "count": count,
        "sheet": sheet,
        "systems": systems,
        "splits": splits,
        "variants": variants,
        "seeds": seeds,
        "people": people,
        "tell": _say if verbose else None,
    }  # Any: each bench has its own
    document = run(name, **{option: value for option, value in given.items() if value is not None})
    if as_json:
        _print_json(document)
        return
    columns, cells = table_lines(document["rows"])  # type: ignore[arg-type]
    table = Table(title=Text(visible(f"{document['name']}, {document['machine']}")))
    for column in _cells(*columns):
        table.add_column(column)
    for row in cells:
        table.add_row(*_cells(*row))
    _print_table(table)


@app.command()
def prechecks(directory: Directory, as_json: Json = False) -> None:
    """What each modality is worth to recommendation, before anything is trained; test cases are not looked at."""
    from genrec.fusion.prechecks import K, prechecks_of_workspace

    report = prechecks_of_workspace(directory)
    if as_json:
        _print_json(asdict(report))
        return
    headings = [
        f"recall@{K}",
        f"ndcg@{K}",
        "without it",
        "shared with behavior",
        "order by behavior",
        "predicted order",
    ]
    table = Table("modality", "items", *headings)
    for row in report.rows:
        shared, order = (row.likeness.shared, row.likeness.order) if row.likeness else (None, None)
        predicted = row.prediction and row.prediction.order
        figures = (row.recall, row.ndcg, row.recall_without, shared, order, predicted)
        table.add_row(*_cells(row.modality, f"{row.num_items:,}", *("" if f is None else f"{f:.4f}" for f in figures)))
    _print_table(table)
    _say(
        f"{report.num_cases:,} validation cases; recall@{K} by popularity {report.popularity_recall:.4f}, by chance "
        f"{report.chance_recall:.4f}; orders are 0.5 by chance"
    )


@app.command()
def info(directory: Directory, as_json: Json = False) -> None:
    """What is in a workspace, what is stale, and why."""
    from genrec.pipeline import describe

    states = describe(directory)
    current, draft = current_number(directory), draft_number(directory)
    if as_json:
        numbers = {"generation": current, "draft": draft}
        _print_json({"directory": str(directory), **numbers, "stages": [asdict(state) for state in states]})
        return
    if draft is not None:
        served = "no generation" if current is None else f"generation {current}"
        typer.echo(f"{served} is current; generation {draft}, below, waits for genrec build {directory}")
    table = Table("stage", "state", "details")
    for state in states:
        details = ", ".join(f"{key} {value}" for key, value in state.details.items())
        table.add_row(*_cells(state.name, "fresh" if state.stale is None else f"stale: {state.stale}", details))
    _print_table(table)


@app.command()
def check(directory: Directory, as_json: Json = False) -> None:
    """Whether every file is as it was written and every part fits the others; exit 2 where not."""
    from genrec.checking import check as run

    findings = run(directory)
    if as_json:
        _print_json({"directory": str(directory), "parts": [asdict(finding) for finding in findings]})
    else:
        table = Table("part", "state")
        for finding in findings:
            table.add_row(finding.part, "\n".join(finding.faults) or "whole")
        _print_table(table)
    if any(finding.faults for finding in findings):
        raise typer.Exit(2)


@adapters_app.command("list")
def list_adapters(directory: Directory, as_json: Json = False) -> None:
    """The adapters of a workspace and the shipped ones."""
    from genrec.model.lm.adapters import list_adapters as run

    cards = run(Generation.open(directory).folder).values()
    if as_json:
        _print_json([{**asdict(card), "metrics": dict(card.metrics)} for card in cards])
        return
    for card in cards:
        _say(f"{card.name}: {card.data}, for {card.foundation} with id space {card.id_space}")


@adapters_app.command("export")
def export_adapter(
    directory: Directory,
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write.")],
    merged: Annotated[bool, typer.Option("--merged", help="Merge the LoRA into the base: an ordinary checkpoint.")],
    name: Annotated[str | None, typer.Option(help="A domain adapter; without it, the workspace's own.")] = None,
) -> None:
    """Write the tuned model for other engines."""
    from genrec.model.lm.adapters import export_merged, find_adapter

    if not merged:
        raise InputError("adapters are plain peft folders already; copy the folder, or ask for --merged")
    generation = Generation.open(directory)
    adapter = None if name is None else find_adapter(generation.folder, name)
    export_merged(generation.folder / "model", adapter, out)
    _say(str(out))


@keys_app.command("create")
def create_key(
    directory: Directory,
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scope: Annotated[list[str] | None, typer.Option(help="recommend, chat, images, feedback, admin. Repeatable.")] = (
        None
    ),
    rate: Annotated[int, typer.Option(help="Requests per minute; 0 is no limit.", min=0)] = 0,
    store: StoreUrl = None,
    as_json: Json = False,
) -> None:
    """A new key; its secret is shown this once."""
    with _opened_store(directory, store) as opened:
        key, secret = opened.create_key(
            name, scope or ["recommend", "chat", "images", "feedback"], rate_per_minute=rate
        )
    if as_json:
        _print_json({**asdict(key), "secret": secret})
        return
    _say(secret)
    sys.stderr.write(f"key {key.key_id} may {', '.join(key.scopes)}; the secret above is not kept, so store it now\n")


@keys_app.command("list")
def list_keys(directory: Directory, store: StoreUrl = None, as_json: Json = False) -> None:
    """All keys, without their secrets."""
    with _opened_store(directory, store) as opened:
        keys = opened.keys()
    if as_json:
        _print_json([asdict(key) for key in keys])
        return
    for key in keys:
        limit = f"{key.rate_per_minute} a minute" if key.rate_per_minute else "no limit"
        state = "" if key.revoked is None else ", revoked"
        _say(f"{key.key_id}: {key.name}, {', '.join(key.scopes)}, {limit}{state}")


@keys_app.command("revoke")
def revoke_key(
    directory: Directory,
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="The key's id, of keys list.")],
    store: StoreUrl = None,
) -> None:
    """End a key at once."""
    with _opened_store(directory, store) as opened:
        opened.revoke_key(key_id)
    _say(f"{key_id} is revoked")


@feedback_app.command("export")
def export_feedback(
    directory: Directory,
    out: Annotated[Path, typer.Option(help="The CSV to write.")],
    with_training: Annotated[
        bool, typer.Option("--with-training", help="The workspace's own events, too: all that the next training needs.")
    ] = False,
    store: StoreUrl = None,
) -> None:
    """Likes, choices and dislikes that were not taken back, as an events table for `genrec ingest files`."""
    from genrec.data.ingest import load_workspace_data
    from genrec.data.interactions import write_events

    with _opened_store(directory, store) as opened:
        events = opened.export_events()
    parts = [load_workspace_data(directory).interactions, events] if with_training else [events]
    num_events = write_events(parts, out)
    _say(f"{num_events:,} events → {out}")


@contextmanager
def _serve_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("genrec"):
            raise
        raise InputError(f'the server needs {error.name}, which is missing; pip install "genrec[serve]"') from error


@contextmanager
def _opened_store(directory: Path, url: str | None) -> "Iterator[Store]":
    with _serve_extra():
        from genrec.serve.store import Store, chosen_address, default_url
    address = chosen_address(url)
    if address is None:
        Generation.open_newest(directory)  # which says what is missing
    opened = Store.open(address or default_url(directory), directory)
    try:
        yield opened
    finally:
        opened.close()


if __name__ == "__main__":
    main()
