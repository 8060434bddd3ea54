#!/usr/bin/env python3
"""Kills the workers that run a failing pipeline and the alert, while it fails; every failure is in one message, once.

    Tests/Chaos/alert.py PATH-OF-RUNNEL [KILLS] [FAILURES]

Two servers share the journal of a project: one takes the calls of a pipeline that always fails, the other serves the alert
that ships (`pipelines/alert.yaml`). Any of them is killed at random moments, also while the message is sent. In the end each
accepted call has failed as one run, and the counts of the messages add up to exactly that. A message that comes again is
recognised by its `webhook-id`, as docs/alerts.md tells receivers to do.
"""

import http.client
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Of a call, so that what the failures were started with would not fit into the list of folded events.
BODY = ["x" * 900] * 10
# How long no failure must come before the message is sent, in seconds.
QUIET = 15

BROKEN = """
name: broken
on: { webhook: { path: broken, verify: { scheme: none }, redeliver: same } }
steps:
  - { uses: transform, with: { from: "{{ trigger.body }}", jq: 'error("order \\(.order) is broken")' } }
"""


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps each message once, by its id."""

    daemon_threads = True

    def __init__(self):
        self.messages, self.repeats, self.lock = {}, 0, threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            key = self.headers["webhook-id"]
            self.server.repeats += key in self.server.messages
            self.server.messages[key] = body["text"]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


class Server:
    def __init__(self, runnel, folder, pipelines, environment):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.command = [runnel, "serve", pipelines, "--port", str(self.port)]
        self.folder, self.environment, self.log = folder, environment, open(folder / f"{pipelines}.log", "ab")

    def start(self):
        self.process = subprocess.Popen(
            self.command, cwd=self.folder, env=self.environment, stdout=self.log, stderr=self.log,
            stdin=subprocess.DEVNULL)

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait()


def call(port, order):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/hooks/broken", json.dumps({"order": order, "lines": BODY}),
                           {"content-type": "application/json", "webhook-id": f"order-{order}"})
        return connection.getresponse().status == 202
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def failures(folder):
    """The numbers of runs of the pipeline, and of those that failed."""
    path = folder / ".runnel" / "journal.db"
    if not path.exists():
        return 0, 0
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        rows = dict(database.execute("SELECT state, count(*) FROM runs WHERE pipeline = 'broken' GROUP BY state"))
        return sum(rows.values()), rows.get("failed", 0)
    except sqlite3.OperationalError:
        return 0, 0
    finally:
        database.close()


def counted(text):
    """How many failures of the pipeline a message tells of."""
    if text.startswith("broken failed"):
        return 1
    return sum(int(number) for number in re.findall(r"^• (\d+) × broken failed", text, re.M))


def main(runnel, kills, wanted):
    seed = random.randrange(1 << 30)
    choice = random.Random(seed)
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        (folder / "runnel.yaml").write_text("secrets: { alerts: { env: ALERTS } }\nruns: { limit: 8 }\n")
        (folder / "work").mkdir()
        (folder / "work" / "broken.yaml").write_text(BROKEN)
        (folder / "alerts").mkdir()
        alert = (ROOT / "pipelines" / "alert.yaml").read_text()
        (folder / "alerts" / "alert.yaml").write_text(alert.replace("for: 30s", f"for: {QUIET}s"))
        environment = {**os.environ, "ALERTS": f"http://127.0.0.1:{receiver.server_port}/"}
        servers = [Server(runnel, folder, "work", environment), Server(runnel, folder, "alerts", environment)]
        # The alert begins with the next failure, so it is there first.
        servers[1].start()
        while "Serving 1 pipeline" not in (folder / "alerts.log").read_text():
            time.sleep(0.05)
        servers[0].start()

        def send():
            for order in range(wanted):
                while not call(servers[0].port, order):
                    time.sleep(0.05)

        sender = threading.Thread(target=send)
        sender.start()
        done, began = 0, time.monotonic()

        def harm():
            nonlocal done
            server = choice.choice(servers)
            server.kill()
            server.start()
            done += 1

        try:
            # Most kills while it fails, the rest while the message is due and being sent.
            while done < kills * 9 // 10:
                time.sleep(choice.uniform(0.1, 1.0))
                harm()
            sender.join()
            deadline = time.monotonic() + 300
            while failures(folder) != (wanted, wanted):
                if time.monotonic() > deadline:
                    raise SystemExit(f"seed {seed}: runs and failures: {failures(folder)}, wanted {wanted}")
                time.sleep(0.2)
            ended = time.monotonic()
            while sum(counted(text) for text in list(receiver.messages.values())) < wanted:
                if time.monotonic() > ended + 180:
                    raise SystemExit(f"seed {seed}: lost: {list(receiver.messages.values())}")
                # Around the moment in which the message is sent.
                if done < kills and time.monotonic() > ended + QUIET - 2:
                    harm()
                time.sleep(choice.uniform(0.1, 1.0))
            # Nothing more comes: no failure is told of twice.
            time.sleep(QUIET / 3)
        finally:
            for server in servers:
                server.kill(signal.SIGTERM)
        messages = [text for text in receiver.messages.values() if counted(text)]
        total = sum(counted(text) for text in messages)
        print(f"{wanted} failures in {ended - began:.0f} s, {done} kills: {len(messages)} message(s) that tell of {total}, "
              f"{receiver.repeats} repeated with their ids")
        if total != wanted:
            raise SystemExit(f"seed {seed}: {total} failures were told of, wanted {wanted}")
        if len(messages) != 1:
            raise SystemExit(f"seed {seed}: {len(messages)} messages, wanted 1: {messages}")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10,
         int(sys.argv[3]) if len(sys.argv) > 3 else 60)
