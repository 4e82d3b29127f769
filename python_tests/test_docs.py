"""The documents name what is there: files, headings, commands, vars. Needs no mkdocs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
import yaml

from python_tests.warehouse import ROOT
from scripts import reference_pages
from scripts.site_hooks import FENCED, LINK, MERMAID, for_the_site

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
documents = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)
PRIVATE = re.compile(r"^(_|(default|duckdb|snowflake)__|materialization_|test_)")
MACRO = re.compile(r"{%-?\s*macro\s+(\w+)\(([^)]*)\)")


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def prose(document: Path) -> str:
    return "".join(part for part in FENCED.split(text_of(document)) if not part.startswith("```"))


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(document), re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """As GitHub makes them of headings, and the site too: mkdocs --strict holds that."""
    headings = re.findall(r"^#+ +(.+)$", prose(document), re.MULTILINE)
    plain = (LINK.sub(r"\2", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def broken_links(document: Path) -> Iterator[str]:
    for _, _, link in LINK.findall(prose(document)):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (document.parent / path) if path else document
        if not target.exists():
            yield f"{link}: no such file"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield f"{link}: no such heading"


@documents
def test_links_lead_to_what_is_there(document: Path) -> None:
    assert list(broken_links(document)) == []


# Commands


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def run_operations() -> dict[str, set[str]]:
    """Each public macro with its arguments, as the code has them."""
    return {
        name: {argument.split("=")[0].strip() for argument in arguments.split(",")}
        for file in (ROOT / "macros").rglob("*.sql")
        for name, arguments in MACRO.findall(file.read_text(encoding="utf-8"))
        if not PRIVATE.match(name)
    }


def vars_of_the_project() -> set[str]:
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    return set(project["vars"])


def names_to_select() -> set[str]:
    files = [
        file
        for folder in ("models", "snapshots", "seeds", "tests", "analyses")
        for file in (ROOT / folder).rglob("*")
    ]
    project = (ROOT / "dbt_project.yml").read_text(encoding="utf-8")
    tags = re.findall(r"\+tags: \[(\w+)\]", project)
    sources = yaml.safe_load((ROOT / "models/staging/_staging__sources.yml").read_text())["sources"]
    return (
        {f"source:{source['name']}" for source in sources}
        | {file.stem for file in files}
        | {f"tag:{tag}" for tag in tags}
    )


def commands(document: Path) -> Iterator[str]:
    """What a reader may type: in bash blocks, and in code within the text."""
    for block in blocks(document, "bash"):
        yield from (line.split("  #")[0].strip() for line in block.splitlines())
    yield from re.findall(r"`((?:dbt|make|--args|--vars) [^`]+)`", prose(document))


def unknown_parts(command: str) -> Iterator[str]:
    """What a command names that isn't there."""
    if command.startswith("make "):
        yield from {command.split()[1]} - make_targets()
    if not command.startswith(("dbt ", "--")):
        return
    selectors = {selector.name for selector in reference_pages.selectors()}
    yield from set(re.findall(r"--selector (\w+)", command)) - selectors
    for selected in re.findall(r"--select ([\w: ]+?)(?: --|$)", command):
        yield from set(selected.split()) - names_to_select()
    macros = set(re.findall(r"run-operation (\w+)", command))
    yield from macros - set(run_operations())
    for arguments in re.findall(r"--args '?\{([^}]*)\}", command):
        given = set(re.findall(r"(\w+):", arguments))
        taken = (run_operations().get(macro, set()) for macro in macros or run_operations())
        yield from given - set().union(*taken)
    for given in re.findall(r"--vars '?\{([^}]*)\}", command):
        names = set(re.findall(r"(?:^|, )(\w+):", given))
        # the one var that an analysis asks for and no model
        yield from names - vars_of_the_project() - {"event_fingerprint"}


@documents
def test_commands_name_what_is_there(document: Path) -> None:
    unknown = {
        command: missing for command in commands(document) if (missing := [*unknown_parts(command)])
    }
    assert unknown == {}


def test_the_documents_hold_commands_at_all() -> None:
    found = [command for document in DOCUMENTS for command in commands(document)]
    assert sum(command.startswith("dbt run-operation") for command in found) > 20
    assert sum(command.startswith("make ") for command in found) > 10
    assert sum("--selector" in command for command in found) > 5


