"""What mkdocs asks of this repository while it builds the documentation site (mkdocs.yml).

README.md, CHANGELOG.md and CONTRIBUTING.md become pages as they are, the reference pages are made
from the yml files, and links are made to fit: in the repository a page links to files, on the site
to pages.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.reference_pages import page_of_file, reference_pages

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PAGE_OF_DOCUMENT = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
DOCUMENT_OF_PAGE = {page: document for document, page in PAGE_OF_DOCUMENT.items()}

# A page can't draw mermaid without the network, so the site shows the same picture, drawn.
MERMAID = re.compile(r"^```mermaid\n.*?^```$", re.MULTILINE | re.DOTALL)
PICTURE = "![How events flow, and how a repair reaches the curated tables](docs/images/flow.svg)"

DBT_DOCS = ROOT / "target" / "docs" / "static_index.html"
DBT_DOCS_PAGE = "dbt/index.html"

FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
DOCUMENT_AS_CODE = re.compile(r"(?<!\[)`docs/([\w/-]+\.(?:md|sql))`")


def page_of(target: str) -> str | None:
    """The path on the site of a file of the repository, or none where the site hasn't got it."""
    if target in PAGE_OF_DOCUMENT:
        return PAGE_OF_DOCUMENT[target]
    if target.startswith("docs/") and (ROOT / target).is_file():
        return target.removeprefix("docs/")
    return page_of_file(target)


def for_the_site(markdown: str, document: str, page: str) -> str:
    """The text of a document of the repository, with links that hold on the site."""

    def relative(target: str) -> str:
        return posixpath.relpath(target, posixpath.dirname(page) or ".")

    def link(found: re.Match[str]) -> str:
        mark, text, target = found.groups()
        path, hash_sign, anchor = target.partition("#")
        if not path or "://" in path:
            return found[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(document), path))
        there = page_of(file)
        if there:
            return f"{mark}[{text}]({relative(there)}{hash_sign}{anchor})"
        # what is in the repository alone is named; what is nowhere is for mkdocs to complain of
        return text if (ROOT / file).exists() else found[0]

    def code(found: re.Match[str]) -> str:
        there = page_of(f"docs/{found[1]}")
        return f"[{found[0]}]({relative(there)})" if there else found[0]

    parts = FENCED.split(MERMAID.sub(PICTURE, markdown))
    return "".join(
        part if part.startswith("```") else DOCUMENT_AS_CODE.sub(code, LINK.sub(link, part))
        for part in parts
    )


def on_config(config: MkDocsConfig) -> None:
    """Every decision is in the navigation, and the site that dbt makes where it was made before."""
    sections = {name: pages for entry in config.nav or [] for name, pages in entry.items()}
    decisions = next(entry["Decisions"] for entry in sections["Project"] if "Decisions" in entry)
    numbered = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    decisions.extend(f"decisions/{file.name}" for file in numbered)
    if DBT_DOCS.exists():
        sections["Reference"].append({"dbt's own pages, with lineage": DBT_DOCS_PAGE})


def on_files(files: Files, config: MkDocsConfig) -> None:
    from mkdocs.structure.files import File

    for document, page in PAGE_OF_DOCUMENT.items():
        text = (ROOT / document).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    for page, text in reference_pages().items():
        files.append(File.generated(config, page, content=text))
    if DBT_DOCS.exists():
        files.append(File.generated(config, DBT_DOCS_PAGE, abs_src_path=str(DBT_DOCS)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    path = page.file.src_uri
    if path in reference_pages():
        return markdown
    return for_the_site(markdown, DOCUMENT_OF_PAGE.get(path, f"docs/{path}"), path)
