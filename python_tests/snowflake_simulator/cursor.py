"""One statement: refused, handled as a command, or rewritten and run by fakesnow on DuckDB."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import sqlglot
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.dialect import parse_one
from snowflake.connector.errors import ProgrammingError
from sqlglot import exp

from python_tests.snowflake_simulator import (
    access,
    commands,
    ddl,
    merge,
    refusals,
    rewriting,
    temporary,
)
from python_tests.snowflake_simulator.errors import NOT_IMITATED, sql_error

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.session import Session

DML = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Copy, exp.TruncateTable)
DDL = (exp.Create, exp.Drop, exp.Alter, exp.Comment)
DDL_COMMAND = re.compile(r"(alter(?!\s+session)|comment|create|drop|grant|revoke)\b", re.IGNORECASE)
ENDS_TRANSACTION = re.compile(r"(commit|rollback)\b", re.IGNORECASE)


class SimulatedCursor(FakeSnowflakeCursor):
    """Runs statements for a session."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, session._duck_conn)
        self.session = session
        # What Snowflake reports of a DML statement, by verb
        self.rows_touched: dict[str, int] = {}
        # What is to be recorded when a statement has run
        self._afterwards: list[Callable[[], None]] = []
        # The statement as parsed; None for a command
        self.statement: exp.Expr | None = None

    def execute(
        self,
        command: str,
        params: Sequence[Any] | dict[Any, Any] | None = None,
        *args: Any,
        **kw: Any,
    ) -> FakeSnowflakeCursor:
        """Run one statement and write it into the query history."""
        with self.session.account.history.recorded(self, command):
            statement = commands.bare(command)
            refusals.check_text(statement)
            if "query_history" in command.lower():
                self.session.account.history.catch_up()
            # after an error DuckDB takes nothing else in a transaction
            if not ENDS_TRANSACTION.match(statement):
                self.session.look_around()
            named = commands.with_names(statement, self.session.variables)
            if found := commands.find(named):
                handler, match = found
                if DDL_COMMAND.match(statement):
                    self.session.end_transaction("commit")
                handler(self, match)
            else:
                super().execute(commands.without_scope(statement), params, *args, **kw)
                for record in self._afterwards:
                    record()
        return self

    # Results

    def answer(self, duck_sql: str) -> None:
        """Make a DuckDB query's result the result of this statement."""
        super()._execute(sqlglot.parse_one(duck_sql, read="duckdb"))

    def succeed(self, message: str = "Statement executed successfully.") -> None:
        """The one-line answer of a statement that returns nothing."""
        text = message.replace("'", "''")
        self.answer(f"select '{text}' as \"status\"")

    def run(self, duck_sql: str, parameters: list[Any] | None = None) -> None:
        """Run a DuckDB statement whose result nobody needs; its errors become SQL errors."""
        try:
            self._duck_conn.execute(duck_sql, parameters)
        except duckdb.Error as error:
            raise _translated(error) from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock of those who write, till the end of the transaction if there is one."""
        session = self.session
        session.account.writing.acquire(session)
        try:
            yield
        finally:
            if not session.in_transaction:
                session.account.writing.release(session)

    # The path of a statement that sqlglot can parse

    def _transform_explode(self, expression: exp.Expr) -> list[exp.Expr]:
        """Check a parsed statement and say which statements it is for DuckDB."""
        self.statement = expression
        refusals.check(expression)
        access.check(self.session, expression)
        if record := ddl.consequence(self, expression):
            self._afterwards.append(record)
        expression = temporary.redirected(self.session, expression)
        if isinstance(expression, exp.Merge):
            return [expression]  # DuckDB has MERGE, and refuses what Snowflake refuses
        return super()._transform_explode(expression)

    def _transform(self, expression: exp.Expr, params: Any) -> exp.Expr:
        """A Snowflake expression as a DuckDB one."""
        transformed = super()._transform(rewriting.rewritten(expression), params)
        return rewriting.finished(transformed)

    def _execute(self, transformed: exp.Expr, params: Any = None) -> None:
        """Run a DuckDB statement, with Snowflake's transactions, locks and errors."""
        session = self.session
        if isinstance(transformed, exp.Transaction):
            # BEGIN in an open transaction changes nothing
            if not session.in_transaction:
                session.in_transaction = True
                session.has_only_read = True
            self.succeed()
            return
        if isinstance(transformed, (exp.Commit, exp.Rollback)):
            session.end_transaction(transformed.key)
            self.succeed()
            return
        if isinstance(transformed, DDL):
            session.end_transaction("commit")
        writes = isinstance(transformed, (*DML, *DDL))
        if writes:
            session.account.writing.acquire(session)
        try:
            if writes and session.has_only_read:
                # not before: DuckDB would read what was committed when the transaction began
                self.run("begin")
                session.has_only_read = False
            if isinstance(transformed, exp.Create) and temporary.is_temporary(transformed):
                # fakesnow would look for its schema
                self.run(transformed.sql(dialect="duckdb"), params)
                self.succeed(f"{str(transformed.kind).capitalize()} successfully created.")
            elif isinstance(transformed, exp.Merge):
                merge.run(self, transformed, params)
            else:
                super()._execute(transformed, params)
        except duckdb.Error as error:
            raise _translated(error) from error
        finally:
            if writes and not session.in_transaction:
                session.account.writing.release(session)
        if isinstance(transformed, DML):
            self.rows_touched.setdefault(transformed.key, self._rowcount or 0)

    def description_of_result(self) -> list[Any]:
        """The columns of the last result."""
        sql: Any = self._last_sql
        described: list[Any] | None = self._duck_conn.described(sql)
        if described is None:
            # another cursor has run a query since; what setseed() puts before it is a statement
            sql = sql.split("; ", 1)[1] if sql.startswith("SELECT setseed(") else sql
            described = self._duck_conn.execute(f"describe {sql}", self._last_params).fetchall()
        return described

    def described(self, command: str) -> list[Any] | None:
        """The columns of a query's result, without running it; nothing for other statements."""
        statement = commands.bare(command)
        refusals.check_text(statement)
        if commands.find(statement):
            return None
        expression = parse_one(statement)
        if not isinstance(expression, exp.Query):
            return self._describe_only(statement)
        self.check_db_and_schema(expression)
        refusals.check(expression)
        access.check(self.session, expression)
        redirected = temporary.redirected(self.session, expression)
        duck_sql = self._transform(redirected, None).sql(dialect="duckdb")
        try:
            return self._duck_conn.execute(f"describe {duck_sql}").fetchall()
        except duckdb.Error as error:
            raise _translated(error) from error


def _translated(error: duckdb.Error) -> ProgrammingError:
    """DuckDB's error with the number that Snowflake has for its kind."""
    message = str(error).split("\n")[0]
    if isinstance(error, duckdb.TransactionException):
        return sql_error(
            f"Statement aborted: a concurrent transaction changed the same rows. {message}",
            625,
            "57014",
        )
    if isinstance(error, duckdb.CatalogException):
        return sql_error(f"SQL compilation error:\n{message}", 2003, "42S02")
    if isinstance(error, duckdb.BinderException):
        return sql_error(f"SQL compilation error:\n{message}", 904, "42000")
    if isinstance(error, duckdb.ParserException):
        return sql_error(f"SQL compilation error:\n{message}", 1003, "42000")
    if "NULL result in a non-nullable column" in message or "NOT NULL constraint" in message:
        return sql_error("NULL result in a non-nullable column", 100072, "22000")
    if "Error parsing JSON" in message:
        return sql_error(message, 100069, "22P02")
    if NOT_IMITATED in message:
        return sql_error(message, 2, "0A000")
    if "Division by zero" in message:
        return sql_error("Division by zero", 100051, "22012")
    return sql_error(message, 100038, "22018")
