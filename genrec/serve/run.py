"""Runs the server: one process, or several that each load the model and share the store.

A signal to end lets what is in hand be finished.
"""

import ipaddress
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from genrec.config import CONFIG_FILE, Config, ServeConfig
from genrec.errors import ConfigError, InputError
from genrec.generations import Generation
from genrec.runtime import quiet_libraries, return_freed_memory, silence_progress
from genrec.serve.app import create_app
from genrec.serve.connections import ConnectionLimits, Connections, raised_file_limit
from genrec.serve.engine import Engine
from genrec.serve.inference.process import load_with_model_process
from genrec.serve.logs import configure_logging
from genrec.serve.offspring import end_with_starter
from genrec.serve.store import Store, default_url
from genrec.serve.supervisor import Supervisor, tell_supervisor
from genrec.workspace import Workspace

_ORDER = "GENREC_SERVE"  # hands the order to the processes of several workers
_BACKLOG = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to serve, and where. settings: such as serve.max_batch=8, for this run alone."""

    directory: str
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    store: str | None = field(default=None, repr=False)  # its address may hold a password
    settings: Sequence[str] = ()


def serve(order: Order) -> None:
    """Serve until told to end. Raises InputError on what cannot be served."""
    if order.workers < 1:
        raise InputError(f"--workers is {order.workers}; wanted at least 1")
    config = _settings(order)
    _check_address(order.host, order.port)
    first = make_app(order)
    configure_logging()
    connections = Connections(ConnectionLimits.of(config, raised_file_limit()))
    with silence_progress():
        engine: Engine = first.state.service.now.engine
        engine.open()  # what cannot be served is told before anything listens
        app: FastAPI | str = first
        if order.workers > 1:
            engine.close()
            engine.store.close()
            os.environ[_ORDER] = json.dumps(asdict(order))
            app = "genrec.serve.run:app_of_worker"
        options: dict[str, Any] = {  # Any: uvicorn's own
            "factory": order.workers > 1,
            "workers": order.workers,
            "host": order.host,
            "port": order.port,
            "backlog": _BACKLOG,
            "http": connections,  # it makes the protocol of each connection, as a class would
            "ws": "none",
            "timeout_keep_alive": config.idle_limit_s,
            "log_config": None,
            "access_log": False,
            "server_header": False,
            "timeout_graceful_shutdown": int(config.drawing_limit_s) + 1,
        }
        if order.workers == 1:
            uvicorn.run(app, **options)
        else:
            settings = uvicorn.Config(app, **options)
            Supervisor(settings, [settings.bind_socket()]).run()


def make_app(order: Order) -> FastAPI:
    """The application of one process."""
    return_freed_memory()
    threadpool_limits(limits=1, user_api="blas")  # products are small here, and the model wants the other cores
    settings = _settings(order)

    def load() -> Workspace:
        return load_with_model_process(order.directory)

    directory = Path(order.directory)
    store = Store.open(order.store or default_url(directory), directory, wait_s=min(30.0, settings.time_limit_s))
    is_open = is_loopback(order.host) and not settings.needs_keys
    return create_app(
        load(), store, settings, load=load, is_open=is_open, host=order.host,
        num_processes=order.workers, tell_others=tell_supervisor if order.workers > 1 else None,
    )  # fmt: skip


def app_of_worker() -> FastAPI:
    """The application of one of several processes, told by the environment what to serve."""
    end_with_starter()
    quiet_libraries()
    configure_logging()
    return make_app(Order(**json.loads(os.environ[_ORDER])))


def _check_address(host: str, port: int) -> None:
    """Raises InputError where nobody could listen, before anything is loaded."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except (OSError, OverflowError) as error:
        raise InputError(f"cannot listen on {host}, port {port}: {error}; choose another --host or --port") from None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _settings(order: Order) -> ServeConfig:
    """The limits of this run: those in the workspace's own genrec.toml, which wait for no build, and the order's."""
    path, generation = Path(order.directory) / CONFIG_FILE, Generation.open(order.directory)
    config = Config.load(path if path.is_file() else generation.folder / CONFIG_FILE)
    strangers = [setting for setting in order.settings if not setting.startswith("serve.")]
    if strangers:
        raise ConfigError(f"--set {strangers[0]!r} cannot change what was built; only serve.* can be set here")
    return config.with_settings(order.settings).serve
