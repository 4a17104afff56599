"""The server's log: JSON lines, each with the id of the request that it was logged for.

At info level it holds nothing that a person said and no name of a person: routes are logged as templates. Knows no
route.
"""

import json
import logging
import time
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonLines(logging.Formatter):
    """A format of one JSON object per line, with the id of the request that it was logged for."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with its extra values, as JSON."""
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in line.items() if value is not None}, default=str)


def configure_logging() -> None:
    """Log JSON lines to stderr; for a server's process, not for a library."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = name != "uvicorn.access"
    logging.getLogger("genrec.ranking").setLevel(logging.ERROR)  # what it warns of stands in the answers
    for name in ("alembic", "httpx2", "PIL"):
        logging.getLogger(name).setLevel(logging.WARNING)
