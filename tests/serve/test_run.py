"""`genrec serve` as a process: killed, told to end, and started wrongly."""

import json
import platform
import signal
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from serve_worlds import script
from workspaces import recommit, stages_of

from genrec.bench.serve import ServerProcess
from genrec.data.ingest import ingest, load_workspace_data
from genrec.pipeline import build
from genrec.serve.run import is_loopback
from genrec.serve.store import Store, default_url


def post(connection, path, **body):
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})


@pytest.mark.slow
def test_no_acknowledged_feedback_is_lost_to_kills_under_load(adapted_directory):
    report = script("feedback_kills").run_kills(adapted_directory, 3)
    assert report["acknowledged"] >= 3
    assert report["lost"] == 0


@pytest.mark.slow
def test_told_to_end_the_server_finishes_what_is_in_hand(adapted_directory, tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with ServerProcess(adapted_directory, "--store", url, "--set", "serve.max_batch=4") as server:
        answers = []

        def ask():
            with server.connect() as connection:
                post(connection, "/v1/recommendations", user="user-00003", k=5, explain=True)
                response = connection.getresponse()
                answers.append((response.status, len(json.loads(response.read())["recommendations"])))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        with server.connect() as watch:
            num_in_hand = 0
            while num_in_hand + len(answers) < len(threads):
                watch.request("GET", "/metrics")
                text = watch.getresponse().read().decode()
                num_in_hand = int(float(text.split("\ngenrec_requests_in_hand ")[1].split()[0])) - 1
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert server.process.wait(timeout=300) in (0, -signal.SIGTERM)
        assert answers == [(200, 5)] * 4
        lines = [json.loads(line) for line in server.log_lines()]
    assert {"time", "level", "logger", "message"} <= lines[-1].keys()
    assert [line["status"] for line in lines if line.get("route") == "/v1/recommendations"] == [200] * 4


@pytest.mark.slow
def test_a_hangup_takes_up_the_next_generation(shop_copy):
    def served():
        with server.connect() as connection:
            connection.request("GET", "/ready")
            return json.loads(connection.getresponse().read())["generation"]

    with ServerProcess(shop_copy, "--set", "serve.reload_check_s=none") as server:
        build(shop_copy, settings=["explain.repeated_source=0.1"])
        assert served() == 1
        server.process.send_signal(signal.SIGHUP)
        ends = time.monotonic() + 60
        while served() == 1 and time.monotonic() < ends:
            time.sleep(0.1)
        assert served() == 2


@pytest.mark.slow
def test_all_workers_take_up_the_next_generation(shop_copy):
    def ask(method, path):
        with server.connect() as connection:  # each is taken by any worker
            connection.request(method, path)
            return json.loads(connection.getresponse().read())

    def wait_for(generation):
        ends = time.monotonic() + 90
        while any(ask("GET", "/ready")["generation"] != generation for _ in range(40)) and time.monotonic() < ends:
            time.sleep(0.2)
        assert {ask("GET", "/ready")["generation"] for _ in range(40)} == {generation}

    with ServerProcess(shop_copy, "--workers", "2", "--set", "serve.reload_check_s=none") as server:
        workers = [child.pid for child in psutil.Process(server.process.pid).children()]
        build(shop_copy, settings=["explain.repeated_source=0.1"])
        assert ask("POST", "/v1/reload") == {"generation": 2, "is_new": True}
        wait_for(2)
        build(shop_copy, settings=["explain.repeated_source=0.2"])
        server.process.send_signal(signal.SIGHUP)
        wait_for(3)
        assert [child.pid for child in psutil.Process(server.process.pid).children()] == workers
        text = "\n".join(server.log_lines())
    assert text.count("generation 2 is in service") == text.count("generation 3 is in service") == 2


@pytest.mark.slow
def test_a_killed_supervisor_takes_its_workers_and_their_models_with_it(adapted_directory, tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with ServerProcess(adapted_directory, "--store", url, "--workers", "2") as server:
        offspring = psutil.Process(server.process.pid).children(recursive=True)
        assert len(offspring) >= 4  # two workers and their models
        server.kill()
        assert psutil.wait_procs(offspring, timeout=30)[1] == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))


@pytest.mark.slow
def test_slow_clients_are_ended_and_keep_nobody_out(adapted_directory, tmp_path):
    chosen = ("connections_per_address=20", "header_limit_s=1", "needs_keys=true")
    settings = [word for setting in chosen for word in ("--set", f"serve.{setting}")]
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with ServerProcess(adapted_directory, "--store", url, *settings) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as slow:
            slow.sendall(b"GET /health HTTP/1.1\r\n")
            assert slow.recv(1_000).startswith(b"HTTP/1.1 408")
        with server.connect() as keyless:
            keyless.request("GET", "/v1/models")
            assert keyless.getresponse().status == 401
        report = script("slow_clients").run_slow_clients(server.port, 100, 2.0)
    assert report["answers"] > 10
    assert report["errors"] == 0


def test_a_port_that_is_taken_is_told_in_one_line(genrec, shop_directory):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = genrec("serve", shop_directory, "--port", port)
    assert code == 2
    assert err.startswith(f"InputError: cannot listen on 127.0.0.1, port {port}")
    assert err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [1, 2])
