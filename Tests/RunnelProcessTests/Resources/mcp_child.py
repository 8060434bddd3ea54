"""An MCP server that behaves as its arguments and the called tool say.

Usage: mcp_child.py ERA [STATE_FILE]; ERA is modern, legacy, old, foreign, mute (to what it does not know) or fragile.
"""
import json
import os
import subprocess
import sys
import threading
import time

era = sys.argv[1]
state_file = sys.argv[2] if len(sys.argv) > 2 else None
version = {"modern": "2026-07-28", "old": "2024-11-05", "foreign": "1999-01-01"}.get(era, "2025-11-25")
calls = 0
cancelled = []
lock = threading.Lock()


def send(message):
    with lock:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def answer(id, result):
    send({"jsonrpc": "2.0", "id": id, "result": {"resultType": "complete", **result} if era == "modern" else result})


def text(id, *texts):
    answer(id, {"content": [{"type": "text", "text": each} for each in texts]})


def fail(id, code, message, data=None):
    send({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message, "data": data}})


def notify(method, **params):
    send({"jsonrpc": "2.0", "method": method, "params": params})


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
NAMES = [
    "echo", "add", "progress", "log", "fails", "error", "structured", "mixed", "empty", "twice", "half", "die", "tenth",
    "hang", "garbage", "flood", "ask", "cancelled", "where", "change", "long", "asks-back", "spawn",
    "deep", "nan", "unended", "says-failed", "closes", "leaves-a-writer", "never-listed",
]


def listing(cursor):
    start = int(cursor or 0)
    names = NAMES[:-1]
    if state_file and os.path.exists(state_file + ".changed"):
        names = names + ["new"]
    page = [
        {"name": name, "description": f"Does {name}. And more.", "inputSchema": SCHEMA} for name in names[start:start + 10]
    ]
    return {"tools": page, **({"nextCursor": str(start + 10)} if start + 10 < len(names) else {})}


def call(id, params):
    global calls
    calls += 1
    name, arguments = params["name"], params.get("arguments", {})
    meta = params.get("_meta", {})
    if name == "echo":
        text(id, json.dumps(params))
    elif name == "add":
        text(id, str(arguments["n"] + 1))
    elif name == "progress":
        token = meta["progressToken"]
        notify("notifications/progress", progressToken=token, progress=1, total=2, message="halfway")
        notify("notifications/progress", progressToken=token, progress=0.5)
        text(id, "done")
    elif name == "log":
        notify("notifications/message", level="warning", logger="disk", data={"free": 3})
        text(id, "done")
    elif name == "fails":
        answer(id, {"content": [{"type": "text", "text": "no such city"}], "isError": True})
    elif name == "error":
        fail(id, -32602, "Unknown tool: error")
    elif name == "structured":
        answer(id, {"content": [{"type": "text", "text": "{}"}], "structuredContent": {"degrees": 21.5}})
    elif name == "mixed":
        answer(id, {"content": [{"type": "text", "text": "a"}, {"type": "image", "data": "AA==", "mimeType": "image/png"}]})
    elif name == "empty":
        answer(id, {"content": []})
    elif name == "twice":
        text(id, "first")
        text(id, "second")
        text(987654, "nobody asked")
    elif name == "half":
        sys.stdout.write('{"jsonrpc":"2.0","id":')
        sys.stdout.flush()
        os._exit(0)
    elif name == "unended":
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": id, "result": {"content": "the end"}}))
        sys.stdout.flush()
        os._exit(0)
    elif name == "die":
        print("about to die", file=sys.stderr, flush=True)
        os._exit(7)
    elif name == "tenth":
        if calls % 10 == 0:
            os._exit(1)
        text(id, str(calls))
    elif name == "hang":
        notify("notifications/progress", progressToken=meta["progressToken"], progress=0, message=str(os.getpid()))
        print("hanging", file=sys.stderr, flush=True)
    elif name == "garbage":
        print("Server is ready!", flush=True)
        text(id, "after garbage")
    elif name == "flood":
        for number in range(50_000):
            print("noise", number, file=sys.stderr)
        text(id, "survived")
    elif name == "ask":
        send({"jsonrpc": "2.0", "id": "p1", "method": "ping"})
        send({"jsonrpc": "2.0", "id": "s1", "method": "sampling/createMessage", "params": {}})
        replies = [json.loads(sys.stdin.readline()) for _ in range(2)]
        text(id, json.dumps(replies))
    elif name == "cancelled":
        text(id, json.dumps(cancelled))
    elif name == "where":
        answer(id, {"content": [], "structuredContent": {"pid": os.getpid(), "environment": dict(os.environ)}})
    elif name == "change":
        open(state_file + ".changed", "w").close()
        notify("notifications/tools/list_changed")
        text(id, "changed")
    elif name == "long":
        sys.stdout.write("x" * 300_000)
        sys.stdout.flush()
        time.sleep(600)
    elif name in ("deep", "nan"):
        content = "[" * 600 + "]" * 600 if name == "deep" else "NaN"
        print('{"jsonrpc":"2.0","id":%d,"result":{"content":%s}}' % (id, content), flush=True)
    elif name == "asks-back":
        answer(id, {"resultType": "input_required", "requestState": "x"})
    elif name == "says-failed":
        answer(id, {"content": "no such city", "isError": "true"})
    elif name == "closes":
        os.close(1)
        time.sleep(600)
    elif name == "spawn":
        child = subprocess.Popen(["sleep", "600"])
        text(id, str(child.pid))
    elif name == "leaves-a-writer":
        # Not in the process group any more, and never ends its line.
        subprocess.Popen(["cat", "/dev/zero"], start_new_session=True)
        os._exit(3)
    else:
        fail(id, -32602, f"Unknown tool: {name}")


def handle(message):
    method, id, params = message.get("method"), message.get("id"), message.get("params", {})
    if method is None:
        return
    if id is None:
        if method == "notifications/cancelled":
            cancelled.append(params)
        return
    if method == "initialize" and era != "modern":
        if state_file:
            with open(state_file, "a") as file:
                file.write(f"start {params['protocolVersion']}\n")
        answer(id, {"protocolVersion": version, "capabilities": {"tools": {"listChanged": True}}, "serverInfo": {}})
    elif era == "modern" and params.get("_meta", {}).get("io.modelcontextprotocol/protocolVersion") != version:
        fail(id, -32022, "Unsupported protocol version", {"supported": [version], "requested": ""})
    elif method == "server/discover" and era == "modern":
        answer(id, {"supportedVersions": [version], "capabilities": {"tools": {"listChanged": True}}})
    elif method == "server/discover" and era == "mute":
        pass
    elif method == "server/discover" and era == "fragile":
        sys.exit(1)
    elif method == "subscriptions/listen" and era == "modern":
        pass
    elif method == "tools/list":
        answer(id, listing(params.get("cursor")))
    elif method == "tools/call":
        call(id, params)
    else:
        fail(id, -32601, "Method not found")


if era == "never-ready":
    print("no key given", file=sys.stderr, flush=True)
    sys.exit(2)
for line in sys.stdin:
    handle(json.loads(line))
