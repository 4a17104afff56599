"""The application: routes, errors, health, metrics and documentation over one engine.

Knows how the parts are put together; what a route answers is in api/.
"""

import asyncio
import html
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from genrec import __version__
from genrec.config import ServeConfig
from genrec.errors import GenrecError, InputError, StoreError
from genrec.serve.access import SECURITY_SCHEME, Access, GuardedRoute, needs
from genrec.serve.api import image_routes, openai_routes, session_routes, shop_routes
from genrec.serve.api.pictures import PictureReader
from genrec.serve.api.schemas import Health, Reloaded
from genrec.serve.engine import Engine
from genrec.serve.errors import ERROR_RESPONSES, ApiError, api_error_of
from genrec.serve.inference.batching import Overloaded
from genrec.serve.metrics import Metrics
from genrec.serve.middleware import BodyLimit, HostGuard, QuotedPath, RequestTelemetry
from genrec.serve.page import site
from genrec.serve.service import PinGeneration, Service, is_ready
from genrec.serve.store import Store
from genrec.sinks import without_folders
from genrec.visualize import Studio
from genrec.workspace import Workspace

log = logging.getLogger(__name__)
_TITLE = "genrec"
_ABOUT = (
    "A generative multimodal recommender. /v1/models, /v1/chat/completions, /v1/embeddings and /v1/images/generations "
    "speak as OpenAI's do. Give a key of `genrec keys create` as Authorization: Bearer."
)


def create_app(
    workspace: Workspace,
    store: Store,
    config: ServeConfig | None = None,
    *,
    load: Callable[[], Workspace] | None = None,
    is_open: bool = False,
    host: str = "127.0.0.1",
    num_processes: int = 1,
    tell_others: Callable[[], None] | None = None,
    studio: Studio | None = None,
) -> FastAPI:
    """The server over a loaded workspace and an open store, which it closes at its end.

    config: the workspace's own unless given; load: loads the workspace's current generation, for a server that takes up
    newer ones; is_open: no key is asked for; host: where it listens; num_processes: the number of processes that serve
    the same store, and so share the rates of its keys; tell_others: has those told to take up a newer generation;
    studio: what draws for this generation, the workspace's own unless given.
    """
    settings = config or workspace.config.serve
    pictures = PictureReader(settings)
    service = Service(
        Engine(workspace, store, settings, studio=studio),
        None if load is None else lambda: Engine(load(), store, settings),
    )
    app = FastAPI(
        title=_TITLE,
        description=_ABOUT,
        version=__version__,
        lifespan=_lifespan(service, store, pictures, settings.reload_check_s),
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    app.router.route_class = GuardedRoute
    app.state.service, app.state.pictures = service, pictures
    app.state.access = Access(store, is_open=is_open, num_sharing=num_processes)
    app.state.metrics = metrics = Metrics(lambda: service.now.engine)
    app.include_router(openai_routes.router)
    app.include_router(image_routes.router)
    app.include_router(shop_routes.router)
    app.include_router(session_routes.router)
    app.include_router(site.router)
    _add_own_routes(app, tell_others)
    for kind in (ApiError, GenrecError, Overloaded, TimeoutError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _answer_error)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, limit_s=settings.time_limit_s)
    app.add_middleware(PinGeneration, service=service)
    app.add_middleware(HostGuard, allowed=_allowed_hosts(settings.allowed_hosts, host, is_open), is_open=is_open)
    app.add_middleware(QuotedPath)
    app.add_middleware(RequestTelemetry, metrics=metrics)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way to change it
    return app


