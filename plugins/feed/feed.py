"""Reads RSS 2.0 and Atom feeds: a Runnel plugin of the protocol `exec`.

Standard input holds one JSON object: {"step": …, "with": {…}, "input": …, "run": {…}}.
Standard output takes JSON lines: notes while it works, and one result or error.
"""

import json
import re
import sys
import xml.parsers.expat
from datetime import timezone
from email.utils import parsedate_to_datetime
from html import unescape
from xml.etree import ElementTree

ATOM = "{http://www.w3.org/2005/Atom}"


class BadFeed(Exception):
    pass


def say(**message):
    print(json.dumps(message), flush=True)


def refuse_entities(text):
    """Rejects entity declarations: nested entities can expand exponentially ("billion laughs")."""
    parser = xml.parsers.expat.ParserCreate()

    def refuse(name, *_):
        raise BadFeed(f'the feed declares the entity "{name}"')

    parser.EntityDeclHandler = refuse
    parser.Parse(text, True)


def plain(html):
    if html is None:
        return None
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html))).strip()


def rfc3339(date):
    try:
        return parsedate_to_datetime(date).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError):
        return date


def rss(channel):
    for item in channel.iter("item"):
        link = item.findtext("link")
        yield {
            "title": plain(item.findtext("title")),
            "link": link,
            "id": item.findtext("guid") or link,
            "published": rfc3339(item.findtext("pubDate")),
            "summary": plain(item.findtext("description")),
        }


def atom(feed):
    for entry in feed.iter(ATOM + "entry"):
        links = {link.get("rel", "alternate"): link.get("href") for link in entry.iter(ATOM + "link")}
        yield {
            "title": plain(entry.findtext(ATOM + "title")),
            "link": links.get("alternate"),
            "id": entry.findtext(ATOM + "id"),
            "published": entry.findtext(ATOM + "published") or entry.findtext(ATOM + "updated"),
            "summary": plain(entry.findtext(ATOM + "summary") or entry.findtext(ATOM + "content")),
        }


def entries(text):
    try:
        refuse_entities(text)
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, xml.parsers.expat.ExpatError) as error:
        raise BadFeed(f"the feed is not XML: {error}") from None
    if root.tag == "rss":
        return rss(root)
    if root.tag == ATOM + "feed":
        return atom(root)
    raise BadFeed(f"expected RSS or Atom, found the element <{root.tag}>")


def main():
    request = json.load(sys.stdin)
    given = request["with"].get("text", request["input"])
    if isinstance(given, dict):
        given = given.get("text", given.get("body"))
    if not isinstance(given, str):
        say(type="error", code="no-feed", message="there is no text to read",
            hint='set `text`, or put the step behind one that brings text')
        return
    try:
        found = list(entries(given.strip()))
    except BadFeed as error:
        say(type="error", code="bad-feed", message=str(error))
        return
    limit = request["with"].get("limit", 20)
    say(type="note", text=f"{len(found)} entries, {min(limit, len(found))} taken")
    say(type="result", output=found[:limit])


main()
