"""Fills a journal and measures how long the server takes for each page of the dashboard: pages.py RUNNEL [RUNS].

The rows are written into the tables directly, as a million real runs would take hours: RUNS runs with a call of a model each, one
run of 9,000 steps, and 300,000 deliveries. Prints the median and the 95th percentile of 40 requests for each page, in milliseconds,
and ends with status 1 if a page took longer than 100 ms at the 95th percentile.
"""
import http.cookiejar
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

RUNNEL = sys.argv[1]
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
DELIVERIES = 300_000
STEPS = 9_000
PIPELINES = 20
REQUESTS = 40
LIMIT = 100  # ms
HOUR = 3_600_000_000_000
DEFINITION = "0" * 64


def serve(folder):
    process = subprocess.Popen(
        [RUNNEL, "serve", "pipelines", "--port", "0"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for line in process.stdout:
        if line.startswith(b"Listening on "):
            return process, line.split()[-1].decode()
    raise SystemExit("the server did not start")


def stop(process):
    process.terminate()
    process.wait()


def run_id(created, number):
    milliseconds = created // 1_000_000
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7000-8000-{number:012x}"


def fill(folder):
    database = sqlite3.connect(folder / ".runnel/journal.db")
    now = time.time_ns()
    step = 30 * 24 * HOUR // RUNS
    error = json.dumps({"code": "status", "message": "https://intranet.example answered 503", "step": "page"})

    def runs():
        for number in range(RUNS):
            created = now - (RUNS - number) * step
            pipeline = f"p{number % PIPELINES}" if number % 1000 else "rare"
            state = "failed" if number % 97 == 0 else "cancelled" if number % 501 == 0 else "succeeded"
            yield (
                run_id(created, number), pipeline, DEFINITION, state,
                '{"type":"%s"}' % ("schedule" if number % 3 else "manual"), "{}", "null", created, created + 1_000_000,
                created + 1_000_000 * (20 + number % 4000), error if state == "failed" else None)

    def usage():
        for number in range(RUNS):
            created = now - (RUNS - number) * step
            yield (
                created, f"p{number % PIPELINES}", run_id(created, number), "answer", "AGENTIC STAR", None, 1000, 300,
                0 if number % 5 else None, 900, 300)

    request = json.dumps({
        "headers": [["content-type", "application/json"]], "query": "", "url": "http://localhost/hooks/p0",
        "from": "192.0.2.1", "params": {}})

    def deliveries():
        for number in range(DELIVERIES):
            outcome = ("refused", "the signature is wrong", 401, None) if number % 50_000 == 0 else (
                "accepted", "", 202, f"run-{number}")
            yield (
                now - (DELIVERIES - number) * 2 * 10**9, "p0" if number % 1000 else "rare", "webhook", "POST", "/hooks/p0",
                *outcome, 11, 1, 300, request, 't{"id":12345}')

    big = run_id(now, RUNS)
    database.execute("PRAGMA synchronous=OFF")
    with database:
        database.executemany(
            'INSERT INTO runs (id, pipeline, definition, state, "trigger", inputs, input, created_at, started_at, ended_at, '
            "error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", runs())
        database.execute(
            'INSERT INTO runs (id, pipeline, definition, state, "trigger", inputs, input, created_at, started_at, ended_at) '
            "VALUES (?, 'p1', ?, 'succeeded', '{\"type\":\"manual\"}', '{}', 'null', ?, ?, ?)",
            (big, DEFINITION, now, now, now + STEPS * 1_000_000))
        database.executemany(
            "INSERT INTO steps (run_id, key, uses, state, attempt, started_at, ended_at, output) "
            "VALUES (?, ?, 'template', 'succeeded', 1, ?, ?, '\"x\"')",
            ((big, f"page[{number}]", now + number * 1_000_000, now + (number + 1) * 1_000_000)
             for number in range(STEPS)))
        database.execute(
            "INSERT INTO run_hours SELECT ended_at - ended_at % ?, pipeline, state, count(*) FROM runs "
            "WHERE ended_at IS NOT NULL GROUP BY 1, 2, 3", (HOUR,))
        failed = database.execute("SELECT id FROM runs WHERE state = 'failed' ORDER BY id DESC LIMIT 1").fetchone()[0]
        middle = database.execute("SELECT id FROM runs ORDER BY id LIMIT 1 OFFSET ?", (RUNS // 2,)).fetchone()[0]
    with database:
        database.executemany(
            "INSERT INTO usage (at, pipeline, run_id, step, agent, model, input_tokens, output_tokens, cached_tokens, "
            "estimated_input, estimated_output) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", usage())
    with database:
        database.executemany(
            'INSERT INTO deliveries (time, pipeline, "trigger", method, path, outcome, reason, status, run_id, size, whole, '
            "bytes, request, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", deliveries())
    database.close()
    return failed, middle, big


def sign_in(folder, url):
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    token = (folder / ".runnel/api-token").read_text().strip()
    form = urllib.parse.urlencode({"token": token}).encode()
    browser.open(urllib.request.Request(url + "/sign-in", data=form, headers={"Origin": url})).read()
    return browser


def measure(browser, url, path):
    times = []
    for _ in range(REQUESTS):
        start = time.perf_counter()
        with browser.open(url + path) as response:
            response.read()
            # A page that one may not see leads to the page for signing in.
            if urllib.parse.urlsplit(response.url).path == "/sign-in":
                raise SystemExit(f"{path} leads to /sign-in")
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    return statistics.median(times), times[REQUESTS * 95 // 100 - 1]


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="runnel-pages-"))
    slow = []
    try:
        (folder / "pipelines").mkdir()
        # Retention would remove what this is about.
        (folder / "runnel.yaml").write_text(
            "journal: { keep: 3650d, keep_runs: 100000000, keep_bytes: 1000GiB }\n"
            "deliveries: { keep: 365d, bytes: 100GiB }\n")
        for number in range(PIPELINES):
            (folder / f"pipelines/p{number}.yaml").write_text(
                f'name: p{number}\non: {{ schedule: {{ cron: "0 3 1 1 *" }} }}\n'
                "steps: [ { uses: template, with: { text: x } } ]\n")
        process, _ = serve(folder)
        stop(process)
        start = time.monotonic()
        failed, middle, big = fill(folder)
        print(f"{RUNS:,} runs and {DELIVERIES:,} deliveries written in {time.monotonic() - start:.0f} s, "
              f"{os.path.getsize(folder / '.runnel/journal.db') >> 20} MiB")
        process, url = serve(folder)
        try:
            browser = sign_in(folder, url)
            for path in [
                "/", "/runs", f"/runs?before={middle}", "/runs?state=failed", "/runs?state=running", "/runs?state=succeeded",
                "/runs?pipeline=rare", "/runs?pipeline=p3&state=failed", "/runs?state=cancelled", "/runs?hours=24",
                "/runs?trigger=watch", "/runs?text=503", "/runs?text=nothing+says+this", f"/runs/{failed}", f"/runs/{big}",
                "/pipelines", "/pipelines/p3", "/triggers", "/triggers?outcome=refused", "/triggers?outcome=ignored",
                "/triggers?pipeline=rare", "/triggers?pipeline=p0&outcome=duplicate", f"/triggers?before={DELIVERIES // 300}",
                f"/deliveries/{DELIVERIES // 2}", "/usage", "/workers", "/audit", "/settings",
            ]:
                median, high = measure(browser, url, path)
                if high > LIMIT:
                    slow.append(path)
                print(f"{path[:48]:<48} {median:7.1f} ms  p95 {high:7.1f} ms{'  too slow' if high > LIMIT else ''}")
        finally:
            stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if slow:
        raise SystemExit(f"longer than {LIMIT} ms: {', '.join(slow)}")


main()
