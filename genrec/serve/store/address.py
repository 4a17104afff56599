"""Addresses of stores: where they come from, and how they are shown, which is never with a password.

Knows the forms of an address; deliberately opens no database.
"""

import logging
import os
import re
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from genrec.errors import StoreError

log = logging.getLogger(__name__)
STORE_FILE = "store.db"
STORE_VARIABLE = "GENREC_STORE"
WANTED = "postgresql://USER@HOST/DATABASE or sqlite:////FOLDER/store.db"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+]{0,30}://")
_SECRET = re.compile(r"((?:pass|pwd|secret|token|key)[^=&\s]*\s*=\s*)('(?:[^'\\]|\\.)*'|[^&\s]+)", re.IGNORECASE)


def default_url(directory: Path) -> str:
    """The address of a workspace's own store, in SQLite."""
    return f"sqlite:///{directory.resolve() / STORE_FILE}"  # a link by that name is seen as one


def chosen_address(given: str | None) -> str | None:
    """The address that --store gives, itself or by @FILE, else that of the environment; None where none is given.

    Warns of a password on the command line, which all users of the machine can read. Raises StoreError on a file that
    holds no address.
    """
    if given is None:
        return os.environ.get(STORE_VARIABLE, "").strip() or None
    if not given.startswith("@"):
        if redacted(given) != given:
            log.warning(
                "--store holds a password, which everyone on this machine can read in the list of processes; "
                "give it as %s in the environment, or in a file by --store @FILE",
                STORE_VARIABLE,
            )
        return given
    try:
        address = Path(given[1:]).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise StoreError(f"--store {given} cannot be read ({reason}); wanted a file that holds an address") from None
    if not address or "\n" in address:
        raise StoreError(f"--store {given} holds {'no' if not address else 'more than one'} line; wanted {WANTED}")
    return address


def parsed(address: str) -> sa.URL:
    """The address in its parts, PostgreSQL's with the driver that is used. Raises StoreError, without the address."""
    try:
        url = sa.make_url(address)
    except (ArgumentError, ValueError):
        url = None
    if url is None or (not _is_sqlite(address) and address.partition("?")[0].count("@") > 1):
        raise StoreError(
            f"the store {redacted(address)} cannot be used (its address cannot be read); wanted {WANTED}, "
            "and in a password %40 for @, %2F for /, %3A for :"
        ) from None
    if _is_sqlite(address) and url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StoreError(f"the store {redacted(address)} cannot be used (its driver is another); wanted {WANTED}")
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    return url


def redacted(address: str) -> str:
    """The address without what may be a password; of one that cannot be read, its scheme alone."""
    scheme = _SCHEME.match(address)
    rest = address[scheme.end() :] if scheme else address
    try:
        is_readable = scheme is not None and sa.make_url(address) is not None
    except (ArgumentError, ValueError):
        is_readable = False
    if not is_readable:
        return f"{scheme.group() if scheme else ''}***"
    access, at, place = rest.rpartition("@")  # of SQLite's too, where someone took a path for a host
    user, colon, _ = access.partition(":")
    shown = f"{user}{':***' if colon else ''}{at}{place}"
    return (scheme.group() if scheme else "") + _SECRET.sub(r"\1***", " ".join(shown.split()))


def _is_sqlite(address: str) -> bool:
    return address.startswith("sqlite")


def without_secrets(text: str, url: sa.URL) -> str:
    """What a driver says, in one line, without the password of the address."""
    secrets = [str(url.password or ""), *(str(v) for name, v in url.query.items() if _SECRET.match(f"{name}=x"))]
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return _SECRET.sub(r"\1***", " ".join(text.split()))
