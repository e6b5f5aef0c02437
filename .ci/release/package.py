#!/usr/bin/env python3
"""Makes one target's files of a release out of a built binary, and tries the archive in an empty place.

    package.py --binary target/release/mlbuild --target x86_64-unknown-linux-gnu --output out

writes into `out`, both reproducible from the same binary:

    mlbuild-TARGET[.exe]                   the bare binary, which dist/launch.sh and `mlbuild upgrade` fetch
    mlbuild-VERSION-TARGET.tar.gz (.zip)   for people: one folder with the binary, its engines beside it, and their licences

The engines are those that the binary itself pins: it installs them by digest, this script only moves them. Beside the executable the
binary finds them without Python, network or cache, which the last step proves.
"""

import argparse
import gzip
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

import common

ENGINES = ("onnxruntime", "litert")
PROJECTS = {"onnxruntime": "onnxruntime", "litert": "ai-edge-litert"}
OWN_FILES = ("LICENSE", "README.md", "CHANGELOG.md")


def ask(binary, arguments, **variables):
    """What the binary prints; nothing of this environment but what starting needs."""
    kept = {name: os.environ[name] for name in os.environ if not name.startswith(("MLBUILD_", "ORT_"))}
    done = subprocess.run([binary, *arguments], env=kept | variables, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        common.fail(f"`mlbuild {' '.join(arguments)}` ended with {done.returncode}")
    return done.stdout


def engines(binary, cache):
    """The path of each engine's library, installed into `cache` by the binary."""
    found = {}
    for engine in ENGINES:
        ask(binary, ["runtime", "install", "--engine", engine], MLBUILD_CACHE_DIR=str(cache))
        told = json.loads(ask(binary, ["runtime", "path", "--engine", engine, "--json"], MLBUILD_CACHE_DIR=str(cache)))
        found[engine] = pathlib.Path(told["path"])
    return found


def notices(engine, library, folder):
    """The licences that come in the engine's wheel, which is fetched again and must have the digest that was installed."""
    note = common.read_json(library.with_name("install.json"))
    tag = note["wheel"].removesuffix(".whl").split("-", 4)[4]
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--platform", tag, "--python-version", "311", "--implementation", "cp"]
        command += ["--abi", "cp311", "--dest", place, f"{PROJECTS[engine]}=={note['version']}"]
        subprocess.run(command, check=True)
        wheel = pathlib.Path(place) / note["wheel"]
        if common.digest(wheel) != note["wheel_sha256"]:
            common.fail(f"{wheel.name} is not the wheel that was installed")
        written = 0
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                name = member.rsplit("/", 1)[-1]
                if name.lower().startswith(("license", "notice", "thirdpartynotices")):
                    target = folder / f"{engine}-{name}"
                    target.write_bytes(archive.read(member))
                    written += 1
        if written == 0:
            common.fail(f"{wheel.name} has no licence in it")


def crates(target, folder):
    """The licences of every crate that is in the binary, from cargo's own copies of them."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=common.ROOT).stdout)
    nodes = {node["id"]: node for node in told["resolve"]["nodes"]}
    wanted, open_ids = set(), [told["resolve"]["root"]]
    while open_ids:
        for dependency in nodes[open_ids.pop()]["deps"]:
            kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
            if None in kinds and dependency["pkg"] not in wanted:
                wanted.add(dependency["pkg"])
                open_ids.append(dependency["pkg"])
    lines = ["The crates in this binary and their licences.\n"]
    for package in sorted((p for p in told["packages"] if p["id"] in wanted), key=lambda p: (p["name"], p["version"])):
        lines.append(f"\n{'=' * 78}\n{package['name']} {package['version']}: {package['license']}\n")
        place = pathlib.Path(package["manifest_path"]).parent
        for path in sorted(place.iterdir()):
            if path.is_file() and path.name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE")):
                lines.append(f"\n--- {path.name}\n{path.read_text(encoding='utf-8', errors='replace')}")
    (folder / "crates.txt").write_text("".join(lines), encoding="utf-8", newline="\n")


def stamp():
    """The commit's time, so that packing twice gives the same bytes."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    told = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=common.ROOT, stdout=subprocess.PIPE, text=True)
    return int(told.stdout) if told.returncode == 0 and told.stdout.strip() else 315532800


def pack(folder, archive, level):
    """Packs a folder: entries sorted, one time, one owner."""
    when = stamp()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    is_program = lambda path: path.suffix == ".exe" or path.name == "mlbuild"
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as packed:
            for path in files:
                entry = zipfile.ZipInfo(path.relative_to(folder.parent).as_posix(), time.gmtime(max(when, 315532800))[:6])
                entry.external_attr = (0o755 if is_program(path) else 0o644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, path.read_bytes(), compresslevel=level)
        return
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as packed:
        for path in files:
            entry = tarfile.TarInfo(path.relative_to(folder.parent).as_posix())
            entry.size, entry.mtime, entry.mode = path.stat().st_size, when, 0o755 if is_program(path) else 0o644
            with open(path, "rb") as content:
                packed.addfile(entry, content)
    with open(archive, "wb") as file, gzip.GzipFile("", "wb", level, file, mtime=when) as packed:
        packed.write(raw.getbuffer())


def try_out(archive, name, program, model):
    """Unpacks the archive and measures a model with nothing but what came out: no cache, no Python, no network settings."""
    with tempfile.TemporaryDirectory() as place:
        shutil.unpack_archive(archive, place)
        binary = pathlib.Path(place) / name / program
        # Zip archives carry no rights that every unpacker keeps.
        binary.chmod(0o755)
        empty = pathlib.Path(place) / "empty"
        empty.mkdir()
        variables = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
        variables |= {"MLBUILD_CACHE_DIR": str(empty), "MLBUILD_PYTHON": "no-such-python", "HOME": str(empty), "CI": "true"}
        for arguments in (["runtime", "path", "--json"], ["runtime", "path", "--engine", "litert", "--json"]):
            told = subprocess.run([binary, *arguments], env=variables, cwd=empty, stdout=subprocess.PIPE, text=True, check=True)
            if json.loads(told.stdout)["origin"] != "beside_executable":
                common.fail(f"`mlbuild {' '.join(arguments)}` does not find the engine beside it: {told.stdout}")
        told = subprocess.run(
            [binary, "benchmark", str(model), "--runs", "20", "--warmup", "2", "--json"],
            env=variables, cwd=empty, stdout=subprocess.PIPE, text=True,
        )
        if told.returncode != 0 or not json.loads(told.stdout):
            common.fail(f"the binary of {archive.name} measures no model in an empty place")
        print(f"{archive.name}: tried in an empty place")


def main():
    """Builds the files of one target."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    parser.add_argument("--target", required=True, choices=common.TARGETS)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--cache", type=pathlib.Path, help="where engines lie already; by default they are fetched into a folder that goes away")
    parser.add_argument("--level", type=int, default=9, help="of compression")
    parser.add_argument("--no-notices", action="store_true", help="leave licences out; never for what is published")
    parser.add_argument("--no-trial", action="store_true", help="do not run it: the binary is another machine's")
    arguments = parser.parse_args()
    version = common.crate_version()
    binary = arguments.binary.resolve()
    said = ask(binary, ["--version"]).strip()
    if said != f"mlbuild {version}":
        common.fail(f"the binary says `{said}`, Cargo.toml `{version}`")
    arguments.output.mkdir(parents=True, exist_ok=True)
    windows = "windows" in arguments.target
    program = "mlbuild.exe" if windows else "mlbuild"
    name = f"mlbuild-{version}-{arguments.target}"
    with tempfile.TemporaryDirectory() as place:
        cache = (arguments.cache or pathlib.Path(place) / "cache").resolve()
        folder = pathlib.Path(place) / name
        (folder / "licences").mkdir(parents=True)
        shutil.copyfile(binary, folder / program)
        for engine, library in engines(binary, cache).items():
            shutil.copyfile(library, folder / library.name)
            if not arguments.no_notices:
                notices(engine, library, folder / "licences")
        if not arguments.no_notices:
            crates(arguments.target, folder / "licences")
        for own in OWN_FILES:
            shutil.copyfile(common.ROOT / own, folder / own)
        archive = arguments.output / (name + (".zip" if windows else ".tar.gz"))
        pack(folder, archive, arguments.level)
    bare = arguments.output / common.file_name(arguments.target)
    shutil.copyfile(binary, bare)
    bare.chmod(0o755)
    if not arguments.no_trial:
        try_out(archive, name, program, common.ROOT / "examples" / "quickstart" / "model.onnx")
    for path in (bare, archive):
        print(f"{common.digest(path)}  {path.name}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
