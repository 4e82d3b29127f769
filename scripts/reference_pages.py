"""The reference pages of the documentation site, made from the yml files beside the code.

They are made anew at each build and never committed, so they can't say anything else than the code
does. `python -m scripts.reference_pages` prints them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
RUN_OPERATION = "Run-operation."

MODELS = "reference/models.md"
SEEDS = "reference/seeds.md"
MACROS = "reference/macros.md"
RUN_OPERATIONS = "reference/run_operations.md"
TESTS = "reference/tests.md"
JOBS = "reference/jobs.md"

# What a page of docs/ may link to in the repository, and where a reader of the site finds it
FILE_OF_PAGE = {
    "models/*/*__models.yml": MODELS,
    "models/*/*__sources.yml": MODELS,
    "models/*/*__unit_tests.yml": TESTS,
    "analyses/*.yml": MODELS,
    "seeds/*.yml": SEEDS,
    "snapshots/*.yml": SEEDS,
    "macros/*/*__macros.yml": MACROS,
    "tests/*.yml": TESTS,
    "tests/generic/*.yml": TESTS,
    "selectors.yml": JOBS,
}

IDENTIFIER = re.compile(r"(?<![\w/.\\`])[A-Za-z]\w*_[\w*]*[\w*](?![\w/(])")
DOCUMENT = re.compile(r"`?\bdocs/([\w/-]+\.(?:md|sql))`?")


@dataclass(frozen=True)
class Described:
    """An entry of a yml file: a model, a column, a macro, an argument, a test."""

    name: str
    description: str
    file: str
    details: dict[str, Any] = field(hash=False, compare=False)

    @property
    def folder(self) -> str:
        return PurePosixPath(self.file).parent.name

    @property
    def is_run_operation(self) -> bool:
        return self.description.startswith(RUN_OPERATION)


@cache
def described(kind: str, pattern: str) -> tuple[Described, ...]:
    """Everything of one kind that yml files describe, private macros apart, by file and name."""
    found = [
        Described(entry["name"], (entry.get("description") or "").strip(), file, entry)
        for path in sorted(ROOT.glob(pattern))
        for file in [path.relative_to(ROOT).as_posix()]
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")).get(kind) or []
        if (entry.get("docs") or {}).get("show", True)
    ]
    return tuple(sorted(found, key=lambda entry: (entry.folder, entry.name)))


def models() -> tuple[Described, ...]:
    return described("models", "models/*/*.yml")


def macros() -> tuple[Described, ...]:
    return described("macros", "macros/*/*.yml")


def seeds() -> tuple[Described, ...]:
    return described("seeds", "seeds/*.yml")


def snapshots() -> tuple[Described, ...]:
    return described("snapshots", "snapshots/*.yml")


def analyses() -> tuple[Described, ...]:
    return described("analyses", "analyses/*.yml")


def singular_tests() -> tuple[Described, ...]:
    return described("data_tests", "tests/*.yml")


def tests_for_any_table() -> tuple[Described, ...]:
    """Generic tests, which dbt describes as macros with a prefix."""
    return tuple(
        replace(
            test,
            name=test.name.removeprefix("test_"),
            description=test.description.removeprefix("Generic test.").strip(),
        )
        for test in described("macros", "tests/generic/*.yml")
    )


def unit_tests() -> tuple[Described, ...]:
    return described("unit_tests", "models/*/*.yml")


def selectors() -> tuple[Described, ...]:
    return described("selectors", "selectors.yml")


def source_tables() -> tuple[Described, ...]:
    return tuple(
        Described(
            f"{source.name}.{table['name']}", table["description"].strip(), source.file, table
        )
        for source in described("sources", "models/*/*.yml")
        for table in source.details["tables"]
    )


@cache
def places() -> dict[str, str]:
    """Where each name is described: the page and the anchor, from the root of the site."""
    found: dict[str, str] = {}
    for page, entries in (
        (MODELS, (*models(), *analyses())),
        (SEEDS, (*seeds(), *snapshots())),
        (TESTS, singular_tests()),
    ):
        found |= {entry.name: f"{page}#{entry.name}" for entry in entries}
    for macro in macros():
        page = RUN_OPERATIONS if macro.is_run_operation else MACROS
        found[macro.name] = f"{page}#{macro.name}"
    return found


def page_of_file(file: str) -> str | None:
    """The page that is made from a file of the repository, if one is."""
    for pattern, page in FILE_OF_PAGE.items():
        if PurePosixPath(file).match(pattern):
            return page
    return None


# Descriptions


def rich(text: str, page: str, own_name: str = "") -> str:
    """A description as Markdown: names as code, with a link where the name is described."""
    return "\n".join(
        line if line.startswith("    ") else _rich_line(line, page, own_name)
        for line in text.splitlines()
    )


def _rich_line(line: str, page: str, own_name: str) -> str:
    line = DOCUMENT.sub(lambda found: f"[docs/{found[1]}](../{found[1]})", line)
    parts = re.split(r"(`[^`]*`|\[docs/[^\]]*\]\([^)]*\))", line)
    return "".join(
        _linked(part, page, own_name)
        if number % 2
        else IDENTIFIER.sub(
            lambda found: _linked(f"`{found[0]}`", page, own_name), part.replace("<", "&lt;")
        )
        for number, part in enumerate(parts)
    )


def _linked(code: str, page: str, own_name: str) -> str:
    name = code.strip("`")
    place = places().get(name)
    if place is None or name == own_name or not code.startswith("`"):
        return code
    target_page, anchor = place.split("#")
    return f"[{code}]({'' if target_page == page else PurePosixPath(target_page).name}#{anchor})"


def cell(text: str, page: str, own_name: str = "") -> str:
    """A description in one cell of a table."""
    return rich(" ".join(text.split()), page, own_name).replace("|", "\\|")


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


# Pages


def described_columns(entry: Described, page: str) -> str:
    columns = entry.details.get("columns") or []
    names = [f"`{column['name']}`" for column in columns]
    words = [cell(column.get("description") or "", page, column["name"]) for column in columns]
    if has_contract(entry):
        types = [column["data_type"] for column in columns]
        rows = list(zip(names, types, words, strict=True))
        return table(("column", "type", "what it is"), rows)
    return table(("column", "what it is"), list(zip(names, words, strict=True))) if names else ""


def has_contract(entry: Described) -> bool:
    """Whether its types are the same for every source."""
    return bool((entry.details.get("config") or {}).get("contract"))


def is_internal(entry: Described) -> bool:
    """Whether other projects can't read it."""
    return (entry.details.get("config") or {}).get("access") == "protected"


