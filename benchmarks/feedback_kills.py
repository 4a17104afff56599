"""Kill a server under load again and again, and look for feedback that it had acknowledged.

    python benchmarks/feedback_kills.py DIR [--kills 20] [--seed 0] [--json]

`genrec serve` runs on a built workspace with a store of its own. Clients send feedback and ask for recommendations; at
a random moment the server is ended by SIGKILL and started anew. At the end every event that was acknowledged must be in
the store.
"""

import argparse
import http.client
import json
import random
import tempfile
import threading
import time
from pathlib import Path

from genrec.bench.serve import ServerProcess
from genrec.data.ingest import load_workspace_data
from genrec.serve.store import Store

NUM_SENDERS = 4


def send_feedback(server: ServerProcess, person: str, item_ids: list[str], acknowledged: list[str]) -> None:
    """Send events until the server is gone; keep the ids of those that were acknowledged."""
    rng = random.Random(person)
    try:
        with server.connect() as connection:
            while True:
                event = {"user": person, "item": rng.choice(item_ids), "kind": rng.choice(("like", "dislike", "view"))}
                connection.request("POST", "/v1/feedback", json.dumps(event), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 200:
                    acknowledged.append(json.loads(body)["event_id"])
    except (OSError, http.client.HTTPException, ValueError):
        return


def ask(server: ServerProcess, person: str) -> None:
    """Ask for recommendations until the server is gone."""
    try:
        with server.connect() as connection:
            while True:
                body = json.dumps({"user": person, "k": 5})
                connection.request("POST", "/v1/recommendations", body, {"Content-Type": "application/json"})
                connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return


def run_kills(directory: Path, num_kills: int, *, seed: int = 0) -> dict[str, int]:
    """Kills, acknowledged events, events in the store, and acknowledged ones that are lost."""
    rng = random.Random(seed)
    item_ids = [item.item_id for item in load_workspace_data(directory).catalog]
    acknowledged: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/store.db"
        for number in range(num_kills):
            with ServerProcess(directory, "--store", url) as server:
                people = [f"p{number}-{sender}" for sender in range(NUM_SENDERS)]
                threads = [
                    threading.Thread(target=send_feedback, args=(server, person, item_ids, acknowledged))
                    for person in people
                ] + [threading.Thread(target=ask, args=(server, people[0]))]
                so_far = len(acknowledged)
                for thread in threads:
                    thread.start()
                while len(acknowledged) == so_far:
                    time.sleep(0.001)
                time.sleep(rng.uniform(0, 1.0))
                server.kill()
                for thread in threads:
                    thread.join()
        store = Store.open(url, directory)
        kept = {event["event_id"] for n in range(num_kills) for sender in range(NUM_SENDERS)
                for event in store.export_person(f"p{n}-{sender}")["events"]}  # fmt: skip
        store.close()
    lost = sum(event_id not in kept for event_id in acknowledged)
    return {"kills": num_kills, "acknowledged": len(acknowledged), "kept": len(kept), "lost": lost}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    report = run_kills(arguments.directory, arguments.kills, seed=arguments.seed)
    print(json.dumps(report) if arguments.json else ", ".join(f"{name} {count}" for name, count in report.items()))


if __name__ == "__main__":
    main()
