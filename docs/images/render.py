#!/usr/bin/env python3
"""Renders a comment's Markdown as GitHub shows it and takes its picture.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install cmarkgfm
    /tmp/venv/bin/python docs/images/render.py comment.md docs/images/comment.png [--open] [--height PIXELS]

Needs `chromium` on the path. `--open` unfolds every fold. Nothing is loaded from the network.
"""

import argparse
import html
import pathlib
import re
import subprocess
import tempfile

import cmarkgfm
from cmarkgfm.cmark import Options

WIDTH = 940

STYLE = """
* { box-sizing: border-box; }
body { margin: 0; padding: 16px; background: #fff; color: #1f2328;
       font: 14px/1.5 "Liberation Sans", Arial, "Noto Color Emoji", sans-serif; }
.comment { border: 1px solid #d1d9e0; border-radius: 6px; }
.author { padding: 8px 16px; background: #f6f8fa; border-bottom: 1px solid #d1d9e0; border-radius: 6px 6px 0 0;
          color: #59636e; }
.author b { color: #1f2328; }
.author i { font-style: normal; font-size: 12px; border: 1px solid #d1d9e0; border-radius: 2em; padding: 0 7px; }
.body { padding: 16px; }
.body > :first-child { margin-top: 0; }
.body > :last-child { margin-bottom: 0; }
h2 { margin: 24px 0 16px; padding-bottom: .3em; font-size: 1.5em; line-height: 1.25; border-bottom: 1px solid #d1d9e0b3; }
p, ul, ol, table, pre, details, blockquote { margin: 0 0 16px; }
ul { padding-left: 2em; }
a { color: #0969da; text-decoration: underline; text-underline-offset: .2rem; }
code { padding: .2em .4em; font: 85% "DejaVu Sans Mono", monospace; background: #818b981f; border-radius: 6px; }
h2 code { font-size: .8em; }
pre { padding: 16px; background: #f6f8fa; border-radius: 6px; overflow: auto; line-height: 1.45; }
pre code { padding: 0; background: none; }
table { display: block; width: max-content; max-width: 100%; overflow: auto; border-spacing: 0; border-collapse: collapse; }
th, td { padding: 6px 13px; border: 1px solid #d1d9e0; }
th { font-weight: 600; }
tr:nth-child(2n) { background: #f6f8fa; }
details summary { cursor: pointer; }
details[open] > summary { margin-bottom: 8px; }
sub { font-size: 75%; line-height: 0; position: relative; bottom: -.25em; vertical-align: baseline; }
blockquote { padding: 0 1em; color: #59636e; border-left: .25em solid #d1d9e0; }
.alert { padding: 8px 16px; border-left: .25em solid var(--tone); color: inherit; }
.alert > :last-child { margin-bottom: 0; }
.alert .title { color: var(--tone); font-weight: 500; margin-bottom: 8px; }
.warning { --tone: #9a6700; }
.note { --tone: #0969da; }
"""

ALERT = re.compile(r"<blockquote>\s*<p>\[!(WARNING|NOTE)\]\s*(<br />)?\s*", re.IGNORECASE)


def page(markdown: str, unfold: bool) -> str:
    """The whole page for one comment."""
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_GITHUB_PRE_LANG
    body = cmarkgfm.github_flavored_markdown_to_html(markdown, options)
    body = ALERT.sub(
        lambda match: f'<blockquote class="alert {match[1].lower()}"><p class="title">{match[1].title()}</p><p>', body
    ).replace("<p></p>", "")
    if unfold:
        body = body.replace("<details>", "<details open>")
    author = "<b>github-actions</b> <i>bot</i> commented just now"
    return (
        f"<!doctype html><meta charset='utf-8'><title>{html.escape('comment')}</title><style>{STYLE}</style>"
        f"<div class='comment'><div class='author'>{author}</div><div class='body'>{body}</div></div>"
    )


def browse(folder: pathlib.Path, *arguments: str) -> str:
    """Runs the browser on the page in `folder` and returns what it printed."""
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--hide-scrollbars", f"--user-data-dir={folder / 'profile'}",
        *arguments, (folder / "page.html").as_uri(),
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("markdown", type=pathlib.Path)
    parser.add_argument("picture", type=pathlib.Path)
    parser.add_argument("--open", action="store_true", help="unfold every fold")
    parser.add_argument("--height", type=int, help="pixels; found out where left out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        source = page(arguments.markdown.read_text(encoding="utf-8"), arguments.open)
        height = arguments.height
        if height is None:
            measure = "<script>document.title = document.documentElement.scrollHeight</script>"
            (folder / "page.html").write_text(source + measure, encoding="utf-8")
            shown = browse(folder, f"--window-size={WIDTH},100", "--dump-dom")
            height = int(re.search(r"<title>(\d+)</title>", shown)[1])
        (folder / "page.html").write_text(source, encoding="utf-8")
        browse(folder, f"--window-size={WIDTH},{height}", f"--screenshot={arguments.picture.resolve()}")
        print(f"{arguments.picture}: {WIDTH} × {height}, {arguments.picture.stat().st_size} bytes")


if __name__ == "__main__":
    main()