def section(entry: Described, page: str, *parts: str, level: int = 3) -> str:
    heading = f"{'#' * level} {entry.name}"
    body = [rich(entry.description, page, entry.name), *parts]
    return "\n\n".join([heading, *(part for part in body if part)])


def models_page() -> str:
    parts = [
        "# Models",
        "What each table and view holds: what one row is, then its columns. Columns of the source "
        "have their default names here. Types are given where they don't follow the source.",
        "## Source",
        *(section(entry, MODELS, described_columns(entry, MODELS)) for entry in source_tables()),
    ]
    for folder, entries in by_folder(models()):
        parts += [f"## {title(folder)}"]
        parts += [
            section(
                entry,
                MODELS,
                "Internal: other projects can't read it." if is_internal(entry) else "",
                described_columns(entry, MODELS),
            )
            for entry in entries
        ]
    parts += ["## Analyses", *(section(entry, MODELS) for entry in analyses())]
    return "\n\n".join(parts) + "\n"


def seeds_page() -> str:
    parts = ["# Seeds and snapshots", "## Seeds", "What people write, and others review."]
    parts += [section(entry, SEEDS, described_columns(entry, SEEDS)) for entry in seeds()]
    parts += ["## Snapshots"]
    parts += [section(entry, SEEDS, described_columns(entry, SEEDS)) for entry in snapshots()]
    return "\n\n".join(parts) + "\n"


def signature(macro: Described) -> str:
    """How the macro is called, with the defaults that its file gives."""
    for file in sorted((ROOT / "macros" / macro.folder).glob("*.sql")):
        found = re.search(
            rf"{{%-?\s*macro\s+{macro.name}\((.*?)\)\s*-?%}}",
            file.read_text(encoding="utf-8"),
            re.DOTALL,
        )
        if found:
            return f"{macro.name}({' '.join(found[1].split())})"
    raise LookupError(f"{macro.file} describes {macro.name}, which no file beside it has.")


def described_arguments(macro: Described, page: str) -> str:
    rows = [
        (
            f"`{argument['name']}`",
            argument.get("type") or "",
            cell(argument.get("description") or "", page),
        )
        for argument in macro.details.get("arguments") or []
    ]
    return table(("argument", "type", "what it is"), rows) if rows else ""


