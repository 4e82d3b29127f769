"""CLONE and SWAP of tables and schemas, each one step for every reader."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from python_tests.snowflake_simulator import access, copies
from python_tests.snowflake_simulator.commands import command
from python_tests.snowflake_simulator.ddl import LITERAL, text_of
from python_tests.snowflake_simulator.errors import not_imitated, sql_error
from python_tests.snowflake_simulator.names import QUALIFIED, Name, quoted, split

if TYPE_CHECKING:
    import duckdb

    from python_tests.snowflake_simulator.cursor import SimulatedCursor

_ASIDE = "_SIMULATOR_ASIDE"


@command(rf"alter schema (?:if exists )?({QUALIFIED}) swap with ({QUALIFIED})")
def swap_schemas(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-schema"""
    session = cursor.session
    one, other = (session.completed(split(match[number]), 2) for number in (1, 2))
    for name in (one, other):
        access.check_owns(session, "SCHEMA", name)
    if one[0] != other[0]:
        raise not_imitated("a swap between two databases")
    aside = (one[0], _ASIDE)
    with copies.in_one_step(cursor) as connection:
        views = {name: copies.views_of(connection, name) for name in (one, other)}
        for name, found in views.items():
            copies.drop_views(connection, name, found)
        connection.execute(f"create schema {quoted(aside)}")
        for source, target in ((one, aside), (other, one), (aside, other)):
            copies.move_tables(connection, source, target)
        copies.create_views(connection, one, views[other])
        copies.create_views(connection, other, views[one])
        connection.execute(f"drop schema {quoted(aside)}")
        session.account.catalog.swapped(one, other)
    cursor.succeed()


@command(rf"alter table (?:if exists )?({QUALIFIED}) swap with ({QUALIFIED})")
def swap_tables(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-table"""
    session = cursor.session
    one, other = (session.completed(split(match[number])) for number in (1, 2))
    for name in (one, other):
        access.check_owns(session, "TABLE", name)
    if one[0] != other[0]:
        raise not_imitated("a swap between two databases")
    aside = (*one[:2], _ASIDE)
    with copies.in_one_step(cursor) as connection:
        for source, target in ((one, aside), (other, one), (aside, other)):
            _move(connection, source, target)
        session.account.catalog.swapped(one, other)
    cursor.succeed()


def _move(connection: duckdb.DuckDBPyConnection, source: Name, target: Name) -> None:
    if source[:2] == target[:2]:
        connection.execute(f"alter table {quoted(source)} rename to {quoted(target[-1:])}")
    else:
        copies.move_table(connection, source, target)


@command(
    rf"create( or replace)?(?: transient)? schema( if not exists)? ({QUALIFIED}) "
    rf"clone ({QUALIFIED})( ?(?:at|before) ?\(.*\))?(?: ?comment ?= ?({LITERAL}))?"
)
def clone_schema(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/create-clone"""
    session, catalog = cursor.session, cursor.session.account.catalog
    replace, if_not_exists, time_travel = bool(match[1]), bool(match[2]), match[5]
    if time_travel:
        raise not_imitated("Time Travel")
    target, source = (session.completed(split(match[number]), 2) for number in (3, 4))
    there = _check_target(cursor, "SCHEMA", target, replace=replace, if_not_exists=if_not_exists)
    if there and if_not_exists:
        cursor.succeed(f"{target[-1]} already exists, statement succeeded.")
        return
    access.check_schema_use(session, source)
    with copies.in_one_step(cursor) as connection:
        if there:
            connection.execute(f"drop schema {quoted(target)} cascade")
        connection.execute(f"create schema {quoted(target)}")
        for name in copies.tables_of(connection, source):
            copies.copy_table(connection, (*source, name), (*target, name))
        copies.create_views(connection, target, copies.views_of(connection, source))
    catalog.cloned(source, target, session.role)
    if match[6]:
        catalog.set_schema_comment(target, text_of(match[6]))
    cursor.succeed(f"Schema {target[-1]} successfully created.")


@command(
    rf"create( or replace)?( transient| temporary| temp)? table( if not exists)? ({QUALIFIED}) "
    rf"clone ({QUALIFIED})( ?(?:at|before) ?\(.*?\))?( copy grants)?"
)
def clone_table(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/create-clone"""
    session, catalog = cursor.session, cursor.session.account.catalog
    replace, kind, if_not_exists = bool(match[1]), (match[2] or "").strip().lower(), bool(match[3])
    if match[6]:
        raise not_imitated("Time Travel")
    if kind.startswith("temp"):
        raise not_imitated("a temporary clone")
    target, source = (session.completed(split(match[number])) for number in (4, 5))
    there = _check_target(cursor, "TABLE", target, replace=replace, if_not_exists=if_not_exists)
    if there and if_not_exists:
        cursor.succeed(f"{target[-1]} already exists, statement succeeded.")
        return
    access.check_use(session, source, "SELECT")
    aside = (*target[:2], _ASIDE)
    with copies.in_one_step(cursor) as connection:
        copies.copy_table(connection, source, aside)
        if there:
            connection.execute(f"drop table {quoted(target)}")
        connection.execute(f"alter table {quoted(aside)} rename to {quoted(target[-1:])}")
    catalog.created(target, "TABLE", session.role, transient=kind == "transient")
    if match[7]:
        catalog.copy_grants(source, target)
    cursor.succeed(f"Table {target[-1]} successfully created.")


def _check_target(
    cursor: SimulatedCursor, kind: str, target: Name, *, replace: bool, if_not_exists: bool
) -> bool:
    """May the clone be made? Returns whether something of that name is there."""
    session = cursor.session
    there = session.account.catalog.exists(target)
    if there and if_not_exists:
        return True
    access.check_may_create(session, kind, target)
    if there and not replace:
        raise sql_error(
            f"SQL compilation error:\nObject '{target[-1]}' already exists.", 2002, "42710"
        )
    if there:
        access.check_owns(session, kind, target)
    return there
