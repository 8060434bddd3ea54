"""Writes ticks.json: the ticks of many cron expressions, by implementations that have nothing to do with Runnel's.

    python3 -m venv venv && venv/bin/pip install croniter==7.0.0 cronsim==2.8 && venv/bin/python make_table.py

croniter is asked with implement_cron_bug, so that `*/2` is no restriction of a day field, as in Vixie cron. Where the
two disagree about clocks that are changed, `rule` in ticks.json says what Runnel's documented rule gives, worked out
below by trying every single minute. So it does for named times of the day with seconds: cronsim has its rule for
expressions without seconds only, while Runnel's is the same with and without them.
"""

import json
import random
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from croniter import croniter
from cronsim import CronSim

UTC = timezone.utc
TICKS = 4

ZONES = """
UTC Asia/Tokyo America/New_York America/Los_Angeles America/St_Johns America/Sao_Paulo America/Santiago America/Havana
America/Nuuk America/Caracas America/Asuncion Europe/Dublin Europe/London Europe/Berlin Europe/Istanbul Europe/Lisbon
Africa/Cairo Africa/Casablanca Asia/Amman Asia/Beirut Asia/Gaza Asia/Kathmandu Asia/Kolkata Asia/Pyongyang Asia/Tehran
Atlantic/Azores Australia/Adelaide Australia/Lord_Howe Australia/Sydney Pacific/Apia Pacific/Auckland Pacific/Chatham
Antarctica/Troll
""".split()

# The rules of these have been the same for long, so they say what comes after the last transition of a zone's file.
FUTURE = "America/New_York Europe/Dublin Europe/Berlin Australia/Lord_Howe Pacific/Chatham Antarctica/Troll".split()

CALENDAR = """
* * * * *|*/7 * * * *|0 */5 * * *|5/20 * * * *|10-40/7 3 * * *|1,31,59 0,12,23 * * *|0 0 1 * *|0 0 31 * *|0 0 29 2 *
0 0 29 2 MON|0 12 13 * FRI|0 12 */13 * FRI|0 12 13 * */5|0 0 * * 0|0 0 * * 7|0 0 * * SUN|0 0 * * 5-7|0 0 * * MON-FRI
0 0 * * 1,3,5|0 0 * JAN,JUL *|0 0 1 */3 *|0 0 1 2-11/4 *|30 18 L * *|0 9 * * MON#1|0 9 * * 5#5|0 9 * * 5L
0 9 * * SUN#2|0 9 * FEB 1#5|0 0 L 2 *|0 0 15,L * *|0 0 1-7 * *|0 0 */10 * *|0 0 2/9 * *|59 23 31 12 *|0 0 30 4,6,9,11 *
0 0 1 1 *|0 0 10-12 5 WED|23 0-20/2 * * *|0 4 8-14 * *|0 22 * * 1-5|5 0 * 8 *|15 14 1 * *|0 0,12 1 */2 *|0 9 * * 0L
0 0 28-31 * *|0 9 * * 1#1,3#3|0 0 * * 0-7|0 0 29 2 0-7|* * 29 2 *|0 0 * 2 *
30 * * * * *|*/20 * * * * *|0 0 12 * * *|5,35 59 23 31 12 *|15 */30 6 L * *|10-20/5 0 0 1 1 *|0 0 0 * * MON#2
""".replace("\n", "|").strip("|").split("|")

# cronsim alone knows the first two, croniter alone the others.
WORKDAYS = [
    "30 18 LW * *", "0 9 LW 2 *",
    "0 9 1W * *", "0 9 15W * *", "0 9 5W 1-3 *", "0 9 28W 2 *",
    "0 9 30W 4,6 *", "0 9 31W 1,3,5 *",
]


def text(instant):
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def by_cronsim(cron, start):
    ticks = CronSim(cron, start)
    return [text(next(ticks)) for _ in range(TICKS)]


def by_croniter(cron, start):
    fields = cron.split()
    fields[-1] = ",".join("L" + part[:-1] if part.endswith("L") else part for part in fields[-1].split(","))
    ticks = croniter(
        " ".join(fields), start, ret_type=datetime, implement_cron_bug=True, second_at_beginning=len(fields) == 6)
    return [text(ticks.get_next()) for _ in range(TICKS)]


def attempt(method, cron, start):
    try:
        return method(cron, start)
    except Exception as error:  # Also where an assertion of theirs fails, which happens.
        return type(error).__name__


def by_rule(cron, start, zone):
    """Runnel's rule for expressions that restrict no days: each minute is tried."""
    minute, hour = cron.split()[-5:-3]
    seconds = CronSim(cron, start).seconds
    minutes, hours = CronSim(cron, start).minutes, CronSim(cron, start).hours
    days = 4 + TICKS
    found = set()
    if minute.startswith("*") or hour.startswith("*"):
        instant = start.astimezone(UTC).replace(second=0)
        for _ in range(days * 1440):
            local = instant.astimezone(zone)
            if local.minute in minutes and local.hour in hours:
                found |= {instant + timedelta(seconds=second) for second in seconds}
            instant += timedelta(minutes=1)
    else:
        first = start.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0) - timedelta(days=2)
        for index in range(days * 1440):
            local = first + timedelta(minutes=index)
            if local.minute in minutes and local.hour in hours:
                for second in seconds:
                    exact = local.replace(second=second)
                    instant = exact.replace(tzinfo=zone).astimezone(UTC)
                    if instant.astimezone(zone).replace(tzinfo=None) != exact:
                        instant = end_of_gap(exact, zone)
                    found.add(instant)
    return [text(instant) for instant in sorted(instant for instant in found if instant > start)[:TICKS]]


