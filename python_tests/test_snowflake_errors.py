"""What an operator reads when Snowflake says no: soon, once, with the name of what is missing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from python_tests.laws import INCIDENT, NOON, contaminate, steady_events
from python_tests.snowflake_simulator import Simulator, running_simulator
from python_tests.snowflake_warehouse import SnowflakeProject, SnowflakeWarehouse
from python_tests.warehouse import ROOT, DbtError

STAGING = ("run", "--select", "stg_events")
# Against the connector's own attempts with a key, wherever a run gets its environment or is told of
FEW_ATTEMPTS = {"JWT_CNXN_RETRY_ATTEMPTS": "1", "JWT_CNXN_WAIT_TIME": "5"}
TOLD = {
    "Makefile": "export {} ?= {}\n",
    "docs/snowflake.md": "{}={}",
    "docs/snowflake_check.md": "{}={}",
    "profiles.yml.example": "{}={}",
}

Make = Callable[..., SnowflakeWarehouse]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """An account of its own: these tests end sessions and take privileges away."""
    with running_simulator(roles=["TRANSFORMER", "ANALYST"]) as running:
        yield running


@pytest.fixture
def warehouse_of(simulator: Simulator, tmp_path: Path) -> Iterator[Make]:
    """A warehouse with events, and the target of profiles.yml with some of it changed."""
    made = []
    target = yaml.safe_load((ROOT / "profiles.yml").read_text())["exactly_once"]["outputs"]

    def make(**changed: Any) -> SnowflakeWarehouse:
        project = SnowflakeProject(ROOT, tmp_path)
        output = target["snowflake"] | {
            "account": "simulator",
            "user": "tester",
            "host": "127.0.0.1",
            "port": simulator.port,
            "protocol": "http",
            "role": "TRANSFORMER",
            "warehouse": "TRANSFORMING",
            "database": "ANALYTICS",
            "schema": "main",
            "threads": 1,
        }
        for name in ("private_key_path", "private_key_passphrase"):
            del output[name]
        output |= {"password": "none"} | changed
        profile = {"exactly_once": {"target": "snowflake", "outputs": {"snowflake": output}}}
        (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profile))
        warehouse = SnowflakeWarehouse(project, simulator)
        made.append(warehouse)
        warehouse.write_events(steady_events(NOON))
        return warehouse

    yield make
    for warehouse in made:
        warehouse.close()


def as_admin(simulator: Simulator, *statements: str) -> None:
    """Run statements in a session of their own."""
    with simulator.connect(database="ANALYTICS") as connection:
        for statement in statements:
            connection.cursor().execute(statement)


def error_of(warehouse: SnowflakeWarehouse, *arguments: str) -> str:
    """What a command that must fail says; it may say it once only, and soon."""
    warehouse.dbt("ls", "--select", "stg_events")  # parses the project, which is not to be timed
    began = time.monotonic()
    with pytest.raises(DbtError) as failed:
        warehouse.dbt(*(arguments or STAGING))
    assert time.monotonic() - began < 30
    assert len(failed.value.messages) == 1, failed.value.messages
    return failed.value.messages[0]


def with_key(folder: Path) -> dict[str, Any]:
    """A login with a key that nobody knows."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.p8").write_bytes(pem)
    return {"private_key_path": str(folder / "key.p8"), "password": None}


@pytest.fixture
def few_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a run."""
    for name, value in FEW_ATTEMPTS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("path", TOLD)
def test_every_run_gets_or_is_told_the_bounds_of_the_login(path: str) -> None:
    for bound in FEW_ATTEMPTS.items():
        assert TOLD[path].format(*bound) in (ROOT / path).read_text()


@contextmanager
def address(answers: str) -> Iterator[int]:
    """A port where nothing listens, nobody answers, or packets are dropped as by a firewall."""
    with ExitStack() as stack:
        nobody = stack.enter_context(socket.socket())
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        if answers == "no answer":
            nobody.listen()
        elif answers == "packets dropped":
            nobody.listen(0)
            for _ in range(4):  # more than the queue holds
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(("127.0.0.1", port))
        yield port


# A password that gets no answer takes two minutes: neither dbt nor the environment has a setting
@pytest.mark.parametrize(
    ("login", "answers"),
    [
        ("password", "nothing listens"),
        *(("key", answers) for answers in ("nothing listens", "no answer", "packets dropped")),
    ],
)
@pytest.mark.usefixtures("few_attempts")
def test_an_account_that_is_not_there_is_told_within_half_a_minute(
    warehouse_of: Make, tmp_path: Path, login: str, answers: str
) -> None:
    changed = with_key(tmp_path) if login == "key" else {}
    with address(answers) as port:
        warehouse = warehouse_of(port=port, **changed)
        assert "Could not connect to Snowflake backend" in error_of(warehouse)


@contextmanager
def answering(status: int) -> Iterator[int]:
    """The port of a server that answers everything with an HTTP status."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "403: Forbidden"),
        (404, "404 Not Found"),
        (503, "Could not connect to Snowflake backend"),
    ],
)
@pytest.mark.usefixtures("few_attempts")
def test_an_account_that_answers_with_an_error_is_told_within_half_a_minute(
    warehouse_of: Make, tmp_path: Path, status: int, said: str
) -> None:
    """A wrong account has no such host or page; a network policy forbids; Snowflake is down."""
    with answering(status) as port:
        message = error_of(warehouse_of(port=port, **with_key(tmp_path)))
    assert said in message


