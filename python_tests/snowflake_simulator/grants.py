"""GRANT, REVOKE, ownership and SHOW GRANTS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from python_tests.snowflake_simulator import access
from python_tests.snowflake_simulator.catalog import WAREHOUSES
from python_tests.snowflake_simulator.commands import command
from python_tests.snowflake_simulator.errors import dependent_grant, insufficient, missing
from python_tests.snowflake_simulator.names import (
    IDENTIFIER,
    QUALIFIED,
    Name,
    literal,
    split,
    stored,
)
from python_tests.snowflake_simulator.views import SCHEMA

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.cursor import SimulatedCursor

_LENGTH = {"DATABASE": 1, "SCHEMA": 2}
_SINGULAR = {"TABLES": "TABLE", "VIEWS": "VIEW", "SCHEMAS": "SCHEMA"}
_TO = rf"(to|from) (?:role )?({IDENTIFIER})"


@command(rf"(grant|revoke) role ({IDENTIFIER}) {_TO}")
def grant_role(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/grant-role"""
    catalog = cursor.session.account.catalog
    granted, to = stored(match[2]), stored(match[4])
    for role in (granted, to):
        if role not in catalog.roles:
            raise missing("Role", role)
    _check_may_grant(cursor, granted)
    if match[1].lower() == "grant":
        catalog.roles[to].add(granted)
    else:
        catalog.roles[to].discard(granted)
    cursor.succeed()


def _check_may_grant(cursor: SimulatedCursor, role: str) -> None:
    """Nobody but an administrator owns a role here."""
    session = cursor.session
    catalog = session.account.catalog
    if not (catalog.manages_grants(session.roles) or catalog.owns(session.roles, (role,))):
        raise insufficient("role", role)


