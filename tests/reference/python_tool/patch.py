"""Makes the Python tool `mlbuild` 0.2.0 start on Linux, so that it can be compared with: `python patch.py VENV`.

As published, a fresh install on Linux does not get as far as its own help. Three places in the installed package are mended here:
a log line that dereferences a library that is not installed, a parenthesis in the schema that closes too late, and the schema's
version, which is three behind the code that reads it. Nothing of what it does afterwards is changed.
"""

import pathlib
import sys


def mend(path, before, after):
    text = path.read_text()
    if before not in text:
        sys.exit(f"{path}: not the version that this script knows")
    path.write_text(text.replace(before, after, 1))


def main():
    (package,) = pathlib.Path(sys.argv[1]).glob("lib/python3*/site-packages/mlbuild")
    exporter = package / "backends/coreml/exporter.py"
    start = exporter.read_text().index("logger.debug(f\"Target {target_attr}")
    line = exporter.read_text()[start:].splitlines()[0]
    mend(exporter, line, "pass")
    schema = package / "registry/schema.py"
    mend(schema, "'multimodal', 'unknown')\n\n", "'multimodal', 'unknown')),\n\n")
    mend(schema, "cached_memory_peak_mb >= 0)\n    )\n);", "cached_memory_peak_mb >= 0)\n);")
    mend(schema, "VALUES (1, 6, datetime('now'));", "VALUES (1, 9, datetime('now'));")


main()