def test_a_missing_warehouse_is_named_once_with_the_grant(warehouse_of: Make) -> None:
    """Before any model is built; Snowflake itself would say it of each, without the name."""
    warehouse = warehouse_of(warehouse="NO_SUCH")
    message = error_of(warehouse, "run", "--selector", "fifteen_minute")
    for part in (
        "the warehouse of target snowflake: found NO_SUCH",
        "accepted: ",
        "grant usage on warehouse NO_SUCH to role TRANSFORMER",
    ):
        assert part in message
    assert not any("STG" in name.upper() for name in warehouse.tables())


def test_a_format_of_timestamps_of_its_own_is_named_with_what_to_run(
    warehouse_of: Make, simulator: Simulator
) -> None:
    """Else the literals of this package and the times in seeds would be errors, or other times."""
    warehouse = warehouse_of()
    as_admin(simulator, "alter account set timestamp_input_format = 'DD/MM/YYYY HH24:MI:SS'")
    remedy = "alter user TESTER set timestamp_input_format = 'AUTO'"
    message = error_of(warehouse)
    for part in (
        "TIMESTAMP_INPUT_FORMAT of user TESTER: found DD/MM/YYYY HH24:MI:SS; accepted: AUTO. ",
        remedy,
    ):
        assert part in message
    assert remedy in error_of(warehouse, "seed")
    with pytest.raises(DbtError, match="TIMESTAMP_INPUT_FORMAT"):
        warehouse.operate("remediation_status", INCIDENT)
    as_admin(simulator, remedy)
    warehouse.dbt(*STAGING)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"role": "NO_SUCH"}, "Role 'NO_SUCH' specified in the connect string does not exist"),
        ({"database": "NO_SUCH"}, "NO_SUCH"),
    ],
    ids=["role", "database"],
)
def test_what_is_missing_is_named(warehouse_of: Make, changed: dict[str, str], said: str) -> None:
    """By Snowflake's own text."""
    assert said in error_of(warehouse_of(**changed))


def test_a_role_without_create_schema_is_told_which_grant_it_needs(
    warehouse_of: Make, simulator: Simulator
) -> None:
    warehouse = warehouse_of(role="ANALYST")
    as_admin(simulator, "grant usage on database analytics to role analyst")
    message = error_of(warehouse)
    for part in (
        "role ANALYST on database ANALYTICS: found no CREATE SCHEMA",
        "accepted: OWNERSHIP or CREATE SCHEMA",
        "grant create schema on database ANALYTICS to role ANALYST",
    ):
        assert part in message
    as_admin(
        simulator,
        "grant create schema on database analytics to role analyst",
        "grant usage on schema analytics.raw to role analyst",
        "grant select on table analytics.raw.events to role analyst",
    )
    warehouse.dbt(*STAGING)


@pytest.mark.parametrize(
    ("usage", "parts"),
    [
        pytest.param(
            "grant usage on schema analytics.main_staging to role transformer",
            (
                "role TRANSFORMER on schema ANALYTICS.main_staging: found no CREATE VIEW; ANALYST",
                "accepted: OWNERSHIP or CREATE VIEW",
                "Run as ANALYST: grant create view on schema ANALYTICS.main_staging to role",
            ),
            id="seen",
        ),
        # the schema is there, and dbt is not shown it
        pytest.param(
            "revoke usage on schema analytics.main_staging from role transformer",
            (
                "schema ANALYTICS.main_staging for role TRANSFORMER: found none that the role may",
                "accepted: OWNERSHIP, or USAGE and CREATE VIEW",
                "grant usage, create view on schema ANALYTICS.main_staging to role TRANSFORMER",
            ),
            id="unseen",
        ),
    ],
)
def test_a_schema_of_somebody_else_is_named(
    warehouse_of: Make, simulator: Simulator, usage: str, parts: tuple[str, ...]
) -> None:
    warehouse = warehouse_of()
    as_admin(
        simulator,
        "grant ownership on database analytics to role accountadmin",
        "grant usage, create schema on database analytics to role transformer",
        "create schema analytics.main_staging",
        "grant ownership on schema analytics.main_staging to role analyst",
        usage,
    )
    message = error_of(warehouse)
    for part in parts:
        assert part.upper() in message.upper()
    as_admin(
        simulator, "grant usage, create view on schema analytics.main_staging to role transformer"
    )
    warehouse.dbt(*STAGING)


