"""The HTTP server that Snowflake's clients talk to, and how tests start it."""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any

import snowflake.connector
import uvicorn
from fakesnow.arrow import to_ipc, to_sf
from fakesnow.converter import from_binding
from fakesnow.rowtype import ColumnInfo, describe_as_rowtype
from fakesnow.statement_type import DML_TYPE_IDS, SELECT, statement_type_id
from snowflake.connector.errors import Error
from sqlglot import exp
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from python_tests.snowflake_simulator import features, procedures
from python_tests.snowflake_simulator.account import Account
from python_tests.snowflake_simulator.cursor import SimulatedCursor
from python_tests.snowflake_simulator.history import Statement
from python_tests.snowflake_simulator.names import stored
from python_tests.snowflake_simulator.session import Session

HOST = "127.0.0.1"
SERVER_VERSION = "9.0.0"
log = logging.getLogger(__name__)

assert features  # imported for the statements and functions that it registers


class Simulator:
    """A running simulator: its address, its account, and logins to it."""

    def __init__(self, account: Account, port: int) -> None:
        self.account = account
        self.host = HOST
        self.port = port
        procedures.ADDRESSES[account] = (HOST, port)

    def connect(self, **options: Any) -> snowflake.connector.SnowflakeConnection:
        """A login with the real connector."""
        return snowflake.connector.connect(**self.login(**options))

    def login(self, **options: Any) -> dict[str, Any]:
        """What the connector, Snowpark or a dbt profile needs to log in."""
        first = {"warehouse": next(iter(self.account.catalog.warehouses()), None)}
        return {
            "account": "simulator",
            "user": "tester",
            "password": "none",
            "host": self.host,
            "port": self.port,
            "protocol": "http",
            "network_timeout": 600,
            "login_timeout": 10,
            **{name: value for name, value in first.items() if value},
            "session_parameters": {"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False},
            **options,
        }

    def history(self, query_tag: str | None = None) -> list[Statement]:
        """Statements that were run, oldest first."""
        return self.account.history.statements(query_tag)

    def end_session(self, number: int) -> bool:
        """Make a session unknown, as an administrator or a failure would."""
        return self.account.end_session(number)


@contextlib.contextmanager
def running_simulator(
    *,
    port: int = 0,
    databases: Iterable[str] = ("ANALYTICS",),
    warehouses: Iterable[str] = ("TRANSFORMING",),
    roles: Iterable[str] = ("TRANSFORMER",),
) -> Iterator[Simulator]:
    """A simulator in a thread of this process, with an account of its own. Port 0: any free one."""
    account = Account()
    for warehouse in warehouses:
        account.create_warehouse(warehouse)
    account.catalog.roles |= {role: set() for role in roles}
    for database in databases:
        account.create_database(database)
    # with its protocol named, asyncio sends without waiting for more
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        config = uvicorn.Config(
            _application(account), log_level="warning", lifespan="off", timeout_graceful_shutdown=5
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise RuntimeError("The simulator did not start.")
                time.sleep(0.01)
            yield Simulator(account, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(timeout=10)
            account.close()


def _application(account: Account) -> Starlette:
    async def answer(request: Request) -> JSONResponse:
        body = await request.body()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        asked = json.loads(body) if body else {}
        handler = _HANDLERS[request.url.path]
        token = request.headers.get("Authorization", "")[len('Snowflake Token="') : -1]
        try:
            answered = await run_in_threadpool(
                handler, account, token, dict(request.query_params), asked
            )
        except Error as error:
            answered = _failure(f"{error.errno:06d}", error.sqlstate, str(error.msg))
        except Exception as error:
            # As HTTP 500 the connector would try again for ever.
            log.exception("The simulator failed")
            message = f"Simulator: {type(error).__name__}: {error}"
            answered = _failure("000603", "XX000", message)
        return JSONResponse(answered)

    return Starlette(routes=[Route(path, answer, methods=["POST"]) for path in _HANDLERS])


def _failure(code: str, sqlstate: str | None, message: str) -> dict[str, Any]:
    return {
        "data": {"errorCode": code, "sqlState": sqlstate},
        "code": code,
        "message": message,
        "success": False,
    }


def _log_in(
    account: Account, token: str, query: dict[str, str], asked: dict[str, Any]
) -> dict[str, Any]:
    data = asked["data"]
    parameters = {name.upper(): value for name, value in data["SESSION_PARAMETERS"].items()}
    caller = procedures.caller_of(data)
    if caller is not None:
        token = account.share(caller)
    else:
        token = account.log_in(
            user=str(data.get("LOGIN_NAME", "")).upper(),
            role=stored(query.get("roleName", "ACCOUNTADMIN")),
            warehouse=stored(query["warehouse"]) if query.get("warehouse") else None,
            database=stored(query["databaseName"]) if query.get("databaseName") else None,
            schema=stored(query["schemaName"]) if query.get("schemaName") else None,
            autocommit=parameters.get("AUTOCOMMIT", True),
        )
    session = account.sessions[token]
    if "QUERY_TAG" in parameters:
        session.query_tag = str(parameters["QUERY_TAG"])
    if "TIMEZONE" in parameters:
        session.set_time_zone(str(parameters["TIMEZONE"]))
    return {
        "data": {
            "token": token,
            "masterToken": token,
            "serverVersion": SERVER_VERSION,
            "sessionId": session.number,
            "parameters": [*_parameters(session), {"name": "AUTOCOMMIT", "value": True}],
            "sessionInfo": {
                "databaseName": session.database,
                "schemaName": session.schema,
                "warehouseName": session.warehouse,
                "roleName": session.role,
            },
        },
        "success": True,
    }


def _parameters(session: Session) -> list[dict[str, Any]]:
    return [
        {"name": "TIMEZONE", "value": session.time_zone},
        # batches of bound values come inline, not through a stage
        {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
    ]


def _session(
    account: Account, token: str, query: dict[str, str], asked: dict[str, Any]
) -> dict[str, Any]:
    if query.get("delete"):
        account.log_out(token)
    return {"data": None, "code": None, "message": None, "success": True}


def _query(
    account: Account, token: str, query: dict[str, str], asked: dict[str, Any]
) -> dict[str, Any]:
    # a session may be ended while a statement waits for the one before it
    with account.busy.get(token, contextlib.nullcontext()):
        session = account.sessions.get(token)
        if session is None:
            return _failure(
                "390111",
                "08001",
                "Session no longer exists.  New login required to access the service.",
            )
        return _run(session, asked)


def _run(session: Session, asked: dict[str, Any]) -> dict[str, Any]:
    cursor = session.cursor()
    text = asked["sqlText"]
    if asked.get("describeOnly"):
        described = cursor.described(text)
        if described is not None:
            return _described(session, cursor, describe_as_rowtype(described))
    total = None
    for parameters in _bindings(asked.get("bindings")):
        cursor.execute(text, binding_params=parameters, server=True)
        total = (total or 0) + (cursor.rowcount or 0)
    if cursor._arrow_table is not None:
        session.account.on_answer(text, cursor._arrow_table)
    return _result(session, cursor, total)


def _bindings(sent: dict[str, Any] | None) -> list[Any]:
    """The parameters of each execution: none, one set, or one for each row of an array binding."""
    if not sent:
        return [None]
    if not all(name.isdigit() for name in sent):
        return [{name: from_binding(value) for name, value in sent.items()}]
    ordered = [sent[str(place)] for place in range(1, len(sent) + 1)]
    if not any(isinstance(value["value"], list) for value in ordered):
        return [tuple(from_binding(value) for value in ordered)]
    columns = [[from_binding({**v, "value": one}) for one in v["value"]] for v in ordered]
    return list(zip(*columns, strict=True))


def _result(session: Session, cursor: SimulatedCursor, total: int | None) -> dict[str, Any]:
    rowtype = describe_as_rowtype(cursor.description_of_result())
    table = cursor._arrow_table
    type_id = statement_type_id(cursor.statement) if cursor.statement else 0
    result: dict[str, Any] = {"queryResultFormat": "arrow", "rowsetBase64": ""}
    if table is not None and type_id in DML_TYPE_IDS:
        # the connector reads the counts of DML from JSON
        rows = [list(row.values()) for row in table.to_pylist()]
        if len(table.column_names) == 1 and total is not None:
            rows = [[total]]
        rowset = [[None if v is None else str(v) for v in row] for row in rows]
        result = {"queryResultFormat": "json", "rowset": rowset}
    elif table is not None:
        encoded = b64encode(to_ipc(to_sf(table, rowtype))).decode()
        result = {"queryResultFormat": "arrow", "rowsetBase64": encoded}
    return _answered(
        session,
        cursor,
        rowtype,
        total=table.num_rows if table is not None else 0,
        statementTypeId=type_id,
        **result,
    )


def _described(
    session: Session, cursor: SimulatedCursor, rowtype: list[ColumnInfo]
) -> dict[str, Any]:
    return _answered(
        session,
        cursor,
        rowtype,
        total=0,
        returned=0,
        statementTypeId=SELECT,
        numberOfBinds=0,
        arrayBindSupported=isinstance(cursor.statement, exp.Insert),
        queryResultFormat="arrow",
        rowsetBase64="",
    )


def _answered(
    session: Session, cursor: SimulatedCursor, rowtype: list[ColumnInfo], **more: Any
) -> dict[str, Any]:
    return {
        "data": {
            "parameters": _parameters(session),
            "rowtype": rowtype,
            "queryId": cursor.sfqid,
            "finalDatabaseName": session.database,
            "finalSchemaName": session.schema,
            "finalWarehouseName": session.warehouse,
            "finalRoleName": session.role,
            **more,
        },
        "success": True,
    }


def _nothing(
    account: Account, token: str, query: dict[str, str], asked: dict[str, Any]
) -> dict[str, Any]:
    return {"success": True}


_HANDLERS = {
    "/session/v1/login-request": _log_in,
    "/session": _session,
    "/session/heartbeat": _session,
    "/queries/v1/query-request": _query,
    "/queries/v1/abort-request": _nothing,
    "/telemetry/send": _nothing,
}
