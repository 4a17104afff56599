"""Pictures at addresses, downloaded into a folder: within limits, politely, and never from this machine's own networks.

An address is resolved once, every address behind it is checked, and the one that was checked is connected to, on each
redirect again: a name that leads elsewhere a moment later leads nowhere. What is there whole is not fetched again, so
a killed run goes on where it was. A failure is a reason, never an error: the item stays. Knows HTTP; deliberately
knows nothing of items.
"""

import contextlib
import hashlib
import ipaddress
import os
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import urllib3
from urllib3.util import Timeout, Url, parse_url

from genrec.data.file_kinds import HEAD_BYTES, kind_of
from genrec.errors import SourceError
from genrec.runtime import ProgressMeter

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]  # host and port to the addresses behind them; raises OSError

_HEADERS = {
    "User-Agent": "genrec (fetches the pictures of a catalog)",
    "Accept": "image/*",
    "Accept-Encoding": "identity",
}
_PARTIAL = ".part"
_CHUNK_BYTES = 2**16
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
_PLAIN_TYPES = ("image/", "application/octet-stream", "binary/octet-stream", "application/binary")
_MAX_WAIT_S = 30.0  # that a server may ask for
# Networks whose addresses stand for IPv4 ones: the last 32 bits (NAT64), or those after the prefix (6to4).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much is fetched, and how.

    max_bytes, limit_s: of one picture; max_total_bytes: of the folder. allowed_networks: private ones that may be
    asked all the same, such as a shop's own server of pictures.
    """

    max_bytes: int = 32 * 2**20
    limit_s: float = 30.0
    max_total_bytes: int = 50 * 2**30
    max_redirects: int = 5
    max_at_once: int = 8
    max_per_host: int = 4
    num_tries: int = 3
    backoff_s: float = 1.0
    connect_limit_s: float = 10.0
    allowed_networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPictures:
    """What became of each address: a file, or the reason why there is none."""

    paths: Mapping[str, Path]
    failed: Mapping[str, str] = field(default_factory=dict)
    num_new: int = 0
    num_new_bytes: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know."""
        total = len(self.paths) + len(self.failed)
        if not total:
            return ()
        first = {reason: address for address, reason in reversed(list(self.failed.items()))}
        return (
            f"{len(self.paths):,} of {total:,} pictures at addresses are there, {self.num_new:,} of them fetched now "
            f"({self.num_new_bytes / 2**20:,.1f} MiB)",
            *(
                f"{count:,} pictures were not fetched: {reason} ({first[reason][:120]!r} first)"
                for reason, count in Counter(self.failed.values()).most_common()
            ),
        )


class _Refused(Exception):
    """An address that gives no picture, also when it is asked again."""


class _Passing(Exception):
    """A failure that may pass. wait_s: what the server asks for."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


def resolve_host(host: str, port: int) -> list[str]:
    """The addresses behind a name, by the system. Raises OSError."""
    return list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def fetch_pictures(
    addresses: Iterable[str], folder: Path, limits: FetchLimits | None = None, *, resolve: Resolve = resolve_host
) -> FetchedPictures:
    """Download the pictures at http and https addresses, each once, into a folder that keeps them.

    Raises SourceError when the folder cannot be written.
    """
    return _Fetcher(folder, limits or FetchLimits(), resolve).fetch(list(dict.fromkeys(addresses)))


def link_pictures(paths: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """The same pictures in a folder of their own, such as a catalog's; links where the disk has them, else copies."""
    if paths:
        folder.mkdir(parents=True, exist_ok=True)
    linked = {}
    for address, path in paths.items():
        target = folder / path.name
        if not target.exists():  # several addresses may stand for one picture
            try:
                os.link(path, target)
            except OSError:
                shutil.copyfile(path, target)
        linked[address] = target
    return linked


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet, none of a machine's own, private or reserved networks."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address in _LOCAL_NAT64 or address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


