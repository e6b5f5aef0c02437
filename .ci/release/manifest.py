#!/usr/bin/env python3
"""Fills dist/manifest.json with the bare binaries of a release, or holds it against them.

    manifest.py fill --folder out [--manifest FILE]     writes url, size and digest of every target's binary
    manifest.py check --folder out [--manifest FILE]    the same, but only compares
    manifest.py named [--manifest FILE]                 fails unless it names a binary for every target (what a tag must hold)
    manifest.py sums --folder out                       writes out/SHA256SUMS over everything that is there

One line an entry, keys in this order: dist/launch.sh has no JSON parser. dist/README.md describes the file.
"""

import argparse
import json
import pathlib

import common


def render(version, entries):
    """The manifest's text; `entries` are target, url, size, digest."""
    lines = [
        f'    "{target}": {{"url": "{url}", "size": {size}, "sha256": "{digest}"}}'
        for target, url, size, digest in sorted(entries)
    ]
    inner = ",\n".join(lines) + ("\n" if lines else "")
    return f'{{\n  "version": "{version}",\n  "binaries": {{\n{inner}  }}\n}}\n'


def of_folder(folder, version, targets):
    """The manifest that a folder of binaries makes; a target without one is an error."""
    entries = []
    for target in targets:
        path = folder / common.file_name(target)
        if not path.is_file():
            common.fail(f"{folder} has no {path.name}")
        url = f"https://github.com/{common.repository()}/releases/download/v{version}/{path.name}"
        entries.append((target, url, path.stat().st_size, common.digest(path)))
    text = render(version, entries)
    json.loads(text)
    return text


def main():
    """One of the four."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("action", choices=("fill", "check", "named", "sums"))
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--manifest", type=pathlib.Path, default=common.MANIFEST)
    parser.add_argument("--version", default=common.crate_version())
    parser.add_argument("--target", action="append", choices=common.TARGETS, help="by default all")
    arguments = parser.parse_args()
    targets = arguments.target or common.TARGETS
    if arguments.action != "named" and not arguments.folder:
        common.fail("--folder is missing")
    if arguments.action == "fill":
        arguments.manifest.write_text(of_folder(arguments.folder, arguments.version, targets), encoding="utf-8", newline="\n")
    elif arguments.action == "check":
        if arguments.manifest.read_text(encoding="utf-8") != of_folder(arguments.folder, arguments.version, targets):
            common.fail(f"{arguments.manifest} does not speak of the files in {arguments.folder}")
    elif arguments.action == "named":
        told = common.read_json(arguments.manifest)
        lacking = [target for target in targets if target not in told["binaries"]]
        if told["version"] != arguments.version or lacking:
            common.fail(
                f"{arguments.manifest} is of {told['version']} and lacks {', '.join(lacking) or 'nothing'}: "
                "a release's tag is set by the release workflow, at the commit that names the binaries"
            )
    else:
        paths = sorted(path for path in arguments.folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
        text = "".join(f"{common.digest(path)}  {path.name}\n" for path in paths)
        (arguments.folder / "SHA256SUMS").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
