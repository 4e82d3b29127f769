"""An account: one DuckDB with its databases, and everybody who is logged in."""

from __future__ import annotations

import os
import secrets
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from fakesnow.instance import FakeSnow

from python_tests.snowflake_simulator import hooks, rows, variant
from python_tests.snowflake_simulator.catalog import WAREHOUSES, Catalog
from python_tests.snowflake_simulator.errors import sql_error
from python_tests.snowflake_simulator.history import History
from python_tests.snowflake_simulator.names import quoted
from python_tests.snowflake_simulator.rewriting import macros_sql
from python_tests.snowflake_simulator.session import Session

LOCK_TIMEOUT_SECONDS = 30

# The variable that names the folder where an account leaves its query history when it ends
HISTORY_FOLDER = "SNOWFLAKE_SIMULATOR_HISTORY"


class WriteLock:
    """One session writes at a time, as if all tables were one; a transaction keeps the lock."""

    def __init__(self) -> None:
        self._owner: Session | None = None
        self._free = threading.Condition()

    def acquire(self, session: Session) -> None:
        """Wait for the lock; a session that has it gets it again."""
        with self._free:
            if not self._free.wait_for(
                lambda: self._owner in (None, session), LOCK_TIMEOUT_SECONDS
            ):
                raise sql_error(
                    "Statement has waited for a lock that another transaction holds, and has timed "
                    "out.",
                    625,
                    "57014",
                )
            self._owner = session

    def release(self, session: Session) -> None:
        """Let the next one write."""
        with self._free:
            if self._owner is session:
                self._owner = None
                self._free.notify_all()


class Account(FakeSnow):
    """All there is."""

    def __init__(self) -> None:
        hooks.install()
        super().__init__(create_database_on_connect=False, create_schema_on_connect=False)
        # a table that is not there is an error, not a Python variable of that name
        self.duck_conn.execute("set global python_enable_replacements = false")
        variant.register(self.duck_conn)
        # macros that fail would otherwise be noticed at the first database
        self.duck_conn.execute(macros_sql("memory"))
        rows.register(self.duck_conn)
        self.catalog = Catalog(self.duck_conn.cursor())
        self.history = History(self.catalog)
        self.writing = WriteLock()
        # held while objects change their names, and while a statement's rights are looked up
        self.naming = threading.RLock()
        # called with each statement that has rows for its client, and with these
        self.on_answer: Callable[[str, pa.Table], None] = lambda _text, _rows: None
        # what new sessions begin with, as ALTER ACCOUNT SET TIMEZONE would have it
        self.time_zone = "UTC"
        # TIMESTAMP_INPUT_FORMAT of users, and of the account under no name
        self.input_formats: dict[str, str] = {}
        self.sessions: dict[str, Session] = {}
        # A session runs one statement after the other, but what a procedure sends comes with a
        # token of its own while its caller's statement waits.
        self.busy: dict[str, threading.Lock] = {}
        # tokens of logins that share a session, which ends with its first login
        self._borrowed: set[str] = set()

    def log_in(self, **options: Any) -> str:
        """Begin a session; returns its token."""
        if options["role"] not in self.catalog.roles:
            raise sql_error(
                f"Role '{options['role']}' specified in the connect string does not exist or not "
                "authorized. Contact your local system administrator, or attempt to login with "
                "another role, e.g. PUBLIC.",
                390189,
                "08001",
            )
        session = Session(self, **options)
        if not self.catalog.is_usable(session.roles, session.warehouse):
            session.use_warehouse(None)  # the login succeeds, as it does at Snowflake
        return self._token(session)

    def input_format_of(self, user: str) -> str:
        """The TIMESTAMP_INPUT_FORMAT that a user's sessions begin with."""
        return self.input_formats.get(user.upper(), self.input_formats.get("", "AUTO"))

    def share(self, session: Session) -> str:
        """Another token for a session: what a procedure does, it does in its caller's session."""
        token = self._token(session)
        self._borrowed.add(token)
        return token

    def _token(self, session: Session) -> str:
        token = secrets.token_urlsafe(32)
        self.sessions[token] = session
        self.busy[token] = threading.Lock()
        return token

    def log_out(self, token: str) -> None:
        """End a session."""
        session = self.sessions.pop(token, None)
        self.busy.pop(token, None)
        if token in self._borrowed:
            self._borrowed.discard(token)
        elif session is not None:
            session.close()

    def end_session(self, number: int) -> bool:
        """End a session from outside; its next statement is told that it is gone."""
        tokens = [token for token, session in self.sessions.items() if session.number == number]
        for token in tokens:
            with self.busy[token]:
                self.log_out(token)
        return bool(tokens)

    def create_warehouse(self, name: str) -> None:
        """Make a warehouse that every role may use."""
        warehouse = (WAREHOUSES, name)
        self.catalog.created(warehouse, "WAREHOUSE", "ACCOUNTADMIN")
        self.catalog.grant("USAGE", "WAREHOUSE", warehouse, "PUBLIC", "ACCOUNTADMIN")

    def create_database(self, name: str) -> None:
        """Make a database that ACCOUNTADMIN owns, with its schema PUBLIC."""
        token = self.log_in(
            user="SETUP",
            role="ACCOUNTADMIN",
            warehouse=None,
            database=None,
            schema=None,
            autocommit=True,
        )
        self.sessions[token].cursor().execute(f"create database {quoted((name,))}")
        self.log_out(token)

    def close(self) -> None:
        """End all sessions and the database."""
        for token in list(self.sessions):
            self.log_out(token)
        if folder := os.environ.get(HISTORY_FOLDER):
            self.history.write(Path(folder) / f"{uuid.uuid4()}.parquet")
        self.duck_conn.close()
