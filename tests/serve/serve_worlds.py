"""Servers that really listen, pictures as clients send them, and the scripts of benchmarks/."""

import base64
import importlib.util
import io
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import uvicorn
from fastapi import APIRouter
from fastapi.routing import APIRoute
from PIL import Image
from plain_studio import plain_studio

from genrec.config import ServeConfig
from genrec.serve.app import create_app
from genrec.serve.connections import Connections
from genrec.serve.engine import Engine
from genrec.serve.store import Store
from genrec.visualize import Studio
from genrec.workspace import Workspace

PATIENT = ServeConfig(
    time_limit_s=300, drawing_limit_s=300, max_wait_for_words_s=300, photo_limit_s=300
)  # a machine that is busy otherwise fails no test
EVENT_LOOP = "event loop"  # the name of the thread that a listening server's loop runs on


def script(name: str) -> ModuleType:
    """A script of benchmarks/ as a module."""
    path = Path(__file__).parents[2] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scopes_of(router: APIRouter) -> dict[tuple[str, str], str | None]:
    """The scope that each route of a router needs, by method and path; None where it needs no key."""
    routes = [route for route in router.routes if isinstance(route, APIRoute)]
    return {
        (method, route.path_format): (route.openapi_extra or {}).get("x-scope")
        for route in routes
        for method in route.methods
    }


def data_url(content: bytes, kind: str = "png") -> str:
    """Bytes as an address."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def encoded(size: tuple[int, int] = (40, 30), kind: str = "PNG", color: str = "red") -> bytes:
    """A picture of one color."""
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Server:
    """A server that really listens, and what is behind it."""

    url: str
    engine: Engine
    store: Store
    http: httpx2.Client

    def post(self, path: str, **body: object) -> httpx2.Response:
        """Send JSON."""
        return self.http.post(path, json=body)


@contextmanager
def listening(app: Any, connections: Connections | None = None) -> Iterator[str]:  # Any: an ASGI application
    """Serve an app from a thread; gives its address. connections: what makes and ends them, uvicorn's own without."""
    config = uvicorn.Config(
        app, port=0, log_config=None, access_log=False, http="auto" if connections is None else connections
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name=EVENT_LOOP)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def serving(
    workspace: Workspace,
    folder: Path,
    config: ServeConfig = PATIENT,
    *,
    is_open: bool = True,
    store_type: type[Store] = Store,
    studio: Studio | None = None,
    load: Callable[[], Workspace] | None = None,
) -> Iterator[Server]:
    """A server over a workspace and a store of its own in this folder.

    store_type: a store that fails, for one; studio: what draws, plain colors unless given; load: loads the workspace's
    current generation, as `create_app` has it.
    """
    store = store_type.open(f"sqlite:///{folder / 'store.db'}", workspace.directory)
    draws = studio or plain_studio(workspace)
    app = create_app(workspace, store, config, load=load, is_open=is_open, studio=draws)
    with listening(app) as url, httpx2.Client(base_url=url, timeout=300) as http:
        yield Server(url, app.state.service.now.engine, store, http)
