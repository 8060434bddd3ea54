"""An exec plugin that behaves as the step's name says."""
import json
import os
import signal
import subprocess
import sys
import time

request = json.loads(sys.stdin.readline())
step = request["step"]


def say(**message):
    print(json.dumps(message), flush=True)


if step == "echo":
    say(type="text", text="one ")
    say(type="note", text="half way")
    say(type="text", text="two")
    say(type="result", output=request)
elif step == "environment":
    say(type="result", output=dict(os.environ))
elif step == "where":
    say(type="result", output={
        "folder": os.path.basename(os.getcwd()),
        "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1],
        "leads": os.getpgid(0) == os.getpid() == os.getsid(0),
        "ignored": [number for number in (1, 2, 15) if signal.getsignal(number) == signal.SIG_IGN],
    })
elif step == "fails":
    say(type="text", text="so far")
    say(type="error", code="no-such-place", message="there is no place \"x\"", hint="try \"y\"", transient=True)
elif step == "status":
    print("first words\nlast words", file=sys.stderr)
    sys.exit(3)
elif step == "try-later":
    sys.exit(75)
elif step == "result-and-status":
    say(type="result", output=1)
    sys.exit(2)
elif step == "half-line":
    sys.stdout.write('{"type":"result","out')
elif step == "half-line-and-status":
    sys.stdout.write('{"type":"result","out')
    sys.exit(4)
elif step == "no-line-feed":
    sys.stdout.write('{"type":"result","output":"whole"}')
elif step == "nothing":
    pass
elif step == "two-results":
    say(type="result", output=1)
    say(type="result", output=2)
    time.sleep(600)
elif step == "garbage":
    print("Starting up...", flush=True)
    time.sleep(600)
elif step == "unknown-type":
    say(type="resullt", output=1)
elif step == "unknown-keys":
    for _ in range(2):
        say(type="note", text="a", txt="b")
    say(type="error", message="busy", retryable=True)
elif step == "wrote-elsewhere":
    for path in "in/a.txt", "/project/in/./b.txt", "../../etc/passwd", "/etc/passwd", "":
        say(type="wrote", path=path)
    say(type="result")
elif step == "misspelled-result":
    say(type="result", ouput=1)
elif step == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
elif step == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
elif step == "long-line":
    sys.stdout.write('{"type":"text","text":"' + "x" * 200_000)
    sys.stdout.flush()
    time.sleep(600)
elif step == "too-much":
    while True:
        say(type="note", text="x" * 1000)
elif step == "hang":
    subprocess.Popen(["sleep", "600"])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("about to hang", file=sys.stderr, flush=True)
    say(type="note", text=json.dumps(os.getpid()))
    time.sleep(600)
elif step == "hangs-with-text":
    say(type="text", text="half an ")
    say(type="text", text="answer")
    say(type="note", text="about to hang")
    time.sleep(600)
elif step == "flood":
    for number in range(100_000):
        print(f"line {number} of noise", file=sys.stderr)
    say(type="result", output="survived")
elif step == "secret":
    print("the token is", request["with"]["token"], file=sys.stderr)
    sys.exit(1)
elif step == "leaves-a-child":
    child = subprocess.Popen(["sleep", "600"])
    say(type="result", output=child.pid)
elif step == "leaves-a-writer":
    # Not in the process group any more.
    subprocess.Popen(["yes"], stdout=sys.stderr, start_new_session=True)
    say(type="result", output="done")
elif step == "big":
    say(type="result", output="x" * request["with"]["size"])
