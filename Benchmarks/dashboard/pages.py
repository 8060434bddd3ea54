"""Fills a journal with runs and measures how long the server takes for each page: pages.py RUNNEL [RUNS].

The runs are written into the tables directly, as a million real ones would take hours. Prints the median and the 95th percentile
of 40 requests for each page, in milliseconds.
"""
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
import urllib.request

RUNNEL = sys.argv[1]
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
PIPELINES = 20
HOUR = 3_600_000_000_000


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


def fill(folder):
    database = sqlite3.connect(folder / ".runnel/journal.db")
    now = time.time_ns()
    step = 30 * 24 * HOUR // RUNS
    definition = "0" * 64
    error = json.dumps({"code": "status", "message": "https://intranet.example answered 503", "step": "page"})

    def rows():
        for number in range(RUNS):
            created = now - (RUNS - number) * step
            pipeline = f"p{number % PIPELINES}" if number % 1000 else "rare"
            state = "failed" if number % 97 == 0 else "cancelled" if number % 501 == 0 else "succeeded"
            milliseconds = created // 1_000_000
            run = f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7000-8000-{number:012x}"
            yield (
                run, pipeline, definition, state, '{"type":"%s"}' % ("schedule" if number % 3 else "manual"), "{}", "null",
                created, created + 1_000_000, created + 1_000_000 * (20 + number % 4000),
                error if state == "failed" else None)

    database.execute("PRAGMA synchronous=OFF")
    with database:
        database.executemany(
            'INSERT INTO runs (id, pipeline, definition, state, "trigger", inputs, input, created_at, started_at, ended_at, '
            "error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows())
        database.execute(
            "INSERT INTO run_hours SELECT ended_at - ended_at % ?, pipeline, state, count(*) FROM runs "
            "WHERE ended_at IS NOT NULL GROUP BY 1, 2, 3", (HOUR,))
        ids = [row[0] for row in database.execute("SELECT id FROM runs WHERE state = 'failed' ORDER BY id DESC LIMIT 1")]
        middle = database.execute("SELECT id FROM runs ORDER BY id LIMIT 1 OFFSET ?", (RUNS // 2,)).fetchone()[0]
    database.close()
    return ids[0], middle


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="runnel-pages-"))
    try:
        (folder / "pipelines").mkdir()
        # Retention would remove what this is about.
        (folder / "runnel.yaml").write_text("journal: { keep: 3650d, keep_runs: 100000000, keep_bytes: 1000GiB }\n")
        for number in range(PIPELINES):
            (folder / f"pipelines/p{number}.yaml").write_text(
                f'name: p{number}\non: {{ schedule: {{ cron: "0 3 1 1 *" }} }}\n'
                "steps: [ { uses: template, with: { text: x } } ]\n")
        process, _ = serve(folder)
        stop(process)
        start = time.monotonic()
        failed, middle = fill(folder)
        print(f"{RUNS:,} runs written in {time.monotonic() - start:.0f} s, "
              f"{os.path.getsize(folder / '.runnel/journal.db') >> 20} MiB")
        process, url = serve(folder)
        try:
            for path in [
                "/", "/runs", f"/runs?before={middle}", "/runs?state=failed", "/runs?state=running", "/runs?state=succeeded",
                "/runs?pipeline=rare", "/runs?pipeline=p3&state=failed", "/runs?state=cancelled", "/runs?hours=24",
                "/runs?trigger=watch", "/runs?text=503", "/runs?text=nothing+says+this", f"/runs/{failed}",
                "/pipelines", "/pipelines/p3", "/triggers", "/workers", "/audit", "/settings",
            ]:
                times = []
                for _ in range(40):
                    start = time.perf_counter()
                    with urllib.request.urlopen(url + path) as response:
                        response.read()
                    times.append((time.perf_counter() - start) * 1000)
                times.sort()
                print(f"{path[:48]:<48} {statistics.median(times):7.1f} ms  p95 {times[37]:7.1f} ms")
        finally:
            stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
