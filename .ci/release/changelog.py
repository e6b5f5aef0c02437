#!/usr/bin/env python3
"""What CHANGELOG.md says of a version.

    changelog.py check 1.2.3           fails unless the newest entry is this version's, dated and not empty, with nothing left under Unreleased
    changelog.py notes 1.2.3           the same, and prints the entry: the release's text
"""

import argparse
import pathlib
import re

import common

HEADING = re.compile(r"^## \[([^\]]+)\](?: - (.*))?$", re.MULTILINE)


def entries(text):
    """Name, date and body of every entry, in the order of the file."""
    found = list(HEADING.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    for match, end in zip(found, ends):
        body = text[match.end() : end]
        # What stands after the last entry are the addresses of links.
        yield match.group(1), match.group(2), re.sub(r"^\[[^\]]+\]: .*$", "", body, flags=re.MULTILINE).strip()


def entry(text, version):
    """The body of this version's entry, which must be the newest."""
    told = list(entries(text))
    if told and told[0][0] == "Unreleased":
        if re.search(r"^- ", told[0][2], re.MULTILINE):
            common.fail("CHANGELOG.md has something under Unreleased: it belongs to the version, `version.py set` moves it")
        told = told[1:]
    if not told or told[0][0] != version:
        common.fail(f"the newest entry of CHANGELOG.md is {told[0][0] if told else 'none'}, expected {version}")
    _, date, body = told[0]
    if not date or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        common.fail(f"the entry {version} of CHANGELOG.md has no date")
    if not re.search(r"^- \S", body, re.MULTILINE):
        common.fail(f"the entry {version} of CHANGELOG.md says nothing")
    return body


def released(text, version, date):
    """The text with Unreleased made into this version's entry; as it is where the entry is there already."""
    if any(name == version for name, _, _ in entries(text)):
        return text
    if "## [Unreleased]\n" not in text:
        common.fail("CHANGELOG.md has no Unreleased part")
    return text.replace("## [Unreleased]\n", f"## [Unreleased]\n\n## [{version}] - {date}\n", 1)


def main():
    """Checks, and prints where asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("action", choices=("check", "notes"))
    parser.add_argument("version")
    parser.add_argument("--file", type=pathlib.Path, default=common.ROOT / "CHANGELOG.md")
    arguments = parser.parse_args()
    body = entry(arguments.file.read_text(encoding="utf-8"), arguments.version)
    if arguments.action == "notes":
        print(body)


if __name__ == "__main__":
    main()
