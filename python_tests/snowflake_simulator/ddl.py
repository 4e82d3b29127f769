"""CREATE, DROP, ALTER and COMMENT, where they are more than one DuckDB statement."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from python_tests.snowflake_simulator import access, copies, temporary
from python_tests.snowflake_simulator.commands import command
from python_tests.snowflake_simulator.errors import missing, not_imitated, sql_error
from python_tests.snowflake_simulator.names import (
    IDENTIFIER,
    QUALIFIED,
    Name,
    literal,
    of_table,
    quoted,
    split,
)
from python_tests.snowflake_simulator.rewriting import call, rewrite

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.cursor import SimulatedCursor


def consequence(cursor: SimulatedCursor, expression: exp.Expr) -> Callable[[], None] | None:
    """What is to be recorded once the statement has run; its Snowflake properties are taken off."""
    if isinstance(expression, exp.Create):
        return _created(cursor, expression)
    if isinstance(expression, exp.Drop):
        return _dropped(cursor, expression)
    if isinstance(expression, (exp.Alter, exp.TruncateTable)):
        return _altered(cursor, expression)
    return None


def _created(cursor: SimulatedCursor, expression: exp.Create) -> Callable[[], None] | None:
    session, catalog = cursor.session, cursor.session.account.catalog
    kind, target = expression.kind, temporary.target_of(expression)
    if kind not in ("TABLE", "VIEW", "SCHEMA", "DATABASE") or target is None:
        return None
    length = {"DATABASE": 1, "SCHEMA": 2}.get(str(kind), 3)
    name = session.completed(of_table(target), length)
    is_temporary = temporary.is_temporary(expression)
    found = _take_properties(expression)
    if expression.args.get("exists") and catalog.exists(name) and not is_temporary:
        return None
    key = found.get("cluster_by")
    transient, keep_grants = "transient" in found, "copy_grants" in found
    comment = found.get("comment")
    column_comments = _take_column_comments(expression)
    not_null = [
        stored_name(column) for column in _typed_columns(expression) if _is_required(column)
    ]
    inner: Name = (temporary.inner_name(name),) if is_temporary else name

    def record() -> None:
        if is_temporary:
            session.temporary[name] = str(kind)
        else:
            catalog.created(
                name,
                str(kind),
                session.role,
                transient=transient,
                cluster_by=f"LINEAR({key})" if key else "",
                keep_grants=keep_grants,
            )
        if kind == "DATABASE":
            cursor.run(f"create schema {quoted((*name, 'PUBLIC'))}")
            catalog.created((*name, "PUBLIC"), "SCHEMA", session.role)
        elif comment is not None and kind == "SCHEMA":
            catalog.set_schema_comment(name, comment)
        elif comment is not None:
            cursor.run(f"comment on {kind} {quoted(inner)} is {literal(comment)}")
        for column, text in column_comments.items():
            cursor.run(f"comment on column {quoted((*inner, column))} is {literal(text)}")
        for column in not_null:
            cursor.run(f"alter table {quoted(inner)} alter column {quoted((column,))} set not null")

    return record


def stored_name(column: exp.ColumnDef) -> str:
    """The name of a column that a CREATE lists, as Snowflake stores it."""
    name: str = column.this.name
    return name if column.this.args.get("quoted") else name.upper()


def _typed_columns(expression: exp.Expr) -> list[exp.ColumnDef]:
    """The columns that a CREATE TABLE .. AS lists with their types."""
    if not isinstance(expression, exp.Create) or expression.kind != "TABLE":
        return []
    if not isinstance(expression.this, exp.Schema) or expression.expression is None:
        return []
    columns = list(expression.this.find_all(exp.ColumnDef))
    return columns if all(column.kind for column in columns) else []


def _is_required(column: exp.ColumnDef) -> bool:
    return any(isinstance(one.kind, exp.NotNullColumnConstraint) for one in column.constraints)


@rewrite
def typed_columns(node: exp.Expr) -> exp.Expr:
    """DuckDB takes no types in CREATE TABLE .. AS: a cast of each column of the query, by place."""
    columns = _typed_columns(node)
    if not columns:
        return node
    selected = []
    for place, column in enumerate(columns):
        value: exp.Expr = exp.cast(exp.column(f"column_{place}"), column.args["kind"])
        if _is_required(column):
            error = call("error", exp.Literal.string("NULL result in a non-nullable column"))
            missing = exp.Is(this=exp.column(f"column_{place}"), expression=exp.Null())
            value = exp.Case().when(missing, error).else_(value)
        selected.append(exp.alias_(value, column.this.copy()))
    query = node.expression.unnest().subquery("queried")
    query.args["alias"].set(
        "columns", [exp.to_identifier(f"column_{n}") for n in range(len(columns))]
    )
    node.set("this", node.this.this)
    node.set("expression", exp.select(*selected).from_(query))
    return node


def _take_column_comments(expression: exp.Create) -> dict[str, str]:
    """Take off the comments of the columns that a CREATE lists."""
    if not isinstance(expression.this, exp.Schema):
        return {}
    found = {}
    for column in expression.this.find_all(exp.ColumnDef):
        for constraint in list(column.constraints):
            if isinstance(constraint.kind, exp.CommentColumnConstraint):
                found[stored_name(column)] = constraint.kind.this.name
                constraint.pop()
    return {column: text for column, text in found.items() if text}


def _take_properties(expression: exp.Create) -> dict[str, str]:
    """Take off what DuckDB does not know; what is left is TEMPORARY or nothing."""
    found: dict[str, str] = {}
    properties = expression.args.get("properties")
    if not properties:
        return found
    kept = []
    for item in properties.expressions:
        if isinstance(item, exp.TransientProperty):
            found["transient"] = ""
        elif isinstance(item, exp.CopyGrantsProperty):
            found["copy_grants"] = ""
        elif isinstance(item, (exp.ClusterProperty, exp.Cluster)):
            keys = item.expressions or [item.this]
            found["cluster_by"] = ", ".join(key.sql(dialect="snowflake") for key in keys)
        elif isinstance(item, exp.SchemaCommentProperty):
            found["comment"] = item.this.name
        elif isinstance(item, exp.TemporaryProperty):
            kept.append(item)
        else:
            raise not_imitated(f"CREATE with {item.sql(dialect='snowflake')}")
    if kept:
        properties.set("expressions", kept)
    else:
        expression.set("properties", None)
    return found


def _dropped(cursor: SimulatedCursor, expression: exp.Drop) -> Callable[[], None] | None:
    session, target = cursor.session, temporary.target_of(expression)
    if target is None or expression.args.get("kind") not in ("TABLE", "VIEW", "SCHEMA", "DATABASE"):
        return None
    length = {"DATABASE": 1, "SCHEMA": 2}.get(str(expression.args["kind"]), 3)
    name = session.completed(of_table(target), length)
    if name in session.temporary:
        return None
    return lambda: session.account.catalog.dropped(name)


def _altered(cursor: SimulatedCursor, expression: exp.Expr) -> Callable[[], None] | None:
    session = cursor.session
    is_truncate = isinstance(expression, exp.TruncateTable)
    target = expression.expressions[0] if is_truncate else temporary.target_of(expression)
    if target is None or expression.args.get("kind") == "SESSION":
        return None
    name = session.completed(of_table(target))
    return lambda: session.account.catalog.altered(name)


@command(rf"alter (table|view) (?:if exists )?({QUALIFIED}) rename to ({QUALIFIED})")
def rename_object(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-table"""
    session, kind = cursor.session, match[1].upper()
    old, new = session.completed(split(match[2])), session.completed(split(match[3]))
    access.check_owns(session, kind, old)
    access.check_may_create(session, kind, new)
    if session.account.catalog.exists(new):
        raise sql_error(
            f"SQL compilation error:\nObject '{'.'.join(new)}' already exists.", 2002, "42710"
        )
    with copies.in_one_step(cursor) as connection:
        if old[:2] == new[:2]:
            connection.execute(f"alter {kind} {quoted(old)} rename to {quoted(new[-1:])}")
        elif kind == "TABLE":
            copies.move_table(connection, old, new)
        else:
            raise not_imitated("moving a view to another schema")
        session.account.catalog.renamed(old, new)
    cursor.succeed()


