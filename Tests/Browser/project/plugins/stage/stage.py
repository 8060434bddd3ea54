"""The steps of the plugin `stage`; see plugin.yaml."""
import json
import os
import sys
import time

call = json.load(sys.stdin)


def write(**line):
    print(json.dumps(line), flush=True)


said = []
for piece in call["with"]["pieces"]:
    if piece.startswith("@"):
        gate = os.path.join(os.environ["STAGE"], piece[1:])
        while not os.path.exists(gate):
            time.sleep(0.02)
        continue
    said.append(piece)
    write(type="text", text=piece)
if "fail" in call["with"]:
    write(type="error", code="staged", message=call["with"]["fail"], hint="the test wanted it so")
else:
    write(type="result", output="".join(said))
