#!/usr/bin/env python3
"""Callers and receivers of runs that go on at another machine: as chaos.py, with chosen moments instead of random ones.

    Tests/Chaos/takeover.py RUNNEL

Answers: a drained worker is called with `respond: stream` and `respond: result`, and another one works on the runs. The caller
gets the text in order and the result, also when the one that works is killed in the middle and a third one goes on. When the
caller goes away the run goes on, or is cancelled, as the hook says.

Late effects: a worker is stopped beyond its lease while its steps send webhooks, another one takes the runs over, and the first
one goes on. No effect of an epoch is taken twice, a late one has an older epoch than the one that was taken, and what the first
one wants to commit is refused. One of its transactions is open when it is stopped; the database ends it before the takeover.

Exits with 1 otherwise.
"""
import concurrent.futures
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from chaos import Database, Marketplace, Worker

ANSWER = """
    name: NAME
    on: { webhook: { path: NAME, verify: { scheme: none }, respond: RESPOND, cancel_on_disconnect: CANCELS } }
    steps: [ { id: answer, uses: chat, with: { prompt: "Say something about {{ trigger.body.id }}." } } ]
    """
ANSWERS = {
    f"{name}.yaml": ANSWER.replace("NAME", name).replace("RESPOND", respond).replace("CANCELS", cancels)
    for name, respond, cancels in [("stream", "stream", "false"), ("result", "result", "false"), ("cancel", "stream", "true")]
}
SENDS = {
    "send.yaml": """
        name: send
        on: { webhook: { path: send, verify: { scheme: none } } }
        steps:
          - { id: tell, uses: webhook.send, with: { url: "RECEIVER", json: { order: "{{ trigger.body.id }}" }, backoff: 4s } }
        """,
}


def until(words, condition, limit=60):
    deadline = time.monotonic() + limit
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {limit}s for {words}"
        time.sleep(0.05)
    return found


def expect(words, found, expected):
    assert found == expected, f"{words}: {found!r}, expected {expected!r}"


class Machines:
    """Workers that share a schema of the database."""

    def __init__(self, runnel, folder, database, schema, pipelines, receiver, variables=None):
        self.database, self.schema, self.workers = database, schema, {}
        for name in "abc":
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            worker = self.workers[name] = Worker(runnel, folder / schema, f"-{name}", port, variables or {})
            worker.prepare(
                pipelines, receiver, f'journal: {{ url: "{database.url}", schema: {schema}, machine: {name} }}\n')

    def query(self, sql):
        """The first column of the first row."""
        return next(iter(self.database.query(f"SET search_path = {self.schema}; {sql}")), None)

    def start(self, name):
        self.workers[name].start()
        until(f"{name} to be ready", lambda: self.readiness(name) == 200)

    def readiness(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.workers[name].port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def drain(self, name, word="drain"):
        worker = self.workers[name]
        subprocess.run([worker.runnel, "workers", word, name], cwd=worker.folder, stdout=subprocess.DEVNULL, check=True)
        until(f"{name} to {word}", lambda: self.readiness(name) == (503 if word == "drain" else 200))

    def owner(self, run):
        """The machine that works on the run."""
        return self.query(f"SELECT w.host FROM active a JOIN workers w ON w.id = a.owner WHERE a.run_id = '{run}'")

    def state(self, run):
        return self.query(f"SELECT state FROM runs WHERE id = '{run}'")

    def ends(self, run):
        return self.query(f"SELECT count(*) FROM ends WHERE run_id = '{run}'")

    def log(self, name):
        path = self.workers[name].folder / "log"
        return path.read_text() if path.exists() else ""

    def stop(self):
        for worker in self.workers.values():
            if worker.process and worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.process.terminate()
                worker.process.wait()


class Caller:
    """Calls a hook, and reads its answer on a thread."""

    def __init__(self, worker, hook, order):
        self.run, self.text, self.deltas, self.end = None, "", 0, None
        connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=90)
        connection.request(
            "POST", f"/hooks/{hook}", json.dumps({"id": order}), {"content-type": "application/json", "webhook-id": order})
        self.socket = connection.sock
        threading.Thread(target=self.read, args=(connection,), daemon=True).start()

    def read(self, connection):
        try:
            answer = connection.getresponse()
            self.run = answer.getheader("runnel-run-id")
            if answer.getheader("content-type") != "text/event-stream":
                self.end = {"code": answer.status, "output": json.loads(answer.read())}
                return
            for line in answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data" and event == "delta":
                    self.deltas, self.text = self.deltas + 1, self.text + json.loads(value)["text"]
                elif name == "data" and event == "end":
                    self.end = json.loads(value)
        except (OSError, ValueError, http.client.HTTPException):
            pass

    def leave(self):
        self.socket.shutdown(socket.SHUT_RDWR)


