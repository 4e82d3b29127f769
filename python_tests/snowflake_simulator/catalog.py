"""What Snowflake knows of an object beyond its data: owner, grants, when it was made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from python_tests.snowflake_simulator.names import Name
from python_tests.snowflake_simulator.views import IS_SEEN_SQL, SCHEMA, SHOWN_SQL, TABLES_SQL

# They own or inherit everything, as in an account that grants its roles to SYSADMIN.
ADMINISTRATORS = frozenset({"ACCOUNTADMIN", "SYSADMIN"})

# Where warehouses are in the place of a database: they are of the account
WAREHOUSES = ":WAREHOUSES"

# The primary role of a session and its secondary roles
Roles = tuple[str, ...]

_OBJECT = "(database_name, schema_name, object_name) = (?, ?, ?)"


def _padded(name: Name) -> list[str]:
    return [*name, "", ""][:3]


def _within(name: Name) -> str:
    """A condition on what the name holds, itself included."""
    columns = ("database_name", "schema_name", "object_name")[: len(name)]
    return " and ".join(f"{column} = ?" for column in columns)


class Catalog:
    """The objects, roles and warehouses of an account, on a DuckDB connection of its own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        # what this thread has been told within unchanged(), by question
        self._told = threading.local()
        # role -> the roles granted to it
        self.roles: dict[str, set[str]] = {role: set() for role in (*ADMINISTRATORS, "PUBLIC")}
        # who may give any privilege on anything
        self.grant_managers: set[str] = {"ACCOUNTADMIN"}
        # user -> the roles granted to the user, and who begins with all of them as secondary roles
        self.roles_of_users: dict[str, set[str]] = {}
        self.users_with_secondary_roles: set[str] = set()
        self.run(TABLES_SQL)
        self.run(SHOWN_SQL)
        self.run(IS_SEEN_SQL)

    def run(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement on our own tables or on DuckDB's catalog, outside any transaction."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Ask each question once: what a statement may do is told as of one moment."""
        self._told.answers = {}
        try:
            yield
        finally:
            self._told.answers = None

    def _ask(self, sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        """Run a query, or tell what it said before."""
        answers = getattr(self._told, "answers", None)
        if answers is None:
            return self.run(sql, parameters)
        question = (sql, *parameters)
        if question not in answers:
            answers[question] = self.run(sql, parameters)
        return answers[question]

    # Warehouses

    def warehouses(self) -> list[str]:
        """All there are, the oldest first."""
        found = self._ask(
            f"select schema_name from {SCHEMA}.objects where database_name = ? "
            "order by created_on, schema_name",
            [WAREHOUSES],
        )
        return [row[0] for row in found]

    def is_usable(self, active: Roles, warehouse: str | None) -> bool:
        """Is the warehouse there, and may one of the roles use it?"""
        name = (WAREHOUSES, str(warehouse))
        return self.exists(name) and self.may(active, "USAGE", name)

    # Objects

    def exists(self, name: Name) -> bool:
        """Is there a database, schema, table, view or warehouse of that name?"""
        if name[0] == WAREHOUSES:
            return name[-1] in self.warehouses()
        if len(name) == 1:
            return bool(
                self._ask("select 1 from duckdb_databases() where database_name = ?", [*name])
            )
        if len(name) == 2:
            return bool(
                self._ask(
                    "select 1 from duckdb_schemas() where (database_name, schema_name) = (?, ?)",
                    [*name],
                )
            )
        return self.kind_of(name) is not None

    def kind_of(self, name: Name) -> str | None:
        """TABLE, VIEW, or nothing for what is not there."""
        found = self._ask(f"select kind from {SCHEMA}.shown_objects where {_OBJECT}", [*name])
        return found[0][0] if found else None

    def created(
        self,
        name: Name,
        kind: str,
        owner: str,
        *,
        transient: bool = False,
        cluster_by: str = "",
        keep_grants: bool = False,
    ) -> None:
        """Record a new object; one of the same name that it replaces is forgotten."""
        for table in self._tables_with(name):
            if table != "grants" or not keep_grants:
                self.run(f"delete from {SCHEMA}.{table} where {_within(name)}", [*name])
        self.run(
            f"insert into {SCHEMA}.objects values (?, ?, ?, ?, ?, now(), now(), ?, ?, null, false)",
            [*_padded(name), kind, owner, transient, cluster_by],
        )
        if len(name) == 3 and not keep_grants:
            self.run(
                f"insert into {SCHEMA}.grants "
                "select privilege, kind, ?, ?, ?, role, granted_by, now() "
                f"from {SCHEMA}.future_grants "
                "where (database_name, schema_name, kind) = (?, ?, ?)",
                [*name, *name[:2], kind],
            )

    def dropped(self, name: Name) -> None:
        """Forget an object and what it holds."""
        for table in self._tables_with(name):
            self.run(f"delete from {SCHEMA}.{table} where {_within(name)}", [*name])

    def altered(self, name: Name) -> None:
        """Record that an object was changed now."""
        self.run(f"update {SCHEMA}.objects set last_altered = now() where {_OBJECT}", _padded(name))

    def set_cluster_by(self, name: Name, expression: str) -> None:
        """Record the clustering key of a table."""
        self.run(
            f"update {SCHEMA}.objects set cluster_by = ? where {_OBJECT}",
            [expression, *_padded(name)],
        )

    def set_schema_comment(self, name: Name, comment: str) -> None:
        """Record the comment of a schema; DuckDB keeps those of tables, views and columns."""
        self.run(
            f"update {SCHEMA}.objects set schema_comment = ? where {_OBJECT}",
            [comment, *_padded(name)],
        )

    def renamed(self, old: Name, new: Name) -> None:
        """An object has another name; all that it holds and all grants move with it."""
        columns = ("database_name", "schema_name", "object_name")[: len(old)]
        assignments = ", ".join(f"{column} = ?" for column in columns)
        for table in self._tables_with(old):
            self.run(
                f"update {SCHEMA}.{table} set {assignments} where {_within(old)}", [*new, *old]
            )

    def swapped(self, one: Name, other: Name) -> None:
        """Two objects have exchanged their names."""
        aside = (*one[:-1], "_SIMULATOR_ASIDE")
        for old, new in ((one, aside), (other, one), (aside, other)):
            self.renamed(old, new)

    def _tables_with(self, name: Name) -> list[str]:
        # a future grant belongs to a schema
        return ["objects", "grants"] + (["future_grants"] if len(name) <= 2 else [])

    def cloned(self, source: Name, target: Name, owner: str) -> None:
        """A clone of a schema keeps the grants on its children, and those on what is to come."""
        self.created(target, "SCHEMA", owner)
        self.run(
            f"insert into {SCHEMA}.future_grants by name "
            "select * replace (? as database_name, ? as schema_name) "
            f"from {SCHEMA}.future_grants where (database_name, schema_name) = (?, ?)",
            [*target, *source],
        )
        self.run(
            f"insert into {SCHEMA}.objects select ?, ?, object_name, kind, owner, now(), now(), "
            f"is_transient, cluster_by, null, false from {SCHEMA}.objects "
            f"where {_within(source)} and object_name <> ''",
            [*target, *source],
        )
        self.run(
            f"insert into {SCHEMA}.grants select privilege, kind, ?, ?, object_name, role, "
            f"granted_by, now() from {SCHEMA}.grants where {_within(source)} and object_name <> ''",
            [*target, *source],
        )

    def copy_grants(self, source: Name, target: Name) -> None:
        """Give a copy of a table the grants of the table, in place of future grants."""
        self.run(f"delete from {SCHEMA}.grants where {_OBJECT}", _padded(target))
        self.run(
            f"insert into {SCHEMA}.grants select privilege, kind, ?, ?, ?, role, granted_by, now() "
            f"from {SCHEMA}.grants where {_OBJECT}",
            [*target, *source],
        )

    def owner(self, name: Name) -> str:
        """The role that owns an object."""
        found = self._ask(f"select owner from {SCHEMA}.objects where {_OBJECT}", _padded(name))
        return found[0][0] if found else "ACCOUNTADMIN"

    def set_owner(self, name: Name, role: str) -> None:
        """Transfer ownership."""
        self.run(f"update {SCHEMA}.objects set owner = ? where {_OBJECT}", [role, *_padded(name)])

    # Privileges

    def inherited(self, *roles: str) -> set[str]:
        """Roles, the roles granted to them, and so on."""
        found: set[str] = set()
        waiting = {*roles, "PUBLIC"}
        while waiting:
            found |= waiting
            waiting = {more for one in waiting for more in self.roles.get(one, ())} - found
        return found

    def active_roles(self, active: Roles) -> set[str]:
        """The roles whose privileges a session with these roles has."""
        roles = self.inherited(*active)
        return set(self.roles) if roles & ADMINISTRATORS else roles

    def owns(self, active: Roles, name: Name) -> bool:
        """May one of the roles do everything with the object?"""
        roles = self.inherited(*active)
        return bool(roles & ADMINISTRATORS) or self.owner(name) in roles

    def manages_grants(self, active: Roles) -> bool:
        """Has one of the roles MANAGE GRANTS on the account?"""
        return bool(self.inherited(*active) & self.grant_managers)

    def has_managed_access(self, schema: Name) -> bool:
        """Does the owner of the schema alone decide on the grants in it?"""
        return bool(
            self._ask(
                f"select 1 from {SCHEMA}.objects where {_OBJECT} and is_managed", _padded(schema)
            )
        )

    def set_managed_access(self, schema: Name, *, managed: bool) -> None:
        """Let the owner of a schema decide on the grants in it, or the owner of each object."""
        self.run(
            f"update {SCHEMA}.objects set is_managed = ? where {_OBJECT}",
            [managed, *_padded(schema)],
        )

    def may_give(self, active: Roles, name: Name) -> bool:
        """May one of the roles give privileges on the object?"""
        in_managed = len(name) == 3 and self.has_managed_access(name[:2])
        return self.manages_grants(active) or self.owns(active, name[:2] if in_managed else name)

    def may_give_future(self, active: Roles, schema: Name) -> bool:
        """May one of the roles give privileges on what the schema will hold?"""
        return self.manages_grants(active) or (
            self.has_managed_access(schema) and self.owns(active, schema)
        )

    def may(self, active: Roles, privilege: str, name: Name) -> bool:
        """Has one of the roles the privilege on the object, by a grant or because it owns it?"""
        if self.owns(active, name):
            return True
        roles = sorted(self.inherited(*active))
        marks = ", ".join("?" for _ in roles)
        return bool(
            self._ask(
                f"select 1 from {SCHEMA}.grants where {_OBJECT} "
                f"and privilege in (?, 'ALL') and role in ({marks})",
                [*_padded(name), privilege, *roles],
            )
        )

    def sees(self, active: Roles, name: Name) -> bool:
        """Has one of the roles any privilege on the object? Else it does not exist for them.

        views.IS_SEEN_SQL says the same of each object in a list.
        """
        if self.owns(active, name):
            return True
        roles = sorted(self.inherited(*active))
        marks = ", ".join("?" for _ in roles)
        return bool(
            self._ask(
                f"select 1 from {SCHEMA}.grants where {_OBJECT} and role in ({marks})",
                [*_padded(name), *roles],
            )
        )

    def a_grant_on(self, name: Name) -> tuple[str, str] | None:
        """The privilege and the role of one grant on the object, if it has any."""
        found = self.run(
            f"select privilege, role from {SCHEMA}.grants where {_OBJECT} order by all limit 1",
            _padded(name),
        )
        return (found[0][0], found[0][1]) if found else None

    def grant(self, privilege: str, kind: str, name: Name, role: str, granted_by: str) -> None:
        """Give a role a privilege on an object."""
        self.revoke(privilege, name, role)
        self.run(
            f"insert into {SCHEMA}.grants values (?, ?, ?, ?, ?, ?, ?, now())",
            [privilege, kind, *_padded(name), role, granted_by],
        )

    def revoke(self, privilege: str, name: Name, role: str) -> None:
        """Take a privilege back; ALL takes all of them."""
        self.run(
            f"delete from {SCHEMA}.grants where {_OBJECT} and role = ? "
            "and (privilege = ? or ? = 'ALL')",
            [*_padded(name), role, privilege, privilege],
        )

    def revoke_all(self, name: Name) -> None:
        """Take all privileges on an object back, from everybody."""
        self.run(f"delete from {SCHEMA}.grants where {_OBJECT}", _padded(name))

    def grant_future(
        self, privilege: str, kind: str, schema: Name, role: str, granted_by: str
    ) -> None:
        """Give a role a privilege on objects that a schema will hold."""
        self.revoke_future(privilege, kind, schema, role)
        self.run(
            f"insert into {SCHEMA}.future_grants values (?, ?, ?, ?, ?, ?)",
            [privilege, kind, *schema, role, granted_by],
        )

    def revoke_future(self, privilege: str, kind: str, schema: Name, role: str) -> None:
        """Take it back for objects still to come."""
        self.run(
            f"delete from {SCHEMA}.future_grants "
            "where (privilege, kind, database_name, schema_name, role) = (?, ?, ?, ?, ?)",
            [privilege, kind, *schema, role],
        )

    def members(self, holder: Name, kind: str) -> list[Name]:
        """The tables, views or schemas that a database or schema holds."""
        if kind == "SCHEMA":
            found = self.run(
                f"select database_name, schema_name from {SCHEMA}.shown_schemas "
                f"where {_within(holder)} order by all",
                [*holder],
            )
        else:
            found = self.run(
                "select database_name, schema_name, object_name "
                f"from {SCHEMA}.shown_objects where {_within(holder)} and kind = ? order by all",
                [*holder, kind],
            )
        return [tuple(row) for row in found]