class _Fetcher:
    """One run. Threads share the pools of connections and the count of bytes."""

    def __init__(self, folder: Path, limits: FetchLimits, resolve: Resolve) -> None:
        self._folder, self._limits, self._resolve = folder, limits, resolve
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pools: dict[tuple[str, str, int], urllib3.HTTPConnectionPool] = {}
        self._there = _kept(folder)
        self._num_bytes = sum(path.stat().st_size for path in self._there.values())
        self._num_new = self._num_new_bytes = 0

    def fetch(self, addresses: list[str]) -> FetchedPictures:
        found: dict[str, Path | str] = {
            address: self._there.get(_name(address)) or "it was not reached" for address in addresses
        }
        todo = [address for address, path in found.items() if isinstance(path, str)]
        meter, waiting = ProgressMeter(label="fetch pictures", total=len(todo)), iter(todo)

        def work(_: int) -> None:
            while not self._stop.is_set():
                with self._lock:
                    address = next(waiting, None)
                if address is None:
                    return
                outcome = self._fetch_one(address)
                with self._lock:
                    found[address] = outcome
                    meter.advance()

        try:
            with ThreadPoolExecutor(self._limits.max_at_once, thread_name_prefix="fetch") as pool:
                try:
                    list(pool.map(work, range(min(self._limits.max_at_once, len(todo)))))
                finally:
                    self._stop.set()  # threads end after the picture in hand
        finally:
            for connections in self._pools.values():
                connections.close()
        if todo:
            meter.close()
        return FetchedPictures(
            paths={address: path for address, path in found.items() if isinstance(path, Path)},
            failed={address: reason for address, reason in found.items() if isinstance(reason, str)},
            num_new=self._num_new,
            num_new_bytes=self._num_new_bytes,
        )

    def _fetch_one(self, address: str) -> Path | str:
        """The file of one address, or why there is none."""
        reason = ""
        for attempt in range(self._limits.num_tries):
            try:
                return self._keep(address, self._download(address))
            except _Refused as error:
                return str(error)
            except _Passing as error:
                reason = str(error)
                if attempt + 1 < self._limits.num_tries:
                    self._stop.wait(max(error.wait_s, self._limits.backoff_s * 2**attempt))
        return f"{reason}, {self._limits.num_tries} times"

    def _keep(self, address: str, content: bytes) -> Path:
        kind = kind_of(content[:HEAD_BYTES])
        if not (kind.media == "picture" and kind.is_read):
            raise _Refused(kind.reason)
        path = self._folder / f"{_name(address)}{kind.suffix}"
        partial = path.with_name(path.name + _PARTIAL)
        try:
            partial.write_bytes(content)
            os.replace(partial, path)
        except OSError as error:
            raise SourceError(f"{path} cannot be written ({error.strerror}); make room, then run it again") from error
        with self._lock:
            self._num_new += 1
            self._num_new_bytes += len(content)
        return path

    def _download(self, address: str) -> bytes:
        """What lies at an address, redirects followed. Raises _Refused, _Passing."""
        ends_at = time.monotonic() + self._limits.limit_s
        for _ in range(self._limits.max_redirects + 1):
            url = _parsed(address)
            with self._asked(url) as response:
                if response.status not in _REDIRECTS or "Location" not in response.headers:
                    return self._read(response, ends_at)
                address = urljoin(address, response.headers["Location"])
        raise _Refused(f"it is redirected more than {self._limits.max_redirects} times")

    @contextlib.contextmanager
    def _asked(self, url: Url) -> Iterator[urllib3.BaseHTTPResponse]:
        response = None
        try:
            response = self._pool(url).urlopen(
                "GET",
                url.request_uri,
                headers={**_HEADERS, "Host": url.netloc.rpartition("@")[2] if url.netloc else ""},
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                assert_same_host=False,
            )
            yield response
        except urllib3.exceptions.SSLError as error:
            raise _Refused("its certificate is not trusted") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _Passing(_said(error)) from error
        finally:
            if response is not None:
                response.close()

    def _pool(self, url: Url) -> urllib3.HTTPConnectionPool:
        """Connections to the checked address behind a host; names are resolved once."""
        host, scheme = str(url.host).strip("[]"), str(url.scheme)
        port = url.port or (443 if scheme == "https" else 80)
        with self._lock:
            pool = self._pools.get((scheme, host, port))
        if pool is not None:
            return pool
        address = self._checked(host, port)
        bracketed = f"[{address}]" if address.version == 6 else str(address)
        options: dict[str, Any] = {  # Any: arguments of many types
            "timeout": Timeout(connect=self._limits.connect_limit_s, read=self._limits.limit_s),
            "maxsize": self._limits.max_per_host,
            "block": True,  # no more at once
        }
        if scheme == "https":
            made: urllib3.HTTPConnectionPool = urllib3.HTTPSConnectionPool(
                bracketed, port, assert_hostname=host, server_hostname=host, **options
            )
        else:
            made = urllib3.HTTPConnectionPool(bracketed, port, **options)
        with self._lock:
            return self._pools.setdefault((scheme, host, port), made)

    def _checked(self, host: str, port: int) -> Address:
        """The address to connect to. Raises _Refused where any behind the host is not to be asked, _Passing."""
        try:
            found = [ipaddress.ip_address(text.partition("%")[0]) for text in self._resolve(host, port)]
        except (OSError, UnicodeError) as error:
            raise _Passing(f"{host[:80]!r} is not known") from error
        for address in found:
            if not is_public(address) and not any(address in network for network in self._limits.allowed_networks):
                raise _Refused(f"{host[:80]!r} is an address of a private or reserved network")
        if not found:
            raise _Passing(f"{host[:80]!r} is not known")
        return found[0]

    def _read(self, response: urllib3.BaseHTTPResponse, ends_at: float) -> bytes:
        """The content of an answer, within the limits."""
        if response.status in _PASSING:
            raise _Passing(f"the server answers {response.status}", _asked_wait_s(response))
        if response.status != 200:
            raise _Refused(f"the server answers {response.status}")
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type and not media_type.startswith(_PLAIN_TYPES):
            raise _Refused(f"the server sends {media_type[:60]}, no picture")
        if response.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
            raise _Refused("the server sends it packed, which was not asked for")
        most, declared = self._limits.max_bytes, response.headers.get("Content-Length", "")
        too_much = _Refused(f"it has more than {most / 2**20:g} MiB")
        if declared.isdigit() and int(declared) > most:
            raise too_much
        content = bytearray()
        while part := response.read1(_CHUNK_BYTES):
            content += part
            self._count(len(part))
            if len(content) > most:
                raise too_much
            if time.monotonic() > ends_at:
                raise _Passing(f"it takes more than {self._limits.limit_s:g} s")
        if declared.isdigit() and len(content) != int(declared):
            raise _Passing("the connection breaks off")
        return bytes(content)

    def _count(self, num_bytes: int) -> None:
        with self._lock:
            self._num_bytes += num_bytes
            is_over = self._num_bytes > self._limits.max_total_bytes
        if is_over:
            raise _Refused(f"all pictures together have more than {self._limits.max_total_bytes / 2**30:g} GiB")


def _parsed(address: str) -> Url:
    text = address.strip()
    try:
        url = parse_url(f"https:{text}" if text.startswith("//") else text)
    except urllib3.exceptions.LocationParseError as error:
        raise _Refused("it is no address that can be read") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise _Refused("it is no http or https address")
    return url


def _asked_wait_s(response: urllib3.BaseHTTPResponse) -> float:
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), _MAX_WAIT_S) if asked.isdigit() else 0.0


def _said(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.NewConnectionError | ConnectionError):  # the first is a timeout by name
        return "the server cannot be reached"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError | urllib3.exceptions.ReadTimeoutError | TimeoutError):
        return "the server does not answer in time"
    return "the connection breaks off"


def _name(address: str) -> str:
    return hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _kept(folder: Path) -> dict[str, Path]:
    """The whole pictures of a folder by name, which is made where it is missing; parts of pictures are removed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(f"*{_PARTIAL}"):
            path.unlink()
    except OSError as error:
        raise SourceError(f"{folder} cannot be written ({error.strerror}); give a folder that can") from error
    return {path.stem: path for path in folder.iterdir()}
