"""A session: a login's role, warehouse, parameters, temporary objects and transaction."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from fakesnow.conn import FakeSnowflakeConnection

from python_tests.snowflake_simulator.cursor import SimulatedCursor
from python_tests.snowflake_simulator.errors import (
    no_current_schema,
    no_such_object,
    not_imitated,
)
from python_tests.snowflake_simulator.names import Name, literal

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.account import Account
    from python_tests.snowflake_simulator.catalog import Roles

_numbers = itertools.count(1)


class Meter:
    """A DuckDB connection that counts what its statements read."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        # The rows of the last query, and where fetchone is in them
        self._rows: pa.Table | None = None
        self._fetched = 0
        # The last query, and its columns as DESCRIBE gives them
        self._query = ""
        self._columns: list[tuple[Any, ...]] = []
        self._unread = False
        self.rows_scanned = 0
        self.bytes_scanned = 0
        self.rows_created = 0
        connection.execute("pragma enable_profiling = 'no_output'")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, parameters: Any = None) -> Meter:
        """Run a statement."""
        self.read()
        self._unread = True
        self._rows, self._fetched = None, 0
        verb = sql.split(maxsplit=1)[0].upper()
        if verb in ("SELECT", "WITH"):
            # taken at once and as a relation: else the profile is gone when the rows are taken
            relation = self._connection.sql(sql, params=parameters)
            self._query = sql
            self._columns = [
                (name, str(kind), "YES", None, None, None)
                for name, kind in zip(relation.columns, relation.types, strict=True)
            ]
            self._rows = relation.to_arrow_table()
            return self
        self._connection.execute(sql, parameters)
        if verb == "CREATE" and (counted := self._connection.fetchall()):
            self.rows_created += counted[0][0]
        return self

    def described(self, sql: str) -> list[tuple[Any, ...]] | None:
        """The columns of the last query, if it is this one."""
        return self._columns if sql == self._query else None

    def to_arrow_table(self) -> Any:
        """The rows of the last statement."""
        return self._connection.to_arrow_table() if self._rows is None else self._rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows of the last statement."""
        if self._rows is None:
            return self._connection.fetchall()
        return list(zip(*(column.to_pylist() for column in self._rows.columns), strict=True))

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row of the last statement."""
        if self._rows is None:
            return self._connection.fetchone()
        found = self.fetchall()[self._fetched : self._fetched + 1]
        self._fetched += 1
        return found[0] if found else None

    def reset(self) -> None:
        """Begin to count for a new statement."""
        self.read()
        self.rows_scanned = self.bytes_scanned = self.rows_created = 0

    def read(self) -> None:
        """Add what the last statement read."""
        if not self._unread:
            return
        self._unread = False
        try:
            profile = json.loads(self._connection.get_profiling_information())
        except (duckdb.Error, ValueError):
            return  # a statement that failed has no profile
        for operator in profile.get("operator", ()):
            self._add(operator)

    def _add(self, operator: dict[str, Any]) -> None:
        if operator.get("type") == "TABLE_SCAN":
            rows = operator.get("rows_scanned", 0)
            produced = operator.get("intermediate_rows", 0)
            width = operator.get("intermediate_size_bytes", 0) / produced if produced else 8
            self.rows_scanned += rows
            self.bytes_scanned += int(rows * width)
        for child in operator.get("children", ()):
            self._add(child)


