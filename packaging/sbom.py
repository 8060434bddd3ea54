#!/usr/bin/env python3
"""Writes the software bill of materials of Runnel as SPDX 2.3 (JSON) to standard output.

The packages are those of Package.resolved, their licenses are read from the checkouts in .build/checkouts, and the system
libraries are those that scripts/packages.sh installs and those that they need, as the archive of packaging/tarball.sh holds them,
with the version of this machine. So build first.
"""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The text by which a license is told from another, most specific first.
LICENSES = [
    ("Apache License", "Apache-2.0"),
    ("BoringSSL", "OpenSSL AND ISC"),
    ("Permission is hereby granted, free of charge", "MIT"),
    ("Redistribution and use in source and binary forms", "BSD-3-Clause"),
]
# Debian's package for the headers, or for the library where nothing is compiled with it, the library's license, and where it
# comes from.
LIBRARIES = [
    ("libyaml-dev", "libyaml", "MIT", "https://github.com/yaml/libyaml"),
    ("libjq-dev", "jq", "MIT", "https://jqlang.github.io/jq"),
    ("libgumbo-dev", "gumbo", "Apache-2.0", "https://codeberg.org/gumbo-parser/gumbo-parser"),
    ("zlib1g-dev", "zlib", "Zlib", "https://zlib.net"),
    ("libsqlite3-dev", "SQLite", "blessing", "https://sqlite.org"),
    ("libonig5", "oniguruma", "BSD-2-Clause", "https://github.com/kkos/oniguruma"),
    ("libstdc++6", "libstdc++", "GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org"),
    ("libgcc-s1", "libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org"),
]


def license_of(checkout):
    for name in ("LICENSE.txt", "LICENSE", "LICENSE.md", "License.txt"):
        path = checkout / name
        if path.is_file():
            text = path.read_text(errors="replace")
            return next((identifier for sentence, identifier in LICENSES if sentence in text), "NOASSERTION")
    return "NOASSERTION"


def debian_version(package):
    try:
        return subprocess.run(
            ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def package(name, version, location, license_identifier, references=()):
    return {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name),
        "name": name,
        "versionInfo": version,
        "downloadLocation": location,
        "filesAnalyzed": False,
        "licenseConcluded": license_identifier,
        "licenseDeclared": license_identifier,
        "copyrightText": "NOASSERTION",
        "externalRefs": list(references),
    }


def main():
    resolved = ROOT / "Package.resolved"
    if not resolved.is_file():
        sys.exit("There is no Package.resolved. Build first: make release")
    runnel = re.search(r"version = \"(.+)\"", (ROOT / "Sources/RunnelCLI/RunnelCommand.swift").read_text()).group(1)
    packages = [package("runnel", runnel, "NOASSERTION", "Apache-2.0")]
    for pin in sorted(json.loads(resolved.read_text())["pins"], key=lambda pin: pin["identity"]):
        version = pin["state"].get("version") or pin["state"]["revision"]
        location = pin["location"]
        path = re.sub(r"^https://|\.git$", "", location)
        packages.append(
            package(
                pin["identity"],
                version,
                f"git+{location}@{pin['state']['revision']}",
                license_of(ROOT / ".build/checkouts" / pathlib.PurePosixPath(path).name),
                [
                    {
                        "referenceCategory": "PACKAGE-MANAGER",
                        "referenceType": "purl",
                        "referenceLocator": f"pkg:swift/{path}@{version}",
                    }
                ],
            )
        )
    for debian_package, name, license_identifier, location in LIBRARIES:
        version = debian_version(debian_package)
        if version:
            packages.append(package(name, version, location, license_identifier))
    created = datetime.datetime.fromtimestamp(
        int(os.environ.get("SOURCE_DATE_EPOCH", datetime.datetime.now().timestamp())), datetime.timezone.utc
    )
    identity = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([(item["name"], item["versionInfo"]) for item in packages]))
    json.dump(
        {
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"runnel-{runnel}",
            "documentNamespace": f"https://runnel.invalid/spdx/{identity}",
            "creationInfo": {
                "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "creators": ["Tool: runnel-packaging/sbom.py"],
            },
            "packages": packages,
            "relationships": [
                {
                    "spdxElementId": "SPDXRef-DOCUMENT",
                    "relationshipType": "DESCRIBES",
                    "relatedSpdxElement": "SPDXRef-runnel",
                }
            ]
            + [
                {
                    "spdxElementId": "SPDXRef-runnel",
                    "relationshipType": "DEPENDS_ON",
                    "relatedSpdxElement": item["SPDXID"],
                }
                for item in packages[1:]
            ],
        },
        sys.stdout,
        indent=2,
    )
    print()


main()
