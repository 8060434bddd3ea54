"""Searches a folder of notes: a server of the Model Context Protocol with one tool, on standard input and output.

Each line of standard input is a JSON-RPC request or notification; each line of standard output is a response.
The folder is FOLDER in the project.
"""

import json
import os
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path

VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
LARGEST = 1 << 20  # bytes of a file that is read
TOOL = {
    "name": "search",
    "description": "Finds the paragraphs of the notes that hold the words, the best ones first.",
    "inputSchema": {
        "type": "object",
        "required": ["words"],
        "additionalProperties": False,
        "properties": {
            "words": {"type": "string", "minLength": 1, "description": "Words, such as a question."},
            "limit": {"type": "integer", "minimum": 1, "maximum": 50, "default": 5, "description": "The maximum number."},
        },
    },
    "outputSchema": {
        "type": "object",
        "required": ["found"],
        "additionalProperties": False,
        "properties": {
            "found": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["file", "text"],
                    "properties": {"file": {"type": "string"}, "text": {"type": "string"}},
                },
            }
        },
    },
}


class Failure(Exception):
    """What a JSON-RPC error says."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


# The characters that are searched as bigrams: hiragana, katakana, Chinese characters and Hangul.
UNSPACED = "\u3040-\u30ff\u3005\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"


def words(text):
    """The words of at least three letters, and the bigrams (pairs of neighbouring characters) of `UNSPACED`.

    Bigrams that consist of hiragana are left out: they are mostly particles and endings.
    """
    text = unicodedata.normalize("NFKC", text.lower())
    found = set(re.findall(rf"[^\W{UNSPACED}]{{3,}}", text))
    for run in re.findall(rf"[{UNSPACED}]{{2,}}", text):
        found.update(run[i:i + 2] for i in range(len(run) - 1))
    return {word for word in found if not re.fullmatch("[\u3040-\u309f]+", word)}


def paragraphs(folder):
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".md", ".txt") and path.is_file() and path.stat().st_size <= LARGEST:
            text = path.read_text(encoding="utf-8", errors="replace")
            for paragraph in re.split(r"\n\s*\n", text):
                if paragraph.strip():
                    yield str(path.relative_to(folder)), paragraph.strip()


def search(wanted, limit=5):
    folder = Path(os.environ["RUNNEL_PROJECT"], os.environ["FOLDER"])
    if not folder.is_dir():
        return {"isError": True, "content": [{"type": "text", "text": f"the folder \"{folder}\" is missing"}]}
    asked = words(wanted)
    all_of_them = [(file, text, asked & words(text)) for file, text in paragraphs(folder)]
    # A word counts the less, the more paragraphs hold it.
    holders = Counter(word for _, _, held in all_of_them for word in held)
    ranked = [(sum(1 / holders[word] for word in held), file, text) for file, text, held in all_of_them]
    least = max((score for score, _, _ in ranked), default=0) / 2
    # The sort is stable: of paragraphs with the same score, the first one stays before the others.
    best = sorted((one for one in ranked if one[0] > 0 and one[0] >= least), key=lambda one: -one[0])[:limit]
    found = {"found": [{"file": file, "text": text} for _, file, text in best]}
    return {"structuredContent": found, "content": [{"type": "text", "text": json.dumps(found, ensure_ascii=False)}]}


def answer(method, params):
    if method == "initialize":
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "notes", "version": "1.0"},
        }
    if method == "ping":
        return {}
    if method == "tools/list":
        return {"tools": [TOOL]}
    if method == "tools/call":
        if params.get("name") != TOOL["name"]:
            raise Failure(-32602, f"there is no tool {params.get('name')!r}")
        given = params.get("arguments") or {}
        return search(str(given.get("words", "")), int(given.get("limit", 5)))
    raise Failure(-32601, f"the method {method!r} is not known")


def main():
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        response = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            response["result"] = answer(message["method"], message.get("params") or {})
        except Failure as failure:
            response["error"] = {"code": failure.code, "message": str(failure)}
        print(json.dumps(response), flush=True)


main()
