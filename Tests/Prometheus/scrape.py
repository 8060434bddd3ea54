#!/usr/bin/env python3
"""Has a real Prometheus scrape `runnel serve`, with the alert rules and the queries of the dashboard that ship.

    Tests/Prometheus/scrape.py PATH-OF-RUNNEL

Fails where the scrape is refused, where Prometheus does not accept a rule or a query, and where a query of the dashboard finds
nothing although the server has had runs of every outcome.
"""

import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
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

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADMIN, READER = "prometheus-test-admin-0123456789", "prometheus-test-reader-0123456789"
# How long everything may take, in seconds.
LIMIT = 60

FILES = {
    "runnel.yaml": """
server:
  token: { env: ADMIN }
  tokens: { prometheus: { token: { env: READER }, scope: read } }
""",
    "pipelines/good.yaml": "name: good\nsteps: [ { uses: log, with: { message: fine } }, { uses: log, if: 'false' } ]\n",
    "pipelines/bad.yaml": """
name: bad
steps:
  - { uses: transform, with: { from: 1, jq: 'error("no")' } }
""",
    "pipelines/again.yaml": """
name: again
steps:
  - uses: http.fetch
    with: { url: "http://127.0.0.1:1/" }
    retry: { attempts: 2, backoff: 10ms }
""",
    "pipelines/called.yaml": """
name: called
on: { webhook: { path: called, verify: { scheme: none } } }
steps: [ { uses: log, with: { message: fine } } ]
""",
    "pipelines/talk.yaml": "name: talk\nsteps: [ { uses: chat, with: { prompt: Hello } } ]\n",
    "pipelines/broken.yaml": "name: broken\nsteps: [ { uses: nothing-of-this-name } ]\n",
}

# Metrics that such a server need not have: what measures a simulated chat, for one, has nothing to count.
MAY_BE_MISSING = {"runnel_chat_tokens_total"}


class Sink(http.server.BaseHTTPRequestHandler):
    """Accepts spans."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, body=None, token=None):
    request = urllib.request.Request(url, data=body)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


@contextlib.contextmanager
def process(command, folder, name, environment):
    """A process with its output in a file, ended and awaited in any case."""
    log = folder / f"{name}.log"
    with open(log, "wb") as output:
        child = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield child, log
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait(what, seconds, probe):
    """The first value of `probe` that is true."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if value := probe():
                return value
        except (OSError, KeyError):
            pass
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not come within {seconds} s")
        time.sleep(0.1)


class Prometheus:
    def __init__(self, url):
        self.url = f"{url}/api/v1"

    def get(self, path, **parameters):
        try:
            answer = fetch(f"{self.url}/{path}?{urllib.parse.urlencode(parameters)}")
        except urllib.error.HTTPError as error:
            raise SystemExit(f"Prometheus refused {path} {parameters}: {error.read().decode()}")
        assert answer["status"] == "success", answer
        return answer["data"]

    def has_data(self, query):
        return any(sample["value"][1] != "NaN" for sample in self.get("query", query=query)["result"])


def dashboard():
    """The variables of the dashboard and the queries of its panels, as Grafana sends them."""
    content = json.loads((ROOT / "packaging" / "grafana.json").read_text())
    variables = [entry for entry in content["templating"]["list"] if entry["type"] == "query"]
    replaced = {"__range": "1m", "__rate_interval": "10s"} | {entry["name"]: ".*" for entry in variables}

    def filled(query):
        return re.sub(r"\$(\w+)", lambda match: replaced[match[1]], query)

    queries = [
        (panel["title"], filled(target["expr"]))
        for panel in content["panels"] for target in panel.get("targets", [])]
    return [(entry["name"], filled(entry["definition"])) for entry in variables], queries


def check_dashboard(prometheus):
    variables, queries = dashboard()
    for name, definition in variables:
        series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", definition).groups()
        values = prometheus.get(f"label/{label}/values", **{"match[]": series})
        assert values, f"the dashboard's variable {name} has no values: {definition}"
    assert len(queries) > 10
    missing = [(title, query) for title, query in queries if not prometheus.has_data(query)]
    names = prometheus.get("label/__name__/values")
    for title, query in missing:
        measured = {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"\b(?:runnel|process)_\w+", query)}
        if measured <= MAY_BE_MISSING:
            continue
        known = sorted(name for name in names if any(name.startswith(one) for one in measured))
        raise SystemExit(f"the panel “{title}” has no data: {query}\n  Prometheus knows: {', '.join(known) or 'nothing'}")
    print(f"Prometheus accepts {len(queries)} queries of the dashboard, and {len(queries) - len(missing)} have data")


