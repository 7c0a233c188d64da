"""Answers for the property tests, from an independent implementation: python3-dateutil for rules and VTIMEZONEs, and
zoneinfo for the tz database. Reads one JSON object a line, writes one answer a line."""
import datetime
import io
import json
import sys
import zoneinfo

from dateutil import rrule, tz

UTC = datetime.timezone.utc


def parse(s):
    return datetime.datetime.strptime(s, "%Y%m%dT%H%M%S")


def utc(wall, zone):
    """RFC 5545 section 3.3.5 is what fold=0 means: the first of two, and the offset before a gap."""
    return int(wall.replace(tzinfo=zone, fold=0).astimezone(UTC).timestamp())


def occurrences(c):
    datetime.MAXYEAR = c["lastYear"]  # dateutil walks rules that match nothing up to here
    start = parse(c["start"])
    try:
        rule = rrule.rrulestr(c["rule"], dtstart=start, ignoretz=True)
    except ValueError as e:
        if "generates an empty set" not in str(e):
            raise
        rule = []  # its steps never meet its parts
    walls = []
    for wall in rule:
        if len(walls) == c["limit"] or wall.year > c["lastYear"]:
            break
        walls.append(wall)
    if not walls or walls[0] != start:  # DTSTART is always the first, and counts (section 3.8.5.3 and 3.3.10)
        if walls and rule._count is not None and len(walls) == rule._count:
            walls.pop()
        walls.insert(0, start)
    zone = zoneinfo.ZoneInfo(c["zone"])
    return [utc(w, zone) for w in walls]


def offsets(c):
    zone = tz.tzical(io.StringIO(c["vtimezone"])).get()
    return [int(datetime.datetime.fromtimestamp(t, UTC).astimezone(zone).utcoffset().total_seconds()) for t in c["at"]]


for line in sys.stdin:
    case = json.loads(line)
    print(json.dumps(occurrences(case) if "rule" in case else offsets(case)))
