"""Reads the same stream with httpx, httpx-sse and json, and prints events a second."""

import json
import sys
import time

import httpx
from httpx_sse import connect_sse


def measure(client, url, events):
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "go"}]}
    start = time.perf_counter()
    received = 0
    size = 0
    with connect_sse(client, "POST", url + "/chat/completions", json=body) as source:
        for event in source.iter_sse():
            if event.data == "[DONE]":
                break
            text = json.loads(event.data)["choices"][0]["delta"]["content"]
            received += 1
            size += len(text)
    if received != events or size == 0:
        sys.exit(f"expected {events} events, received {received}")
    return events / (time.perf_counter() - start)


def main():
    url, events = sys.argv[1], int(sys.argv[2])
    with httpx.Client(timeout=60) as client:
        measure(client, url, events)
        print(int(measure(client, url, events)))


main()
