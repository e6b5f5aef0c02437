#!/usr/bin/env python3
"""The version, in every place that states it.

    version.py set 1.2.3     writes it everywhere, empties the manifest's binaries, makes the changelog's Unreleased part this version's
    version.py check [1.2.3] fails where the places disagree with Cargo.toml, or with this version

Places: Cargo.toml, Cargo.lock, dist/manifest.json, docs/install.md, CHANGELOG.md (by `set` only; changelog.py checks it). Versions that
stand in recorded data (the quickstart's baseline, fixtures) say what made them, and are not rewritten.
"""

import argparse
import datetime
import pathlib
import re

import changelog
import common
import manifest

# File, and a pattern whose second group is the version, everywhere it occurs.
PLACES = (
    ("Cargo.toml", r'(\A\[package\]\n(?:(?!\[).*\n)*?version = ")([^"]+)(")'),
    ("Cargo.lock", r'(\[\[package\]\]\nname = "mlbuild"\nversion = ")([^"]+)(")'),
    ("dist/manifest.json", r'(\A\{\n  "version": ")([^"]+)(")'),
    ("docs/install.md", r"(/releases/download/v|mlbuild-|mlbuild-action@v|--tag v|\bmlbuild )(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)(?=(\W|$))"),
)


def places(root):
    """Each place: its path, text, pattern and the versions that it states."""
    for name, pattern in PLACES:
        path = root / name
        text = path.read_text(encoding="utf-8")
        compiled = re.compile(pattern, re.MULTILINE)
        found = [match.group(2) for match in compiled.finditer(text)]
        if not found:
            common.fail(f"{name} states no version")
        yield path, text, compiled, found


def check(root, version):
    """Fails where a place states another version."""
    wrong = [f"{path.relative_to(root)} says {other}" for path, _, _, found in places(root) for other in set(found) - {version}]
    if wrong:
        common.fail(f"this is {version}, but " + ", ".join(sorted(wrong)))


def rewrite(root, version):
    """Writes the version everywhere."""
    for path, text, pattern, _ in list(places(root)):
        if path.name == "manifest.json":
            text = manifest.render(version, [])
        else:
            text = pattern.sub(lambda match: match.group(0).replace(match.group(2), version), text)
        path.write_text(text, encoding="utf-8", newline="\n")
    path = root / "CHANGELOG.md"
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    path.write_text(changelog.released(path.read_text(encoding="utf-8"), version, today), encoding="utf-8", newline="\n")


def main():
    """Sets or checks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("action", choices=("set", "check"))
    parser.add_argument("version", nargs="?")
    parser.add_argument("--root", type=pathlib.Path, default=common.ROOT)
    arguments = parser.parse_args()
    version = arguments.version or common.crate_version(arguments.root)
    if not common.VERSION.fullmatch(version):
        common.fail(f"`{version}` is no version such as 1.2.3")
    if arguments.action == "check":
        check(arguments.root, version)
    elif not arguments.version:
        common.fail("which version?")
    else:
        rewrite(arguments.root, version)
        check(arguments.root, version)


if __name__ == "__main__":
    main()