@command(rf"alter schema (if exists )?({QUALIFIED}) rename to ({QUALIFIED})")
def rename_schema(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-schema"""
    session = cursor.session
    old, new = session.completed(split(match[2]), 2), session.completed(split(match[3]), 2)
    if match[1] and not session.account.catalog.exists(old):
        cursor.succeed()
        return
    access.check_owns(session, "SCHEMA", old)
    access.check_may_create(session, "SCHEMA", new)
    if session.account.catalog.exists(new):
        raise sql_error(
            f"SQL compilation error:\nObject '{'.'.join(new)}' already exists.", 2002, "42710"
        )
    with copies.in_one_step(cursor) as connection:
        connection.execute(f"create schema {quoted(new)}")
        views = copies.views_of(connection, old)
        copies.drop_views(connection, old, views)
        copies.move_tables(connection, old, new)
        copies.create_views(connection, new, views)
        connection.execute(f"drop schema {quoted(old)}")
        session.account.catalog.renamed(old, new)
    cursor.succeed()


@command(rf"alter table ({QUALIFIED}) (?:cluster by ?\((.*)\)|drop clustering key)")
def cluster_by(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-table: recorded, no row is moved."""
    session = cursor.session
    name = session.completed(split(match[1]))
    access.check_owns(session, "TABLE", name)
    session.account.catalog.set_cluster_by(name, f"LINEAR({match[2]})" if match[2] else "")
    cursor.succeed()


LITERAL = r"(?:'(?:[^'\\]|\\.|'')*'|\$\$.*?\$\$)"
_COLUMN_COMMENT = (
    rf"(?:(?:alter|modify) )?(?:column )?({IDENTIFIER}) (?:comment ({LITERAL})|(unset comment))"
)


def text_of(written: str) -> str:
    return exp.maybe_parse(written, dialect="snowflake").name


@command(rf"comment (if exists )?on (table|view|schema) ({QUALIFIED}) is ({LITERAL})")
def comment_on(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/comment"""
    _comment(cursor, match[2], match[3], text_of(match[4]), bool(match[1]))


@command(
    rf"alter (table|view|schema) (if exists )?({QUALIFIED}) "
    rf"(?:set comment ?= ?({LITERAL})|(unset comment))"
)
def set_comment(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-table"""
    _comment(cursor, match[1], match[3], text_of(match[4]) if match[4] else "", bool(match[2]))


def _comment(cursor: SimulatedCursor, kind: str, written: str, text: str, if_exists: bool) -> None:
    session, kind = cursor.session, kind.upper()
    name = session.completed(split(written), 2 if kind == "SCHEMA" else 3)
    if if_exists and not session.account.catalog.exists(name):
        cursor.succeed()
        return
    if kind == "SCHEMA":
        access.check_owns(session, kind, name)
        session.account.catalog.set_schema_comment(name, text)
    else:
        inner: Name = (temporary.inner_name(name),) if name in session.temporary else name
        if name not in session.temporary:
            access.check_owns(session, kind, name)
        # DuckDB lets nobody else commit a change of the table that began before
        with cursor.writing():
            cursor.run(f"comment on {kind} {quoted(inner)} is {literal(text) if text else 'null'}")
        session.account.catalog.altered(name)
    cursor.succeed()


@command(
    rf"alter (table|view) (?:if exists )?({QUALIFIED}) "
    rf"((?:alter|modify) ?(?:\()?.*\bcomment\b.*)"
)
def comment_on_columns(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-table-column"""
    session, kind = cursor.session, match[1].upper()
    name = session.completed(split(match[2]))
    found = list(re.finditer(_COLUMN_COMMENT, match[3], re.IGNORECASE | re.DOTALL))
    if not found:
        raise missing("Column", match[3])
    inner: Name = (temporary.inner_name(name),) if name in session.temporary else name
    if name not in session.temporary:
        access.check_owns(session, kind, name)
    for column in found:
        text = text_of(column[2]) if column[2] else ""
        whole = quoted((*inner, *split(column[1])))
        with cursor.writing():
            cursor.run(f"comment on column {whole} is {literal(text) if text else 'null'}")
    cursor.succeed()
