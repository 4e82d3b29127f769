"""What goes over the wire is what Snowflake accepts: every statement of one run of everything."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlfluff.core import FluffConfig, Linter
from sqlfluff.core.parser import BaseSegment

from python_tests.snowflake_simulator.history import Statement
from python_tests.snowflake_tags import to_be_tagged, without
from python_tests.snowflake_wire import (
    ACCOUNT_ONLY,
    PAYLOAD_MARK,
    REPORT,
    account_only,
    distinct,
    report,
    run_everything,
    sent,
    shape,
)
from python_tests.warehouse import ROOT

FUNCTIONS = ROOT / "python_tests" / "snowflake_functions.csv"

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
DDL = re.compile(r"(create|drop|alter (?!session)|comment|grant|revoke|truncate|undrop)", re.I)
EVENT_TIME, TIME = r"kept\.\"(?:EVENT_TS|occurred at)\"", r"cast\(\S+ as timestamp_n?tz\)"
RANGE = rf"\({EVENT_TIME} >= {TIME} and {EVENT_TIME} < {TIME}\)"
RANGES = rf"\({RANGE}(?: or {RANGE})*\)"
# with the incomplete keys, where such have arrived
EVENT_RANGES = re.compile(
    r"on kept\.event_fingerprint = arrived\.event_fingerprint and "
    rf"(?:{RANGES}|\( {RANGES} or not kept\.has_complete_key \)) when"
)
NO_COMPLETE_KEY = re.compile(r"and (?:false|\( false or not kept\.has_complete_key \)) when")


class Wire(NamedTuple):
    """Everything that was sent, and how sqlfluff reads each distinct statement."""

    statements: list[Statement]
    trees: dict[str, BaseSegment]

    @classmethod
    def of(cls, statements: list[Statement]) -> Wire:
        """Parse the statements."""
        linter = Linter(config=FluffConfig(overrides={"dialect": "snowflake", "templater": "raw"}))
        trees = {}
        for one in distinct(statements).values():
            tree = linter.parse_string(f"{sent(one)};\n").tree
            assert tree is not None, f"no parse at all: {sent(one)}"
            trees[sent(one)] = tree
        return cls(statements, trees)


def every_statement_is_in_the_grammar_of_snowflake(wire: Wire) -> None:
    """A part that sqlfluff can't parse fails, unless Snowflake's own page has it."""
    failed = []
    gaps = set()
    for text, tree in wire.trees.items():
        unparsable = [part.raw for part in tree.recursive_crawl("unparsable", "unlexable")]
        gap = next((gap for gap in GRAMMAR_GAPS if re.match(gap, text)), None)
        if unparsable and gap:
            gaps.add(gap)
        elif unparsable:
            failed.append(f"{unparsable[0][:200]}\n  in {text[:300]}")
    assert not failed, "\n\n".join(failed)
    assert gaps == set(GRAMMAR_GAPS), "sqlfluff parses this by now: remove it from GRAMMAR_GAPS"


def every_function_is_in_the_reference_of_snowflake(wire: Wire) -> None:
    """snowflake_functions.csv has each function that is called, with its page, and no other."""
    with FUNCTIONS.open(encoding="utf-8") as file:
        listed = [row["function"] for row in csv.DictReader(file)]
    called = set[str]()
    for text, tree in wire.trees.items():
        own = re.match(r"with (\w+) as procedure", text, re.IGNORECASE)
        called |= set(_called(tree)) - ({own[1].lower()} if own else set())
    called = {name for name in called if not name.startswith(SNOWPARK_FUNCTION)}
    assert listed == sorted(set(listed))
    assert called - set(listed) == set(), "look it up, and add it with the name of its page"
    assert set(listed) - called == set(), "no statement calls it any more: remove it"


def _called(tree: BaseSegment) -> Iterator[str]:
    for kind in ("function_name", "bare_function"):
        for name in tree.recursive_crawl(kind):
            yield name.raw.lower()


def statements_fail_only_where_dbt_asks_for_a_schema_that_is_not_there_yet(wire: Wire) -> None:
    """Two rows of a MERGE's source that update one row would be here, as error 100090."""
    assert any(one.query_type == "MERGE" for one in wire.statements)
    failed = {(sent(one)[:60], one.error[:13]) for one in wire.statements if one.error}
    assert {code for _, code in failed} <= {"002043 (02000"}, failed
    assert all(text.startswith("show objects in ") for text, _ in failed), failed