@command(rf"(grant|revoke) manage grants on account {_TO}")
def grant_manage_grants(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/user-guide/security-access-control-privileges"""
    catalog, role = cursor.session.account.catalog, stored(match[3])
    if role not in catalog.roles:
        raise missing("Role", role)
    if not catalog.manages_grants(cursor.session.roles):
        raise insufficient("account", "SIMULATOR")
    if match[1].lower() == "grant":
        catalog.grant_managers.add(role)
    else:
        catalog.grant_managers.discard(role)
    cursor.succeed()


@command(rf"alter schema ({QUALIFIED}) (enable|disable) managed access")
def manage_access(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/alter-schema"""
    catalog = cursor.session.account.catalog
    name = _named(cursor, "SCHEMA", match[1])
    access.check_owns(cursor.session, "SCHEMA", name)
    if not catalog.manages_grants(cursor.session.roles):
        raise insufficient("schema", name[-1])
    catalog.set_managed_access(name, managed=match[2].lower() == "enable")
    cursor.succeed()


@command(rf"(grant|revoke) role ({IDENTIFIER}) (?:to|from) user ({IDENTIFIER})")
def grant_role_to_user(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/grant-role"""
    catalog, role, user = cursor.session.account.catalog, stored(match[2]), stored(match[3])
    if role not in catalog.roles:
        raise missing("Role", role)
    _check_may_grant(cursor, role)
    granted = catalog.roles_of_users.setdefault(user, set())
    if match[1].lower() == "grant":
        granted.add(role)
    else:
        granted.discard(role)
    cursor.succeed()


@command(
    rf"grant ownership on (table|view|schema|database|warehouse) ({QUALIFIED}) "
    rf"to role ({IDENTIFIER})( (?:copy|revoke) current grants)?"
)
def grant_ownership(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/grant-ownership"""
    catalog = cursor.session.account.catalog
    kind, role = match[1].upper(), stored(match[3])
    name = _named(cursor, kind, match[2])
    _check(cursor, kind, name, role)
    if "revoke" in (match[4] or "").lower():
        catalog.revoke_all(name)
    elif not match[4] and (standing := catalog.a_grant_on(name)):
        raise dependent_grant(standing[0], _shown(name), standing[1])
    catalog.set_owner(name, role)
    cursor.succeed()


@command(
    rf"(grant|revoke) (?!ownership)([\w, ]+?) "
    rf"on future (tables|views) in (schema) ({QUALIFIED}) {_TO}"
)
def grant_future(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/grant-privilege: future grants

    The owner of a schema may not, unless it has managed access.
    """
    catalog, session = cursor.session.account.catalog, cursor.session
    kind, role = _SINGULAR[match[3].upper()], stored(match[7])
    schema = _named(cursor, "SCHEMA", match[5])
    _check_seen(cursor, "SCHEMA", schema, role)
    if not catalog.may_give_future(session.roles, schema):
        raise insufficient("schema", schema[-1])
    for privilege in _privileges(match[2]):
        if match[1].lower() == "grant":
            catalog.grant_future(privilege, kind, schema, role, session.role)
        else:
            catalog.revoke_future(privilege, kind, schema, role)
    cursor.succeed()


@command(
    rf"(grant|revoke) (?!ownership)([\w, ]+?) "
    rf"on all (tables|views|schemas) in (schema|database) ({QUALIFIED}) {_TO}"
)
def grant_all(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/grant-privilege: all objects there are"""
    catalog = cursor.session.account.catalog
    kind = _SINGULAR[match[3].upper()]
    holder = _named(cursor, match[4].upper(), match[5])
    for name in catalog.members(holder, kind):
        _change(cursor, match[1], match[2], kind, name, stored(match[7]))
    cursor.succeed()


@command(
    rf"(grant|revoke) (?!ownership)([\w, ]+?) "
    rf"on (?:(table|view|schema|database|warehouse) )?({QUALIFIED}) {_TO}"
    r"(?: (?:cascade|restrict))?"
)
def grant(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/grant-privilege"""
    kind = (match[3] or "TABLE").upper()
    name = _named(cursor, kind, match[4])
    _change(cursor, match[1], match[2], kind, name, stored(match[6]))
    cursor.succeed()


@command(rf"show grants on (?:(table|view|schema|database|warehouse) )?({QUALIFIED})")
def show_grants(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/show-grants"""
    catalog = cursor.session.account.catalog
    kind = (match[1] or "TABLE").upper()
    name = _named(cursor, kind, match[2])
    if not catalog.exists(name) or not catalog.sees(cursor.session.roles, name):
        raise missing(kind.capitalize(), _shown(name))
    shown = literal(_shown(name))
    database, schema, item = ([*map(literal, name), "''", "''"])[:3]
    owner = literal(catalog.owner(name))
    owned = ["OWNERSHIP", *(["MANAGE GRANTS"] if catalog.has_managed_access(name) else [])]
    cursor.answer(f"""
        select
            created_on as "created_on", privilege as "privilege", {literal(kind)} as "granted_on",
            {shown} as "name", 'ROLE' as "granted_to", role as "grantee_name",
            case when privilege = 'OWNERSHIP' then 'true' else 'false' end as "grant_option",
            granted_by as "granted_by"
        from (
            select created_on, privilege, role, granted_by from {SCHEMA}.grants
            where (database_name, schema_name, object_name) = ({database}, {schema}, {item})
            union all
            select now(), unnest({owned}), {owner}, {owner}
        ) as found
        order by privilege, role""")


@command(rf"show grants to role ({IDENTIFIER})")
def show_grants_to(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/show-grants"""
    catalog, role = cursor.session.account.catalog, stored(match[1])
    if role not in catalog.roles:
        raise missing("Role", role)
    manages = literal(str(role in catalog.grant_managers))
    roles = ", ".join(f"({literal(one)})" for one in ["", *sorted(catalog.roles[role])])
    cursor.answer(f"""
        select
            created_on as "created_on", privilege as "privilege", kind as "granted_on",
            name as "name", 'ROLE' as "granted_to", {literal(role)} as "grantee_name",
            case when privilege = 'OWNERSHIP' then 'true' else 'false' end as "grant_option",
            granted_by as "granted_by"
        from (
            select
                created_on, privilege, kind, granted_by,
                concat_ws('.', database_name, nullif(schema_name, ''), nullif(object_name, ''))
                    as name
            from {SCHEMA}.grants where role = {literal(role)}
            union all
            select
                created_on, 'OWNERSHIP', kind, owner,
                concat_ws('.', database_name, nullif(schema_name, ''), nullif(object_name, ''))
            from {SCHEMA}.objects where owner = {literal(role)}
            union all
            select now(), 'MANAGE GRANTS', 'ACCOUNT', '', 'SIMULATOR' where {manages}::boolean
            union all
            select now(), 'USAGE', 'ROLE', '', column0
            from (values {roles}) as granted(column0) where column0 <> ''
        ) as found
        order by kind, name, privilege""")


@command(rf"show future grants in schema ({QUALIFIED})")
def show_future_grants(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """https://docs.snowflake.com/en/sql-reference/sql/show-grants"""
    name = _named(cursor, "SCHEMA", match[1])
    if not cursor.session.account.catalog.exists(name):
        raise missing("Schema", ".".join(name))
    database, schema = map(literal, name)
    cursor.answer(f"""
        select
            now() as "created_on", privilege as "privilege", kind as "grant_on",
            {literal(".".join(name))} || '.<' || kind || '>' as "name",
            'ROLE' as "grant_to", role as "grantee_name", 'false' as "grant_option"
        from {SCHEMA}.future_grants
        where (database_name, schema_name) = ({database}, {schema})
        order by privilege, kind, role""")


def _named(cursor: SimulatedCursor, kind: str, written: str) -> Name:
    if kind == "WAREHOUSE":
        return (WAREHOUSES, *split(written))
    return cursor.session.completed(split(written), _LENGTH.get(kind, 3))


def _shown(name: Name) -> str:
    return ".".join(part for part in name if part != WAREHOUSES)


def _privileges(written: str) -> list[str]:
    found = [" ".join(part.split()).upper() for part in written.split(",")]
    return ["ALL" if part == "ALL PRIVILEGES" else part for part in found]


def _check(cursor: SimulatedCursor, kind: str, name: Name, role: str) -> None:
    _check_seen(cursor, kind, name, role)
    if not cursor.session.account.catalog.may_give(cursor.session.roles, name):
        raise insufficient(kind.lower(), name[-1])


def _check_seen(cursor: SimulatedCursor, kind: str, name: Name, role: str) -> None:
    catalog = cursor.session.account.catalog
    if role not in catalog.roles:
        raise missing("Role", role)
    asking = cursor.session.roles
    known = catalog.sees(asking, name) or catalog.may_give(asking, name)
    if not catalog.exists(name) or not known:
        raise missing(kind.capitalize(), _shown(name))


def _change(
    cursor: SimulatedCursor, verb: str, privileges: str, kind: str, name: Name, role: str
) -> None:
    catalog, session = cursor.session.account.catalog, cursor.session
    _check(cursor, kind, name, role)
    for privilege in _privileges(privileges):
        if verb.lower() == "grant":
            catalog.grant(privilege, kind, name, role, session.role)
        else:
            catalog.revoke(privilege, name, role)
