"""How `make docs` turns this folder and the docstrings into a site, with Sphinx."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import nanobanana

ROOT = Path(__file__).resolve().parent.parent

project = "nanobanana"
release = version = nanobanana.__version__
copyright = ""  # noqa: A001  (the name that Sphinx looks for)
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"nanobanana {release}"
html_show_copyright = html_show_sphinx = False
html_copy_source = False

# Pages are Markdown, and link to each other and into each other as they do in the repository.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = [
    "misc.highlighting_failure",  # a "..." in a snippet of JSON
    "myst.header",  # the results in performance.md are written below a heading of their own
]

# Docstrings say what a thing is called in single backquotes; where that is ours, it becomes a link.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
maximum_signature_line_length = 80

# Pages of the site that lie beside this folder; what the files here hold is put after them.
BESIDE = {"index": "README.md", "contributing": "CONTRIBUTING.md", "changes": "CHANGELOG.md"}
_LINK = re.compile(r"\]\((?!https?:|#)([^)]+)\)")
_ARGUMENT = re.compile(r"(?:^|(?<=\. ))((?:[a-z_]+, )*[a-z_]+): ")
_SECTION = re.compile(r"(Raises|Returns|Source): ")
_ERROR = re.compile(r"(?<![`\w])[A-Z]\w+Error\b")


def _as_rst(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Docstrings are prose. A paragraph of arguments, "name: what it is. other: ...", becomes a list, its label a bold
    word, and what is indented Python."""
    arguments = _arguments(obj)
    paragraphs = re.split(r"\n{2,}", "\n".join(lines).strip())
    for number, paragraph in enumerate(paragraphs):
        words = " ".join(paragraph.split())
        labelled = _SECTION.match(words)
        found = [match for match in _ARGUMENT.finditer(words) if set(match[1].split(", ")) <= arguments]
        if paragraph.startswith("    "):
            paragraphs[number] = f".. code-block:: python\n\n{paragraph}"
        elif labelled:
            rest = words[labelled.end() :]
            if labelled[1] == "Raises":
                rest = _ERROR.sub(r"`~nanobanana.errors.\g<0>`", rest)
            paragraphs[number] = f"**{labelled[1]}:** {rest}"
        elif found:
            ends = [match.start() for match in found[1:]] + [len(words)]
            pairs = zip(found, ends, strict=True)
            entries = [f"* ``{match[1]}``: {words[match.end() : end].strip()}" for match, end in pairs]
            paragraphs[number] = "\n".join([words[: found[0].start()], "", *entries])
    lines[:] = "\n\n".join(paragraphs).split("\n")


def _arguments(obj: object) -> set[str]:
    try:
        return set(inspect.signature(obj).parameters)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return set()


def _beside(app: object, docname: str, content: list[str]) -> None:
    """Puts a page of the repository's root in its place, with its links as they are from here."""
    if docname in BESIDE:
        content[0] = _LINK.sub(_from_here, (ROOT / BESIDE[docname]).read_text("utf-8")) + content[0]


def _from_here(link: re.Match[str]) -> str:
    pages = {name: f"{page}.md" for page, name in BESIDE.items()}
    if link[1].startswith("docs/"):
        return f"]({link[1].removeprefix('docs/')})"
    return f"]({pages.get(link[1], f'path:../{link[1]}')})"


def setup(app: Any) -> None:
    """Registers what is ours with Sphinx."""
    app.connect("autodoc-process-docstring", _as_rst)
    app.connect("source-read", _beside)