def end_of_gap(local, zone):
    instant = local.replace(tzinfo=UTC, second=0) - timedelta(hours=27)
    before = instant.astimezone(zone).replace(tzinfo=None)
    while True:
        instant += timedelta(minutes=1)
        after = instant.astimezone(zone).replace(tzinfo=None)
        if before < local < after and after - before > timedelta(minutes=1):
            return instant
        before = after


def transitions(zone, years):
    """When the zone's offset changes, to the minute."""
    found = []
    instant, end = datetime(years[0], 1, 1, tzinfo=UTC), datetime(years[1], 1, 1, tzinfo=UTC)
    while instant < end:
        later = instant + timedelta(hours=6)
        if instant.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            low, high = instant, later
            while high - low > timedelta(minutes=1):
                middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
                if middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset():
                    low = middle
                else:
                    high = middle
            found.append(high)
        instant = later
    return found


def edge_cases(name, source):
    zone = ZoneInfo(name)
    years = [(2009, 2025)] + ([(2041, 2043)] if name in FUTURE else [])
    for span in years:
        edges = transitions(zone, span)
        forward = [e for e in edges if e.astimezone(zone).utcoffset() > (e - timedelta(hours=1)).astimezone(zone).utcoffset()]
        back = [e for e in edges if e not in forward]
        for group in (forward, back):
            for edge in source.sample(group, min(2, len(group))):
                yield from around(edge, zone, source)


def around(edge, zone, source):
    before = (edge - timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None) + timedelta(minutes=1)
    after = edge.astimezone(zone).replace(tzinfo=None)
    low, high = min(before, after), max(before, after)
    middle = low + min(high - low, timedelta(hours=2)) / 2
    hours = ",".join(str(hour) for hour in sorted({low.hour, (low.hour + 1) % 24, (low.hour + 2) % 24}))
    expressions = [
        f"{middle.minute} {middle.hour} * * *", f"{low.minute} {low.hour} * * *", f"{high.minute} {high.hour} * * *",
        f"5 {hours} * * *", "0 * * * *", "*/20 * * * *", "30 */2 * * *", f"*/15 {low.hour} * * *",
        f"30 {middle.minute} {middle.hour} * * *", f"10 */30 {low.hour} * * *",
    ]
    for cron in source.sample(expressions, 8):
        yield cron, edge - timedelta(minutes=source.choice([15, 95, 200, 1500]))
    # In the middle of it.
    for cron in source.sample(expressions, 2):
        yield cron, edge + timedelta(minutes=source.choice([0, 10, 40]))


def main():
    source = random.Random(1970)
    agreed, differing, single = [], [], []
    for name in ZONES:
        zone = ZoneInfo(name)
        for cron, start in edge_cases(name, source):
            start = start.astimezone(zone)
            answers = attempt(by_cronsim, cron, start), attempt(by_croniter, cron, start)
            row = [name, cron, text(start)]
            fields = cron.split()
            has_rule = len(fields) == 5 or any(field.startswith("*") for field in fields[1:3])
            if answers[0] == answers[1] and has_rule:
                agreed.append(row + answers[0])
            else:
                differing.append({
                    "case": row, "cronsim": answers[0], "croniter": answers[1], "rule": by_rule(cron, start, zone)})
    for cron in CALENDAR + WORKDAYS:
        for name in source.sample(ZONES, 3):
            zone = ZoneInfo(name)
            start = (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=source.randrange(24 * 365 * 1440))).astimezone(zone)
            answers = attempt(by_cronsim, cron, start), attempt(by_croniter, cron, start)
            row = [name, cron, text(start)]
            if answers[0] == answers[1]:
                agreed.append(row + answers[0])
            elif cron in WORKDAYS:
                single.append(row + next(answer for answer in answers if isinstance(answer, list)))
            else:
                print("calendar:", row, *answers, file=sys.stderr)
    # Enough of them.
    differing = source.sample(differing, 150)
    table = {
        "versions": {
            "cronsim": version("cronsim"), "croniter": version("croniter"), "python": sys.version.split()[0],
            "tzdata": Path("/usr/share/zoneinfo/tzdata.zi").read_text().split("\n")[0].split()[-1],
        },
        "columns": ["zone", "cron", "after", "ticks"],
    }
    lines = [f'"{key}": {json.dumps(value)}' for key, value in table.items()]
    for key, rows in ("agreed", agreed), ("one_alone", single), ("by_rule", differing):
        lines.append(f'"{key}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]")
    Path(__file__).with_name("ticks.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(len(agreed), "agreed,", len(differing), "by rule,", len(single), "by one alone")


main()
