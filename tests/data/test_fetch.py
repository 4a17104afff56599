"""Pictures at addresses are downloaded once, within limits, and never from networks of this machine's own."""

import io
import ipaddress
import itertools
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from genrec.data.fetch import FetchedPictures, FetchLimits, fetch_pictures, is_public
from genrec.data.ingest import append_items, extend_catalog, ingest, kept_mapping
from genrec.errors import SourceError
from genrec.generations import Generation
from genrec.runtime import report_progress_to


def png(color: str = "red") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(stream, format="PNG")
    return stream.getvalue()


class Shop(ThreadingHTTPServer):
    """A server of pictures that notes what it is asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.hosts: set[str] = set()
        self.num_open = self.most_open = 0
        self.lock = threading.Lock()
        self.failures = {"/flaky.png": 1, "/busy.png": 1, "/short.png": 9}

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Shop
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        shop = self.server
        with shop.lock:
            shop.asked.append(self.path)
            shop.hosts.add(self.headers["Host"])
            shop.num_open += 1
            shop.most_open = max(shop.most_open, shop.num_open)
            fails = shop.failures.get(self.path, 0)
            shop.failures[self.path] = fails - 1
        try:
            self._answer(fails > 0)
        finally:
            with shop.lock:
                shop.num_open -= 1

    def _answer(self, fails: bool) -> None:
        path, body = self.path, png()
        if path.startswith("/to/"):
            self._send(302, b"", Location=path.removeprefix("/to/"))
        elif path == "/loop":
            self._send(302, b"", Location="/loop")
        elif path == "/gone.png":
            self._send(404, b"no")
        elif path == "/page.png":
            self._send(200, b"<html>sorry</html>", **{"Content-Type": "text/html"})
        elif path == "/lie.png":
            self._send(200, b"<html>sorry</html>", **{"Content-Type": "image/png"})
        elif path == "/packed.png":
            self._send(200, body, **{"Content-Encoding": "gzip"})
        elif path == "/large.png":
            self._send(200, body + bytes(5000))
        elif path == "/endless.png":
            self._chunks(itertools.repeat(bytes(1000)))
        elif path == "/chunked.png":
            self._chunks([body[:20], body[20:]])
        elif path == "/slow.png":
            self._chunks(_drip(body))
        elif path == "/short.png" and fails:
            self._send(200, body[:30], **{"Content-Length": str(len(body))})
            self.close_connection = True
        elif path == "/flaky.png" and fails:
            self._send(503, b"", **{"Retry-After": "0"})
        elif path == "/busy.png" and fails:
            self._send(429, b"", **{"Retry-After": "1"})
        elif path.startswith("/wait"):
            time.sleep(0.05)
            self._send(200, body)
        else:
            self._send(200, body)

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _chunks(self, parts: "itertools.repeat[bytes] | list[bytes] | Iterator[bytes]") -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for part in parts:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True


def _drip(body: bytes) -> Iterator[bytes]:
    for byte in body:
        time.sleep(0.05)
        yield bytes([byte])


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


QUICK = FetchLimits(allowed_networks=(ipaddress.ip_network("127.0.0.1/32"),), backoff_s=0.01, limit_s=5, num_tries=2)


def fetch(shop: Shop, folder: Path, *paths: str, **changes: object) -> FetchedPictures:
    limits = replace(QUICK, **changes)  # type: ignore[arg-type]
    return fetch_pictures([shop.address(path) for path in paths], folder, limits)


def test_pictures_are_kept_by_what_they_hold_and_not_fetched_again(shop: Shop, tmp_path: Path) -> None:
    found = fetch(shop, tmp_path / "kept", "/a.jpg", "/chunked.png", "/a.jpg", "/b?size=large&x=ü y")
    assert len(found.paths) == 3
    assert {path.suffix for path in found.paths.values()} == {".png"}
    assert {path.read_bytes() for path in found.paths.values()} == {png()}
    assert (found.num_new, found.num_new_bytes) == (3, 3 * len(png()))
    again = fetch(shop, tmp_path / "kept", "/a.jpg", "/c.png")
    assert again.num_new == 1
    assert shop.asked.count("/a.jpg") == 1
    assert again.notes == ("2 of 2 pictures at addresses are there, 1 of them fetched now (0.0 MiB)",)


def test_a_killed_run_goes_on_where_it_was_and_leaves_no_part(shop: Shop, tmp_path: Path) -> None:
    first = fetch(shop, tmp_path, "/a.png")
    (tmp_path / "0123.png.part").write_bytes(b"half")
    found = fetch(shop, tmp_path, "/a.png", "/b.png")
    assert shop.asked == ["/a.png", "/b.png"]
    assert found.paths[shop.address("/a.png")] == first.paths[shop.address("/a.png")]
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("path", "reason", "num_asked"),
    [
        ("/gone.png", "the server answers 404", 1),
        ("/page.png", "the server sends text/html, no picture", 1),
        ("/lie.png", "it is a web page (HTML), which is not read", 1),
        ("/packed.png", "the server sends it packed", 1),
        ("/large.png", "it has more than 0.00390625 MiB", 1),
        ("/endless.png", "it has more than 0.00390625 MiB", 1),
        ("/loop", "it is redirected more than 2 times", 3),
        ("/slow.png", "it takes more than 0.5 s, 2 times", 2),
        ("/short.png", "the connection breaks off, 2 times", 2),
        ("/to/ftp://127.0.0.1/a.png", "it is no http or https address", 1),
        ("/to/file:///etc/passwd", "it is no http or https address", 1),
        ("/to/http://127.0.0.2/a.png", "'127.0.0.2' is an address of a private or reserved network", 1),
        ("/to/http://169.254.169.254/latest", "'169.254.169.254' is an address of a private", 1),
    ],
)
def test_what_gives_no_picture_is_told_with_its_reason(
    shop: Shop, tmp_path: Path, path: str, reason: str, num_asked: int
) -> None:
    found = fetch(shop, tmp_path, path, "/a.png", max_bytes=4096, max_redirects=2, limit_s=0.5)
    assert list(found.paths) == [shop.address("/a.png")]
    assert found.failed[shop.address(path)].startswith(reason)
    assert len(shop.asked) == num_asked + 1
    assert found.notes[1].startswith(f"1 pictures were not fetched: {reason}")


@pytest.mark.parametrize(
    "address",
    ["ftp://x/a.png", "data:image/png;base64,AA==", "a.png", "http://", "http://[::1", "javascript:alert(1)", ""],
)
def test_other_addresses_are_not_asked(tmp_path: Path, address: str) -> None:
    assert "it is no" in fetch_pictures([address], tmp_path).failed[address]


@pytest.mark.parametrize("path", ["/flaky.png", "/busy.png"])
def test_what_may_pass_is_asked_again_when_the_server_says(shop: Shop, tmp_path: Path, path: str) -> None:
    before = time.monotonic()
    assert len(fetch(shop, tmp_path, path).paths) == 1
    assert shop.asked == [path, path]
    assert (time.monotonic() - before > 0.9) == (path == "/busy.png")


def test_redirects_are_followed(shop: Shop, tmp_path: Path) -> None:
    assert len(fetch(shop, tmp_path, "/to//a.png", f"/to/{shop.address('/b.png')}").paths) == 2


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "192.168.1.1",
     "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]"],
)  # fmt: skip
def test_this_machines_own_networks_are_never_asked(tmp_path: Path, host: str) -> None:
    found = fetch_pictures([f"http://{host}:9/a.png"], tmp_path, FetchLimits(num_tries=1))
    (reason,) = found.failed.values()
    assert "is an address of a private or reserved network" in reason or (host == "[::1]" and "is not known" in reason)


def test_a_name_is_refused_where_any_address_behind_it_is_private(shop: Shop, tmp_path: Path) -> None:
    found = fetch_pictures(
        ["http://shop.example/a.png"], tmp_path, FetchLimits(num_tries=1), resolve=lambda *_: ["8.8.8.8", "10.0.0.7"]
    )
    assert found.failed == {
        "http://shop.example/a.png": "'shop.example' is an address of a private or reserved network"
    }


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(shop: Shop, tmp_path: Path) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.7"]])  # as a name that leads elsewhere a moment later
    addresses = [f"http://shop.example:{shop.server_port}/{name}.png" for name in "abc"]
    found = fetch_pictures(addresses, tmp_path, replace(QUICK, max_at_once=1), resolve=lambda *_: next(answers))
    assert len(found.paths) == 3
    assert shop.hosts == {f"shop.example:{shop.server_port}"}


def test_unknown_names_and_closed_doors_are_told(tmp_path: Path) -> None:
    def unknown(*_: object) -> list[str]:
        raise OSError("no such name")

    assert fetch_pictures(["http://x/"], tmp_path, QUICK, resolve=unknown).failed == {
        "http://x/": "'x' is not known, 2 times"
    }
    found = fetch_pictures(["http://127.0.0.1:9/"], tmp_path, QUICK)
    assert found.failed == {"http://127.0.0.1:9/": "the server cannot be reached, 2 times"}


def test_no_more_at_once_than_is_polite(shop: Shop, tmp_path: Path) -> None:
    paths = [f"/wait{number}" for number in range(12)]
    assert len(fetch(shop, tmp_path, *paths, max_at_once=8, max_per_host=3).paths) == 12
    assert 1 < shop.most_open <= 3


def test_all_pictures_together_have_a_limit(shop: Shop, tmp_path: Path) -> None:
    limit = int(len(png()) * 2.5)
    found = fetch(shop, tmp_path, *(f"/{n}.png" for n in range(5)), max_total_bytes=limit, max_at_once=1)
    assert len(found.paths) == 2
    assert set(found.failed.values()) == {f"all pictures together have more than {limit / 2**30:g} GiB"}


def test_progress_is_told(shop: Shop, tmp_path: Path) -> None:
    seen = []
    with report_progress_to(lambda label, done, total, _: seen.append((label, done, total))):
        fetch(shop, tmp_path, "/a.png", "/gone.png")
    assert seen[-1] == ("fetch pictures", 2, 2)


def test_a_folder_that_cannot_be_written_is_an_error(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SourceError, match="cannot be written"):
        fetch(shop, tmp_path / "file", "/a.png")


@pytest.mark.parametrize("text", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_open_internet_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["192.0.2.1", "240.0.0.1", "2002:7f00:1::", "ff02::1", "2001:0:1::1", "::", "fec0::1"])
def test_reserved_addresses_and_what_stands_for_private_ones_are_not(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


def test_new_items_bring_pictures_from_addresses_as_those_of_the_ingest_came(shop, tmp_path):
    def table(name: str, *rows: str) -> Path:
        (tmp_path / name).mkdir()
        text = "\n".join(["item_id,title,image", *(f"{row},{shop.address(f'/{row[0]}.png')}" for row in rows)])
        (tmp_path / name / "items.csv").write_text(text)
        return tmp_path / name

    out, media = tmp_path / "ws", tmp_path / "media"
    ingest("files", table("old", "a,Lamp", "b,Vase"), out, fetch=QUICK)
    folder = Generation.open_newest(out).folder
    assert kept_mapping(folder).fetch_pictures
    fetched = out / ".cache" / "pictures"
    new = append_items(folder, table("new", "c,Rug"), fetch=QUICK, fetch_folder=fetched, media=media)
    assert new.items[0].image.read_bytes() == png()
    grown = extend_catalog(folder, new)
    shutil.rmtree(media)
    assert grown["c"].image.parent == folder / "catalog" / "images"
    assert grown["c"].image.read_bytes() == png()
    # By the mapping alone, with the limits of a shop on the open internet: asked for, and refused to a private network.
    told = append_items(folder, table("more", "d,Clock"), fetch_folder=fetched, media=media)
    assert [kind for kind in told.losses.counts if "was not fetched" in kind]
    assert "/d.png" not in shop.asked


def test_what_was_ingested_without_fetching_is_added_to_without_fetching(shop, tmp_path):
    for name, item_id in (("old", "a"), ("new", "b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "items.csv").write_text(f"item_id,title,image\n{item_id},Lamp,{shop.address('/a.png')}\n")
    ingest("files", tmp_path / "old", tmp_path / "ws")
    new = append_items(Generation.open_newest(tmp_path / "ws").folder, tmp_path / "new", media=tmp_path / "media")
    assert [kind for kind in new.losses.counts if "not downloaded without --fetch-pictures" in kind]
    assert shop.asked == []
