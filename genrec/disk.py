"""What a disk says: full, read-only, not permitted, something in the way. In one line, whoever said it.

Knows the system's error numbers, and how libraries pass them on; deliberately knows nothing of what is written.
"""

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

_FULL, _CLOSED = "make room there, or name another place", "name a place that can be written"
_IN_THE_WAY = "name another path"
_ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO), _FULL),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), _CLOSED),
    **dict.fromkeys(
        (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP), _IN_THE_WAY
    ),
}
_SHORT = re.compile(r"\d+ requested and \d+ written")  # how numpy says that it could not write all
_IN_WORDS = re.compile(r"\(os error (\d+)\)")  # how libraries written in Rust say it


def disk_fault(error: BaseException) -> str | None:
    """What a disk said, in one line with the file; None where an error, and what it came from, is of another kind."""
    cause: BaseException | None = error
    while cause is not None:
        number = _number_of(cause)
        if number in _ADVICE:
            path = getattr(cause, "filename2", None) or getattr(cause, "filename", None)
            where = "standard output" if path is None else os.fsdecode(path)
            return f"{where} cannot be used ({os.strerror(number)}); {_ADVICE[number]}"
        cause = cause.__cause__ or cause.__context__
    return None


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let a disk's errors name what was written; writing to an open file does not."""
    try:
        yield
    except Exception as error:
        number = _number_of(error)
        if number in _ADVICE and getattr(error, "filename", None) is None:
            raise OSError(number, os.strerror(number), str(path)) from error
        raise


def _number_of(error: BaseException) -> int | None:
    if isinstance(error, OSError):
        return errno.ENOSPC if error.errno is None and _SHORT.fullmatch(str(error)) else error.errno
    said = _IN_WORDS.search(str(error))
    return int(said[1]) if said else None
