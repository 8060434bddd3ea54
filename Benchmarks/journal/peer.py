"""The same work with huey on SQLite: three tasks that do nothing, in a chain, one chain after another.

The worker runs in the loop itself, so that no polling interval counts against it. Usage: peer.py FOLDER fsync|nosync
"""
import os
import sys
import time

from huey import SqliteHuey

path = os.path.join(sys.argv[1], "huey.db")
huey = SqliteHuey("bench", filename=path, fsync=sys.argv[2] == "fsync")


@huey.task()
def nothing(value):
    return value


def one(number):
    huey.enqueue(nothing.s(number).then(nothing).then(nothing))
    while True:
        task = huey.dequeue()
        if task is None:
            return
        huey.execute(task)


for number in range(400):  # As much as the other side does to warm up.
    one(number)
count = 50
start = time.perf_counter()
for number in range(count):
    one(number)
print(f"huey ({sys.argv[2]}), one after another: {(time.perf_counter() - start) / count * 1000:.3f} ms a chain of three tasks")
