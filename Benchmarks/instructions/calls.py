"""Calls a hook so many times over one connection, one call after another, and waits for each result.

    calls.py PORT COUNT
"""
import http.client
import json
import sys

port, count = int(sys.argv[1]), int(sys.argv[2])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
for number in range(count):
    body = json.dumps({"number": str(number)})
    connection.request("POST", "/hooks/calls", body, {"content-type": "application/json"})
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        sys.exit(f"call {number} was answered {response.status}")
