"""The program of a trigger that behaves as `with.mode` says."""
import json
import os
import signal
import subprocess
import sys
import threading
import time

start = json.loads(sys.stdin.readline())
mode, state = start["with"]["mode"], start["state"]
count = start["with"].get("count", 3)


def say(**message):
    print(json.dumps(message), flush=True)


def event(number, **more):
    say(type="event", id=f"e{number}", payload={"number": number}, **more)


def answer():
    line = sys.stdin.readline()
    return json.loads(line) if line else sys.exit(0)


def wait_for_end():
    while sys.stdin.readline():
        pass


if mode == "positions":
    # Each event has the position behind it, and is written once the one before is acknowledged.
    say(type="waiting", text=f"from {state}")
    for number in range((state or 0) + 1, count + 1):
        event(number, input=f"input {number}", state=number)
        reply = answer()
        if reply["type"] != "ack" or reply["id"] != f"e{number}":
            say(type="problem", text=f"wrong answer: {reply}")
    wait_for_end()
elif mode == "at-once":
    for number in range(1, count + 1):
        event(number)
    replies = [answer() for _ in range(count)]
    say(type="waiting", text=" ".join(sorted(f"{reply['id']}:{reply['outcome']}" for reply in replies)))
    wait_for_end()
elif mode == "start":
    say(type="event", id="start", payload={"start": start, "environment": sorted(os.environ), "pid": os.getpid()})
    wait_for_end()
elif mode == "bad-events":
    say(type="event", id="list", payload=[1])
    say(type="event", id="x" * 600, payload={})
    say(type="event", id=7, payload={"type": "mine"})
    replies = [answer() for _ in range(3)]
    say(type="waiting", text=json.dumps([[r["type"], r["reason"], r["message"]] for r in replies]))
    wait_for_end()
elif mode == "state-alone":
    say(type="state", state={"from": 5}, id="s")
    say(type="waiting", text=json.dumps(answer()))
    wait_for_end()
elif mode == "die":
    # Each life brings one more event, half a line, and a sudden end.
    number = (state or 0) + 1
    event(number, state=number)
    answer()
    sys.stdout.write('{"type":"event","id":"e' + str(number + 1))
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)
elif mode == "status":
    print("no such host", file=sys.stderr)
    sys.exit(3)
elif mode == "ends":
    pass
elif mode == "error":
    say(type="error", code="login-failed", message="the server refused \"ada\"", hint="check the password")
    wait_for_end()
elif mode == "error-without-line-feed":
    sys.stdout.write('{"type":"error","code":"login-failed","message":"the server refused \\"ada\\""}')
elif mode == "garbage":
    print("Starting up...", flush=True)
    wait_for_end()
elif mode == "no-id":
    say(type="event", payload={})
    wait_for_end()
elif mode == "no-translations":
    say(type="waiting", text="waits for mail", translations=["ja"])
    wait_for_end()
elif mode == "unknown-key":
    say(type="event", id="1", paylod={"number": 1})
    wait_for_end()
elif mode == "silent":
    wait_for_end()
elif mode == "frozen":
    say(type="heartbeat")
    os.kill(os.getpid(), signal.SIGSTOP)
elif mode == "flood":
    def write():
        for number in range(1, count + 1):
            event(number)
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    for _ in range(count):
        answer()
    say(type="waiting", text="all acknowledged")
    wait_for_end()
elif mode == "deaf":
    # Writes events and never reads an answer.
    number = 0
    while True:
        number += 1
        event(number)
elif mode == "stubborn":
    child = subprocess.Popen(["sleep", "600"])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(type="event", id="pids", payload={"pids": [os.getpid(), child.pid]})
    time.sleep(600)
elif mode == "chatter":
    print("the token is", start["with"]["token"], file=sys.stderr, flush=True)
    say(type="note", text="signed in with " + start["with"]["token"])
    say(type="problem", text="cannot reach the server")
    say(type="waiting", text="waits for mail", translations={"ja": "メールを待機中"})
    wait_for_end()
