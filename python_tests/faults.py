"""Kills a dbt command before or after one of its statements, as the warehouse would see it."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import pickle
import re
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, NoReturn

import cloudpickle
from dbt.adapters.sql.connections import SQLConnectionManager
from dbt_common.exceptions import DbtRuntimeError

from python_tests import faster_dbt
from python_tests.warehouse import Project, Warehouse

Step = Callable[[Warehouse], Any]

READS_ONLY = re.compile(
    r"\s*(/\*.*?\*/\s*)*(select|show|describe|desc|with|explain|pragma|call|alter session|use)\b",
    re.IGNORECASE | re.DOTALL,
)


LONGEST_STEP_SECONDS = 300

# Where steps are killed: a fork of this process, which has threads of others, may hang or crash
_CONTEXT = multiprocessing.get_context("forkserver")


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
    step: Step,
    where: Callable[[StatementLog], int],
) -> None:
    """Kill a step at a statement: its place is told by the log of a copy that goes through."""
    with watched() as log:
        step(warehouse.copied(folder / "whole"))
    kill(step, warehouse, Death(where(log)))


def kill(step: Step, warehouse: Warehouse, death: Death) -> None:
    """Run a step in a process of its own, which is killed at a statement: no handler runs."""
    # nothing of this process may hold the file, which the other one opens
    assert warehouse.path.is_file()
    other = _clean_process()
    other.send((_packed(step, warehouse.project), warehouse, death, dict(os.environ)))
    assert other.poll(3 * LONGEST_STEP_SECONDS), f"no answer from the process of {death}"
    ended, said = other.recv()
    assert ended == -signal.SIGKILL, f"ended with {ended}, not killed at {death}: {said}"


# the same bytes for the same step, so that the other process knows it again
@lru_cache(maxsize=1)
def _packed(step: Step, project: Project) -> bytes:
    return cloudpickle.dumps((step, project))


@cache
def _clean_process() -> Connection:
    here, there = _CONTEXT.Pipe()
    _CONTEXT.Process(target=_serve, args=(there,)).start()
    # it ends when nobody can ask it any more
    there.close()
    atexit.register(here.close)
    return here


def _serve(requests: Connection) -> None:
    """Run steps in forks of this process, which has no threads and has run each step before."""
    faster_dbt.install()
    known = b""
    while True:
        try:
            packed, warehouse, death, environment = requests.recv()
        except EOFError:
            return
        os.environ.clear()
        os.environ.update(environment)
        with TemporaryDirectory() as folder:
            errors = Path(folder) / "errors"
            if packed != known:
                known = b""
                step, project = pickle.loads(packed)
                warehouse.project = project
                try:
                    step(warehouse.copied(Path(folder)))
                except Exception:
                    requests.send((1, "the step fails by itself: " + traceback.format_exc()))
                    continue
                known = packed
            warehouse.project = project
            child = os.fork()
            if child == 0:
                _run_until_killed(step, warehouse, death, errors)
            _, status = os.waitpid(child, 0)
            said = errors.read_text("utf-8") if errors.is_file() else ""
        requests.send((os.waitstatus_to_exitcode(status), said))


def _run_until_killed(step: Step, warehouse: Warehouse, death: Death, errors: Path) -> NoReturn:
    signal.alarm(LONGEST_STEP_SECONDS)
    try:
        with watched(death, at_death=lambda: os.kill(os.getpid(), signal.SIGKILL)):
            step(warehouse)
    except BaseException:
        errors.write_text(traceback.format_exc(), "utf-8")
    finally:
        os._exit(1)


def before_its_end(log: StatementLog) -> int:
    """Where a step has done all but to write its end to the ledger."""
    return next(n for n in reversed(log.writing()) if "'ended'" in log.statements[n])


def deaths(log: StatementLog) -> list[Death]:
    """Every death that differs to the warehouse."""
    places = log.writing()
    assert len(places) >= 3, "a step that writes nothing proves nothing"
    return [*map(Death, places), Death(len(log.statements) - 1, after=True)]
