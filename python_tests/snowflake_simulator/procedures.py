"""Python procedures, with a real Snowpark session that is the caller's own session.

https://docs.snowflake.com/en/sql-reference/sql/call-with
"""

from __future__ import annotations

import re
import secrets
import sys
import threading
import traceback
import weakref
from typing import TYPE_CHECKING, Any

from python_tests.snowflake_simulator import udfs
from python_tests.snowflake_simulator.commands import command
from python_tests.snowflake_simulator.errors import not_imitated, sql_error
from python_tests.snowflake_simulator.names import literal

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.account import Account
    from python_tests.snowflake_simulator.cursor import SimulatedCursor
    from python_tests.snowflake_simulator.session import Session

USER = "SIMULATOR_PROCEDURE"
# Where the server of an account listens
ADDRESSES: weakref.WeakKeyDictionary[Account, tuple[str, int]] = weakref.WeakKeyDictionary()

# Snowpark keeps its active session for the whole process.
_one_at_a_time = threading.Lock()
_tickets: dict[str, Session] = {}

_HEADER = r"returns .*?language python(?P<options>.*?)"
_BODY = r"as ?(?:\$\$(?P<code>.*)\$\$|'(?P<quoted>(?:[^']|'')*)')"


@command(rf"with [\w$]+ as procedure ?\( ?\) {_HEADER}{_BODY} call [\w$]+ ?\( ?\)(?: into .*)?")
def call_anonymous(cursor: SimulatedCursor, match: re.Match[str]) -> None:
    """Run the handler and answer with what it returns."""
    handler = re.search(r"handler\s*=\s*'([\w.]+)'", match["options"], re.IGNORECASE)
    if handler is None:
        raise sql_error("SQL compilation error:\nHANDLER is missing.", 1003, "42000")
    code = match["code"] if match["code"] is not None else match["quoted"].replace("''", "'")
    if cursor.session.in_transaction:
        raise not_imitated("CALL in a transaction")
    result = _run(cursor.session, code, handler[1])
    # what the procedure read is on record with its own statements
    cursor.session.meter.reset()
    cursor.answer(f'select {"null" if result is None else literal(str(result))} as "anonymous"')


def caller_of(login: dict[str, Any]) -> Session | None:
    """The session that a procedure's login belongs to."""
    if login.get("LOGIN_NAME") != USER:
        return None
    return _tickets.pop(str(login.get("PASSWORD")), None)


def _run(caller: Session, code: str, handler: str) -> Any:
    with _one_at_a_time:
        session = _snowpark_session(caller)
        try:
            names: dict[str, Any] = {"__name__": "__procedure__"}
            exec(compile(code, "<procedure>", "exec"), names)
            return names[handler](session)
        except Exception as error:
            told = "".join(traceback.format_exception(error))[-2000:]
            raise sql_error(f"Python Interpreter Error:\n{told}", 100357, "P0000") from error
        finally:
            session.close()


def _snowpark_session(caller: Session) -> Any:
    from snowflake.snowpark import Session as Snowpark

    # an option of Snowflake's own Python, to which dbt adds its name
    sys._xoptions["snowflake_partner_attribution"] = []
    host, port = ADDRESSES[caller.account]
    ticket = secrets.token_urlsafe(16)
    _tickets[ticket] = caller
    session = Snowpark.builder.configs(
        {
            "account": "simulator",
            "user": USER,
            "password": ticket,
            "host": host,
            "port": port,
            "protocol": "http",
            "session_parameters": {
                "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False,
                "CLIENT_TELEMETRY_ENABLED": False,
            },
        }
    ).create()
    udfs.install(session, caller)
    return session
