"""Models of others: what a preset wants, what is here, and fetching, from a hub of one's own on this machine."""

import hashlib
import json
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from transformers import AutoModelForCausalLM

from genrec.config import PRESETS, Config
from genrec.data.ingest import ingest
from genrec.errors import InputError
from genrec.hub import KNOWN, fetch_model, find_model, is_repository, model_state, require_models, wanted_models
from genrec.pretrained import load_weights
from genrec.runtime import foundation_path, report_progress_to

CONVERSION = "refs/pr/3"
WEIGHTS = "model.safetensors"


class Hub:
    """Repositories by name: a folder of each revision. asked: the files that were sent, with where they began."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, object]] = {}
        self.asked: list[tuple[str, int]] = []
        self.breaks_at: dict[str, int] = {}  # of a file, once

    def commit(self, revision: str) -> str:
        return hashlib.sha1(revision.encode()).hexdigest()

    def files(self, name: str, revision: str):
        folders = self.repositories[name]
        folder = next(path for known, path in folders.items() if revision in (known, self.commit(known)))
        return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub at `hub.address` that knows what is put into `hub.repositories`; the cache is empty."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    served = Hub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self, document):
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def refuse(self):
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            path = self.path.partition("?")[0].replace("%2F", "/")
            if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/.*)?", path):
                self.of_api(found[1], found[2] or "/revision/main")
            elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/(refs/pr/\d+|[^/]+)/(.+)", path):
                self.of_file(found[1], found[2], found[3])
            else:
                self.refuse()

        def of_api(self, name, rest):
            if name not in served.repositories:
                self.refuse()
            elif rest.startswith("/discussions"):
                title = "Adding `safetensors` variant of this model"
                entry = {"title": title, "num": 3, "author": {"name": "SFconvertbot"}, "status": "open", "repo": {},
                         "createdAt": "2026-01-01T00:00:00.000Z", "isPullRequest": True}  # fmt: skip
                entry["repo"] = {"name": name, "type": "model"}
                self.answer({"discussions": [entry], "count": 1, "start": 0})
            elif rest.startswith("/tree/"):
                revision = rest.removeprefix("/tree/")
                self.answer([
                    {"type": "file", "path": path, "size": file.stat().st_size, "oid": digest(file)}
                    for path, file in served.files(name, revision).items()
                ])  # fmt: skip
            else:
                revision = rest.removeprefix("/revision/")
                self.answer({"id": name, "modelId": name, "sha": served.commit(revision), "private": False})

        def of_file(self, name, revision, path):
            known = next(r for r in served.repositories[name] if revision in (r, served.commit(r)))
            file = served.files(name, revision)[path]
            content, start = file.read_bytes(), 0
            if found := re.match(r"bytes=(\d+)-", self.headers.get("Range") or ""):
                start = int(found[1])
            self.send_response(206 if start else 200)
            self.send_header("X-Repo-Commit", served.commit(known))
            self.send_header("ETag", f'"{digest(file)}"')
            self.send_header("Accept-Ranges", "bytes")
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if self.command == "HEAD":
                return
            served.asked.append((path, start))
            end = served.breaks_at.pop(path, None)
            self.wfile.write(content[start:end])
            if end is not None:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def digest(file):
    return hashlib.sha1(file.read_bytes()).hexdigest()


@pytest.fixture
def offered(hub, tmp_path):
    """The shipped language model as org/model, with files beside it that nobody needs."""
    folder = tmp_path / "offered"
    shutil.copytree(foundation_path("genrec-tiny-lm"), folder)
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    hub.repositories["org/model"] = {"main": folder}
    return folder


def test_what_is_fetched_is_here_whole_without_what_nobody_needs_and_loads_without_the_hub(hub, offered):
    assert find_model("org/model") is None
    told = []
    with report_progress_to(lambda *progress: told.append(progress)):
        folder = fetch_model("tune.base", "org/model", endpoint=hub.address)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {WEIGHTS, "config.json", "tokenizer.json", "README.md"} <= names
    assert not {"pytorch_model.bin", "onnx/config.json"} & names
    assert told[-1][:3] == ("fetch org/model, MB", told[-1][2], told[-1][2])
    state = model_state("tune.base", "org/model")
    assert (state.place, state.path, state.license) == ("hub cache", folder, "apache-2.0")
    assert state.megabytes == round(sum((folder / name).stat().st_size for name in names) / 1e6)
    hub.repositories.clear()
    assert load_weights(AutoModelForCausalLM, "org/model").config.model_type == "qwen3"


def test_a_fetch_goes_on_where_the_line_broke(hub, offered):
    written = 10 * 2**20  # the hub's library writes so many bytes at once
    (offered / "words.txt").write_bytes(b"word " * (written // 4))
    hub.breaks_at["words.txt"] = written + 1000
    folder = fetch_model("tune.base", "org/model", endpoint=hub.address)
    assert [start for path, start in hub.asked if path == "words.txt"] == [0, written]
    assert digest(folder / "words.txt") == digest(offered / "words.txt")


def test_weights_come_from_the_hubs_own_conversion_where_a_repository_has_none(hub, offered, tmp_path):
    converted = tmp_path / "converted"
    shutil.copytree(offered, converted)
    (offered / WEIGHTS).unlink()
    hub.repositories["org/model"][CONVERSION] = converted
    folder = fetch_model("tune.base", "org/model", endpoint=hub.address)
    assert folder.name == hub.commit(CONVERSION)
    assert find_model("org/model") == folder


def test_what_the_hub_does_not_have_is_one_line(hub):
    with pytest.raises(InputError, match=r"org/none cannot be fetched .*the hub has no such model") as refused:
        fetch_model("tune.base", "org/none", endpoint=hub.address)
    assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match=r"cannot be fetched .*go online"):
        fetch_model("tune.base", "org/none", endpoint="http://127.0.0.1:9")
    with pytest.raises(InputError, match="no name of the hub"):
        fetch_model("tune.base", "./folder", endpoint=hub.address)


def test_half_a_model_of_the_cache_is_as_if_not_here(hub, offered):
    folder = fetch_model("tune.base", "org/model", endpoint=hub.address)
    (folder / "tokenizer.json").unlink()
    assert model_state("tune.base", "org/model").place is None


@pytest.mark.parametrize("preset", PRESETS)
def test_size_and_license_of_all_that_presets_name_are_known(preset, hub):
    for state in wanted_models(Config.for_preset(preset)):
        assert (state.place == "shipped") == (state.name not in KNOWN)
        assert state.license
        assert state.megabytes


def test_folders_count_and_names_are_told_from_paths(hub, tmp_path):
    state = model_state("tune.base", foundation_path("genrec-tiny-lm"))
    assert (state.place, state.license) == ("folder", "apache-2.0")
    assert [is_repository(name) for name in ("org/model", "gpt2", "./model", "/srv/model", "a/b/c", "a b/c")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip
    assert model_state("encode.text_encoder", str(tmp_path / "none")).place is None


def test_a_build_that_lacks_models_says_which_and_how_to_get_them(hub, tmp_path, genrec):
    ingest("shop", None, tmp_path / "shop", seed=7, num_items=60, num_people=5)
    code, out, err = genrec("build", tmp_path / "shop", "--preset", "small", "--set", "encode.clip=genrec-tiny-clip")
    assert code == 2
    assert "not on this machine: encode.text_encoder sentence-transformers/all-MiniLM-L6-v2 (92 MB, apache-2.0)" in err
    assert f"genrec models {tmp_path / 'shop'} --fetch" in err
    code, out, _ = genrec("models", tmp_path / "shop", "--json")
    places = {row["setting"]: row["place"] for row in json.loads(out)}
    assert (code, places["encode.clip"], places["tune.base"]) == (0, "shipped", None)
    require_models(Config.for_preset("tiny"), tmp_path)
    skipping = Config.for_preset("tiny").with_settings(["encode.text_encoder=org/none", "encode.skip=sentence"])
    require_models(skipping, tmp_path)


def test_the_command_lists_all_presets_or_one(hub, genrec):
    _, out, _ = genrec("models", "--json")
    assert {row["preset"] for row in json.loads(out)} == set(PRESETS)
    _, out, _ = genrec("models", "--preset", "small")
    assert re.search(r"tune\.base.*HuggingFaceTB/SmolLM2-135M-Instruct.*no .*273 .*apache-2\.0", out)
    code, _, err = genrec("models", "--fetch")
    assert code == 2
    assert "name a preset" in err
