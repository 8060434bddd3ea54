#!/usr/bin/env python3
"""Makes an object file with the part of ICU's data that Runnel needs, and prints the flags that link it.

    packaging/icu.py FOLDER

Foundation links all of ICU's data: 34 MB, most of it names, sort orders and formats of 700 locales, and tables for character sets
that Runnel leaves to iconv. Kept are the data of the root locale and of English, of time zones, and of characters, which is 5 MB.
For other locales ICU falls back to the root locale, as it does for locales that it does not know.

Prints nothing where the toolchain has no such data, as on macOS, which brings ICU itself.
"""

import pathlib
import re
import shutil
import struct
import subprocess
import sys

# Of the format of a package of data: UDataInfo in ICU's udata.h, and UDataOffsetTOC in its ucmndata.h.
FORMAT = b"CmnD"
FORMAT_OFFSET = 12
ALIGNMENT = 16
LOCALES = {"en", "en_001", "en_US", "en_US_POSIX"}


def is_needed(name):
    """Whether an item such as icudt76l/lang/ja.res is kept."""
    path = name.split("/")[1:]
    # Character sets, dictionaries that break words, preparation of names, look-alikes, and transliteration.
    if path[0] == "translit" or path[-1].endswith((".cnv", ".dict", ".spp", ".cfu")):
        return False
    locale = re.fullmatch(r"([a-z]{2,3}(_\w+)?)\.res", path[-1])
    return locale is None or locale[1] in LOCALES


def items(package):
    """The header of a package, and its items as pairs of a name and bytes."""
    header_size = struct.unpack_from("<H", package)[0]
    contents = package[header_size:]
    count = struct.unpack_from("<I", contents)[0]
    offsets = [struct.unpack_from("<II", contents, 4 + 8 * index) for index in range(count)]
    found = []
    for (name, start), (_, end) in zip(offsets, offsets[1:] + [(0, len(contents))]):
        found.append((contents[name : contents.index(b"\0", name)].decode(), contents[start:end]))
    return package[:header_size], found


def packed(header, kept):
    """A package of these items."""

    def padded(data):
        return data + bytes(-len(data) % ALIGNMENT)

    names = b"".join(name.encode() + b"\0" for name, _ in kept)
    start = 4 + 8 * len(kept)
    table, body = struct.pack("<I", len(kept)), b""
    first = len(padded(bytes(start) + names))
    name_offset = start
    for name, data in kept:
        table += struct.pack("<II", name_offset, first + len(body))
        name_offset += len(name.encode()) + 1
        body += padded(data)
    return header + padded(table + names) + body


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    swiftc = shutil.which("swiftc")
    archive = swiftc and pathlib.Path(swiftc).resolve().parent.parent / "lib/swift_static/linux/lib_FoundationICU.a"
    if not archive or not archive.exists():
        return
    library = archive.read_bytes()
    start = library.find(FORMAT) - FORMAT_OFFSET
    if start < 0:
        print(f"{archive} has no data of ICU in the known format: all of it is linked.", file=sys.stderr)
        return
    # The last item of the package, a locale that is dropped, seems to go on to the end of the library.
    header, found = items(library[start:])
    version = found[0][0].split("/")[0].rstrip("lbe")
    kept = [item for item in found[:-1] if is_needed(item[0])]
    folder.mkdir(parents=True, exist_ok=True)
    data, source, output = folder / "icu.dat", folder / "icu.s", folder / "icu.o"
    data.write_bytes(packed(header, kept))
    # References to ICU's data lead to the symbol with this prefix, so that its own object is not linked.
    symbol = f"__wrap_{version}_dat"
    source.write_text(
        f'.section .rodata,"a",@progbits\n.globl {symbol}\n.balign {ALIGNMENT}\n{symbol}:\n.incbin "{data}"\n'
        '.section .note.GNU-stack,"",@progbits\n'
    )
    subprocess.run([pathlib.Path(swiftc).resolve().parent / "clang", "-c", source, "-o", output], check=True)
    print(f"-Xlinker --wrap={version}_dat -Xlinker {output}")


main()