@pytest.mark.slow
def test_a_python_model_in_a_schema_of_somebody_else_needs_to_create_functions(
    warehouse_of: Make, simulator: Simulator
) -> None:
    """A UDF is made in the schema; a table made by SQL needs CREATE TABLE alone."""
    warehouse = warehouse_of()
    as_admin(
        simulator,
        "grant ownership on database analytics to role accountadmin",
        "grant usage, create schema on database analytics to role transformer",
        "create schema analytics.main_incident",
        "grant ownership on schema analytics.main_incident to role analyst",
        "grant usage, create table on schema analytics.main_incident to role transformer",
    )
    message = error_of(warehouse, "run", "--select", "+incident_window_candidates")
    for part in (
        "on schema ANALYTICS.main_incident: found no CREATE FUNCTION; ANALYST is the owner",
        "accepted: OWNERSHIP or CREATE FUNCTION",
        "grant create function on schema ANALYTICS.main_incident to role TRANSFORMER",
    ):
        assert part in message
    assert not any("STG" in name.upper() for name in warehouse.tables())
    as_admin(
        simulator, "grant create function on schema analytics.main_incident to role transformer"
    )
    warehouse.dbt("run", "--select", "+incident_window_candidates")


@pytest.mark.slow
def test_a_role_that_only_fills_its_tables_needs_no_privilege_on_the_schema(
    warehouse_of: Make, simulator: Simulator
) -> None:
    """Temporary tables need none; to make the table anew would."""
    warehouse = warehouse_of()
    warehouse.dbt("run", "--selector", "fifteen_minute")
    as_admin(
        simulator,
        "grant ownership on database analytics to role accountadmin",
        "grant usage on database analytics to role transformer",
        "grant ownership on schema analytics.main_analytics to role analyst",
        "grant usage on schema analytics.main_analytics to role transformer",
    )
    warehouse.dbt("run", "--select", "payments")
    message = error_of(warehouse, "run", "--select", "payments", "--full-refresh")
    assert "on schema ANALYTICS.main_analytics: found no CREATE TABLE; ANALYST" in message


@pytest.mark.slow
def test_a_repair_is_refused_before_it_begins_where_the_role_could_not_swap(
    warehouse_of: Make, simulator: Simulator
) -> None:
    """The candidate takes long to build; the swap at the end needs OWNERSHIP of live."""
    warehouse = warehouse_of()
    contaminate(warehouse)
    as_admin(
        simulator,
        "grant ownership on database analytics to role accountadmin",
        "grant usage, create schema on database analytics to role transformer",
        "grant ownership on schema analytics.main_analytics to role analyst",
        "grant usage on schema analytics.main_analytics to role transformer",
    )
    with pytest.raises(DbtError) as refused:
        warehouse.operate("remediation_clone", INCIDENT)
    message = str(refused.value)
    assert "found no OWNERSHIP; ANALYST is the owner; accepted: OWNERSHIP." in message
    assert "grant ownership on schema ANALYTICS.main_analytics to role TRANSFORMER" in message
    # whoever has been granted the owner's role may swap too
    as_admin(simulator, "grant role analyst to role transformer")
    warehouse.operate("remediation_clone", INCIDENT)


def test_a_run_whose_session_is_ended_says_so_and_can_be_repeated(
    warehouse_of: Make, simulator: Simulator
) -> None:
    warehouse = warehouse_of()
    ours = set(simulator.account.sessions)

    def end_sessions() -> None:
        while not any("create or replace" in one.text for one in simulator.history()[-50:]):
            time.sleep(0.01)
        for token, session in list(simulator.account.sessions.items()):
            if token not in ours:
                simulator.end_session(session.number)

    ending = threading.Thread(target=end_sessions, daemon=True)
    ending.start()
    # whether a second model meets the same dead session depends on when it died
    with pytest.raises(DbtError) as ended:
        warehouse.dbt("run", "--selector", "fifteen_minute")
    assert all("Session no longer exists" in one for one in ended.value.messages), ended.value
    ending.join(timeout=10)
    warehouse.dbt("run", "--selector", "fifteen_minute")
    assert len(warehouse.read("main_analytics.payments")) == 12
