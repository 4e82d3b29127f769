"""The query history: what was run, by whom, with which tag, what it returned and what it read."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snowflake.connector.errors import Error
from sqlglot import exp

from python_tests.snowflake_simulator.catalog import Catalog
from python_tests.snowflake_simulator.commands import bare
from python_tests.snowflake_simulator.errors import not_imitated
from python_tests.snowflake_simulator.rewriting import rewrite
from python_tests.snowflake_simulator.views import SCHEMA

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.cursor import SimulatedCursor


@dataclass(frozen=True)
class Statement:
    """One line of the history."""

    text: str
    query_type: str
    query_tag: str
    session: int
    role: str
    warehouse: str | None
    started_at: datetime
    rows_produced: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    rows_scanned: int
    bytes_scanned: int
    error: str | None


# Of the columns of QUERY_HISTORY, those of a Statement
STATEMENT_COLUMNS = (
    "query_text, query_type, query_tag, session_id, role_name, warehouse_name, start_time, "
    "rows_produced, rows_inserted, rows_updated, rows_deleted, rows_scanned, bytes_scanned, "
    "error_message"
)


# A row of the table, with its times as seconds since 1970
_ROW = f"({', '.join(['?'] * 13)}, to_timestamp(?), to_timestamp(?), {', '.join(['?'] * 7)})"


class History:
    """The history of an account."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        # what nobody has asked for yet: written at once when somebody does, which takes less time
        self._waiting: list[list[Any]] = []
        self._lock = threading.Lock()

    def catch_up(self) -> None:
        """Bring the table up to the last statement that has ended."""
        with self._lock:
            rows, self._waiting = self._waiting, []
            if rows:
                self._catalog.run(
                    f"insert into {SCHEMA}.query_history values {', '.join([_ROW] * len(rows))}",
                    [value for row in rows for value in row],
                )

    @contextmanager
    def recorded(self, cursor: SimulatedCursor, text: str) -> Iterator[None]:
        """Record what runs inside, whether it succeeds or not."""
        session = cursor.session
        before = (session.query_tag, session.role, session.warehouse)
        started = time.time()
        session.meter.reset()
        error: Error | Exception | None = None
        try:
            yield
        except Exception as raised:
            error = raised
            raise
        finally:
            session.meter.read()
            self._write(cursor, text, before, started, error)

    def _write(
        self,
        cursor: SimulatedCursor,
        text: str,
        before: tuple[str, str, str | None],
        started: float,
        error: Exception | None,
    ) -> None:
        session, touched, ended = cursor.session, cursor.rows_touched, time.time()
        number = getattr(error, "errno", None)
        with self._lock:
            self._waiting.append(
                [
                    cursor.sfqid or str(uuid.uuid4()),
                    text,
                    query_type(text),
                    before[0],
                    session.number,
                    session.user,
                    before[1],
                    before[2],
                    session.database,
                    session.schema,
                    "SUCCESS" if error is None else "FAILED_WITH_ERROR",
                    None if number is None else f"{number:06d}",
                    None if error is None else str(getattr(error, "msg", None) or error),
                    started,
                    ended,
                    int((ended - started) * 1000),
                    0 if error else cursor.rowcount or 0,
                    touched.get("insert", session.meter.rows_created),
                    touched.get("update", 0),
                    touched.get("delete", 0),
                    session.meter.rows_scanned,
                    session.meter.bytes_scanned,
                ]
            )

    def statements(self, query_tag: str | None = None) -> list[Statement]:
        """All statements, oldest first, or those with a tag."""
        self.catch_up()
        where = "" if query_tag is None else "where query_tag = ?"
        rows = self._catalog.run(
            f"select {STATEMENT_COLUMNS} from {SCHEMA}.query_history {where} order by start_time",
            [] if query_tag is None else [query_tag],
        )
        return [Statement(*row) for row in rows]

    def write(self, file: Path) -> None:
        """Write all of it as Parquet, with the columns of QUERY_HISTORY."""
        self.catch_up()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._catalog.run(f"copy {SCHEMA}.query_history to '{file}' (compression zstd)")


_KINDS = (
    (r"create (?:or replace )?(?:\w+ )?table \S+ clone\b", "CREATE_TABLE_CLONE"),
    (r"create (?:or replace )?(?:\w+ )?table [^(]*?\bas\b", "CREATE_TABLE_AS_SELECT"),
    (
        r"create (?:or replace )?(?:\w+ )?table \S+ \([^;]*\)[^()]*?\bas \(",
        "CREATE_TABLE_AS_SELECT",
    ),
    (r"(create|drop|alter) (?:or replace )?(?:\w+ )?(table|view|schema|database)\b", ""),
    (r"with [\w$]+ as procedure\b", "CALL"),
    (r"with\b", "SELECT"),
    (r"begin\b", "BEGIN_TRANSACTION"),
)
_PATTERNS = [(re.compile(p.replace(" ", r"\s+"), re.I), kind) for p, kind in _KINDS]


def query_type(text: str) -> str:
    """The QUERY_TYPE of a statement, as far as its first words tell."""
    statement = bare(text)
    for pattern, kind in _PATTERNS:
        if match := pattern.match(statement):
            return kind or f"{match[1]}_{match[2]}".upper()
    return statement.split(maxsplit=1)[0].upper() if statement else "UNKNOWN"


# What QUERY_HISTORY gives where nothing else is said
_RESULT_LIMIT = 100
_BOUNDS = {"END_TIME_RANGE_START": exp.GTE, "END_TIME_RANGE_END": exp.LTE}


@rewrite
def query_history(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/query_history: the latest, 100 or so"""
    if not (isinstance(node, exp.TableFromRows) and _names_history(node.this)):
        return node
    latest = exp.select("*").from_(f"{SCHEMA}.query_history").limit(_RESULT_LIMIT)
    for argument in next(node.this.find_all(exp.Anonymous)).expressions:
        name = argument.this.name.upper() if isinstance(argument, exp.Kwarg) else "by place"
        if name == "RESULT_LIMIT":
            latest = latest.limit(argument.expression)
        elif name in _BOUNDS:
            latest = latest.where(
                _BOUNDS[name](this=exp.column("end_time"), expression=argument.expression)
            )
        else:
            raise not_imitated(f"the argument {name} of QUERY_HISTORY")
    return latest.order_by("start_time desc").subquery(node.alias or "query_history")


def _names_history(node: exp.Expr) -> bool:
    text = node.sql(dialect="snowflake").upper().replace('"', "")
    return re.match(r"(?:\w+\.)?INFORMATION_SCHEMA\.QUERY_HISTORY\(", text) is not None