# Blocks


@documents
def test_yaml_blocks_parse(document: Path) -> None:
    for block in blocks(document, "yaml"):
        assert isinstance(yaml.safe_load(block), dict)


@documents
def test_sql_blocks_parse_as_snowflake_reads_them(document: Path) -> None:
    for block in blocks(document, "sql"):
        for statement in sqlglot.parse(block, dialect="snowflake"):
            assert statement is not None
            assert not isinstance(statement, sqlglot.exp.Command), "sqlglot has not parsed it"


@pytest.mark.parametrize(("page", "models"), [("adopt.md", 2), ("own_curated_models.md", 1)])
def test_models_on_a_page_are_those_that_are_tested(page: str, models: int) -> None:
    """Line by line, in their order, in a file of the project that the tests install."""
    tested = [
        [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        for path in (ROOT / "integration_tests").rglob("*.sql")
    ]
    shown = blocks(ROOT / "docs" / page, "jinja")
    assert len(shown) >= models
    for block in shown:
        lines = [line.strip() for line in block.splitlines()]
        rests = [iter(of_file) for of_file in tested]
        assert any(all(line in rest for line in lines) for rest in rests), block


# Vars


def test_every_var_is_on_its_page_with_its_default_and_no_other() -> None:
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    rows = re.findall(
        r"^\| `(\w+)` \| ([^|]+) \|", text_of(ROOT / "docs" / "vars.md"), re.MULTILINE
    )
    ours = {name: value for name, value in project["vars"].items() if ":" not in name}
    assert sorted(name for name, _ in rows) == sorted(ours)
    for name, default in rows:
        # the spelling of four event types is told in words
        if name != "exactly_once__event_types":
            assert yaml.safe_load(default.strip().strip("`")) == ours[name], name


# The site


def headings(page: str) -> set[str]:
    return set(re.findall(r"^##+ ([\w.]+)$", page, re.MULTILINE))


def test_the_reference_has_every_public_macro_and_no_private_one() -> None:
    pages = reference_pages.reference_pages()
    found = headings(pages[reference_pages.MACROS]) | headings(
        pages[reference_pages.RUN_OPERATIONS]
    )
    titles = {reference_pages.title(macro.folder) for macro in reference_pages.macros()}
    # dbt calls these by their names, so they are public though they are for one engine
    of_dbt = {"snowflake__create_schema", "snowflake__set_query_tag"}
    assert found - titles == set(run_operations()) | of_dbt


def test_run_operations_are_those_that_write_to_the_operator() -> None:
    """Each verb that a document runs is on the page of run-operations."""
    page = headings(reference_pages.reference_pages()[reference_pages.RUN_OPERATIONS])
    run = {
        macro
        for document in DOCUMENTS
        for command in commands(document)
        for macro in re.findall(r"run-operation (\w+)", command)
    }
    assert run <= page


@pytest.mark.parametrize(
    ("folder", "suffixes", "page"),
    [
        ("models", {".sql", ".py"}, reference_pages.MODELS),
        ("analyses", {".sql"}, reference_pages.MODELS),
        ("seeds", {".csv"}, reference_pages.SEEDS),
        ("snapshots", {".sql"}, reference_pages.SEEDS),
        ("tests", {".sql"}, reference_pages.TESTS),
    ],
)
def test_the_reference_has_everything_of_a_kind(folder: str, suffixes: set[str], page: str) -> None:
    files = {file.stem for file in (ROOT / folder).rglob("*") if file.suffix in suffixes}
    assert files
    assert files <= headings(reference_pages.reference_pages()[page])


def test_the_reference_has_every_column_and_every_test() -> None:
    pages = reference_pages.reference_pages()
    of_seeds = (*reference_pages.seeds(), *reference_pages.snapshots())
    for entry in (*reference_pages.models(), *of_seeds):
        page = reference_pages.SEEDS if entry in of_seeds else reference_pages.MODELS
        section = re.split(rf"^### {entry.name}$", pages[page], flags=re.MULTILINE)[1]
        for column in entry.details.get("columns") or []:
            assert f"\n| `{column['name']}` | " in section.split("\n### ")[0]
        for _, words in reference_pages.generic_tests(entry):
            assert words.strip()
            assert f"| {words} |" in pages[reference_pages.TESTS]
    for test in reference_pages.unit_tests():
        assert f"| `{test.name}` |" in pages[reference_pages.TESTS]


def test_the_reference_shows_no_jinja_of_the_yml_files() -> None:
    for page in reference_pages.reference_pages().values():
        assert "{{" not in page
        assert "{%" not in page


def test_links_of_the_reference_lead_to_what_is_there() -> None:
    pages = reference_pages.reference_pages()
    for path, text in pages.items():
        for _, _, link in LINK.findall(text):
            target, _, anchor = link.partition("#")
            if target.startswith("../"):
                assert (ROOT / "docs" / target.removeprefix("../")).exists(), link
            else:
                there = pages[f"reference/{target}" if target else path]
                assert not anchor or anchor in headings(there), link


@pytest.mark.parametrize(
    ("document", "page", "written", "read"),
    [
        ("README.md", "index.md", "[r](docs/rules.md#a)", "[r](rules.md#a)"),
        ("README.md", "index.md", "[c](CHANGELOG.md)", "[c](changelog.md)"),
        ("README.md", "index.md", "[`demo/`](demo/)", "`demo/`"),
        ("docs/faq.md", "faq.md", "[r](../README.md#x)", "[r](index.md#x)"),
        ("docs/faq.md", "faq.md", "[n](nowhere.md)", "[n](nowhere.md)"),
        (
            "docs/decisions/0007-scope.md",
            "decisions/0007-scope.md",
            "[s](../../seeds/_seeds.yml), [v](../vars.md), [h](#x), [w](https://example.org/a.md)",
            "[s](../reference/seeds.md), [v](../vars.md), [h](#x), [w](https://example.org/a.md)",
        ),
        ("docs/faq.md", "faq.md", "`docs/vars.md`", "[`docs/vars.md`](vars.md)"),
        ("docs/faq.md", "faq.md", "```\n[r](../README.md)\n```\n", "```\n[r](../README.md)\n```\n"),
    ],
)
def test_links_are_made_to_fit_the_site(document: str, page: str, written: str, read: str) -> None:
    assert for_the_site(written, document, page) == read


def test_the_drawn_picture_says_what_the_flowchart_of_the_readme_says() -> None:
    """The site shows docs/images/flow.svg where the README has mermaid, which needs the network."""
    assert [document.name for document in DOCUMENTS if MERMAID.search(text_of(document))] == [
        "README.md"
    ]
    flowchart = MERMAID.findall(text_of(ROOT / "README.md"))
    labels = re.findall(r'"([^"]+)"', flowchart[0]) + re.findall(r"-- (.+?) -->", flowchart[0])
    drawn = re.findall(
        r"<text[^>]*>([^<]+)</text>", (ROOT / "docs" / "images" / "flow.svg").read_text("utf-8")
    )
    wanted = {word for label in labels for word in re.split(r"<br/>|[ ,]+", label)}
    assert {word for line in drawn for word in re.split(r"[ ,]+", line)} - {""} == wanted - {""}
    arrows = flowchart[0].count("-->")
    svg = (ROOT / "docs" / "images" / "flow.svg").read_text("utf-8")
    assert svg.count('class="edge"') == arrows


def test_the_picture_of_the_incident_is_of_the_demo_that_the_readme_shows() -> None:
    drawn = (ROOT / "docs" / "images" / "incident.svg").read_text("utf-8")
    said = re.findall(r"found (.+) to (.+), (.+) million USD too much", drawn)
    shown = text_of(ROOT / "README.md")
    window = re.findall(r"window (?:start|end) \(UTC\) +(\S+ \S+)", shown)
    [(before, after)] = re.findall(r"USD +([\d,.]+) +([\d,.]+)", shown)
    overstated = float(before.replace(",", "")) - float(after.replace(",", ""))
    assert said == [(*window, f"{overstated / 1e6:.1f}")]


def test_every_page_of_the_navigation_is_made() -> None:
    """mkdocs --strict holds this too, but a test needs no mkdocs."""
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = set(re.findall(r"[\w/]+\.md", yaml.safe_dump(config["nav"])))
    made = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    made |= {"index.md", "changelog.md", "contributing.md", *reference_pages.reference_pages()}
    decisions = {page for page in made if re.match(r"decisions/\d", page)}
    assert named == made - decisions
