"""SHOW and DESCRIBE, with the columns that the documentation names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from python_tests.snowflake_simulator import temporary
from python_tests.snowflake_simulator.commands import command
from python_tests.snowflake_simulator.errors import missing, no_such_object
from python_tests.snowflake_simulator.names import QUALIFIED, literal, split
from python_tests.snowflake_simulator.views import IS_OBJECT_SEEN, IS_SCHEMA_SEEN, SCHEMA, TYPE_SQL

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.cursor import SimulatedCursor

_SCOPE = (
    rf"(?: like '(?P<like>.*?)')?(?: in (?P<account>account)"
    rf"| in (?P<kind>database|schema)? ?(?P<holder>{QUALIFIED}))?"
    r"(?: starts with '(?P<prefix>.*?)')?(?: limit (?P<limit>\d+))?(?: from '(?P<after>.*?)')?"
)
_TERSE = ("created_on", "name", "kind", "database_name", "schema_name")
_SHOWN = {
    "OBJECTS": """
        created_on as "created_on", object_name as "name", database_name as "database_name",
        schema_name as "schema_name", kind as "kind", comment as "comment",
        cluster_by as "cluster_by", row_count as "rows", null::bigint as "bytes",
        owner as "owner", '1' as "retention_time", 'ROLE' as "owner_role_type",
        'N' as "is_hybrid", 'N' as "is_dynamic", 'N' as "is_iceberg" """,
    "TABLES": """
        created_on as "created_on", object_name as "name", database_name as "database_name",
        schema_name as "schema_name",
        case when is_transient then 'TRANSIENT' else kind end as "kind",
        comment as "comment", cluster_by as "cluster_by", row_count as "rows",
        null::bigint as "bytes", owner as "owner", '1' as "retention_time",
        'OFF' as "automatic_clustering", 'ROLE' as "owner_role_type", 'N' as "is_hybrid",
        'N' as "is_dynamic", 'N' as "is_iceberg" """,
    "VIEWS": """
        created_on as "created_on", object_name as "name", '' as "reserved",
        database_name as "database_name", schema_name as "schema_name", owner as "owner",
        comment as "comment", text as "text", 'false' as "is_secure",
        'false' as "is_materialized", 'ROLE' as "owner_role_type", 'VIEW' as "kind" """,
}


@command(rf"show (terse )?(objects|tables|views){_SCOPE}")
def show_relations(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/show-objects, show-tables, show-views

    Those that the role may see.
    """
    what = match[2].upper()
    conditions = [
        *_scope(cursor, match, with_schema=True),
        *_filters(match, "object_name"),
        IS_OBJECT_SEEN,
    ]
    if what != "OBJECTS":
        conditions.append(f"kind = {literal(what[:-1])}")
    shown = ", ".join(f'"{column}"' for column in _TERSE) if match[1] else "*"
    cursor.answer(
        f"select {shown} from (select {_SHOWN[what]} from {SCHEMA}.shown_objects "
        f"where {' and '.join(conditions)} order by database_name, schema_name, object_name) "
        f"as shown {_limit(match)}"
    )


@command(rf"show (terse )?schemas(?: history)?{_SCOPE}")
def show_schemas(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/show-schemas: those that the role may see"""
    conditions = [
        *_scope(cursor, match, with_schema=False),
        *_filters(match, "schema_name"),
        IS_SCHEMA_SEEN,
    ]
    more = (
        '\'\' as "kind", database_name as "database_name", \'\' as "schema_name"'
        if match[1]
        else """'N' as "is_default", 'N' as "is_current", database_name as "database_name",
            owner as "owner", comment as "comment",
            case when is_transient then 'TRANSIENT' else '' end as "options",
            '1' as "retention_time", 'ROLE' as "owner_role_type" """
    )
    cursor.answer(
        f'select created_on as "created_on", schema_name as "name", {more} '
        f"from {SCHEMA}.shown_schemas where {' and '.join(conditions)} "
        f"order by database_name, schema_name {_limit(match)}"
    )


def _scope(cursor: SimulatedCursor, match: re.Match[str], *, with_schema: bool) -> list[str]:
    """Conditions for IN DATABASE, IN SCHEMA, or where the session is."""
    session, catalog = cursor.session, cursor.session.account.catalog
    if match["account"]:
        return ["true"]
    if match["holder"]:
        holder = split(match["holder"])
        is_schema = with_schema and (match["kind"] or "schema").lower() == "schema"
        # a single name alone is a database where there is one of that name
        if is_schema and (match["kind"] or not catalog.exists(holder)):
            holder = session.completed(holder, 2)
        if not catalog.exists(holder) or not catalog.sees(session.roles, holder):
            raise no_such_object()
    else:
        current = (session.database, session._schema if with_schema else None)
        holder = tuple(part for part in current if part)
    columns = ("database_name", "schema_name")
    found = [f"{c} = {literal(part)}" for c, part in zip(columns, holder, strict=False)]
    return found or ["true"]


def _filters(match: re.Match[str], column: str) -> list[str]:
    conditions = []
    if match["like"] is not None:
        conditions.append(f"{column} ilike {literal(match['like'])}")
    if match["prefix"] is not None:
        conditions.append(f"starts_with({column}, {literal(match['prefix'])})")
    if match["after"] is not None:
        conditions.append(f"{column} > {literal(match['after'])}")
    return conditions


def _limit(match: re.Match[str]) -> str:
    return f"limit {match['limit']}" if match["limit"] else ""


@command(rf"desc(?:ribe)? (?:table|view) ({QUALIFIED})(?: type ?= ?columns)?")
def describe(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/desc-table"""
    session, catalog = cursor.session, cursor.session.account.catalog
    name = session.completed(split(match[1]))
    is_temporary = name in session.temporary
    is_seen = catalog.kind_of(name) is not None and catalog.sees(session.roles, name)
    if not is_temporary and not is_seen:
        raise missing("Table", ".".join(name))
    inner = ("temp", "main", temporary.inner_name(name)) if is_temporary else name
    where = ", ".join(literal(part) for part in inner)
    cursor.answer(f"""
        select
            column_name as "name", {TYPE_SQL} as "type", 'COLUMN' as "kind",
            case when is_nullable then 'Y' else 'N' end as "null?",
            column_default as "default", 'N' as "primary key", 'N' as "unique key",
            null::varchar as "check", null::varchar as "expression", comment as "comment",
            null::varchar as "policy name", null::varchar as "privacy domain"
        from duckdb_columns()
        where (database_name, schema_name, table_name) = ({where})
        order by column_index""")