class Session(FakeSnowflakeConnection):
    """One login."""

    _schema: str | None
    schema_set: bool

    def __init__(
        self,
        account: Account,
        *,
        user: str,
        role: str,
        warehouse: str | None,
        database: str | None,
        schema: str | None,
        autocommit: bool,
    ) -> None:
        self.account = account
        self.number = next(_numbers)
        self.user = user
        self.query_tag = ""
        self.time_zone = "UTC"
        self.input_format = account.input_format_of(user)
        # a transaction that DuckDB knows nothing of, since each of its statements stands alone
        self.has_only_read = False
        self.has_secondary_roles = user.upper() in account.catalog.users_with_secondary_roles
        # Snowflake's name of a temporary table or view -> what it is
        self.temporary: dict[Name, str] = {}
        # what DuckDB's variables of the session hold
        self._context: dict[str, str | None] = {}
        self.duck = account.duck_conn.cursor()
        self.meter = Meter(self.duck)
        known = bool(database) and account.catalog.exists((str(database),))
        super().__init__(
            self.meter,
            account.results_cache,
            database if known else None,
            schema,
            create_database=False,
            create_schema=False,
            autocommit=autocommit,
        )
        if not self.schema_set:
            self._schema = None
        self.use_role(role)
        self.use_warehouse(warehouse)
        self._set_context("user", user)
        self._set_context("session", str(self.number))
        self.set_time_zone(account.time_zone)

    @property
    def in_transaction(self) -> bool:
        """Has a transaction begun that nothing has ended?"""
        return self._in_transaction

    @in_transaction.setter
    def in_transaction(self, value: bool) -> None:
        self._in_transaction = value

    def cursor(self, cursor_class: Any = None) -> SimulatedCursor:
        """A cursor that runs statements in this session."""
        del cursor_class
        return SimulatedCursor(self)

    def completed(self, name: Name, length: int = 3) -> Name:
        """A name with the session's database and schema where it has none."""
        absent = length - len(name)
        if absent <= 0:
            return name
        defaults = (self.database, self._schema)[: length - 1][:absent]
        if None in defaults:
            raise no_such_object()
        return (*(str(part) for part in defaults), *name)

    def look_around(self) -> None:
        """Notice where the session is and what its role may; a schema that was dropped is none."""
        place = (str(self.database), str(self._schema))
        if self.schema_set and not self.account.catalog.exists(place):
            self._schema = None
            self.schema_set = False
        self._set_context("database", self.database if self.database_set else None)
        self._set_context("schema", self.schema if self.schema_set else None)
        self._show_roles()

    def check_schema(self, statement: str) -> None:
        """Raise where a bare name would mean nothing."""
        self.look_around()
        if not self.schema_set:
            raise no_current_schema(statement)

    def use_role(self, role: str) -> None:
        """Act as a role from now on."""
        self.role = role
        self._set_context("role", role)
        self._show_roles()

    def use_secondary_roles(self, are_active: bool) -> None:
        """Have the privileges of all roles of the user from now on, or of the primary alone."""
        self.has_secondary_roles = are_active
        self._show_roles()

    @property
    def roles(self) -> Roles:
        """The primary role, and the secondary ones."""
        granted = self.account.catalog.roles_of_users.get(self.user.upper(), set())
        return (self.role, *sorted(granted if self.has_secondary_roles else ()))

    def _show_roles(self) -> None:
        active = self.account.catalog.active_roles(self.roles)
        self._set_context("roles", ",".join(sorted(active)))

    def use_warehouse(self, warehouse: str | None) -> None:
        """Compute in a warehouse from now on."""
        self.warehouse = warehouse
        self._set_context("warehouse", warehouse)

    def _set_context(self, name: str, value: str | None) -> None:
        if name in self._context and self._context[name] == value:
            return
        text = "null" if value is None else literal(value)
        self._duck_conn.execute(f"set variable simulator_{name} = {text}")
        self._context[name] = value

    def set_time_zone(self, zone: str) -> None:
        """Set the TIMEZONE parameter."""
        self._duck_conn.execute(f"set TimeZone = {literal(zone)}")
        self.time_zone = zone

    def end_transaction(self, how: str) -> None:
        """Commit or roll back what is open."""
        try:
            if self.in_transaction and not self.has_only_read:
                if how == "commit":
                    self._check_not_lost()
                self._duck_conn.execute(how)
        finally:
            self.in_transaction = False
            self.has_only_read = False
            self.account.writing.release(self)

    def _check_not_lost(self) -> None:
        # DuckDB would undo all of it, and say nothing
        try:
            self._duck_conn.execute("select 1")
        except duckdb.TransactionException as error:
            self._duck_conn.execute("rollback")
            raise not_imitated("COMMIT after an error, which keeps what came before it") from error

    def close(self, retry: bool = True) -> None:
        """Log out: an open transaction is rolled back and temporary objects are gone."""
        del retry
        if not self._is_closed:
            self.end_transaction("rollback")
            super().close()
