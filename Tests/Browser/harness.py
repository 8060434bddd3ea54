"""A served copy of `project`, and Chromium beside it."""
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from playwright.sync_api import sync_playwright

HERE = pathlib.Path(__file__).parent
TOKEN = "browser-test-token-0123456789"
RUNNEL = os.environ["RUNNEL"]
CHROMIUM = os.environ.get("RUNNEL_CHROMIUM", "/usr/bin/chromium")


class Server:
    """`runnel serve` on a copy of the project; the port stays the same over restarts."""

    def __init__(self, folder, token=TOKEN, files=None):
        self.folder = folder
        self.token = token
        self.port = 0
        self.process = None
        shutil.copytree(HERE / "project", folder, dirs_exist_ok=True)
        if token is None:
            (folder / "runnel.yaml").write_text("server: { port: 0 }\nruns: { limit: 64 }\ndedupe: { keep: 3650d }\n")
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
        self.gates = folder / "gates"
        self.gates.mkdir(exist_ok=True)

    def start(self):
        environment = {**os.environ, "STAGE": str(self.gates), "TZ": "Asia/Tokyo"}
        if self.token:
            environment["STAGE_TOKEN"] = self.token
        self.log = open(self.folder / "serve.log", "ab")
        self.process = subprocess.Popen(
            [RUNNEL, "serve", "pipelines", "--port", str(self.port)], cwd=self.folder, env=environment,
            stdout=subprocess.PIPE, stderr=self.log)
        address = None
        for line in self.process.stdout:
            text = line.decode().strip()
            if match := re.match(r"Dashboard: (http://\S+)", text):
                address = match[1]
                break
        if not address:
            raise RuntimeError((self.folder / "serve.log").read_text())
        self.port = int(re.search(r":(\d+)", address)[1])
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def link(self):
        """A new link that signs in once."""
        return self.command("open", "--print").strip()

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process.stdout.close()
            self.log.close()
            self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()
        self.process = None

    def open_gate(self, name):
        (self.gates / name).touch()

    def api(self, method, path, body=None):
        request = urllib.request.Request(f"{self.url}/api/v1{path}", method=method)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def run(self, pipeline, **inputs):
        return self.api("POST", f"/pipelines/{pipeline}/runs", {"inputs": inputs})["run"]

    def command(self, *arguments):
        """What a command prints, run in the project."""
        environment = {**os.environ, "STAGE_TOKEN": self.token or "", "RUNNEL_SERVER_PORT": str(self.port)}
        return subprocess.run(
            [RUNNEL, *arguments], cwd=self.folder, env=environment, check=True, capture_output=True, text=True).stdout

    def end(self, run, seconds=30):
        """The state of the run once it has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = self.api("GET", f"/runs/{run}")["state"]
            if state not in ("queued", "running", "waiting"):
                return state
            time.sleep(0.05)
        raise TimeoutError(f"the run {run} did not end")


@contextlib.contextmanager
def served(token=TOKEN, files=None):
    """`files`: texts by path, beside those of the project or instead of them."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="runnel-browser-"))
    server = Server(folder, token, files)
    server.start()
    try:
        yield server
    finally:
        for gate in ("go", "fan", "flood", "later"):
            server.open_gate(gate)
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def simulator():
    """A simulator of the Marketplace, which servers that are started meanwhile call."""
    process = subprocess.Popen([RUNNEL, "simulate", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for line in process.stdout:
            if match := re.match(r"\s*export (\w+)=(\S+)", line.decode()):
                os.environ[match[1]] = shlex.split(match[2])[0]
            if b"stops it" in line:
                break
        yield
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def deliver(server, kind, body):
    """Calls the hook: the run, or the status of a refusal."""
    request = urllib.request.Request(
        f"{server.url}/hooks/hook", method="POST", data=json.dumps(body).encode(),
        headers={"Content-Type": kind, "Authorization": "Bearer not-to-be-seen", "X-Note": "<b>note</b>"})
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)["run"]
    except urllib.error.HTTPError as error:
        return error.code


@contextlib.contextmanager
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield chromium
        finally:
            chromium.close()


def context(chromium, server, signed_in=True, **options):
    """A browser's profile that collects what the Content-Security-Policy and the console complain about."""
    made = chromium.new_context(base_url=server.url, timezone_id="Asia/Tokyo", **options)
    made.set_default_timeout(15_000)
    complaints = []
    made.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    made.on("weberror", lambda error: complaints.append(str(error.error)))
    made.complaints = complaints
    if signed_in and server.token:
        page = made.new_page()
        page.goto("/sign-in")
        page.fill("#token", server.token)
        page.click("main button.first")
        page.wait_for_url("**/")
        page.close()
    return made
