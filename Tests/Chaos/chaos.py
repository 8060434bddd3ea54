#!/usr/bin/env python3
"""Three workers on one PostgreSQL, webhook calls through all of them, chats and a schedule on all, and faults.

    Tests/Chaos/chaos.py RUNNEL [seconds] [seed] [--kills N] [--faults NAME,NAME]

The server restarts and crashes, sessions are terminated, connections run out or are cut between COMMIT and its answer, workers
are killed, also many times in a row, and stopped beyond their lease; sessions stay idle in a transaction or read for minutes;
more calls come in than the workers can take. At the end every accepted call has one run, every run has ended once, every tick
is one run, an effect has one content, no receiver has taken an effect of an older epoch after that of a newer one, and no
answer of a chat that was stored has been asked for again. Exits with 1 otherwise.
"""
import argparse
import concurrent.futures
import http.client
import http.server
import json
import os
import random
import re
import shlex
import shutil
import signal
import socket
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
    "ask.yaml": """
        name: ask
        on: { webhook: { path: ask, verify: { scheme: none } } }
        steps:
          - { id: answer, uses: chat, with: { prompt: "Say something about {{ trigger.body.id }}." } }
          - { id: tell, uses: webhook.send, with: { url: "RECEIVER", json: { order: "{{ trigger.body.id }}", answer: "{{ steps.answer.text }}" } } }
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
    request_queue_size = 128

    def __init__(self):
        self.lock = threading.Lock()
        self.epochs, self.contents, self.orders, self.refused, self.mixed = {}, {}, {}, 0, set()
        super().__init__(("127.0.0.1", 0), ReceiverHandler)


class ReceiverHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        order = json.loads(body)["order"]
        identity, epoch = self.headers["webhook-id"], int(self.headers["runnel-epoch"])
        server = self.server
        with server.lock:
            late = epoch < server.epochs.get(identity, 0)
            if late:
                server.refused += 1
            else:
                server.epochs[identity] = epoch
                server.orders.setdefault(order, set()).add(identity)
                if server.contents.setdefault(identity, body) != body:
                    server.mixed.add(identity)
        self.send_response(409 if late else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Marketplace(http.server.ThreadingHTTPServer):
    """Passes calls on to the simulator, and notes when each order was asked about."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, runnel, pace="2ms"):
        self.simulator = subprocess.Popen(
            [runnel, "simulate", "--port", "0", "--pace", pace], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        lines = [self.simulator.stdout.readline() for _ in range(5)]
        exports = re.findall(r"export (\w+)=(\S+)", "".join(lines))
        self.variables = {name: shlex.split(value)[0] for name, value in exports}
        base = self.variables["RUNNEL_MARKETPLACE_BASE_URL"]
        self.upstream = re.search(r"//([^/]+)", base)[1]
        self.lock, self.asked = threading.Lock(), {}
        super().__init__(("127.0.0.1", 0), MarketplaceHandler)
        self.variables["RUNNEL_MARKETPLACE_BASE_URL"] = base.replace(self.upstream, f"127.0.0.1:{self.server_port}")

    def stop(self):
        self.shutdown()
        self.simulator.terminate()
        self.simulator.wait()


class MarketplaceHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        order = re.search(rb"(ask-[0-9]+-[0-9]+)", body)
        if order:
            with self.server.lock:
                self.server.asked.setdefault(order[1].decode(), []).append(time.time())
        self.close_connection = True
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            self.send_header("connection", "close")
            self.end_headers()
            while piece := answer.read1(65536):
                self.wfile.write(piece)
        except OSError:
            pass
        finally:
            upstream.close()

    do_GET = do_POST

    def log_message(self, *_):
        pass


class CuttingProxy:
    """Stands between the workers and PostgreSQL. While it cuts, a connection ends when the server answers a COMMIT, so that
    the transaction is on disk and nobody is told."""

    COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"

    def __init__(self, folder, target):
        self.target, self.cut, self.cuts = target, 0.0, 0
        self.lock = threading.Lock()
        self.folder = folder
        folder.mkdir()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / ".s.PGSQL.5432"))
        self.listener.listen(128)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.target)
            except OSError:
                client.close()
                server.close()
                continue
            threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, True), daemon=True).start()

    def pump(self, source, target, is_answer):
        try:
            while data := source.recv(65536):
                if is_answer and self.cut and self.COMMITTED in data and random.random() < self.cut:
                    with self.lock:
                        self.cuts += 1
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()


