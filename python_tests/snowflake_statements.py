"""Every distinct statement that the tests sent to Snowflake simulators, and what is wrong with it.

python -m python_tests.snowflake_statements checks those of the last run of the tests.
"""

from __future__ import annotations

import ast
import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import duckdb
from snowflake.connector.util_text import split_statements
from sqlfluff.core import FluffConfig, Linter
from sqlfluff.core.parser import BaseSegment

from python_tests.snowflake_simulator.history import STATEMENT_COLUMNS, Statement
from python_tests.warehouse import HISTORIES, ROOT

FUNCTIONS = ROOT / "python_tests" / "snowflake_functions.csv"

# What people run beside dbt: SQL, pages with SQL in them, and Python with SQL in it
ROLES = ROOT / "docs" / "snowflake_roles.sql"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
SCRIPTS = tuple(ROOT / "scripts" / name for name in ("check_snowflake.py", "snowflake_items.py"))

# What sqlfluff's grammar lacks -> the page of docs.snowflake.com/en/sql-reference that has it
GRAMMAR_GAPS = {r"create or replace schema \S+ clone \S+ comment = ": "sql/create-schema"}

# What Snowpark calls the function that it makes of a UDF without a name
SNOWPARK_FUNCTION = "snowpark_temp_function_"

CLOCK_AND_CHANCE = re.compile(
    r"\b(current_(timestamp|date|time)|localtime(stamp)?|getdate|sysdate|systimestamp|now|random|"
    r"uuid_string|randstr|seq[1248])\b",
    re.IGNORECASE,
)
WRITES = ("CREATE_TABLE_AS_SELECT", "CREATE_VIEW", "INSERT", "MERGE", "UPDATE", "DELETE")

_EVENT_TIME, _TIME = r"kept\.\"(?:EVENT_TS|occurred at)\"", r"cast\(\S+ as timestamp_n?tz\)"
_RANGE = rf"\({_EVENT_TIME} >= {_TIME} and {_EVENT_TIME} < {_TIME}\)"
_RANGES = rf"\({_RANGE}(?: or {_RANGE})*\)"
# with the incomplete keys, where such have arrived
EVENT_RANGES = re.compile(
    r"on kept\.event_fingerprint = arrived\.event_fingerprint and "
    rf"(?:{_RANGES}|\( {_RANGES} or not kept\.has_complete_key \)) when"
)
NO_COMPLETE_KEY = re.compile(r"and (?:false|\( false or not kept\.has_complete_key \)) when")

SQL_BLOCK = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# Documents and messages begin with a capital, or with another word
BEGINS_STATEMENT = re.compile(
    r"(select|create|insert into|merge into|update|delete from|grant|revoke|drop|alter|use|show"
    r"|describe|put|copy into)\s\S"
)
SCRIPTING = re.compile(
    r"(declare|execute immediate|call)\b|begin\b(?!( transaction| work)?$)", re.IGNORECASE
)
DDL = re.compile(r"(create|drop|alter (?!session)|comment|grant|revoke|undrop)", re.IGNORECASE)
HISTORY_OR_LEDGER = re.compile("audit_decisions|remediation_ledger", re.IGNORECASE)

_DBT_COMMENT = re.compile(r"/\* \{\"app\": \"dbt\".*?\*/", re.DOTALL)
_LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*'", re.DOTALL)
_NUMBER = re.compile(r"\b\d+(?:\.\d+)?\b")


def is_ours(statement: Statement) -> bool:
    """Sent by dbt, or by a Python model that dbt started."""
    return bool(_DBT_COMMENT.search(statement.text)) or '"exactly_once"' in statement.query_tag


def sent(statement: Statement) -> str:
    """The text without the comment that dbt adds."""
    return without_comment(statement.text)


def without_comment(text: str) -> str:
    """The same of a text alone."""
    return _DBT_COMMENT.sub("", text).strip().rstrip(";").strip()


def shape(statement: Statement) -> str:
    """The text with its literals blanked, so that each run and each batch gives the same."""
    return blanked(sent(statement))


def blanked(text: str) -> str:
    """The same of a text alone."""
    return " ".join(_NUMBER.sub("0", _LITERAL.sub("'..'", text)).split())


def distinct(statements: Iterable[Statement]) -> dict[str, Statement]:
    """The first statement of each shape."""
    found: dict[str, Statement] = {}
    for statement in statements:
        found.setdefault(shape(statement), statement)
    return found


class Parsed(NamedTuple):
    """What sqlfluff's Snowflake grammar makes of a statement."""

    unparsable: list[str]
    called: set[str]


def parsed(text: str) -> Parsed:
    """The parts that the grammar doesn't know, and the functions that are called."""
    tree = _linter().parse_string(f"{text};\n").tree
    assert tree is not None, f"no parse at all: {text}"
    own = re.match(r"with (\w+) as procedure", text, re.IGNORECASE)
    return Parsed(
        [part.raw for part in tree.recursive_crawl("unparsable", "unlexable")],
        set(_called(tree)) - ({own[1].lower()} if own else set()),
    )


@cache
def _linter() -> Linter:
    return Linter(config=FluffConfig(overrides={"dialect": "snowflake", "templater": "raw"}))


def _called(tree: BaseSegment) -> Iterator[str]:
    for kind in ("function_name", "bare_function"):
        for name in tree.recursive_crawl(kind):
            called = name.raw.lower().removeprefix("information_schema.")
            if called != "table" and not called.startswith(SNOWPARK_FUNCTION):
                yield called


