"""Checks that every run whose id a caller got is in the journal. Usage: check.py FOLDER"""
import glob
import json
import sqlite3
import sys

folder = sys.argv[1]
journal = sqlite3.connect(f"{folder}/.runnel/journal.db")
problems = [row[0] for row in journal.execute("PRAGMA integrity_check") if row[0] != "ok"]
kept = {row[0] for row in journal.execute("SELECT id FROM runs")}
ended = journal.execute("SELECT count(*) FROM runs WHERE state = 'succeeded'").fetchone()[0]
accepted = set()
answers = 0
for path in glob.glob(f"{folder}/ids.*") + glob.glob(f"{folder}/warm.*"):
    with open(path, encoding="utf-8") as file:
        for line in file:
            answers += 1
            accepted.add(json.loads(line)["run"])
lost = len(accepted - kept)
print(
    f"         after SIGKILL: {answers} accepted, {len(accepted)} ids, {lost} of them missing in the journal "
    f"({len(kept)} runs, {ended} of them had ended)"
)
if problems or lost or len(accepted) != answers or not accepted:
    print("\n".join(problems), file=sys.stderr)
    raise SystemExit("Accepted runs were lost.")
