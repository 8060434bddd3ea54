#!/usr/bin/env python3
"""Shows the spans of runs in a real receiver, Arize Phoenix from PyPI: with a retry, a resume after a kill, and a webhook.

    .build/python/bin/python Tests/Phoenix/traces.py PATH-OF-RUNNEL CACHE

CACHE is a folder for Phoenix (about 900 MB), kept between calls. Asks Phoenix for what it has stored, compares names, parents
and events with what must be there, and leaves pictures of its pages in CACHE. Phoenix keeps no links, so these are read from
the requests on their way to it, with the schema of OpenTelemetry.
"""

import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import venv

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from playwright.sync_api import sync_playwright

PHOENIX = "arize-phoenix==20.26.1"
CHROMIUM = os.environ.get("RUNNEL_CHROMIUM", "/usr/bin/chromium")
# What the webhook says: the trace of its caller, and the caller's span.
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

FILES = {
    "runnel.yaml": "env: [PEER]\ntraces: { format: protobuf }\n",
    "pipelines/order.yaml": """
name: order
on: { webhook: { path: order, verify: { scheme: none } } }
steps:
  - id: stock
    uses: http.fetch
    with: { url: "{{ env.PEER }}/stock" }
    retry: { attempts: 3, backoff: 200ms }
  - id: pack
    uses: shell
    with: { run: "echo packing; test -e go || sleep 300" }
  - id: thank
    uses: chat
    with: { prompt: "Thank for the order." }
  - id: tell
    uses: webhook.send
    with: { url: "{{ env.PEER }}/tell", json: { text: "{{ steps.thank.text }}" } }
""",
    "pipelines/refund.yaml": """
name: refund
steps: [ { id: check, uses: transform, with: { from: 1, jq: 'error("no such order")' } } ]
""",
}


class Peer(http.server.BaseHTTPRequestHandler):
    """Answers the first call of /stock with 503, keeps the trace context of each call, and hands traces on to Phoenix."""

    calls, links, phoenix = [], {}, None

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/v1/traces":
            return self.hand_on(body)
        self.calls.append((self.path, self.headers["traceparent"]))
        is_first = self.path == "/stock" and sum(path == "/stock" for path, _ in self.calls) == 1
        self.send_response(503 if is_first else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def hand_on(self, body):
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                self.links[span.span_id.hex()] = [(link.trace_id.hex(), link.span_id.hex()) for link in span.links]
        request = urllib.request.Request(self.phoenix + self.path, body, {"content-type": self.headers["content-type"]})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                status, reply = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, reply = error.code, error.read()
        self.send_response(status)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST = answer

    def log_message(self, *words):
        pass


def program(cache):
    """The program of Phoenix in a virtual environment of its own."""
    folder = cache / "venv"
    ready = folder / "ready"
    if not ready.exists() or ready.read_text() != PHOENIX:
        print(f"Installing {PHOENIX} into {folder}")
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", PHOENIX], check=True)
        ready.write_text(PHOENIX)
    return folder / "bin" / "phoenix"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, body=None):
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=10) as response:
        return json.load(response)


