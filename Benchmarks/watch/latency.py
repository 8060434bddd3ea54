"""Gives files to watchers in turns and prints how long each took. Usage: latency.py FOLDER FILES ROUNDS NAME=PROGRAM...

The clock runs from just before rename(2) until this program has read the line that the action writes: Runnel's is the
line of the step `log` on standard error. Beside it stands the time until the step's start as the journal has it.
"""
import json
import os
import random
import sqlite3
import statistics
import sys
import time

import watchers


def main():
    folder, files, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    running = {}
    try:
        for argument in sys.argv[4:]:
            name, program = argument.split("=", 1)
            os.makedirs(os.path.join(folder, name))
            watcher = watchers.ALL[name](program, os.path.join(folder, name))
            watcher.start()
            # To be stopped, whatever comes of it.
            running[name] = watcher
            if not watcher.warm_up():
                if name == "runnel":
                    raise SystemExit("`runnel serve` does not hear of files")
                print(f"left out: {name} (it was started and does not hear of files)")
                running.pop(name).stop()
        measure(running, files, rounds, folder)
    finally:
        for watcher in running.values():
            watcher.stop()


def measure(running, files, rounds, folder):
    samples = {name: [[] for _ in range(rounds)] for name in running}
    renamed = {}
    for turn in range(-1, rounds):  # The first is to warm up.
        for number in range(files):
            names = list(running)
            random.shuffle(names)
            for name in names:
                file = f"f-{turn + 1}-{number}"
                begin, end = running[name].put(file)
                if turn >= 0:
                    samples[name][turn].append((end - begin) / 1e6)
                    if name == "runnel":
                        renamed[file] = (turn, begin)
                time.sleep(random.uniform(0.002, 0.012))
    running["runnel"].stop()
    starts, runs = read_journal(os.path.join(folder, "runnel/.runnel/journal.db"), renamed, rounds)
    print(f"\nrename to action, {files} files a round, {rounds} rounds; ms")
    print(f"{'':28}{'median':>8}{'rounds':>16}{'p90':>8}{'p99':>8}  action")
    line("runnel, step start", starts, "as the journal has it")
    for name, values in samples.items():
        line("runnel, step's line" if name == "runnel" else name, values, running[name].action)
    wanted = files * rounds
    print(f"\nruns in the journal that ended well: {runs} of {wanted}")
    if runs != wanted:
        raise SystemExit(1)


def read_journal(path, renamed, rounds):
    """The times from rename to step start, by round, and how many files have one run that ended well."""
    rows = sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute(
        'SELECT runs."trigger", steps.started_at FROM runs JOIN steps ON steps.run_id = runs.id'
        " WHERE runs.state = 'succeeded'"
    )
    starts = [[] for _ in range(rounds)]
    seen = set()
    for trigger, started in rows:
        name = json.loads(trigger)["name"]
        if name not in renamed:
            continue
        if name in seen:
            raise SystemExit(f"{name} had two runs")
        seen.add(name)
        turn, begin = renamed[name]
        starts[turn].append((started - begin) / 1e6)
    return starts, len(seen)


def line(name, rounds, action):
    values = sorted(value for values in rounds for value in values)
    medians = sorted(statistics.median(values) for values in rounds if values)
    if not values:
        return
    print(
        f"{name:28}{statistics.median(values):8.2f}{f'{medians[0]:.2f} - {medians[-1]:.2f}':>16}"
        f"{values[int(len(values) * 0.9)]:8.2f}{values[int(len(values) * 0.99)]:8.2f}  {action}"
    )


main()
