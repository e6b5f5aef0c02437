"""What the release's scripts share: paths, the version, targets, digests."""

import hashlib
import json
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "dist" / "manifest.json"
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?")

# Every target that a release has a binary for; LiteRT has a wheel for each of them. The names are those of dist/launch.sh.
TARGETS = (
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-gnu",
    "x86_64-pc-windows-msvc",
    "x86_64-unknown-linux-gnu",
)


def fail(message):
    """Ends the script, with an annotation where GitHub reads it."""
    if "GITHUB_ACTIONS" in os.environ:
        print(f"::error title=release::{message}")
    sys.exit(f"error: {message}")


def crate_version(root=ROOT):
    """The version in Cargo.toml's first section."""
    text = (root / "Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'^\[package\]\n(?:(?!\[).*\n)*?version = "([^"]+)"', text, re.MULTILINE)
    if not found:
        fail("Cargo.toml has no version")
    return found.group(1)


def repository():
    """`owner/name`, out of Cargo.toml: the only place where mlbuild has it from."""
    text = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    return re.search(r'^repository = "https://github\.com/([^"]+)"', text, re.MULTILINE).group(1)


def file_name(target):
    """The bare binary's name among the release's files."""
    return f"mlbuild-{target}" + (".exe" if "windows" in target else "")


def digest(path):
    """The SHA-256 of a file, in hexadecimal."""
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            hasher.update(piece)
    return hasher.hexdigest()


def read_json(path):
    """A JSON file."""
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
