"""Databases for the store's tests, SQLite always and PostgreSQL where its programs are installed; a shop with an
adapter; servers."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
import torch
from safetensors.torch import load_file, save_file
from serve_worlds import PATIENT, Server, serving
from workspaces import stages_of

from genrec.config import ServeConfig
from genrec.model.lm.adapters import CARD_FILE
from genrec.model.lm.language import read_ids
from genrec.offers import Offer, Variant
from genrec.pipeline import build
from genrec.pretrained import LORA_WEIGHTS
from genrec.ranking.local import LocalClient
from genrec.schema import Catalog, Item
from genrec.serve.store import Store
from genrec.workspace import Workspace, load


def _postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test run alone, reached through a socket in its own folder."""
    if url := os.environ.get("GENREC_POSTGRES"):
        yield url
        return
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL's programs are not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="genrec-pg-"))  # pytest's own folder is closed to others at each start
    as_owner: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres")
        as_owner = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"
    quiet = {"check": True, "capture_output": True, "cwd": "/"}
    subprocess.run([*as_owner, programs / "initdb", "-D", data, "-U", "genrec", "-A", "trust", "-E", "UTF8"], **quiet)
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    control = [*as_owner, programs / "pg_ctl", "-D", data, "-w"]
    start = [*control, "-l", folder / "log", "-o", options, "start"]
    subprocess.run(start, check=True, cwd="/", stdout=subprocess.DEVNULL)
    try:
        yield f"postgresql://genrec@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store, for each kind of database in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    url = request.getfixturevalue("postgres_url")
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return url


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Store:
    """An empty store of the workspace in tmp_path."""
    opened = Store.open(store_url, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def database(store_url: str) -> Iterator[sa.Engine]:
    """The store's database, reached beside the store."""
    url = sa.make_url(store_url)
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url)
    yield engine
    engine.dispose()


ADAPTER = "warm"


@pytest.fixture(scope="session")
def adapted_directory(shop_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built shop with an adapter: its own LoRA, changed at random, which answers otherwise."""
    directory = tmp_path_factory.mktemp("adapted") / "shop"
    shutil.copytree(shop_directory, directory)
    folder = directory / "adapters" / ADAPTER
    shutil.copytree(stages_of(directory) / "model" / "adapter", folder)
    generator = torch.Generator().manual_seed(3)
    weights = load_file(folder / LORA_WEIGHTS)
    changed = {name: w + 0.3 * w.std() * torch.randn(w.shape, generator=generator) for name, w in weights.items()}
    save_file(changed, folder / LORA_WEIGHTS)
    _, id_space, foundation = read_ids(stages_of(directory) / "model")
    (folder / CARD_FILE).write_text(
        f'name = "{ADAPTER}"\nfoundation = "{foundation}"\nid_space = "{id_space}"\nlicense = "Apache-2.0"\n'
        'data = "noise"\nrank = 32\nminutes = 0.0\n[metrics]\n'
    )
    build(directory)  # which takes it up
    return directory


@pytest.fixture(scope="session")
def shop(adapted_directory: Path) -> Workspace:
    """That shop, loaded; no test changes it."""
    return load(adapted_directory)


@pytest.fixture(scope="session")
def patient_config() -> ServeConfig:
    """Limits by which a machine that is busy otherwise fails no test."""
    return PATIENT


@pytest.fixture(scope="session")
def server(shop: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for no key. Tests share it, so each takes people and sessions of its own."""
    with serving(shop, tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture(scope="session")
def sold_server(shop: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Item]]:
    """A server over the shop with offers, and an item that has all there can be; the second is removed, the third is
    sold out."""
    folder = tmp_path_factory.mktemp("sold")
    (folder / "turn.mp4").write_bytes(b"a video")
    lamp, gone, sold_out, *others = shop.catalog.items
    offer = Offer(
        link="https://shop.example/lamp",
        currency="EUR",
        price_upper=999.0,
        availability="backorder",
        variants=(
            Variant(variant_id="lamp-s", attributes={"size": "S"}),
            Variant(variant_id="lamp-l", attributes={"size": "L"}, availability="out_of_stock"),
        ),
    )
    more = tuple(item.image for item in others[:2] if item.image is not None)
    items = (
        replace(lamp, offer=offer, more_images=more, video=folder / "turn.mp4"),
        replace(gone, removed=True),
        replace(sold_out, offer=Offer(availability="out_of_stock")),
        *others,
    )
    data = replace(shop.data, catalog=Catalog(items=items))
    with serving(Workspace(data, LocalClient.load(data)), folder) as running:
        yield running, items[0]
