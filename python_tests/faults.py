"""Kills a dbt command before or after one of its statements, as the warehouse would see it."""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from dbt.adapters.sql.connections import SQLConnectionManager
from dbt_common.exceptions import DbtRuntimeError

from python_tests.warehouse import Warehouse

READS_ONLY = re.compile(
    r"\s*(/\*.*?\*/\s*)*(select|show|describe|desc|with|explain|pragma|call|alter session|use)\b",
    re.IGNORECASE | re.DOTALL,
)


LONGEST_STEP_SECONDS = 300


class KilledError(DbtRuntimeError):
    """The process is dead: this statement and all that follow never reach the warehouse."""


class Death(NamedTuple):
    """The statement at which a command dies, and whether the warehouse still did it."""

    place: int
    after: bool = False


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
def watched(
    death: Death | None = None,
    meanwhile: Callable[[str], None] | None = None,
    at_death: Callable[[], None] = lambda: None,
) -> Iterator[StatementLog]:
    """Log what dbt sends in this process, and let the command die at one of its statements.

    `meanwhile` is called with each statement just before it is sent: what somebody else does then.
    `at_death` is called when the command dies; if it returns, an error takes the command's place.
    """
    log = StatementLog()
    sent = SQLConnectionManager.add_query
    dead = False

    def add_query(self: Any, sql: str, *arguments: Any, **options: Any) -> Any:
        nonlocal dead
        place = len(log.statements)
        if dead or death == Death(place):
            dead = True
            at_death()
            raise KilledError("killed before: " + sql[:80])
        if meanwhile:
            meanwhile(sql)
        log.statements.append(sql)
        found = sent(self, sql, *arguments, **options)
        if death == Death(place, after=True):
            dead = True
            at_death()
            raise KilledError("killed after: " + sql[:80])
        return found

    SQLConnectionManager.add_query = add_query
    try:
        yield log
    finally:
        SQLConnectionManager.add_query = sent


def die(
    warehouse: Warehouse,
    folder: Path,
    step: Callable[[Warehouse], None],
    where: Callable[[StatementLog], int],
) -> None:
    """Kill a step at a statement: its place is told by the log of a copy that goes through."""
    with watched() as log:
        step(warehouse.copied(folder / "whole"))
    kill(step, warehouse, Death(where(log)))


def kill(step: Callable[[Warehouse], Any], warehouse: Warehouse, death: Death) -> None:
    """Run a step in a process of its own, which is killed at a statement: no handler runs."""
    # nothing of this process may hold the file, which the other one inherits
    assert warehouse.path.is_file()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        signal.alarm(LONGEST_STEP_SECONDS)
        try:
            with watched(death, at_death=lambda: os.kill(os.getpid(), signal.SIGKILL)):
                step(warehouse)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, death


def before_its_end(log: StatementLog) -> int:
    """Where a step has done all but to write its end to the ledger."""
    return next(n for n in reversed(log.writing()) if "'ended'" in log.statements[n])


def deaths(log: StatementLog) -> list[Death]:
    """Every death that differs to the warehouse."""
    places = log.writing()
    assert len(places) >= 3, "a step that writes nothing proves nothing"
    return [*map(Death, places), Death(len(log.statements) - 1, after=True)]