def check_rules(prometheus):
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    written = re.findall(r"^ *- alert: (\w+)", (ROOT / "packaging" / "alerts.yml").read_text(), re.M)
    assert sorted(rule["name"] for rule in rules) == sorted(written), rules
    for rule in rules:
        assert rule["health"] == "ok" and not rule.get("lastError"), rule
    states = {rule["name"]: rule["state"] for rule in rules}
    assert states["RunnelRunsFail"] == "firing", states
    assert states["RunnelPipelineInvalid"] == "pending", states
    assert states["RunnelDown"] == "inactive", states
    print(f"Prometheus evaluates {len(rules)} alert rules; RunnelRunsFail fires")


def main(runnel):
    if not shutil.which("prometheus"):
        print("skipped: prometheus is not installed; on Debian and Ubuntu: sudo apt-get install prometheus")
        return
    began = time.monotonic()
    sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    with contextlib.ExitStack() as stack:
        stack.callback(sink.shutdown)
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="runnel-prometheus-")))
        for name, text in FILES.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        environment = {
            **os.environ, "ADMIN": ADMIN, "READER": READER,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.server_port}"}
        _, log = stack.enter_context(
            process([runnel, "serve", "pipelines", "--port", "0", "--simulate"], folder, "runnel", environment))
        found = wait("the server", 20, lambda: re.search(r"^Listening on (http://\S+)", log.read_text(), re.M))
        server = found[1]

        (folder / "token").write_text(READER)
        (folder / "wrong").write_text("not-the-token")
        (folder / "prometheus.yml").write_text(f"""
global: {{ scrape_interval: 500ms, evaluation_interval: 500ms }}
rule_files: [ {ROOT}/packaging/alerts.yml ]
scrape_configs:
  - job_name: runnel
    authorization: {{ credentials_file: {folder}/token }}
    static_configs: [ {{ targets: ["{server.removeprefix('http://')}"] }} ]
  - job_name: wrong
    authorization: {{ credentials_file: {folder}/wrong }}
    static_configs: [ {{ targets: ["{server.removeprefix('http://')}"] }} ]
""")
        port = free_port()
        stack.enter_context(process(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"], folder, "prometheus", os.environ))
        prometheus = Prometheus(f"http://127.0.0.1:{port}")

        def targets():
            return {target["labels"]["job"]: target for target in prometheus.get("targets")["activeTargets"]}

        try:
            wait("Prometheus", 20, lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5))
            wait("the scrape", 20, lambda: targets()["runnel"]["health"] == "up")
            wrong = wait("the refusal", 20, lambda: targets()["wrong"]["health"] == "down" and targets()["wrong"])
            assert "401" in wrong["lastError"], wrong
            # Counters of 0 are scraped before the first run, so that the first failure is an increase.
            zeros = 'count_over_time(runnel_runs_total{job="runnel",pipeline="bad",state="failed"}[1m]) > 1'
            wait("the counters", 20, lambda: prometheus.has_data(zeros))

            def work():
                for pipeline in ("good", "bad", "again", "talk"):
                    fetch(f"{server}/api/v1/pipelines/{pipeline}/runs", b"", ADMIN)
                fetch(f"{server}/hooks/called", b"")
                rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
                # A rate needs two scrapes of a series. Spans come last.
                spans = 'count_over_time(runnel_trace_spans_total{job="runnel",outcome="exported"}[1m]) > 2'
                runs = 'sum(runnel_runs_total{job="runnel",state="succeeded"}) > 5'
                return any(rule["state"] == "firing" for rule in rules) and all(map(prometheus.has_data, (spans, runs)))

            wait("an alert, spans and runs", 25, work)
            check_rules(prometheus)
            check_dashboard(prometheus)
        except BaseException:
            for name in ("runnel", "prometheus"):
                print(f"--- {name}\n" + "\n".join((folder / f"{name}.log").read_text().splitlines()[-15:]), file=sys.stderr)
            raise
    took = time.monotonic() - began
    assert took < LIMIT, f"it took {took:.0f} s"
    print(f"passed in {took:.0f} s")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