def _allowed_hosts(named: Sequence[str], host: str, is_open: bool) -> frozenset[str] | None:
    """The names and addresses under which a server may be reached; None for any."""
    if "*" in named or not (named or is_open):
        return None
    own = ("localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host)
    return frozenset(name.lower() for name in (*named, *own))


def _lifespan(
    service: Service, store: Store, pictures: PictureReader, check_s: float | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.open(check_s)
        yield
        await service.close()
        await asyncio.to_thread(pictures.close)
        await asyncio.to_thread(store.close)

    return lifespan


async def _answer_error(request: Request, error: Exception) -> Response:
    api_error = api_error_of(error)
    if api_error.status == 500:
        raise error  # the middleware logs it and answers
    if isinstance(error, StoreError):
        log.error("%s", error)  # clients are not told where the store is
    if api_error.status == 405:
        api_error.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return api_error.response()


def _methods(request: Request) -> set[str]:
    """All methods of a path, whose routes know one each; a path that the schema lacks has GET alone."""
    paths = request.app.openapi()["paths"]
    documented = [operations for path, operations in paths.items() if compile_path(path)[0].match(request.url.path)]
    return {method.upper() for operations in documented for method in operations} or {"GET"}


def _add_own_routes(app: FastAPI, tell_others: Callable[[], None] | None) -> None:
    service: Service = app.state.service
    not_ready: dict[int | str, dict[str, Any]] = {503: {"model": Health}}  # Any: OpenAPI

    @app.get("/health", response_model=Health, tags=["server"])
    async def health() -> JSONResponse:
        """Whether the server is up."""
        return JSONResponse({"status": "ok"})

    @app.get("/ready", response_model=Health, responses=not_ready, tags=["server"])
    async def ready() -> JSONResponse:
        """Whether the server can answer: the model is loaded and the store is reached."""
        status = await is_ready(service)
        return JSONResponse(
            {"status": status, "generation": service.generation, "waiting": service.waiting},
            status_code=200 if status == "ok" else 503,
        )

    @app.post(
        "/v1/reload", response_model=Reloaded, responses=ERROR_RESPONSES, openapi_extra=needs("admin"), tags=["server"]
    )
    async def reload() -> JSONResponse:
        """Take up the workspace's current generation; requests in hand are answered by the one they came to.

        Of several workers, one answers for itself; the others are told, and follow as soon as they have loaded it.
        """
        try:
            is_new = await service.reload()
        except InputError as error:
            log.error("the workspace's current generation is not taken up: %s", error)
            message = _without_places(str(error), service.now.engine.workspace.directory)
            raise ApiError(status=409, code="not_reloaded", message=message) from error
        if tell_others is not None:
            tell_others()
        return JSONResponse({"generation": service.generation, "is_new": is_new})

    text = {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text format."}
    responses: dict[int | str, dict[str, Any]] = {**ERROR_RESPONSES, 200: text}  # Any: OpenAPI

    # Response, not PlainTextResponse: its errors are JSON.
    @app.get("/metrics", response_class=Response, responses=responses, openapi_extra=needs("admin"), tags=["server"])
    async def metrics() -> PlainTextResponse:
        """Metrics for Prometheus, of the process that answers."""
        return PlainTextResponse(app.state.metrics.text())

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs() -> HTMLResponse:
        """A page that loads nothing from elsewhere."""
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(_docs_page(app.openapi()), headers=headers)


def _without_places(message: str, workspace: Path) -> str:
    """A message that names files within the workspace, and only the last part of others."""
    for folder in {os.path.realpath(workspace), os.path.abspath(workspace), str(workspace)} - {".", "/"}:
        message = message.replace(f"{folder}{os.sep}", "").replace(folder, "the workspace")
    return without_folders(message)


def _openapi(app: FastAPI) -> dict[str, Any]:  # Any: OpenAPI
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schema["components"]["securitySchemes"] = {SECURITY_SCHEME: {"type": "http", "scheme": "bearer"}}
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)  # what FastAPI would say; here it is 400
        for name in ("HTTPValidationError", "ValidationError"):
            schema["components"]["schemas"].pop(name, None)
        app.openapi_schema = schema
    return app.openapi_schema


def _docs_page(schema: dict[str, Any]) -> str:  # Any: OpenAPI
    parts = []
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            name = body.get("$ref", "").rpartition("/")[2]
            shown = json.dumps(schema["components"]["schemas"].get(name, {}), indent=1, ensure_ascii=False)
            details = f"<details><summary>{html.escape(name)}</summary><pre>{html.escape(shown)}</pre></details>"
            about = html.escape(operation.get("description", ""))
            parts.append(
                f"<h2><code>{method.upper()} {html.escape(path)}</code></h2><p>{about}</p>{details if name else ''}"
            )
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{_TITLE}</title>"
        "<meta name=viewport content='width=device-width'>"
        "<style>body{font:16px/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem}"
        "h2{font-size:1rem;margin-top:2rem}pre{overflow:auto;background:#8881;padding:1rem}</style>"
        f"<h1>{_TITLE} {__version__}</h1><p>{html.escape(_ABOUT)}</p>"
        f"<p>For programs: <a href=/openapi.json>openapi.json</a></p>{''.join(parts)}</html>"
    )
