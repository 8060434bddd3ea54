#!/usr/bin/env python3
"""Records commands in a terminal of 80 columns and draws them as an SVG whose lines appear as they did.

    scripts/recording.py OUT.svg FOLDER COMMAND...

Each COMMAND is typed at a prompt in FOLDER and executed by bash. Needs pyte (PyPI), which is the terminal.
"""

import html
import os
import pty
import select
import subprocess
import sys
import time

import pyte

COLUMNS, ROWS = 80, 200
WIDTH, HEIGHT, PADDING, HEAD = 8.4, 19, 16, 34
COLOURS = {
    "default": "#d7dce2", "black": "#6b7683", "red": "#ff7b72", "green": "#7ee787", "brown": "#e3b341",
    "blue": "#79c0ff", "magenta": "#d2a8ff", "cyan": "#76e3ea", "white": "#f0f3f6",
    "brightblack": "#8b949e", "brightred": "#ff7b72", "brightgreen": "#7ee787", "brightbrown": "#e3b341",
    "brightblue": "#79c0ff", "brightmagenta": "#d2a8ff", "brightcyan": "#76e3ea", "brightwhite": "#ffffff",
}


def cells(row):
    """The row as runs of (column, text, colour, bold)."""
    runs = []
    for column in range(COLUMNS):
        cell = row[column]
        colour = COLOURS.get(cell.fg, "#" + cell.fg if len(cell.fg) == 6 else COLOURS["default"])
        if runs and runs[-1][2:] == (colour, cell.bold) and runs[-1][0] + len(runs[-1][1]) == column:
            runs[-1] = (runs[-1][0], runs[-1][1] + cell.data, colour, cell.bold)
        else:
            runs.append((column, cell.data, colour, cell.bold))
    return tuple(run for run in runs if run[1].strip())


class Recording:
    def __init__(self):
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.rows = {}
        self.began = time.monotonic()
        self.skipped = 0.0

    def now(self):
        return time.monotonic() - self.began - self.skipped

    def feed(self, data):
        self.stream.feed(data)
        for number in list(self.screen.dirty):
            row = cells(self.screen.buffer[number])
            if self.rows.get(number, ((), 0))[0] != row:
                self.rows[number] = (row, self.now())
        self.screen.dirty.clear()

    def type(self, command):
        self.feed(b"\x1b[32m$\x1b[0m " + command.encode() + b"\r\n")

    def run(self, folder, command):
        self.type(command)
        master, slave = pty.openpty()
        subprocess.run(["stty", "cols", str(COLUMNS), "rows", "40"], stdin=slave, check=True)
        environment = dict(os.environ, TERM="xterm-256color", COLUMNS=str(COLUMNS))
        process = subprocess.Popen(
            ["bash", "-c", command], cwd=folder, stdin=slave, stdout=slave, stderr=slave, env=environment,
            start_new_session=True,
        )
        os.close(slave)
        quiet = time.monotonic()
        while True:
            ready, _, _ = select.select([master], [], [], 0.2)
            if ready:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    break
                if not data:
                    break
                # A viewer does not wait for longer than a second.
                self.skipped += max(0, time.monotonic() - quiet - 1)
                self.feed(data)
                quiet = time.monotonic()
            elif process.poll() is not None:
                break
        os.close(master)
        process.wait()


def draw(recording):
    last = max((number for number, (row, _) in recording.rows.items() if row), default=0)
    width = round(COLUMNS * WIDTH + 2 * PADDING)
    height = HEAD + (last + 1) * HEIGHT + PADDING
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        "<title>A terminal that runs Runnel</title>",
        "<style>",
        "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre}",
        "g.l{animation:a .01s linear both}@keyframes a{from{opacity:0}to{opacity:1}}",
        "@media (prefers-reduced-motion:reduce){g.l{animation:none}}",
        "</style>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#161b22"/>',
        '<circle cx="20" cy="17" r="5.5" fill="#ff5f57"/><circle cx="38" cy="17" r="5.5" fill="#febc2e"/>'
        '<circle cx="56" cy="17" r="5.5" fill="#28c840"/>',
    ]
    for number, (row, at) in sorted(recording.rows.items()):
        if not row:
            continue
        y = HEAD + number * HEIGHT + 14
        out.append(f'<g class="l" style="animation-delay:{at:.2f}s">')
        for column, text, colour, bold in row:
            x = round(PADDING + column * WIDTH, 1)
            weight = ' font-weight="600"' if bold else ""
            text = text.rstrip()
            out.append(
                f'<text x="{x}" y="{y}" fill="{colour}"{weight} textLength="{round(len(text) * WIDTH, 1)}">'
                f"{html.escape(text)}</text>"
            )
        out.append("</g>")
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    recording = Recording()
    for command in sys.argv[3:]:
        recording.run(sys.argv[2], command)
    with open(sys.argv[1], "w") as file:
        file.write(draw(recording))


main()
