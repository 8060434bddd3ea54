"""Extracts the text of PDF files with pdftotext: a Runnel plugin of the protocol `exec`.

Standard input holds one JSON object: {"step": …, "with": {…}, "input": …, "run": {…}}.
Standard output takes JSON lines: one result or error.
"""

import json
import os
import subprocess
import sys


class Failure(Exception):
    def __init__(self, code, message, hint=None):
        super().__init__(message)
        self.report = {"type": "error", "code": code, "message": message}
        if hint:
            self.report["hint"] = hint


def text(path, pages, longest):
    project = os.path.realpath(os.environ["RUNNEL_PROJECT"])
    file = os.path.realpath(os.path.join(project, path))
    # Runnel has checked the path; a link that leads out is refused here.
    if not file.startswith(project + os.sep):
        raise Failure("path-outside", f'"{path}" leads out of the project')
    if not os.path.isfile(file):
        raise Failure("file-not-found", f'there is no file "{path}"')
    command = ["pdftotext", "-enc", "UTF-8", "-l", str(pages), file, "-"]
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError:
        raise Failure(
            "no-pdftotext", "the program pdftotext is missing",
            hint="install it: apt-get install poppler-utils, dnf install poppler-utils or brew install poppler") from None
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"pdftotext ended with the status {ended.returncode}"
        raise Failure("bad-pdf", f'cannot read "{path}": {reason}', hint="is it a PDF, and without a password?")
    found = ended.stdout.decode(errors="replace")
    return {"text": found[:longest], "truncated": len(found) > longest}


def main():
    given = json.load(sys.stdin)["with"]
    try:
        report = {"type": "result", "output": text(given["path"], given.get("pages", 20), given.get("max_length", 60000))}
    except Failure as failure:
        report = failure.report
    print(json.dumps(report), flush=True)


main()
