"""Opens 10,000 connections that say nothing, and as many half headers, to `runnel serve`: it must go on answering.

Usage: idle-connections.py RUNNEL [CONNECTIONS]

RUNNEL is a built `runnel`. Prints the server's memory before, with the connections open, and after, and how long health
checks take meanwhile. Fails when one of them is not answered, or when the connections are not closed in the end.
"""
import os
import pathlib
import resource
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

PIPELINE = """name: hook
on: { webhook: { path: h, verify: { scheme: none } } }
steps: [{ uses: template, with: { text: "{{ run.id }}" } }]
"""
# What the server allows by default: 10 s for a header, 60 s without a request.
LONGEST = 60


def start(runnel, folder):
    pathlib.Path(folder, "runnel.yaml").write_text("")
    pathlib.Path(folder, "pipelines").mkdir()
    pathlib.Path(folder, "pipelines", "hook.yaml").write_text(PIPELINE)
    errors = open(pathlib.Path(folder, "serve.err"), "w")
    server = subprocess.Popen(
        [runnel, "serve", f"{folder}/pipelines", "--port", "0"], stdout=subprocess.PIPE, stderr=errors, text=True)
    port, is_serving = None, False
    for line in server.stdout:
        is_serving = is_serving or line.startswith("Serving")
        if line.startswith("Listening on"):
            port = int(line.rsplit(":", 1)[1])
        if port and is_serving:
            return server, port
    sys.exit(f"the server did not start: {pathlib.Path(folder, 'serve.err').read_text()}")


def memory(server):
    status = pathlib.Path(f"/proc/{server.pid}/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(server.pid)])) / 1024


def health(port, count=100):
    """Milliseconds that a health check takes: the median and the longest."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
            assert answer.status == 200
        times.append((time.perf_counter() - begin) * 1000)
    return f"{statistics.median(times):.1f} ms, at most {max(times):.1f} ms"


def connect(port, count, beginning):
    connections = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        if beginning:
            connection.sendall(beginning)
        connections.append(connection)
    return connections


def wait_until_closed(connections, seconds):
    """How many the server has closed by then."""
    poll = select.epoll()
    by_number = {connection.fileno(): connection for connection in connections}
    for number in by_number:
        poll.register(number, select.EPOLLIN | select.EPOLLRDHUP)
    deadline = time.monotonic() + seconds
    while by_number and time.monotonic() < deadline:
        for number, _ in poll.poll(timeout=1):
            poll.unregister(number)
            by_number.pop(number).close()
    return len(connections) - len(by_number)


def main():
    runnel = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + 500
    if hard != resource.RLIM_INFINITY and hard < needed:
        sys.exit(f"{count} connections take {needed} open files, and only {hard} are allowed: ulimit -Hn {needed}")
    with tempfile.TemporaryDirectory() as folder:
        server, port = start(runnel, folder)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
        failed = False
        try:
            print(f"at first:                    {memory(server):.1f} MiB, health {health(port)}")
            for name, beginning, longest in [
                ("idle connections", b"", LONGEST),
                ("half headers", b"POST /hooks/h HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", LONGEST // 6),
            ]:
                begin = time.monotonic()
                connections = connect(port, count, beginning)
                took = time.monotonic() - begin
                before = memory(server)
                print(f"{count} {name}, in {took:.1f} s:")
                print(f"  while they are open:       {before:.1f} MiB, health {health(port)}")
                closed = wait_until_closed(connections, longest + 10)
                print(f"  {closed} closed {time.monotonic() - begin:.0f} s after the first was opened")
                print(f"  afterwards:                {memory(server):.1f} MiB, health {health(port)}")
                failed = failed or closed < count
                for connection in connections:
                    connection.close()
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
    if failed:
        sys.exit("connections were left open")


main()
