#!/usr/bin/env python3
"""Three workers on one PostgreSQL, webhook calls through all of them, a schedule on all, and faults.

    Tests/Chaos/chaos.py RUNNEL [seconds] [seed]

The server restarts and crashes, sessions are terminated, connections run out, workers are killed and stopped beyond their
lease. At the end every accepted call has one run, every run has ended once, every tick is one run, and no receiver has taken
an effect of an older epoch after that of a newer one. Exits with 1 otherwise.
"""
import http.client
import http.server
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = {
    "order.yaml": """
        name: order
        on: { webhook: { path: order, verify: { scheme: none } } }
        steps:
          - { id: first, uses: template, with: { text: "{{ trigger.body.id }}" } }
          - { id: tell, uses: webhook.send, with: { url: "RECEIVER", json: { order: "{{ steps.first }}" } } }
        """,
    "tick.yaml": """
        name: tick
        on: { schedule: { every: 1s } }
        steps: [ { uses: template, with: { text: tick } } ]
        """,
}


class Receiver(http.server.ThreadingHTTPServer):
    """Counts effects, and refuses those of an epoch below the highest that it has seen for the same id."""

    daemon_threads = True

    def __init__(self):
        self.lock = threading.Lock()
        self.epochs, self.orders, self.refused = {}, {}, 0
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))["order"]
        identity, epoch = self.headers["webhook-id"], int(self.headers["runnel-epoch"])
        with self.server.lock:
            late = epoch < self.server.epochs.get(identity, 0)
            if late:
                self.server.refused += 1
            else:
                self.server.epochs[identity] = epoch
                self.server.orders.setdefault(order, set()).add(identity)
        self.send_response(409 if late else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Database:
    def __init__(self):
        self.process = subprocess.Popen(
            [ROOT / "scripts/postgres.sh", "-c", "max_connections=60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def query(self, sql):
        ended = subprocess.run(["psql", "-qXAt", self.url, "-c", sql], capture_output=True, text=True)
        return [line for line in ended.stdout.split("\n") if line]

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Worker:
    def __init__(self, runnel, folder, number, port):
        self.runnel, self.folder, self.port = runnel, folder / f"machine{number}", port
        self.process = None

    def start(self):
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [self.runnel, "serve", "--port", str(self.port)], cwd=self.folder, stdout=self.log, stderr=self.log,
            stdin=subprocess.DEVNULL)

    def kill(self):
        self.process.kill()
        self.process.wait()


def call(worker, order):
    """Whether the delivery was acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=15)
    try:
        connection.request(
            "POST", "/hooks/order", json.dumps({"id": order}), {"content-type": "application/json", "webhook-id": order})
        return connection.getresponse().status == 202
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def send(workers, number, deadline, accepted, rate):
    """Like a sender: each delivery is repeated, at any worker, until it is acknowledged."""
    choice, order = random.Random(number), 0
    while time.monotonic() < deadline:
        name = f"order-{number}-{order}"
        while not call(choice.choice(workers), name):
            time.sleep(0.2)
        accepted.append(name)
        order += 1
        time.sleep(rate)


def main():
    runnel = os.path.abspath(sys.argv[1])
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
    print(f"seed {seed}")
    choice = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="runnel-chaos."))
    database, receiver = Database(), Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    workers = [Worker(runnel, folder, number, 28790 + number) for number in range(3)]
    try:
        for worker in workers:
            (worker.folder / "pipelines").mkdir(parents=True)
            for name, text in PIPELINES.items():
                text = text.replace("RECEIVER", f"http://127.0.0.1:{receiver.server_port}/")
                (worker.folder / "pipelines" / name).write_text(text)
            (worker.folder / "runnel.yaml").write_text(f'journal: {{ url: "{database.url}" }}\n')
            worker.start()
        deadline = time.monotonic() + seconds
        accepted, faults = [], {}
        senders = [
            threading.Thread(target=send, args=(workers, number, deadline, accepted, 0.02)) for number in range(6)]
        for sender in senders:
            sender.start()
        while time.monotonic() < deadline - 5:
            fault = choice.choice(["restart", "crash", "terminate", "exhaust", "kill", "kill", "freeze", "idle"])
            faults[fault] = faults.get(fault, 0) + 1
            worker = choice.choice(workers)
            if fault in ("restart", "crash"):
                database.tell(fault)
            elif fault == "terminate":
                for _ in range(20):
                    database.query(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'runnel%'"
                        " AND random() < 0.5")
            elif fault == "exhaust":
                others = [
                    subprocess.Popen(["psql", "-qX", database.url, "-c", "SELECT pg_sleep(3)"],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(60)]
                for other in others:
                    other.wait()
            elif fault == "kill":
                worker.kill()
                time.sleep(choice.random())
                worker.start()
            elif fault == "freeze":
                worker.process.send_signal(signal.SIGSTOP)
                time.sleep(18)
                worker.process.send_signal(signal.SIGCONT)
            elif fault == "idle":
                database.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM runnel.runs; SELECT pg_sleep(2)")
            time.sleep(choice.random() * 2)
        for sender in senders:
            sender.join()
        print(f"{len(accepted)} deliveries acknowledged; faults: {json.dumps(faults)}")
        # What was accepted ends: the lease of a frozen worker lasts 15s, and pauses after failures up to a minute.
        patience = time.monotonic() + 150
        while time.monotonic() < patience:
            if database.query("SELECT count(*) FROM runnel.active WHERE pipeline = 'order'") == ["0"]:
                break
            time.sleep(0.5)
        for worker in workers:
            worker.process.terminate()
            worker.process.wait()
        problems = []

        def check(words, sql, expected="0"):
            found = database.query(sql)
            if found != [expected]:
                problems.append(f"{words}: {found}, expected {expected}")

        check("runs that have not ended", "SELECT count(*) FROM runnel.active WHERE pipeline = 'order'")
        check("runs of orders", "SELECT count(*) FROM runnel.runs WHERE pipeline = 'order'", str(len(set(accepted))))
        check("runs that did not succeed",
              "SELECT count(*) FROM runnel.runs WHERE pipeline = 'order' AND state <> 'succeeded'")
        check("runs that ended twice",
              "SELECT count(*) FROM (SELECT run_id FROM runnel.ends GROUP BY run_id HAVING count(*) > 1) AS twice")
        check("gaps in the sequence of ends", "SELECT max(number) - count(*) FROM runnel.ends")
        check("ticks with two runs",
              "SELECT count(*) FROM (SELECT \"trigger\"::json->>'scheduled_for' FROM runnel.runs WHERE pipeline = 'tick'"
              " GROUP BY 1 HAVING count(*) > 1) AS twice")
        missing = set(accepted) - receiver.orders.keys()
        if missing:
            problems.append(f"{len(missing)} orders had no effect, such as {sorted(missing)[0]}")
        doubled = [order for order, identities in receiver.orders.items() if len(identities) > 1]
        if doubled:
            problems.append(f"{len(doubled)} orders had effects under two ids, such as {doubled[0]}")
        ticks = database.query("SELECT count(*) FROM runnel.runs WHERE pipeline = 'tick'")
        print(f"{ticks[0]} ticks; {receiver.refused} late effects recognised by their epoch")
        if problems:
            print("\n".join(problems), file=sys.stderr)
            for worker in workers:
                print((worker.folder / "log").read_text()[-3000:], file=sys.stderr)
            return 1
        print("every accepted call has one run, and every run ended once")
        return 0
    finally:
        for worker in workers:
            if worker.process and worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.kill()
        database.stop()
        shutil.rmtree(folder, ignore_errors=True)


sys.exit(main())
