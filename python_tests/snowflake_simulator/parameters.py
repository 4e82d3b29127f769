"""Statements about the session: roles, warehouses, query tag, time zone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlglot import exp

from python_tests.snowflake_simulator.catalog import WAREHOUSES
from python_tests.snowflake_simulator.commands import command
from python_tests.snowflake_simulator.errors import (
    insufficient,
    missing,
    no_such_object,
    not_imitated,
    sql_error,
)
from python_tests.snowflake_simulator.names import IDENTIFIER, literal, stored

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.cursor import SimulatedCursor

# Parameters that clients set and that change nothing here
_IGNORED = re.compile(
    r"(client_.*|statement_timeout_in_seconds|lock_timeout|use_cached_result|autocommit|"
    r"python_.*|error_on_nondeterministic_merge|week_start|multi_statement_count|"
    r"quoted_identifiers_ignore_case|jdbc_.*|enable_.*|timestamp_type_mapping)",
    re.IGNORECASE,
)
_DEFAULTS_THAT_HOLD = {
    "AUTOCOMMIT": "TRUE",
    "ERROR_ON_NONDETERMINISTIC_MERGE": "TRUE",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": "FALSE",
    "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
    "WEEK_START": "0",
    "MULTI_STATEMENT_COUNT": "1",
}


@command(rf"alter session set ({IDENTIFIER}) ?= ?(.*)")
def set_parameter(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-session"""
    session, name = cursor.session, stored(match[1])
    value = exp.maybe_parse(match[2], dialect="snowflake").name or match[2]
    if name == "QUERY_TAG":
        session.query_tag = value
    elif name == "TIMEZONE":
        session.set_time_zone(_time_zone(value))
    elif name == "TIMESTAMP_INPUT_FORMAT":
        session.input_format = value
    elif not _IGNORED.fullmatch(name):
        raise not_imitated(f"the parameter {name}")
    elif name in _DEFAULTS_THAT_HOLD and match[2].strip("'").upper() != _DEFAULTS_THAT_HOLD[name]:
        raise not_imitated(f"the parameter {name} with a value other than its default")
    cursor.succeed()


