"""Reads RSS 2.0, RSS 1.0 and Atom feeds: a Runnel plugin of the protocol `exec`.

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
from urllib.parse import urljoin
from xml.etree import ElementTree

ATOM = "{http://www.w3.org/2005/Atom}"
DC = "{http://purl.org/dc/elements/1.1/}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
RSS1 = "{http://purl.org/rss/1.0/}"
BASE = "{http://www.w3.org/XML/1998/namespace}base"


class BadFeed(Exception):
    pass


def say(**message):
    print(json.dumps(message), flush=True)


def refuse_entities(feed):
    """Rejects entity declarations: nested entities can expand exponentially ("billion laughs")."""
    parser = xml.parsers.expat.ParserCreate()

    def refuse(name, *_):
        raise BadFeed(f'the feed declares the entity "{name}"')

    parser.EntityDeclHandler = refuse
    parser.Parse(feed, True)


def text(parent, name):
    """The text of a child and of all elements in it; None where there is none."""
    child = parent.find(name)
    return None if child is None else " ".join(" ".join(child.itertext()).split()) or None


def plain(html):
    """The text of HTML. A `<` in front of a space or a digit is no tag."""
    # An unclosed comment, script or tag extends to the end of the text, as in a browser. A search for each missing end
    # would take quadratic time.
    hidden = r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)"
    return html and " ".join(unescape(re.sub(rf"(?is){hidden}|<[a-z/!?][^>]*(?:>|\Z)", " ", html)).split())


def rfc3339(date):
    """The date in UTC. A time without a zone counts as UTC. A date that cannot be converted stays unchanged."""
    try:
        # Besides UT and GMT, RFC 822 has zone names only for North America.
        time = parsedate_to_datetime(re.sub(r"\bJST$", "+0900", date))
        if time.tzinfo is None and date[-1].isalpha():
            return date
        time = time.replace(tzinfo=time.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (TypeError, ValueError, OverflowError):
        return date
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def rss(feed, namespace=""):
    for item in feed.iter(namespace + "item"):
        guid = item.find("guid")
        # Without the attribute, the guid is the address.
        is_link = guid is not None and guid.get("isPermaLink", "true") == "true"
        link = text(item, namespace + "link") or (text(item, "guid") if is_link else None)
        yield {
            "title": plain(text(item, namespace + "title")),
            "link": link,
            "id": item.get(RDF + "about") or text(item, "guid") or link,
            "published": rfc3339(text(item, "pubDate")) or text(item, DC + "date"),
            "summary": plain(text(item, namespace + "description")),
        }


def content(entry, name):
    """The text of a child of Atom. Its type says whether it holds HTML; in text, `<` is a character."""
    child, found = entry.find(name), text(entry, name)
    return plain(found) if child is not None and child.get("type") in ("html", "text/html") else found


def joined(base, address):
    """The address from the base on; as it is written if it is none."""
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def page(entry, base):
    """The address of an entry's page, of several the one of HTML."""
    # An entry that was taken over has the links of its feed in `source`.
    links = [link for link in entry.findall(ATOM + "link")
             if link.get("href") and link.get("rel", "alternate") == "alternate"]
    links.sort(key=lambda link: link.get("type", "text/html") != "text/html")
    return joined(joined(base, links[0].get(BASE, "")), links[0].get("href")) if links else None


def atom(feed):
    for entry in feed.iter(ATOM + "entry"):
        yield {
            "title": content(entry, ATOM + "title"),
            "link": page(entry, joined(feed.get(BASE, ""), entry.get(BASE, ""))),
            "id": text(entry, ATOM + "id"),
            "published": text(entry, ATOM + "published") or text(entry, ATOM + "updated"),
            "summary": content(entry, ATOM + "summary") or content(entry, ATOM + "content"),
        }


def entries(feed):
    try:
        refuse_entities(feed)
        root = ElementTree.fromstring(feed)
    except (ElementTree.ParseError, xml.parsers.expat.ExpatError) as error:
        raise BadFeed(f"the feed is not XML: {error}") from None
    if root.tag == "rss":
        return rss(root)
    if root.tag == RDF + "RDF" and root.find(RSS1 + "channel") is not None:
        return rss(root, RSS1)
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
