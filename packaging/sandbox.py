#!/usr/bin/env python3
"""Runs a command with the system calls and address families that a systemd unit allows, without a running systemd.

    packaging/sandbox.py [--root FOLDER] [--user NAME] UNIT COMMAND...

What SystemCallFilter=, SystemCallErrorNumber= and RestrictAddressFamilies= of UNIT say is given to the kernel by libseccomp,
as systemd does it; `systemd-analyze syscall-filter` tells which calls a group such as @system-service has. The command runs in
the root folder FOLDER as the user NAME of that folder. Needs root where one of them is given.
"""

import argparse
import ctypes
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys

ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
ERRNO = 0x00050000
EQUAL = 4
# Calls that systemd allows whatever the unit says, beside those of the group @default.
IMPLICIT = {"execve"}
# The highest number of an address family in Linux, and some above it.
FAMILIES = range(64)


class Comparison(ctypes.Structure):
    _fields_ = [
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    ]


def settings(unit):
    """The assignments of a unit file by their names, in order; an empty one resets what stood before it."""
    found = {}
    with open(unit) as file:
        for line in file:
            name, equals, value = line.strip().partition("=")
            if not equals or name.startswith(("#", ";")):
                continue
            found[name] = found.get(name, []) + [value.split()] if value else []
    return found


def calls_of(name):
    """The calls of a group, with those of the groups in it; a call itself otherwise."""
    if not name.startswith("@"):
        return {name}
    listing = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
    ).stdout
    words = [line.strip() for line in listing.splitlines()[1:]]
    return set().union(*(calls_of(word) for word in words if word and not word.startswith("#")))


def allowed_calls(filters):
    """What the lines of SystemCallFilter= allow. The first one says what is listed: what is allowed, as in Runnel's unit."""
    allowed = set()
    for number, words in enumerate(filters):
        removes = words[0].startswith("~")
        if removes and number == 0:
            sys.exit('sandbox.py: the first "SystemCallFilter=" must list what is allowed')
        names = set().union(*(calls_of(word) for word in [words[0].lstrip("~"), *words[1:]]))
        allowed = allowed - names if removes else allowed | names
    return allowed | calls_of("@default") | IMPLICIT


class Filter:
    library = None

    def __init__(self, otherwise):
        if Filter.library is None:
            Filter.library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
            Filter.library.seccomp_init.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.library.seccomp_init(ctypes.c_uint32(otherwise)))

    def add(self, action, call, *comparisons):
        number = self.library.seccomp_syscall_resolve_name(call.encode())
        # Negative: a call of another architecture.
        if number < 0:
            return
        array = (Comparison * max(1, len(comparisons)))(*comparisons)
        result = self.library.seccomp_rule_add_array(
            self.context, ctypes.c_uint32(action), number, len(comparisons), array
        )
        if result != 0:
            sys.exit(f'sandbox.py: the rule for "{call}" was refused: {os.strerror(-result)}')

    def load(self):
        result = self.library.seccomp_load(self.context)
        if result != 0:
            sys.exit(f"sandbox.py: the kernel refused the filter: {os.strerror(-result)}")


def filters(unit):
    """In the order in which they are loaded: the last one may forbid loading another."""
    found = settings(unit)
    if "SystemCallFilter" not in found:
        sys.exit(f'sandbox.py: "{unit}" has no "SystemCallFilter="')
    made = []
    families = {word for words in found.get("RestrictAddressFamilies", []) for word in words}
    if families:
        numbers = {getattr(socket, name) for name in families}
        family_filter = Filter(ALLOW)
        for family in FAMILIES:
            if family not in numbers:
                family_filter.add(ERRNO | errno.EAFNOSUPPORT, "socket", Comparison(0, EQUAL, family, 0))
        made.append(family_filter)
    number = found.get("SystemCallErrorNumber")
    call_filter = Filter(ERRNO | getattr(errno, number[-1][0]) if number else KILL_PROCESS)
    for call in sorted(allowed_calls(found["SystemCallFilter"])):
        call_filter.add(ALLOW, call)
    return made + [call_filter]


def user_of(root, name):
    """The numbers of a user and its group, as the passwd file of a root folder has them."""
    with open(os.path.join(root, "etc/passwd")) as file:
        for line in file:
            fields = line.split(":")
            if fields[0] == name:
                return int(fields[2]), int(fields[3])
    sys.exit(f'sandbox.py: there is no user "{name}" in {root}/etc/passwd')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default="/")
    parser.add_argument("--user")
    parser.add_argument("unit")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.command:
        parser.error("a command is missing")
    if shutil.which("systemd-analyze") is None:
        sys.exit("sandbox.py: systemd-analyze is missing, which tells the calls of a group; install systemd")
    made = filters(options.unit)
    identity = user_of(options.root, options.user) if options.user else None
    if options.root != "/":
        os.chroot(options.root)
        os.chdir("/")
    if identity:
        os.setgroups([])
        os.setgid(identity[1])
        os.setuid(identity[0])
    # What Python ignores is not ignored by the command.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for one in made:
        one.load()
    os.execvp(options.command[0], options.command)


main()