@command(r"alter account set timezone ?= ?'(.*)'")
def set_account_time_zone(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-account: for later sessions."""
    _administrate(cursor)
    cursor.session.account.time_zone = _time_zone(match[1])
    cursor.succeed()


@command(rf"alter (?:account|user ({IDENTIFIER})) set timestamp_input_format ?= ?'(.*)'")
def set_input_format(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/parameters: for later sessions."""
    _administrate(cursor)
    cursor.session.account.input_formats[stored(match[1]) if match[1] else ""] = match[2]
    cursor.succeed()


@command(rf"alter session unset ({IDENTIFIER})")
def unset_parameter(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-session"""
    name = stored(match[1])
    if name == "QUERY_TAG":
        cursor.session.query_tag = ""
    elif name == "TIMEZONE":
        cursor.session.set_time_zone(cursor.session.account.time_zone)
    elif name == "TIMESTAMP_INPUT_FORMAT":
        cursor.session.input_format = cursor.session.account.input_format_of(cursor.session.user)
    cursor.succeed()


@command(r"show parameters(?: like '(.*?)')?(?: (?:in|for) (?:session|account))?")
def show_parameters(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/show-parameters"""
    session = cursor.session
    known = {
        "QUERY_TAG": (session.query_tag, ""),
        "TIMEZONE": (session.time_zone, "UTC"),
        "TIMESTAMP_INPUT_FORMAT": (session.input_format, "AUTO"),
    }
    known |= {name: (value, value) for name, value in _DEFAULTS_THAT_HOLD.items()}
    rows = ", ".join(
        f"({literal(name)}, {literal(value)}, {literal(default)})"
        for name, (value, default) in sorted(known.items())
    )
    cursor.answer(
        'select column0 as "key", column1 as "value", column2 as "default", '
        "case when column1 = column2 then '' else 'SESSION' end as \"level\", "
        "'' as \"description\", 'STRING' as \"type\" "
        f"from (values {rows}) as known(column0, column1, column2) "
        f"where column0 ilike {literal(match[1] or '%')}"
    )


@command(r"use secondary roles? (all|none)")
def use_secondary_roles(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/use-secondary-roles"""
    cursor.session.use_secondary_roles(match[1].lower() == "all")
    cursor.succeed()


@command(rf"alter user ({IDENTIFIER}) set default_secondary_roles ?= ?\((?:('all'))?\)")
def set_secondary_roles(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-user: for later sessions."""
    _administrate(cursor)
    users = cursor.session.account.catalog.users_with_secondary_roles
    if match[2]:
        users.add(stored(match[1]))
    else:
        users.discard(stored(match[1]))
    cursor.succeed()


@command(rf"use (role|warehouse) ({IDENTIFIER})")
def use(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/use-role, .../use-warehouse"""
    session, catalog = cursor.session, cursor.session.account.catalog
    if match[1].lower() == "role":
        if stored(match[2]) not in catalog.roles:
            raise no_such_object()
        session.use_role(stored(match[2]))
    else:
        if not catalog.is_usable(session.roles, stored(match[2])):
            raise no_such_object()
        session.use_warehouse(stored(match[2]))
    cursor.succeed()


@command(rf"create (?:or replace )?(role|warehouse)( if not exists)? ({IDENTIFIER})(?: .*)?")
def create(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/create-role, .../create-warehouse"""
    _administrate(cursor)
    name, catalog = stored(match[3]), cursor.session.account.catalog
    if match[1].lower() == "role":
        catalog.roles.setdefault(name, set())
    else:
        if not match[2] or not catalog.exists((WAREHOUSES, name)):
            catalog.created((WAREHOUSES, name), "WAREHOUSE", cursor.session.role)
        cursor.session.use_warehouse(name)  # as Snowflake does
    cursor.succeed(f"{match[1].capitalize()} {name} successfully created.")


@command(rf"drop (role|warehouse)( if exists)? ({IDENTIFIER})")
def drop(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/drop-role, .../drop-warehouse"""
    _administrate(cursor)
    name, catalog = stored(match[3]), cursor.session.account.catalog
    is_role = match[1].lower() == "role"
    if name not in (catalog.roles if is_role else catalog.warehouses()) and not match[2]:
        raise missing(match[1].capitalize(), name)
    if is_role:
        catalog.roles.pop(name, None)
    else:
        catalog.dropped((WAREHOUSES, name))
    cursor.succeed(f"{name} successfully dropped.")


@command(r"show warehouses(?: like '(.*?)')?")
def show_warehouses(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/show-warehouses"""
    session, catalog = cursor.session, cursor.session.account.catalog
    rows = ", ".join(
        f"({literal(name)}, {literal(catalog.owner((WAREHOUSES, name)))})"
        for name in catalog.warehouses()
        if catalog.sees(session.roles, (WAREHOUSES, name))
    )
    cursor.answer(
        'select column0 as "name", \'STARTED\' as "state", \'STANDARD\' as "type", '
        "'X-Small' as \"size\", 'N' as \"is_default\", "
        f"case when column0 = {literal(session.warehouse or '')} then 'Y' else 'N' end "
        'as "is_current", column1 as "owner" '
        f"from (values {rows or '(null, null)'}) as known(column0, column1) "
        f"where column0 ilike {literal(match[1] or '%')}"
    )


@command(r"select system\$cancel_all_queries ?\( ?'?\d+'? ?\)")
def cancel_all_queries(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/functions/system_cancel_all_queries: none is."""
    cursor.answer("select '0 cancelled.' as status")


@command(r"select system\$abort_session ?\( ?'?(\d+)'? ?\)")
def abort_session(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/functions/system_abort_session"""
    ended = cursor.session.account.end_session(int(match[1]))
    cursor.answer(
        f"select 'session [{match[1]}] {'terminated' if ended else 'not found'}.' as status"
    )


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise sql_error(
            f"SQL compilation error:\ninvalid value [{name}] for parameter 'TIMEZONE'",
            1008,
            "22023",
        ) from None
    return name


def _administrate(cursor: SimulatedCursor) -> None:
    if cursor.session.role not in ("ACCOUNTADMIN", "SYSADMIN"):
        raise insufficient("account", "SIMULATOR")
