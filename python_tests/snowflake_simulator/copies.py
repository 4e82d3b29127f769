"""Tables and views carried from one schema to another, which DuckDB can't do itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from python_tests.snowflake_simulator.errors import sql_error
from python_tests.snowflake_simulator.names import Name, literal, quoted

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.cursor import SimulatedCursor


@contextmanager
def in_one_step(cursor: SimulatedCursor) -> Iterator[duckdb.DuckDBPyConnection]:
    """DDL of several DuckDB statements that others see at once or not at all.

    As every DDL it first commits what is open.
    """
    session = cursor.session
    session.end_transaction("commit")
    connection = session._duck_conn
    session.account.writing.acquire(session)
    try:
        with session.account.naming:
            connection.execute("begin")
            try:
                yield connection
                connection.execute("commit")
            except duckdb.Error as error:
                _roll_back(connection)
                message = str(error).split("\n")[0]
                raise sql_error(f"SQL compilation error:\n{message}", 2003, "42S02") from error
            except BaseException:
                _roll_back(connection)
                raise
    finally:
        session.account.writing.release(session)
        # Snowflake changes metadata only: it reads nothing
        session.meter.reset()


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    # a failed commit has already ended it
    with suppress(duckdb.TransactionException):
        connection.execute("rollback")


def tables_of(connection: duckdb.DuckDBPyConnection, schema: Name) -> list[str]:
    """The tables of a schema."""
    found = connection.execute(
        "select table_name from duckdb_tables() "
        "where (database_name, schema_name) = (?, ?) order by 1",
        [*schema],
    )
    return [row[0] for row in found.fetchall()]


@dataclass(frozen=True)
class View:
    """A view's name in its schema, its text and its comments by column; '' is the view itself."""

    name: str
    definition: str
    comments: dict[str, str]


def views_of(connection: duckdb.DuckDBPyConnection, schema: Name) -> list[View]:
    """The views of a schema."""
    found = connection.execute(
        "select view_name, sql, comment from duckdb_views() "
        "where (database_name, schema_name) = (?, ?) and not internal order by view_oid",
        [*schema],
    ).fetchall()
    views = []
    for name, sql, comment in found:
        definition = re.split(r"\sAS\s", sql, maxsplit=1, flags=re.IGNORECASE)[1]
        comments = _column_comments(connection, (*schema, name))
        views.append(
            View(name, definition, comments if comment is None else comments | {"": comment})
        )
    return views


def drop_views(connection: duckdb.DuckDBPyConnection, schema: Name, views: Iterable[View]) -> None:
    """Remove views."""
    for view in views:
        connection.execute(f"drop view {quoted((*schema, view.name))}")


def create_views(
    connection: duckdb.DuckDBPyConnection, schema: Name, views: Iterable[View]
) -> None:
    """Make views with the same text: a qualified name in it still means what it names."""
    waiting = list(views)
    while waiting:
        later: list[View] = []
        for view in waiting:
            try:
                connection.execute(
                    f"create view {quoted((*schema, view.name))} as {view.definition}"
                )
            except (duckdb.CatalogException, duckdb.BinderException):
                later.append(view)  # it may read a view that comes after it
                if len(later) == len(waiting):
                    raise
                continue
            _comment(connection, "view", (*schema, view.name), view.comments)
        waiting = later


def copy_table(connection: duckdb.DuckDBPyConnection, source: Name, target: Name) -> None:
    """A table with the rows, constraints, defaults and comments of another."""
    definition, comment = connection.execute(
        "select sql, comment from duckdb_tables() "
        "where (database_name, schema_name, table_name) = (?, ?, ?)",
        [*source],
    ).fetchall()[0]
    columns = definition[definition.index("(") :]
    connection.execute(f"create table {quoted(target)} {columns}")
    connection.execute(f"insert into {quoted(target)} select * from {quoted(source)}")
    comments = _column_comments(connection, source)
    if comment is not None:
        comments[""] = comment
    _comment(connection, "table", target, comments)


def _column_comments(connection: duckdb.DuckDBPyConnection, relation: Name) -> dict[str, str]:
    return dict(
        connection.execute(
            "select column_name, comment from duckdb_columns() "
            "where (database_name, schema_name, table_name) = (?, ?, ?) and comment is not null",
            [*relation],
        ).fetchall()
    )


def _comment(
    connection: duckdb.DuckDBPyConnection, kind: str, relation: Name, comments: dict[str, str]
) -> None:
    for column, text in comments.items():
        what = f"column {quoted((*relation, column))}" if column else f"{kind} {quoted(relation)}"
        connection.execute(f"comment on {what} is {literal(text)}")


def move_table(connection: duckdb.DuckDBPyConnection, source: Name, target: Name) -> None:
    """A table under another name."""
    copy_table(connection, source, target)
    connection.execute(f"drop table {quoted(source)}")


def move_tables(connection: duckdb.DuckDBPyConnection, source: Name, target: Name) -> None:
    """All tables of a schema into another."""
    for name in tables_of(connection, source):
        move_table(connection, (*source, name), (*target, name))