def run_by_hand() -> Iterator[str]:
    """The statements of docs/snowflake_roles.sql, of the pages, and of the check of an account."""
    scripts = [ROLES.read_text(encoding="utf-8")]
    for page in PAGES:
        scripts += SQL_BLOCK.findall(page.read_text(encoding="utf-8"))
    for script in scripts:
        split = split_statements(StringIO(script), remove_comments=True)
        yield from (text for text, _ in split if text)
    for file in SCRIPTS:
        yield from statements_in(file.read_text(encoding="utf-8"))


def statements_in(python: str) -> Iterator[str]:
    """The SQL in a Python program, with x for what it fills in."""
    tree = ast.parse(python)
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in parts or not isinstance(node, ast.JoinedStr | ast.Constant):
            continue
        pieces = node.values if isinstance(node, ast.JoinedStr) else [node]
        text = "".join(
            str(piece.value) if isinstance(piece, ast.Constant) else "x" for piece in pieces
        )
        if BEGINS_STATEMENT.match(text):
            yield text


def not_in_the_grammar(parses: Mapping[str, Parsed]) -> Iterator[str]:
    """Parts that sqlfluff can't parse, unless Snowflake's own page has them."""
    gaps = set()
    for text, parse in parses.items():
        gap = next((gap for gap in GRAMMAR_GAPS if re.match(gap, text)), None)
        if parse.unparsable and gap:
            gaps.add(gap)
        elif parse.unparsable:
            yield f"sqlfluff can't parse {parse.unparsable[0][:200]}\n  in {text[:300]}"
    for gap in sorted(set(GRAMMAR_GAPS) - gaps):
        yield f"sqlfluff parses it by now, or nothing sends it: remove from GRAMMAR_GAPS: {gap}"


def not_in_the_reference(parses: Mapping[str, Parsed]) -> Iterator[str]:
    """Functions that snowflake_functions.csv lacks, and those of it that nothing calls."""
    with FUNCTIONS.open(encoding="utf-8") as file:
        listed = {row["function"] for row in csv.DictReader(file)}
    called = set[str]()
    for text, parse in parses.items():
        called |= parse.called
        for name in sorted(parse.called - listed):
            yield f"{name} is not in {FUNCTIONS.name}: look it up, and add it\n  in {text[:300]}"
    for name in sorted(listed - called):
        yield f"{name} is in {FUNCTIONS.name}, and nothing calls it: remove it"


def not_repeatable(shapes: Mapping[str, Statement]) -> Iterator[str]:
    """A clock or chance in what is written, but for the history and the ledger."""
    for text, one in shapes.items():
        target = HISTORY_OR_LEDGER.split(sent(one))[0]
        is_state = one.query_type not in WRITES or re.fullmatch(r'[\w\s."]+', target)
        if not is_state and CLOCK_AND_CHANCE.search(text):
            yield f"what this writes depends on the clock or on chance: {text[:300]}"


def with_hash(shapes: Mapping[str, Statement]) -> Iterator[str]:
    """HASH(), which Snowflake may change between releases, and which is another on DuckDB."""
    for text in shapes:
        if re.search(r"\bhash(_agg)?\s*\(", text, re.IGNORECASE):
            yield f"the values of hash() may change between releases: {text[:300]}"


def with_scripting(shapes: Mapping[str, Statement]) -> Iterator[str]:
    """Snowflake Scripting: what runs is SQL that a person can read and repeat."""
    for text in shapes:
        if SCRIPTING.match(text):
            yield f"Snowflake Scripting: {text[:300]}"


RULES: tuple[Callable[[Mapping[str, Statement]], Iterator[str]], ...] = (
    not_repeatable,
    with_hash,
    with_scripting,
)


def ddl_in_transactions(history: Iterable[Statement]) -> Iterator[str]:
    """Snowflake commits an open transaction at each DDL statement."""
    opened: set[int] = set()
    for one in history:
        text = re.sub(r"^(--[^\n]*\s*)+", "", sent(one)).strip()
        if re.match(r"begin\b", text, re.IGNORECASE):
            opened.add(one.session)
        elif re.match(r"(commit|rollback)\b", text, re.IGNORECASE):
            opened.discard(one.session)
        elif one.session in opened and DDL.match(text):
            yield f"DDL in a transaction: {text[:300]}"


def read(file: Path) -> tuple[dict[str, Statement], list[str]]:
    """The distinct statements that dbt sent to a simulator, and what their order has wrong."""
    rows = duckdb.execute(
        f"select {STATEMENT_COLUMNS} from read_parquet(?) order by start_time", [str(file)]
    ).fetchall()
    history = [one for one in (Statement(*row) for row in rows) if is_ours(one)]
    return distinct(history), list(ddl_in_transactions(history))


def main() -> int:
    """Check what the last run of the tests has sent; 1 if something is wrong with it."""
    shapes: dict[str, Statement] = {}
    wrong: list[str] = []
    with ProcessPoolExecutor() as pool:
        for some, of_order in pool.map(read, sorted(HISTORIES.glob("*.parquet"))):
            shapes = some | shapes
            wrong += of_order
        print(f"{len(shapes)} distinct statements were sent to Snowflake: parsing", flush=True)
        texts = [*(sent(one) for one in shapes.values()), *run_by_hand()]
        parses = dict(zip(texts, pool.map(parsed, texts, chunksize=8), strict=True))
    wrong += [
        *not_in_the_grammar(parses),
        *not_in_the_reference(parses),
        *(said for rule in RULES for said in rule(shapes)),
    ]
    for said in wrong:
        print(said)
    print(f"{len(shapes)} distinct statements, {len(wrong)} errors")
    return 1 if wrong or not shapes else 0


if __name__ == "__main__":
    sys.exit(main())