def wait(what, seconds, probe):
    """The first value of `probe` that is true."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if value := probe():
                return value
        except urllib.error.HTTPError:
            raise
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not come within {seconds} s")
        time.sleep(0.2)


class Child:
    def __init__(self, command, folder, log, environment):
        self.log = log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                command, cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output)

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Phoenix(Child):
    def __init__(self, cache, folder):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        super().__init__([program(cache), "serve"], folder, cache / "phoenix.log", {
            "PHOENIX_WORKING_DIR": str(folder), "PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(free_port()), "PHOENIX_TELEMETRY_ENABLED": "false"})
        wait("Phoenix", 120, lambda: urllib.request.urlopen(f"{self.url}/healthz", timeout=5))

    def spans(self):
        """All spans, as Phoenix gives them back in the form of OTLP."""
        try:
            return fetch(f"{self.url}/v1/projects/default/spans/otlpv1?limit=1000")["data"]
        except urllib.error.HTTPError:
            # The project comes with its first span.
            return []

    def project(self):
        return next(one["id"] for one in fetch(f"{self.url}/v1/projects")["data"] if one["name"] == "default")


def serve(runnel, folder, environment):
    """`runnel serve` on the project, and its address."""
    server = Child([runnel, "serve", "pipelines", "--port", "0", "--simulate"], folder, folder / "serve.log", environment)
    found = wait("the server", 30, lambda: re.search(r"^Listening on (\S+)", server.log.read_text(), re.M))
    return server, found[1]


def state(url, run):
    return fetch(f"{url}/api/v1/runs/{run}")["state"]


def main(runnel, cache):
    cache.mkdir(parents=True, exist_ok=True)
    peer = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    threading.Thread(target=peer.serve_forever, daemon=True).start()
    children = []
    with tempfile.TemporaryDirectory(prefix="runnel-phoenix-") as name:
        folder = pathlib.Path(name)
        for path, text in FILES.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
        (folder / "phoenix").mkdir()
        try:
            phoenix = Phoenix(cache, folder / "phoenix")
            children.append(phoenix)
            Peer.phoenix = phoenix.url
            address = f"http://127.0.0.1:{peer.server_port}"
            environment = {"PEER": address, "OTEL_EXPORTER_OTLP_ENDPOINT": address}
            tell(runnel, folder, environment, phoenix, children)
            shown = check(phoenix.spans())
            pictures(phoenix, cache, shown)
        except BaseException:
            if (folder / "serve.log").exists():
                print("--- runnel\n" + (folder / "serve.log").read_text(), file=sys.stderr)
            raise
        finally:
            for child in reversed(children):
                child.end()
            peer.shutdown()


def tell(runnel, folder, environment, phoenix, children):
    """One run that is called, retries, is killed and resumes, and one that fails and is retried."""
    server, url = serve(runnel, folder, environment)
    children.append(server)
    token = (folder / ".runnel" / "api-token").read_text().strip()
    opener = urllib.request.build_opener()
    opener.addheaders = [("Authorization", f"Bearer {token}")]
    urllib.request.install_opener(opener)
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=10)
    connection.request("POST", "/hooks/order", "{}", {
        "content-type": "application/json", "traceparent": f"00-{TRACE}-{CALLER}-01"})
    answer = connection.getresponse()
    assert answer.status == 202, answer.read()
    run = json.loads(answer.read())["run"]
    # What was not sent before a kill is lost. The spans that have ended come within 5 s.
    wait("the first span", 60, lambda: any(span["name"] == "step stock" for span in phoenix.spans()))
    server.end(signal.SIGKILL)
    (folder / "go").touch()
    server, url = serve(runnel, folder, environment)
    children.append(server)
    wait("the end of the resumed run", 60, lambda: state(url, run) == "succeeded")
    failed = fetch(f"{url}/api/v1/pipelines/refund/runs", b"")["run"]
    wait("the failure", 30, lambda: state(url, failed) == "failed")
    again = fetch(f"{url}/api/v1/runs/{failed}/retry", b"")["run"]
    wait("the second failure", 30, lambda: state(url, again) == "failed")
    server.end()
    wait("the last spans", 30, lambda: sum(span["name"].startswith("invoke_workflow ") for span in phoenix.spans()) == 3)


def check(spans):
    """Compares what Phoenix has stored with what must be there, and returns the trace of the run that was called."""
    def trace_of(span):
        return span["trace_id"]

    def attributes(span):
        """By key; Phoenix gives the kinds that a value has not as null."""
        return {
            entry["key"]: next((value for value in entry["value"].values() if value is not None), None)
            for entry in span["attributes"]}

    def links(span):
        return Peer.links[span["span_id"]]

    order = {span["name"]: span for span in spans if trace_of(span) == TRACE}
    agents = [name for name in order if name.startswith("invoke_agent ")]
    tools = sorted(name for name in order if name.startswith("execute_tool "))
    expected = {"invoke_workflow order", "step stock", "step pack", "step thank", "step tell", *agents, *tools}
    assert set(order) == expected and len(agents) == 1, sorted(order)
    root = order["invoke_workflow order"]
    assert root["parent_span_id"] == CALLER, root
    # The run was killed before its first span could end: what its first step says of it is all that is known.
    dead = order["step stock"]["parent_span_id"]
    assert dead != root["span_id"] and links(root) == [(TRACE, dead)], (dead, links(root))
    for name in ("step pack", "step thank", "step tell"):
        assert order[name]["parent_span_id"] == root["span_id"], order[name]
    assert order[agents[0]]["parent_span_id"] == order["step thank"]["span_id"]
    for name in tools:
        assert order[name]["parent_span_id"] == order[agents[0]]["span_id"]
    assert [event["name"] for event in order["step stock"]["events"]] == ["retry"], order["step stock"]["events"]
    assert attributes(order["step pack"])["runnel.step.uses"] == "shell", order["step pack"]["attributes"]
    for path, name in (("/stock", "step stock"), ("/tell", "step tell")):
        contexts = {context for called, context in Peer.calls if called == path}
        assert {context.split("-")[2] for context in contexts} == {order[name]["span_id"]}, contexts
        assert {context.split("-")[1] for context in contexts} == {TRACE}, contexts

    refunds = sorted(
        (span for span in spans if span["name"] == "invoke_workflow refund"),
        key=lambda span: int(span["start_time_unix_nano"]))
    first, second = refunds
    assert trace_of(first) != trace_of(second)
    assert links(first) == [] and links(second) == [(trace_of(first), first["span_id"])], links(second)
    for span in refunds:
        assert not span.get("parent_span_id"), span
        steps = [one for one in spans if one["name"] == "step check" and trace_of(one) == trace_of(span)]
        assert [one["parent_span_id"] for one in steps] == [span["span_id"]], steps
        assert attributes(span)["error.type"], span
    print(f"Phoenix has {len(spans)} spans, with the names, parents and events that they must have; so have the links:")
    for span in sorted(spans, key=lambda span: int(span["start_time_unix_nano"])):
        print(f"  {trace_of(span)[:8]} {span['span_id']} in {span.get('parent_span_id') or '-':16} {span['name']}"
              + "".join(f", links to {linked}" for _, linked in links(span)))
    return {"trace": TRACE, "retry": trace_of(second)}


def pictures(phoenix, cache, traces):
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1500, "height": 900})
        for name, trace in traces.items():
            page.goto(f"{phoenix.url}/projects/{phoenix.project()}/traces/{trace}")
            page.get_by_text("invoke_workflow").first.wait_for(timeout=30_000)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=cache / f"{name}.png")
            print(f"{cache / name}.png")
        chromium.close()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve())
