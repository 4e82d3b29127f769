"""The check of all that the tests sent to Snowflake finds what Snowflake would refuse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import pytest

from python_tests.snowflake_simulator import running_simulator
from python_tests.snowflake_simulator.history import Statement, query_type
from python_tests.snowflake_statements import (
    RULES,
    ddl_in_transactions,
    distinct,
    not_in_the_grammar,
    not_in_the_reference,
    parsed,
    read,
    run_by_hand,
    statements_in,
)
from python_tests.warehouse import HISTORIES


def statement(text: str) -> Statement:
    """A statement of the package, in the only session."""
    now = datetime.now(UTC)
    tag = '{"app": "exactly_once"}'
    return Statement(text, query_type(text), tag, 1, "ANY", None, now, 0, 0, 0, 0, 0, 0, None)


def about(text: str, said: Iterable[str]) -> list[str]:
    """What was said of a statement, without what nothing sends here."""
    return [one for one in said if text[:40] in one]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select a from b order by by c", "can't parse"),
        ("select median_of_all(a) from b", "median_of_all is not in"),
    ],
)
def test_what_snowflake_does_not_know_is_named(text: str, expected: str) -> None:
    parses = {text: parsed(text)}
    found = about(text, [*not_in_the_grammar(parses), *not_in_the_reference(parses)])
    assert len(found) == 1
    assert expected in found[0]


def test_what_snowflake_knows_is_passed_over() -> None:
    text = "select sum(a) from b qualify row_number() over (partition by c order by d) = 1"
    parses = {text: parsed(text)}
    assert not about(text, [*not_in_the_grammar(parses), *not_in_the_reference(parses)])


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("insert into a select current_timestamp() from b", True),
        ("insert into audit_decisions select current_timestamp() from b", False),
        ("select current_timestamp()", False),
        ("create table a as select hash(b) as c from d", True),
        ("create table a as select 'hash(b)' as c from d", False),
        ("begin let x := 1; end", True),
        ("begin", False),
        ("begin transaction", False),
        ("execute immediate 'select 1'", True),
    ],
)
def test_each_rule_refuses_what_it_says(text: str, is_refused: bool) -> None:
    shapes = distinct([statement(text)])
    assert bool(list(_said_by_rules(shapes))) == is_refused


def _said_by_rules(shapes: Mapping[str, Statement]) -> Iterator[str]:
    for rule in RULES:
        yield from rule(shapes)


def test_what_people_run_beside_dbt_is_what_snowflake_knows() -> None:
    """The script of roles, and the check of an account, in every branch of it."""
    texts = list(run_by_hand())
    for part in (
        "create role if not exists",
        "create pipe x.",
        "create schema x.x",
        "put 'file://x",
    ):
        assert any(text.startswith(part) for text in texts), part
    parses = {text: parsed(text) for text in texts}
    found = [*not_in_the_grammar(parses), *not_in_the_reference(parses)]
    assert [one for text in texts for one in about(text, found)] == []


def test_sql_in_a_program_is_found_whole_and_nothing_else_is() -> None:
    program = """
def drop(name: str) -> None:
    \"\"\"Drop is a word\"\"\"
    run(f"drop schema {name} "
        "cascade")
    copy = "copy into a from @b"
    print("use it", f"Drop {name}", {"select": 1})
"""
    assert sorted(statements_in(program)) == [
        "copy into a from @b",
        "drop schema x cascade",
        "use it",
    ]


def test_ddl_in_a_transaction_is_refused() -> None:
    begin, insert, drop, commit = map(
        statement, ("begin", "insert into a values (1)", "drop table a", "commit")
    )
    assert list(ddl_in_transactions([begin, insert, drop, commit]))
    assert not list(ddl_in_transactions([begin, insert, commit, drop]))


def test_a_simulator_leaves_what_it_was_sent() -> None:
    with running_simulator() as simulator, simulator.connect(database="ANALYTICS") as connection:
        cursor = connection.cursor()
        cursor.execute("""alter session set query_tag = '{"app": "exactly_once"}'""")
        cursor.execute("select 'left behind' as said")
        before = set(HISTORIES.glob("*.parquet"))
    left = [read(file)[0] for file in set(HISTORIES.glob("*.parquet")) - before]
    assert any("left behind" in one.text for shapes in left for one in shapes.values())
