"""Kills a dbt command before or after one of its statements, as the warehouse would see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbt.adapters.sql.connections import SQLConnectionManager
from dbt_common.exceptions import DbtRuntimeError

READS_ONLY = re.compile(
    r"\s*(/\*.*?\*/\s*)*(select|show|describe|desc|with|explain|pragma|call|alter session)\b",
    re.IGNORECASE | re.DOTALL,
)


class Killed(DbtRuntimeError):
    """The process is dead: this statement and all that follow never reach the warehouse."""


class StatementLog:
    """The statements that a command sent, in order."""

    def __init__(self) -> None:
        """Nothing is sent yet."""
        self.statements: list[str] = []

    def writing(self) -> list[int]:
        """The places of the statements that can change something.

        A kill between two statements that only read leaves the same warehouse as one before the
        next statement that writes, so these places stand for all of them.
        """
        return [
            place
            for place, statement in enumerate(self.statements)
            if not READS_ONLY.match(statement)
        ]


@contextmanager
def watched(kill_before: int | None = None, kill_after: int | None = None) -> Iterator[StatementLog]:
    """Log what dbt sends in this process; kill the command before or after the n-th statement."""
    log = StatementLog()
    sent = SQLConnectionManager.add_query
    dead = False

    def add_query(self: Any, sql: str, *arguments: Any, **options: Any) -> Any:
        nonlocal dead
        place = len(log.statements)
        if dead or place == kill_before:
            dead = True
            raise Killed("killed before: " + sql[:80])
        log.statements.append(sql)
        found = sent(self, sql, *arguments, **options)
        if place == kill_after:
            dead = True
            raise Killed("killed after: " + sql[:80])
        return found

    SQLConnectionManager.add_query = add_query  # type: ignore[method-assign]
    try:
        yield log
    finally:
        SQLConnectionManager.add_query = sent  # type: ignore[method-assign]