def called(machines, hook, order, worker="a"):
    """The run that the call has started."""
    caller = Caller(machines.workers[worker], hook, order)
    run = until(f"the run of {order}", lambda: caller.run or machines.query(
        f"SELECT id FROM runs WHERE \"trigger\"::json->'body'->>'id' = '{order}'"))
    return caller, run


def answers(machines):
    for name in "abc":
        machines.start(name)
    for name in "ac":
        machines.drain(name)

    def begun(*calls):
        """Calls whose runs b works on; those of streams have got text."""
        begun = [called(machines, hook, order) for hook, order in calls]
        for (hook, order), (caller, run) in zip(calls, begun):
            expect(f"who works on {order}", until(f"a worker of {order}", lambda: machines.owner(run)), "b")
            if hook != "result":
                until(f"text of {order}", lambda: caller.deltas >= 3)
            expect(f"{order} before the end of its run", caller.end, None)
        return begun

    # Another machine works, and the callers have text before the end.
    (stream, run), (result, _) = begun(("stream", "stream-1"), ("result", "result-1"))
    until("the end of the stream", lambda: stream.end)
    expect("the end of the stream", (stream.end["run"], stream.end["status"]), (run, "succeeded"))
    expect("the text of the stream", stream.text, stream.end["output"]["text"])
    until("the result", lambda: result.end)
    expect("the status of the result", result.end["code"], 200)
    assert "result-1" in result.end["output"]["text"], result.end

    # Callers who go away.
    (goes, going), (cancels, cancelled) = begun(("stream", "stream-2"), ("cancel", "cancel-1"))
    goes.leave()
    cancels.leave()
    until("the cancelled run", lambda: machines.state(cancelled) == "cancelled")
    until("the run whose caller went away", lambda: machines.state(going) == "succeeded")

    # The worker dies in the middle. What it has said is followed by the whole text of the one that goes on.
    (stream, run), (result, other) = begun(("stream", "stream-3"), ("result", "result-3"))
    machines.workers["b"].kill()
    before = stream.text
    machines.drain("c", "undrain")
    until("the end of the stream that was taken over", lambda: stream.end)
    expect("its end", (stream.end["run"], stream.end["status"]), (run, "succeeded"))
    whole = stream.end["output"]["text"]
    said = stream.text.removesuffix(whole)
    assert stream.text.endswith(whole) and said.startswith(before) and whole.startswith(said), \
        f"the text that was taken over: {stream.text!r}, the answer {whole!r}"
    until("the result that was taken over", lambda: result.end)
    expect("its status", result.end["code"], 200)
    assert "result-3" in result.end["output"]["text"], result.end
    for run in (run, other, going, cancelled):
        expect("the ends of a run", machines.ends(run), "1")
    return "a drained worker answered with the text and results of others, also of one that died"


class Receiver(http.server.ThreadingHTTPServer):
    """Takes effects, and refuses those of an epoch below the highest that it has taken for their id.

    The first call of an order comes from the worker that is stopped. "late" is held back, as by a slow network, until a newer
    effect was taken. "taken" is taken at once and answered when the worker stands still. "again" is answered with 503, so that
    the worker stands still while it is about to send.
    """

    daemon_threads = True

    def __init__(self):
        self.lock, self.is_stopped = threading.Lock(), threading.Event()
        self.first, self.taken, self.refused = {}, {}, {}
        super().__init__(("127.0.0.1", 0), ReceiverHandler)

    def judge(self, identity, epoch):
        with self.lock:
            is_late = epoch < max(self.taken.get(identity, [0]))
            (self.refused if is_late else self.taken).setdefault(identity, []).append(epoch)
        return 409 if is_late else 200


class ReceiverHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        # A worker that has lost the run by the time in which the connection takes the body sends none.
        if len(body) < length:
            return
        order = json.loads(body)["order"]
        identity, epoch, server = self.headers["webhook-id"], int(self.headers["runnel-epoch"]), self.server
        with server.lock:
            is_first = order not in server.first
            server.first.setdefault(order, (identity, epoch))
        if is_first and order == "late":
            until("a newer effect", lambda: server.taken.get(identity))
        status = 503 if is_first and order == "again" else server.judge(identity, epoch)
        if is_first and order == "taken":
            server.is_stopped.wait()
        try:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(str(epoch).encode())
        except OSError:
            pass

    def log_message(self, *_):
        pass


def late_effects(machines, receiver):
    machines.start("a")
    runs = {order: called(machines, "send", order)[1] for order in ["late", "taken", "again"]}
    until("the first effects", lambda: len(receiver.first) == len(runs))
    # The transaction that ends this run waits for its number when the worker is stopped, and is open then.
    lock = machines.database.session("BEGIN", f"SELECT number FROM {machines.schema}.last_end FOR UPDATE")
    waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'runnel a' AND state = '{}'"
    try:
        until("the lock", lambda: machines.query(
            "SELECT count(*) FROM pg_locks WHERE relation = 'last_end'::regclass AND mode = 'RowShareLock'") == "1")
        runs["ending"] = called(machines, "send", "ending")[1]
        until("a transaction that waits", lambda: machines.query(
            waits.format("active") + " AND wait_event_type = 'Lock'") == "1")
        machines.workers["a"].process.send_signal(signal.SIGSTOP)
    finally:
        lock.communicate()
    until("an open transaction", lambda: machines.query(waits.format("idle in transaction")) == "1")
    receiver.is_stopped.set()
    machines.start("b")
    for order, run in runs.items():
        until(f"{order} to be taken over", lambda: machines.state(run) == "succeeded", 30)
    machines.workers["a"].process.send_signal(signal.SIGCONT)
    # It takes runs again; what it was about to do is over then.
    machines.drain("b")
    after = called(machines, "send", "after")[1]
    until("the worker that was stopped to work again", lambda: machines.state(after) == "succeeded")
    for order, run in runs.items():
        identity, old = receiver.first[order]
        taken, refused = receiver.taken[identity], receiver.refused.get(identity, [])
        new = max(taken)
        assert old < new, f"the epochs of {order}: {old} and {new}"
        expect(f"the effects of {order} that were taken", taken, [old, new] if order in ("taken", "ending") else [new])
        # A worker that has lost the run does not send, unless it had asked before.
        assert refused == [old] if order == "late" else refused in ([], [old]), f"the late effects of {order}: {refused}"
        expect(f"the ends of {order}", machines.ends(run), "1")
        assert f"run {run} of send succeeded" not in machines.log("a"), f"{order} was ended by the worker that was stopped"
        expect(f"the epoch of the stored effect of {order}",
               machines.query(f"SELECT output::json->>'body' FROM steps WHERE run_id = '{run}'"), str(new))
    late = sum(map(len, receiver.refused.values()))
    return f"a worker that was stopped sent {late} late effect(s), recognised by their epoch, and committed nothing"


def main():
    runnel = os.path.abspath(sys.argv[1])
    folder = Path(tempfile.mkdtemp(prefix="runnel-takeover."))
    database, marketplace, receiver = Database(), Marketplace(runnel, pace="300ms"), Receiver()
    for server in (marketplace, receiver):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    callers = Machines(runnel, folder, database, "answers", ANSWERS, receiver, marketplace.variables)
    senders = Machines(runnel, folder, database, "effects", SENDS, receiver)
    is_right = True
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for machines, future in [
                (callers, pool.submit(answers, callers)), (senders, pool.submit(late_effects, senders, receiver))
            ]:
                try:
                    print(future.result(), flush=True)
                except AssertionError as error:
                    is_right = False
                    print(error, file=sys.stderr)
                    for name in machines.workers:
                        print(f"{name}: {machines.log(name)[-3000:]}", file=sys.stderr)
        return 0 if is_right else 1
    finally:
        callers.stop()
        senders.stop()
        marketplace.stop()
        database.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
