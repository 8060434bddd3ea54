#!/usr/bin/env python3
"""Links the release binary: without unused code, and with the code that is used together side by side.

    swiftc -use-ld=…/packaging/linker.py …

clang calls it with the arguments of a linker. It calls lld, which Swift's toolchain contains, with three changes:

- Swift marks all that is public as used (SHF_GNU_RETAIN), since a program could look for it by its name. Nothing looks for names in
  this program, so code is linked without these marks, and `--gc-sections` can leave out what nothing refers to.
- Some of Swift's constants are marked as writable, which puts all constants among the variables. They are linked as constants,
  except those of libdispatch: valgrind writes into one of them, the argument of sigsuspend(2).
- If the output is `runnel`, it is linked twice. The first result is executed under callgrind, which tells the functions that an idle
  server uses, those that calls use, and those of a start. In this order they are at the beginning of the code of the second result,
  so that few pages are read and stay in memory.
"""

import os
import pathlib
import platform
import re
import shlex
import shutil
import struct
import subprocess
import sys
import time
import urllib.request

# Of elf(5), for 64 bits and little-endian.
SHF_WRITE, SHF_MERGE, SHF_GNU_RETAIN = 0x1, 0x10, 0x200000
SECTION_TABLE, SECTION_COUNTS, SECTION_SIZE = 0x28, 0x3A, 64
ARCHIVE = b"!<arch>\n"
# How long an execution may take.
TIMEOUT = 180
CALLS = 40

PIPELINES = {
    "tick": 'on: { schedule: { cron: "0 4 1 1 *", timezone: UTC } }\nsteps: [{ uses: template, with: { text: "{{ run.id }}" } }]\n',
    "files": "on: { watch: { path: inbox } }\nsteps: [{ uses: file.read, with: { path: \"{{ trigger.path }}\" } }]\n",
    "calls": "on: { webhook: { path: calls, verify: { scheme: none }, respond: result } }\n"
    'steps: [{ uses: template, with: { text: "Call {{ trigger.body.number }}" } }]\n',
    "chats": "on: { webhook: { path: chats, verify: { scheme: none }, respond: result } }\n"
    'steps: [{ uses: chat, with: { agent_id: agent-ai-bot, prompt: "Summarise {{ trigger.body }}." } }]\n',
}