def equal_inputs_give_equal_tables(wire: Wire) -> None:
    """No clock and no chance in what is written, but for the history and the ledger."""
    for one in wire.statements:
        target = re.split("audit_decisions|remediation_ledger", sent(one))[0]
        if one.query_type in WRITES and not re.fullmatch(r"[\w\s.]+", target):
            assert not CLOCK_AND_CHANCE.search(shape(one)), sent(one)


def no_value_of_hash_is_stored(wire: Wire) -> None:
    """Snowflake may change HASH() between releases, and DuckDB's differs."""
    for one in wire.statements:
        assert not re.search(r"\bhash(_agg)?\s*\(", shape(one), re.IGNORECASE), sent(one)


def no_scripting_is_used(wire: Wire) -> None:
    """What runs is SQL that a person can read and repeat, and one Python model."""
    for one in wire.statements:
        text = shape(one)
        assert not re.match(r"(declare|execute immediate|call)\b", text, re.IGNORECASE), text
        assert not re.match(r"begin(?!( transaction| work)?$)", text, re.IGNORECASE), text


def no_transaction_holds_ddl(wire: Wire) -> None:
    """Snowflake commits an open transaction at each DDL statement."""
    opened: dict[int, str] = {}
    for one in wire.statements:
        text = re.sub(r"^(--[^\n]*\s*)+", "", sent(one)).strip()
        if re.match(r"begin\b", text, re.IGNORECASE):
            opened[one.session] = text
        elif re.match(r"(commit|rollback)\b", text, re.IGNORECASE):
            opened.pop(one.session, None)
        elif one.session in opened:
            assert not DDL.match(text), f"{text[:300]} inside a transaction"


def the_big_table_is_written_within_ranges_of_event_time(wire: Wire) -> None:
    """A MERGE on all of stg_events_deduplicated would cost the more the longer the history."""
    writes = [
        shape(one)
        for one in wire.statements
        if one.query_type in ("MERGE", "UPDATE", "DELETE")
        and re.match(r"\w+ (into |from )?\S+\.stg_events_deduplicated\b", shape(one))
    ]
    with_new_events = [text for text in writes if EVENT_RANGES.search(text)]
    without = [text for text in writes if NO_COMPLETE_KEY.search(text)]
    assert with_new_events
    assert len(with_new_events) + len(without) == len(writes), writes


def no_payload_is_in_a_statement_or_an_error(wire: Wire) -> None:
    """The query history of an account is read by more people than its payments."""
    for one in wire.statements:
        assert PAYLOAD_MARK not in one.text
        assert PAYLOAD_MARK not in (one.error or "")


def every_statement_is_tagged(wire: Wire) -> None:
    """The query history tells by the tag what each step and each incident has cost."""
    assert len(list(to_be_tagged(wire.statements))) > len(wire.statements) / 3
    assert not without(wire.statements, "step", "incident_id", "invocation_id")


def the_report_is_up_to_date(wire: Wire) -> None:
    """And each kind of statement that it leaves to an account still occurs."""
    assert all(shapes for _, shapes in account_only(wire.statements)), ACCOUNT_ONLY
    assert REPORT.read_text(encoding="utf-8") == report(wire.statements), (
        "Run: python -m python_tests.snowflake_wire"
    )


LAWS = (
    every_statement_is_in_the_grammar_of_snowflake,
    every_function_is_in_the_reference_of_snowflake,
    statements_fail_only_where_dbt_asks_for_a_schema_that_is_not_there_yet,
    equal_inputs_give_equal_tables,
    no_value_of_hash_is_stored,
    no_scripting_is_used,
    no_transaction_holds_ddl,
    the_big_table_is_written_within_ranges_of_event_time,
    no_payload_is_in_a_statement_or_an_error,
    every_statement_is_tagged,
    the_report_is_up_to_date,
)


@pytest.mark.slow
def test_what_goes_over_the_wire(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """One test, so that however tests are spread everything runs once."""
    wire = Wire.of(run_everything(tmp_path))
    for law in LAWS:
        with subtests.test(law.__name__):
            law(wire)