def macros_page() -> str:
    parts = [
        "# Macros",
        "What other projects may call, as `exactly_once.<name>`. Those that people run by hand are "
        "[run-operations](run_operations.md).",
    ]
    for folder, entries in by_folder(macros()):
        called = [entry for entry in entries if not entry.is_run_operation]
        parts += [f"## {title(folder)}"] if called else []
        for entry in called:
            heading, _, rest = section(entry, MACROS).partition("\n\n")
            arguments = described_arguments(entry, MACROS)
            parts += [heading, f"```jinja\n{signature(entry)}\n```", rest, arguments]
    return "\n\n".join(part for part in parts if part) + "\n"


def run_operations_page() -> str:
    parts = [
        "# Run-operations",
        "The verbs: `dbt run-operation <name>`. Each says what it will do, does it, and says what "
        "it did. [The runbook](../runbook.md) has them in order.",
    ]
    for entry in sorted(macros(), key=lambda macro: macro.name):
        if entry.is_run_operation:
            text = entry.description.removeprefix(RUN_OPERATION).strip()
            parts += [f"## {entry.name}", rich(text, RUN_OPERATIONS, entry.name)]
            parts += [described_arguments(entry, RUN_OPERATIONS)]
    return "\n\n".join(part for part in parts if part) + "\n"


def in_words(test: Any) -> str:
    """A generic test as a reader says it: by its name if it has one, else by what it holds."""
    if isinstance(test, str):
        return test.replace("_", " ")
    kind, config = next(iter(test.items()))
    arguments = config.get("arguments") or {}
    if "name" in config:
        return f"`{config['name']}`"
    if kind == "accepted_values":
        return "one of " + ", ".join(f"`{value}`" for value in arguments["values"])
    if kind.endswith("accepted_range"):
        bounds = (("min_value", "at least"), ("max_value", "at most"))
        return ", ".join(
            f"{words} `{arguments[bound]}`" for bound, words in bounds if bound in arguments
        )
    if kind.endswith("unique_combination_of_columns"):
        return "unique: " + ", ".join(f"`{name}`" for name in arguments["combination_of_columns"])
    if "column_name" in arguments:
        return f"`{arguments['column_name']}`: {kind.split('.')[-1].replace('_', ' ')}"
    return kind.split(".")[-1].replace("_", " ")


def generic_tests(entry: Described) -> Iterator[tuple[str, str]]:
    """Where a table's generic tests look, and what they hold."""
    for test in entry.details.get("data_tests") or []:
        yield "the table", in_words(test)
    for column in entry.details.get("columns") or []:
        for test in column.get("data_tests") or []:
            yield f"`{column['name']}`", in_words(test)


def tests_page() -> str:
    parts = [
        "# Tests",
        "What is held of the data, and at the end what the unit tests hold of the code. "
        "[Jobs](jobs.md) says which job runs which.",
        "## Across tables",
        *(section(entry, TESTS) for entry in singular_tests()),
        "## For your own tables",
        "As `exactly_once.<name>`, on any model or source; more on [their page](../tests.md).",
    ]
    for entry in tests_for_any_table():
        parts += [section(entry, TESTS, described_arguments(entry, TESTS))]
    parts += ["## Of a table and its columns"]
    for entry in (*source_tables(), *models(), *seeds(), *snapshots()):
        rows = list(generic_tests(entry))
        if rows:
            parts += [f"**{_linked(f'`{entry.name}`', TESTS, '')}**"]
            parts += [table(("where", "what holds"), rows)]
    of_the_code = [
        (f"`{entry.name}`", cell(entry.description, TESTS), f"`{entry.details['model']}`")
        for entry in unit_tests()
    ]
    parts += ["## Unit tests", table(("name", "what holds", "of"), of_the_code)]
    return "\n\n".join(parts) + "\n"


def jobs_page() -> str:
    parts = [
        "# Jobs",
        "One selector a job. dbt knows a package's selectors in the package alone, so a project "
        "that installs this one copies `selectors.yml`.",
    ]
    for entry in selectors():
        parts += [section(entry, JOBS, level=2)]
        parts += [f"```bash\ndbt build --selector {entry.name}\n```"]
    return "\n\n".join(parts) + "\n"


def by_folder(entries: tuple[Described, ...]) -> list[tuple[str, list[Described]]]:
    folders = sorted({entry.folder for entry in entries})
    return [(folder, [entry for entry in entries if entry.folder == folder]) for folder in folders]


def title(folder: str) -> str:
    return folder.replace("_", " ").capitalize()


def reference_pages() -> dict[str, str]:
    """Path on the site and Markdown of each page."""
    return {
        MODELS: models_page(),
        SEEDS: seeds_page(),
        MACROS: macros_page(),
        RUN_OPERATIONS: run_operations_page(),
        TESTS: tests_page(),
        JOBS: jobs_page(),
    }


if __name__ == "__main__":
    print("\n".join(reference_pages().values()))