def test_models_that_cannot_be_loaded_are_told_in_one_line(shop_copy, num_workers):
    path = stages_of(shop_copy) / "experts" / "experts.safetensors"
    with safe_open(path, "np") as stored:
        metadata = stored.metadata()
    save_file({name: values for name, values in load_file(path).items() if name != "axes"}, path, metadata=metadata)
    recommit(shop_copy)
    words = [sys.executable, "-m", "genrec.cli", "serve", str(shop_copy), "--port", "0", "--workers", str(num_workers)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert done.stderr == f"ArtifactError: {path} lacks axes: an earlier genrec wrote it; run genrec build\n"


@pytest.mark.parametrize(
    ("host", "is_open"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
    ],
)
def test_keys_are_left_out_on_this_machine_alone(host, is_open):
    assert is_loopback(host) is is_open


def test_keys_are_created_listed_and_revoked(genrec, shop_copy):
    code, out, err = genrec("keys", "create", shop_copy, "--name", "page", "--scope", "chat", "--rate", 60)
    assert code == 0
    store = Store.open(default_url(shop_copy), shop_copy)
    key = store.find_key(out.strip())
    assert (key.scopes, key.rate_per_minute) == (("chat",), 60)
    assert key.key_id in err
    code, out, _ = genrec("keys", "list", shop_copy, "--json")
    assert [entry["key_id"] for entry in json.loads(out)] == [key.key_id]
    assert genrec("keys", "revoke", shop_copy, key.key_id)[0] == 0
    assert "revoked" in genrec("keys", "list", shop_copy)[1]
    assert store.keys()[0].revoked
    store.close()


def test_feedback_is_exported_for_the_next_training(genrec, shop_copy, tmp_path):
    data = load_workspace_data(shop_copy)
    first, second = (item.item_id for item in data.catalog.items[:2])
    store = Store.open(default_url(shop_copy), shop_copy)
    store.add_event(person="new, person", item_id=first, kind="like", timestamp=2_000_000_000)
    store.add_event(person="new, person", item_id=second, kind="choose", timestamp=2_000_000_001)
    store.add_event(person="user-00003", item_id=first, kind="dislike")
    store.close()
    code, out, _ = genrec("feedback", "export", shop_copy, "--out", tmp_path / "events.csv", "--with-training")
    assert code == 0
    assert out.startswith(f"{len(data.interactions) + 3:,} events")
    items = stages_of(shop_copy) / "catalog" / "items.parquet"
    report = ingest("files", None, tmp_path / "next", items=items, events=tmp_path / "events.csv")
    assert (report.num_events, report.num_refused) == (len(data.interactions) + 3, 0)
    again = load_workspace_data(tmp_path / "next").interactions
    assert again.history("new, person") == (first, second)
    kept = tuple(item_id for item_id in data.interactions.history("user-00003") if item_id != first)
    assert again.history("user-00003") == kept
    assert again.aversion("user-00003") == (first,)
    genrec("feedback", "export", shop_copy, "--out", tmp_path / "alone.csv")
    header, *rows = (tmp_path / "alone.csv").read_text().splitlines()
    assert header == "user_id,item_id,timestamp,kind,feedback,weight"
    assert rows[:2] == [
        f'"new, person",{first},2000000000,like,1,1.0',
        f'"new, person",{second},2000000001,choose,1,1.0',
    ]
    assert [row.split(",")[:2] for row in rows[2:]] == [["user-00003", first]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("serve", "{tmp}/nowhere"), "not a built workspace"),
        (("serve", "{shop}", "--set", "tune.epochs=3"), "cannot change what was built"),
        (("serve", "{shop}", "--set", "serve.max_bach=3"), "max_bach"),
        (("serve", "{shop}", "--store", "nonsense"), "StoreError"),
        (("keys", "create", "{shop}", "--name", "x", "--scope", "fly"), "choose from recommend"),
        (("keys", "revoke", "{shop}", "nobody"), "no key 'nobody'"),
        (("keys", "list", "{tmp}/nowhere"), "not a built workspace"),
        (("feedback", "export", "{tmp}/nowhere", "--out", "{tmp}/x.csv"), "not a built workspace"),
        (("bench", "decode", "--seconds", "3"), "takes no seconds"),
    ],
)
def test_bad_use_gets_one_line(genrec, shop_copy, tmp_path, words, message):
    code, out, err = genrec(*(word.format(shop=shop_copy, tmp=tmp_path) for word in words))
    assert (code, out) == (2, "")
    assert message in err.strip().splitlines()[-1]
    assert list(tmp_path.iterdir()) == [shop_copy]


def test_without_its_extra_the_server_says_what_to_install(tmp_path):
    (tmp_path / "genrec.toml").touch()
    hidden = (
        "import sys; sys.modules['fastapi'] = sys.modules['sqlalchemy'] = None; from genrec.cli import main; main()"
    )
    for words in (["serve"], ["keys", "list"]):
        done = subprocess.run(
            [sys.executable, "-c", hidden, *words, str(tmp_path)], capture_output=True, text=True, timeout=300
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert 'pip install "genrec[serve]"' in done.stderr.splitlines()[-1]


def test_the_command_line_imports_nothing_of_the_server():
    heavy = "{'torch', 'fastapi', 'uvicorn', 'sqlalchemy', 'transformers'}"
    code = f"import sys, genrec.cli; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "set()"


HOLES = """
import sys, time
import numpy as np, psutil
from genrec import runtime

if sys.argv[1] == "returned":
    runtime.return_freed_memory()
del [np.ones(1 << 18) for _ in range(4)][:]  # glibc takes blocks of this size for usual from here on
before = psutil.Process().memory_info().rss
large, small = [], []
for _ in range(200):
    large.append(np.ones(1 << 17))
    small.append(np.ones(1 << 13))
del large
time.sleep(2)
print((psutil.Process().memory_info().rss - before) >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to give memory back")
def test_memory_that_was_freed_between_what_is_kept_is_given_back():
    grown_mb = {
        how: int(subprocess.run([sys.executable, "-c", HOLES, how], capture_output=True, check=True).stdout)
        for how in ("returned", "held")
    }
    assert grown_mb["returned"] < 40 < 150 < grown_mb["held"]
