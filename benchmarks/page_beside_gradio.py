"""The page beside a Gradio chat over the same server: what a browser loads, and when an item's picture is first seen.

    python benchmarks/page_beside_gradio.py DIR --gradio "PYTHON"

DIR is a built demo workspace; PYTHON runs a Python that has gradio, which need not be the one that has genrec. Both
pages ask the same `genrec serve`; Gradio's streams the Markdown of /v1/chat/completions into its Chatbot. Every visit
is a new browser context without a cache. Needs playwright, axe-playwright-python and Debian's chromium.
"""

import argparse
import contextlib
import json
import os
import shlex
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from genrec.bench.serve import ServerProcess

REQUESTS = ("a red lamp under 80", "something blue", "a warm mug", "a minimal clock", "a striped bag under 120")

GRADIO_CHAT = """
import http.client, json, sys
import gradio

def answer(words, history):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    said = [{"role": "user", "content": words}]
    body = json.dumps({"model": "genrec", "stream": True, "messages": said})
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    text = ""
    for line in connection.getresponse():
        if line.startswith(b"data: {"):
            choices = json.loads(line[6:]).get("choices")
            new = choices[0]["delta"].get("content") if choices else None
            if new:
                text += new
                yield text

gradio.ChatInterface(answer).launch(server_name="127.0.0.1", server_port=int(sys.argv[2]), quiet=True)
"""
PLACES = {  # of the field to write in, and of an item's picture
    "own page": ("#words", ".card img"),
    "Gradio": ("textarea", ".bot img[src*='/v1/items/'], .message.bot img"),
}


@contextlib.contextmanager
def gradio_chat(python: str, port: int) -> Iterator[str]:
    """A Gradio chat in a process of its own; yields its address."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        own_port = free.getsockname()[1]
        free.close()
        script = Path(folder) / "chat.py"
        script.write_text(GRADIO_CHAT)
        environment = os.environ | {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
        process = subprocess.Popen([*shlex.split(python), str(script), str(port), str(own_port)], env=environment)
        address = f"http://127.0.0.1:{own_port}/"
        try:
            for _ in range(600):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(address).close()
                    break
                time.sleep(0.1)
            yield address
        finally:
            process.terminate()
            process.wait()


def visit(browser: Browser, name: str, address: str, words: str) -> dict[str, float]:
    """Open the page anew, say something, wait for the first item's picture."""
    field, picture = PLACES[name]
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    context.set_default_timeout(60_000)
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    sizes: list[float] = []
    hosts: set[str] = set()
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname or ""))
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(field).first.wait_for(state="visible")
    usable_s = time.perf_counter() - start
    requests = -1
    while requests != len(sizes):  # until nothing more comes; an open stream, as Gradio's, is never idle
        requests = len(sizes)
        page.wait_for_timeout(1500)
    loaded = sum(sizes)
    page.locator(field).first.fill(words)
    start = time.perf_counter()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "selector => [...document.querySelectorAll(selector)].some(image => image.naturalWidth > 0)", arg=picture
    )
    seen_s = time.perf_counter() - start
    page.wait_for_timeout(3000)
    found = Axe().run(page).response["violations"]
    context.close()
    return {
        "usable_ms": usable_s * 1e3,
        "first_picture_ms": seen_s * 1e3,
        "loaded_kb": loaded / 1024,
        "requests": requests,
        "other_hosts": len({host for host in hosts if host and host != "127.0.0.1"}),
        "axe_serious": sum(violation["impact"] in ("serious", "critical") for violation in found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--gradio", required=True, metavar="PYTHON")
    parser.add_argument("--visits", type=int, default=7)
    asked = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        parser.error("no Chromium is installed; on Debian: apt-get install chromium")
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(asked.directory, "--store", f"sqlite:///{folder}/store.db") as server,
        gradio_chat(asked.gradio, server.port) as gradio_address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        addresses = {"own page": f"http://127.0.0.1:{server.port}/", "Gradio": gradio_address}
        seen: dict[str, list[dict[str, float]]] = {name: [] for name in addresses}
        for number in range(asked.visits + 1):
            for name, address in addresses.items():
                figures = visit(browser, name, address, REQUESTS[number % len(REQUESTS)])
                if number:  # the first warms both up
                    seen[name].append(figures)
        browser.close()
    rows = {
        name: {figure: statistics.median(v[figure] for v in visits) for figure in visits[0]}
        for name, visits in seen.items()
    }
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