class Database:
    def __init__(self):
        self.process = subprocess.Popen(
            [ROOT / "scripts/postgres.sh", "-c", "max_connections=60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    @property
    def socket(self):
        return self.url.split("host=")[1]

    def session(self, *statements):
        """A session that a person has left open."""
        process = subprocess.Popen(["psql", "-qX", self.url], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, text=True)
        process.stdin.write("".join(statement + ";\n" for statement in statements))
        process.stdin.flush()
        return process

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
    def __init__(self, runnel, folder, number, port, variables):
        self.runnel, self.folder, self.port = runnel, folder / f"machine{number}", port
        self.process, self.lock, self.kills = None, threading.Lock(), 0
        self.environment = os.environ | variables

    def prepare(self, pipelines, receiver, settings):
        (self.folder / "pipelines").mkdir(parents=True)
        for name, text in pipelines.items():
            text = text.replace("RECEIVER", f"http://127.0.0.1:{receiver.server_port}/")
            (self.folder / "pipelines" / name).write_text(text)
        (self.folder / "runnel.yaml").write_text(settings)

    def start(self):
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [self.runnel, "serve", "--port", str(self.port)], cwd=self.folder, stdout=self.log, stderr=self.log,
            stdin=subprocess.DEVNULL, env=self.environment)
        self.log.close()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.kills += 1


def call(worker, order):
    """Whether the delivery was acknowledged."""
    hook = order.split("-")[0]
    connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=15)
    try:
        connection.request(
            "POST", f"/hooks/{hook}", json.dumps({"id": order}), {"content-type": "application/json", "webhook-id": order})
        return connection.getresponse().status == 202
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Callers:
    """Like senders: each delivery is repeated, at any worker, until it is acknowledged."""

    def __init__(self, workers):
        self.workers, self.accepted, self.is_over = workers, [], threading.Event()
        self.threads = []

    def deliver(self, order, choice):
        while not call(choice.choice(self.workers), order):
            time.sleep(0.2)
        self.accepted.append(order)

    def send(self, hook, number, pause):
        choice, order = random.Random(number), 0
        while not self.is_over.is_set():
            self.deliver(f"{hook}-{number}-{order}", choice)
            order += 1
            time.sleep(pause)

    def start(self, hook, number, pause):
        thread = threading.Thread(target=self.send, args=(hook, number, pause))
        thread.start()
        self.threads.append(thread)

    def overload(self, number, rate, seconds):
        """Sends at a rate, whether answers come or not."""
        begin, choice = time.monotonic(), random.Random(number)
        with concurrent.futures.ThreadPoolExecutor(128) as pool:
            for order in range(int(rate * seconds)):
                time.sleep(max(0, begin + order / rate - time.monotonic()))
                pool.submit(self.deliver, f"order-{number}-{order}", choice)

    def stop(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join()


class Chaos:
    """The faults. Each is a method; the workers recover before the next one or not."""

    NAMES = ["restart", "crash", "terminate", "exhaust", "kill", "storm", "freeze", "idle", "reader", "overload", "cut"]

    def __init__(self, workers, database, proxy, callers, choice):
        self.workers, self.database, self.proxy, self.callers, self.choice = workers, database, proxy, callers, choice
        self.sessions, self.capacity, self.overloads = [], 20.0, 0

    def restart(self):
        self.database.tell("restart")

    def crash(self):
        self.database.tell("crash")

    def terminate(self):
        for _ in range(20):
            self.database.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'runnel%'"
                " AND random() < 0.5")

    def exhaust(self):
        others = [
            subprocess.Popen(["psql", "-qX", self.database.url, "-c", "SELECT pg_sleep(3)"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(60)]
        for other in others:
            other.wait()

    def kill(self):
        worker = self.choice.choice(self.workers)
        worker.kill()
        time.sleep(self.choice.random())
        worker.start()

    def storm(self):
        """Workers are killed again and again, also while they start."""
        for _ in range(30):
            worker = self.choice.choice(self.workers)
            worker.kill()
            worker.start()
            time.sleep(self.choice.random() * 0.5)

    def freeze(self):
        worker = self.choice.choice(self.workers)
        worker.process.send_signal(signal.SIGSTOP)
        time.sleep(18)
        worker.process.send_signal(signal.SIGCONT)

    def keep(self, *statements):
        """For as long as there is no other one of its kind."""
        if len(self.sessions) >= 2:
            session = self.sessions.pop(0)
            session.kill()
            session.wait()
        self.sessions.append(self.database.session(*statements))

    def idle(self):
        """Idle in a transaction that has written and holds a lock."""
        self.keep("BEGIN", "CREATE TABLE IF NOT EXISTS mine (a int)", "INSERT INTO mine VALUES (1)",
                  "SELECT count(*) FROM runnel.runs")

    def reader(self):
        """A long report: nothing that is removed meanwhile can be vacuumed."""
        self.keep("BEGIN ISOLATION LEVEL REPEATABLE READ",
                  *["SELECT count(*) FROM runnel.runs r, runnel.steps s WHERE s.run_id = r.id", "SELECT pg_sleep(5)"] * 20)

    def overload(self):
        self.overloads += 1
        self.callers.overload(900 + self.overloads, 1.5 * self.capacity, 10)

    def cut(self):
        self.proxy.cut = 0.2
        time.sleep(5)
        self.proxy.cut = 0

    def stop(self):
        self.proxy.cut = 0
        for session in self.sessions:
            session.kill()
            session.wait()


def measure(callers, database):
    """How many runs a second the workers end when callers wait for nothing."""
    def ended():
        return int(database.query("SELECT coalesce(max(number), 0) FROM runnel.ends")[0])
    callers.deliver("order-800-0", random.Random(0))
    first, begin = ended(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        choice = random.Random(0)
        while time.monotonic() < begin + 8:
            futures = [pool.submit(callers.deliver, f"order-800-{first}-{number}-{time.monotonic_ns()}", choice)
                       for number in range(64)]
            concurrent.futures.wait(futures)
    return max(10.0, (ended() - first) / (time.monotonic() - begin))


def problems_of(database, receiver, marketplace, accepted):
    problems = []

    def check(words, sql, expected="0"):
        found = database.query(sql)
        if found != [expected]:
            problems.append(f"{words}: {found}, expected {expected}")

    calls = "pipeline IN ('order', 'ask')"
    check("runs that have not ended", f"SELECT count(*) FROM runnel.active WHERE {calls}")
    check("runs of orders", f"SELECT count(*) FROM runnel.runs WHERE {calls}", str(len(set(accepted))))
    check("runs that did not succeed", f"SELECT count(*) FROM runnel.runs WHERE {calls} AND state <> 'succeeded'")
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
    if receiver.mixed:
        problems.append(f"{len(receiver.mixed)} effects came with two contents, such as {sorted(receiver.mixed)[0]}")
    rows = database.query(
        "SELECT r.\"trigger\"::json->'body'->>'id', r.interruptions, s.ended_at FROM runnel.runs r"
        " JOIN runnel.steps s ON s.run_id = r.id AND s.key = 'answer' WHERE r.pipeline = 'ask' AND s.state = 'succeeded'")
    for row in rows:
        order, interruptions, ended = row.split("|")
        asked = marketplace.asked.get(order, [])
        if asked and max(asked) > int(ended) / 1e9:
            problems.append(f"the answer about {order} was stored and asked for again")
        if not 1 <= len(asked) <= 1 + int(interruptions):
            problems.append(f"{order} was asked {len(asked)} times, with {interruptions} interruptions")
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("runnel", type=os.path.abspath)
    parser.add_argument("seconds", type=int, nargs="?", default=60)
    parser.add_argument("seed", type=int, nargs="?", default=int(time.time()))
    parser.add_argument("--kills", type=int, default=0, help="go on until so many workers were killed")
    parser.add_argument("--faults", type=lambda text: text.split(","), default=Chaos.NAMES)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    choice = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="runnel-chaos."))
    database, receiver, marketplace = Database(), Receiver(), Marketplace(options.runnel)
    proxy = CuttingProxy(folder / "proxy", database.socket + "/.s.PGSQL.5432")
    for server in (receiver, marketplace):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    workers = [
        Worker(options.runnel, folder, number, 28790 + number, marketplace.variables) for number in range(3)]
    callers = Callers(workers)
    chaos = Chaos(workers, database, proxy, callers, choice)
    try:
        for worker in workers:
            url = database.url.replace(database.socket, str(proxy.folder))
            # Whoever is killed hundreds of times in a row is no run that kills its worker.
            worker.prepare(
                PIPELINES, receiver, f'journal: {{ url: "{url}" }}\nruns: {{ deaths: 100, max_queued: 2000 }}\n')
            worker.start()
        chaos.capacity = measure(callers, database)
        print(f"{chaos.capacity:.0f} runs/s without faults", flush=True)
        for number in range(6):
            callers.start("order", number, 0.02)
        for number in range(2):
            callers.start("ask", number, 0.1)
        deadline, faults = time.monotonic() + options.seconds, {}
        # All of them in turn, each time in another order.
        turn = []
        while time.monotonic() < deadline - 5 or sum(worker.kills for worker in workers) < options.kills:
            turn = turn or choice.sample(options.faults, len(options.faults))
            fault = turn.pop()
            if time.monotonic() > deadline - 5:
                fault = "storm"
            faults[fault] = faults.get(fault, 0) + 1
            getattr(chaos, fault)()
            time.sleep(choice.random() * 2)
        chaos.stop()
        callers.stop()
        kills = sum(worker.kills for worker in workers)
        print(f"{len(callers.accepted)} deliveries acknowledged; {kills} kills, {proxy.cuts} connections cut after COMMIT; "
              f"faults: {json.dumps(faults)}", flush=True)
        # What was accepted ends: the lease of a frozen worker lasts 15s, and pauses after failures up to a minute.
        patience = time.monotonic() + 240
        while time.monotonic() < patience:
            if database.query("SELECT count(*) FROM runnel.active WHERE pipeline <> 'tick'") == ["0"]:
                break
            time.sleep(0.5)
        for worker in workers:
            worker.process.terminate()
            worker.process.wait()
        problems = problems_of(database, receiver, marketplace, callers.accepted)
        ticks = database.query("SELECT count(*) FROM runnel.runs WHERE pipeline = 'tick'")
        repeated = sum(len(times) - 1 for times in marketplace.asked.values())
        print(f"{ticks[0]} ticks; {receiver.refused} late effects recognised by their epoch; {len(marketplace.asked)} chats, "
              f"{repeated} asked again because their worker died before the answer was stored")
        if problems:
            print("\n".join(problems[:30]), file=sys.stderr)
            for worker in workers:
                print((worker.folder / "log").read_text()[-3000:], file=sys.stderr)
            return 1
        print("every accepted call has one run, and every run ended once")
        return 0
    finally:
        callers.is_over.set()
        chaos.stop()
        for worker in workers:
            if worker.process and worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.kill()
        marketplace.stop()
        database.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
