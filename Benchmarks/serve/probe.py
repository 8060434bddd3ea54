"""Prints what a durable write of 4 KiB costs at this moment, in milliseconds. Usage: probe.py FOLDER"""
import os
import statistics
import sys
import time

times = []
with open(os.path.join(sys.argv[1], "probe"), "wb", buffering=0) as file:
    for _ in range(100):
        begin = time.perf_counter()
        file.write(b"\1" * 4096)
        os.fsync(file.fileno())
        times.append((time.perf_counter() - begin) * 1000)
print(f"{statistics.median(times):.2f}")