def main(arguments):
    arguments = expanded(arguments)
    output = pathlib.Path(arguments[arguments.index("-o") + 1])
    folder = output.with_name(output.name + ".link")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        # A server releases the pages of code that only its start needed, and with them those of constants, which are in the same segment.
        lld = toolchain() / "ld.lld"
        if not lld.exists():
            sys.exit(f"{lld} is missing. It is part of Swift's toolchains from https://www.swift.org/install.")
        command = [str(lld), *prepared(arguments, folder), "--no-rosegment"]
        glibc = re.match(r"(\d+)\.(\d+)", platform.libc_ver()[1])
        # The first version that reads packed relocations, which take 4 MB less.
        if glibc and (int(glibc[1]), int(glibc[2])) >= (2, 36):
            command += ["-z", "pack-relative-relocs"]
        link(command, folder)
        if output.name == "runnel":
            order = functions_by_use(output, folder)
            if order:
                (folder / "order").write_text("\n".join(order) + "\n")
                link([*command, f"--symbol-ordering-file={folder / 'order'}", "--no-warn-symbol-ordering"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def expanded(arguments):
    """The arguments, with those of response files in their places."""
    found = []
    for argument in arguments:
        if argument.startswith("@"):
            found += expanded(shlex.split(pathlib.Path(argument[1:]).read_text()))
        else:
            found.append(argument)
    return found


def toolchain():
    return pathlib.Path(shutil.which("swiftc")).resolve().parent


def link(command, folder):
    # As many arguments as there are object files are too long for a command.
    response = folder / "arguments"
    response.write_text("\n".join(shlex.quote(argument) for argument in command[1:]))
    status = subprocess.run([command[0], f"@{response}"]).returncode
    if status != 0:
        sys.exit(status)


def prepared(arguments, folder):
    """The arguments with changed copies of the object files and of Swift's static libraries."""
    result = []
    for number, argument in enumerate(arguments):
        path = pathlib.Path(argument)
        if path.suffix == ".o" and path.exists():
            copy = folder / f"{number}-{path.name}"
            result.append(str(copy) if copied(path, copy) else argument)
        elif argument.startswith("-L") and (pathlib.Path(argument[2:]) / "libswiftCore.a").exists():
            libraries = folder / f"libraries-{number}"
            libraries.mkdir()
            for library in pathlib.Path(argument[2:]).glob("*.a"):
                copied(library, libraries / library.name)
            result += [f"-L{libraries}", argument]
        else:
            result.append(argument)
    return result


def copied(path, copy):
    """Writes a changed copy of an object file or an archive; false if nothing has to be changed."""
    data = bytearray(path.read_bytes())
    changed = 0
    if data.startswith(ARCHIVE):
        # Of ar(5): headers of 60 bytes, whose bytes 48 to 57 are the size of the member.
        start = len(ARCHIVE)
        while start < len(data):
            size = int(data[start + 48 : start + 58])
            changed += change(data, start + 60, has_variables=path.name == "libdispatch.a")
            start += 60 + size + size % 2
    else:
        changed = change(data, 0)
    if changed:
        copy.write_bytes(data)
    return changed > 0


def change(data, start, has_variables=False):
    """Changes the flags of the sections of the object file that starts here, and tells how many it has changed.

    If it has variables, its constants become variables.
    """
    if data[start : start + 6] != b"\x7fELF\x02\x01":
        return 0
    table = start + struct.unpack_from("<Q", data, start + SECTION_TABLE)[0]
    _, count, names = struct.unpack_from("<HHH", data, start + SECTION_COUNTS)
    # With too many sections for these fields, the values are in the first section.
    if count == 0:
        count = struct.unpack_from("<Q", data, table + 0x20)[0]
    if names == 0xFFFF:
        names = struct.unpack_from("<I", data, table + 0x28)[0]
    texts, length = struct.unpack_from("<QQ", data, table + SECTION_SIZE * names + 0x18)
    texts += start
    changed = 0
    for header in range(table, table + SECTION_SIZE * count, SECTION_SIZE):
        name, _, flags = struct.unpack_from("<IIQ", data, header)
        if not flags & (SHF_WRITE | SHF_GNU_RETAIN) and not has_variables:
            continue
        text = bytes(data[texts + name : data.index(b"\0", texts + name)])
        kept = flags
        if text.startswith(b".text."):
            kept &= ~SHF_GNU_RETAIN
        elif text == b".rodata" or text.startswith(b".rodata."):
            variables = data.find(b".data\0", texts, texts + length) if has_variables and not flags & SHF_MERGE else -1
            if variables >= 0:
                struct.pack_into("<I", data, header, variables - texts)
                kept |= SHF_WRITE
            else:
                kept &= ~SHF_WRITE
        if kept != flags:
            struct.pack_into("<Q", data, header + 8, kept)
            changed += 1
    return changed


def functions_by_use(program, folder):
    """The names of the functions that executions of the program use; none where that cannot be found out."""
    for tool in ["valgrind", "callgrind_control"]:
        if not shutil.which(tool):
            print(f"{tool} is missing, so the functions are not arranged by their use.", file=sys.stderr)
            return []
    copy = folder / "runnel"
    # valgrind cannot read Swift's debug information.
    subprocess.run(["strip", "--strip-debug", "-o", copy, program], check=True)
    try:
        profiles = serve(copy, folder / "project")
        profiles.insert(2, execute(copy, folder / "project"))
        # A function belongs to the first profile that has it.
        return list(dict.fromkeys(name for profile in profiles for name in functions(profile)))
    except (OSError, subprocess.SubprocessError, TimeoutError) as error:
        print(f"The functions are not arranged by their use: {error}", file=sys.stderr)
        return []


def counting(profile):
    return ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={profile}"]


def execute(program, project):
    """Executes a short command and returns its profile."""
    profile = project / "version"
    subprocess.run(
        [*counting(profile), program, "--version"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT, check=True, env=environment(project),
    )  # fmt: skip
    return profile


def environment(project):
    """The environment without settings of this shell, such as the URL of a journal."""
    foreign = ("RUNNEL_", "OTEL_", "NOTIFY_", "WATCHDOG_", "LISTEN_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**own, "RUNNEL_TRUST": str(project)}


def serve(program, project):
    """Executes a server and returns the profiles of it when it is idle, of calls, of its start, and of its end."""
    (project / "pipelines").mkdir(parents=True)
    (project / "inbox").mkdir()
    (project / "runnel.yaml").touch()
    for name, text in PIPELINES.items():
        (project / "pipelines" / f"{name}.yaml").write_text(f"name: {name}\n{text}")
    profile, said = project / "serve", project / "said"
    with open(said, "wb") as out:
        server = subprocess.Popen(
            [*counting(profile), program, "serve", project / "pipelines", "--port", "0", "--simulate"],
            stdout=out, stderr=subprocess.STDOUT, cwd=project, env=environment(project),
        )  # fmt: skip
    try:

        def dump():
            subprocess.run(
                ["callgrind_control", "-d", "part", str(server.pid)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT, check=True,
            )  # fmt: skip

        address = listening(server, said)
        dump()
        # What an idle server does every few seconds.
        time.sleep(10)
        dump()
        for number in range(CALLS):
            for name in ["calls", "chats"]:
                request = urllib.request.Request(
                    f"{address}/hooks/{name}", b'{"number": "%d"}' % number, {"content-type": "application/json"}
                )
                urllib.request.urlopen(request, timeout=TIMEOUT).read()
        (project / "inbox" / "file").write_text("text")
        dump()
        server.terminate()
        server.wait(TIMEOUT)
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    start, idle, calls = (project / f"serve.{number}" for number in (1, 2, 3))
    return [idle, calls, start, profile]


def listening(server, said):
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end and server.poll() is None:
        found = re.search(r"^Listening on (http\S+)$", said.read_text(errors="replace"), re.MULTILINE)
        if found:
            return found[1]
        time.sleep(0.1)
    raise TimeoutError(f"the server did not listen: {said.read_text(errors='replace').strip()}")


def functions(profile):
    """The functions of the program in a profile. In its format, a name is written once and referred to by a number then."""
    objects, names, own = {}, {}, False
    for line in profile.read_text(errors="replace").splitlines():
        found = re.match(r"(ob|fn|cob|cfn)=\((\d+)\)(?: (.*))?$", line)
        if not found:
            continue
        kind, number, text = found.groups()
        table = objects if kind.endswith("ob") else names
        if text:
            table[number] = text
        if kind == "ob":
            own = pathlib.Path(table.get(number, "")).name == "runnel"
        elif kind == "fn" and own:
            # 'n marks a recursion. A function without a name is its address.
            name = re.sub(r"'\d+$", "", table.get(number, ""))
            if name and not name.startswith("0x"):
                yield name


main(sys.argv[1:])
