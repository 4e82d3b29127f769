"""scripts/check_snowflake.py, run for real against the simulator."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from python_tests.snowflake_simulator import Simulator, merge, running_simulator, variant
from python_tests.snowflake_simulator.session import Session
from python_tests.warehouse import ROOT
from scripts import check_snowflake, snowflake_items
from scripts.check_snowflake import main
from scripts.snowflake_items import INCIDENT, ITEMS, Check, Item, Scratch

PROFILE = """\
exactly_once:
  target: snowflake
  outputs:
    snowflake:
      type: snowflake
      account: simulator
      user: tester
      password: none
      host: 127.0.0.1
      port: {port}
      protocol: http
      role: {role}
      warehouse: {warehouse}
      database: {database}
      schema: anything
      threads: 1
      connect_retries: 0
"""
NOT_IMITATED = {
    "stream on raw",
    "stream after the swap",
    "file loaded by COPY",
    "COPY and pipe after the swap",
    "Time Travel",
    "clustering",
    "cost by query tag",
}
ROLE_AND_WAREHOUSE = ("--reader-role", "ANALYST", "--incident-warehouse", "incident_l")
LOADED = Item("events loaded", Check.load_events, is_step=True)

Run = Callable[..., tuple[int, str]]
Break = Callable[[Check], contextlib.AbstractContextManager[None]]


def test_the_page_has_every_item_and_marks_what_the_simulator_can_not_do() -> None:
    table = (ROOT / "docs" / "snowflake_check.md").read_text().split("| item | what passes |")[1]
    rows = re.findall(r"^\| ([^|]+?) \|", table.split("\n\n")[0], re.MULTILINE)
    named = [name for row in rows for name in row.split(", ")]
    assert {name.removesuffix(r"\*") for name in named} == {item.name for item in ITEMS}
    assert {name.removesuffix(r"\*") for name in named if name.endswith("*")} == NOT_IMITATED


def as_admin(simulator: Simulator, *statements: str, role: str = "ACCOUNTADMIN") -> list[Any]:
    """Run statements in a session of their own; the rows of the last one."""
    with simulator.connect(database="ANALYTICS", role=role) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """An account whose role may make schemas in its database."""
    roles, warehouses = ["TRANSFORMER", "ANALYST"], ["TRANSFORMING", "INCIDENT_L"]
    with running_simulator(roles=roles, warehouses=warehouses) as running:
        as_admin(
            running,
            "grant usage, create schema on database analytics to role transformer",
            "grant usage on database analytics to role analyst",
        )
        yield running


@pytest.fixture
def check(simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the script with a profile that differs in what is given."""

    def run(*arguments: str, **changed: object) -> tuple[int, str]:
        given = {
            "port": simulator.port,
            "role": "TRANSFORMER",
            "warehouse": "TRANSFORMING",
            "database": "ANALYTICS",
        }
        (tmp_path / "profiles.yml").write_text(PROFILE.format(**(given | changed)))
        code = main(["--profiles-dir", str(tmp_path), *arguments])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def schemas(simulator: Simulator) -> set[str]:
    """The schemas of the database."""
    found = as_admin(simulator, "select schema_name from analytics.information_schema.schemata")
    return {row[0] for row in found} - {"INFORMATION_SCHEMA"}


def outcomes_in(printed: str) -> dict[str, tuple[str, str]]:
    """Each item's outcome, and what was said of it."""
    lines = [re.fullmatch(r"(.{17}) +\d+ s  (.*?): (.*)", line) for line in printed.splitlines()]
    return {line[2]: (line[1].strip(), line[3]) for line in lines if line}


@pytest.mark.slow
def test_what_the_simulator_can_do_passes_and_the_rest_is_said_to_be_not_possible(
    simulator: Simulator, check: Run
) -> None:
    """And nothing is left behind. The unit tests are in the run of everything."""
    before = schemas(simulator)
    code, printed = check("--events", "600", "--skip", "unit tests", *ROLE_AND_WAREHOUSE)
    outcomes = {name: outcome for name, (outcome, _) in outcomes_in(printed).items()}
    expected = {item.name: "pass" for item in ITEMS} | {"unit tests": "not run"}
    assert outcomes == expected | dict.fromkeys(NOT_IMITATED, "not possible here"), printed
    assert code == 0
    assert "not yet been run on an account" in printed
    assert schemas(simulator) == before


@contextlib.contextmanager
def unsorted_keys(_: Check) -> Iterator[None]:
    """TO_JSON gives the keys as they were written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variant, "_written", lambda value: json.dumps(value, separators=(",", ":")))
        yield


@contextlib.contextmanager
def no_error_in_merge(_: Check) -> Iterator[None]:
    """MERGE takes one of two rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "run", lambda cursor, *_: cursor.succeed())
        yield


@contextlib.contextmanager
def no_time_zone(_: Check) -> Iterator[None]:
    """The sessions of dbt have the time zone that the others have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "set_time_zone", lambda *_: None)
        yield


@contextlib.contextmanager
def no_grant(_: Check) -> Iterator[None]:
    """The reader is given nothing."""
    execute = Scratch.execute
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Scratch,
            "execute",
            lambda self, sql: None if sql.startswith("grant select") else execute(self, sql),
        )
        yield


@contextlib.contextmanager
def owned_by_reader(running: Check) -> Iterator[None]:
    """The reader's role has that of the owner, which an administrator gave it."""
    with running.scratch.connect() as connection:
        connection.cursor().execute("use role accountadmin")
        connection.cursor().execute("grant role transformer to role analyst")
        try:
            yield
        finally:
            connection.cursor().execute("revoke role transformer from role analyst")


@contextlib.contextmanager
def no_row_of_payments(running: Check) -> Iterator[None]:
    """The batches have left a table that lacks rows."""
    payments = running.scratch.named("main_analytics.payments")
    running.scratch.execute(f"delete from {payments} where merchant_id is not null")
    yield


@contextlib.contextmanager
def revoked(running: Check) -> Iterator[None]:
    """The swapped schema is not the reader's any more."""
    schema = running.scratch.named("main_analytics")
    running.scratch.execute(f"revoke usage on schema {schema} from role analyst")
    yield


@contextlib.contextmanager
def nothing_done(running: Check) -> Iterator[None]:
    """The verb says that it did its work, and a schema is left."""
    running.scratch.execute(f"create schema if not exists {running.scratch.prefix}_analytics__kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scratch, "operate", lambda *_: None)
        yield


@contextlib.contextmanager
def lost_in_quarantine(running: Check) -> Iterator[None]:
    """Somebody has emptied the quarantine."""
    quarantine = running.scratch.named("main_audit.quarantined_events")
    running.scratch.execute(f"delete from {quarantine}")
    yield


@contextlib.contextmanager
def forged_entry(running: Check) -> Iterator[None]:
    """Somebody has changed who did it."""
    ledger = running.scratch.named("main_audit.remediation_ledger")
    running.scratch.execute(f"update {ledger} set actor = 'nobody' where entry_number = 1")
    yield


def say_as(running: Check, step: str, *statements: str) -> None:
    """Run statements under the tag that a model of the package has."""
    tag = json.dumps({"app": "exactly_once", "step": step, "incident_id": INCIDENT})
    with running.scratch.connect() as connection:
        for statement in (f"alter session set query_tag = '{tag}'", *statements):
            connection.cursor().execute(statement)


@contextlib.contextmanager
def merged_without_a_range(running: Check) -> Iterator[None]:
    """A batch has looked at the whole table."""
    table = f"{running.scratch.prefix}_raw.merged"
    merge = f"merge into {table} as kept using {table} as arrived on kept.id = arrived.id "
    update = "when matched then update set amount = arrived.amount"
    say_as(running, "stg_events_deduplicated", merge + update)
    yield


@contextlib.contextmanager
def moved_window(running: Check) -> Iterator[None]:
    """Detection says that it began later."""
    windows = running.scratch.named("main_incident.incident_windows")
    change = "detected_start_low = dateadd(hour, 2, detected_start_low)"
    running.scratch.execute(f"update {windows} set {change}")
    try:
        yield
    finally:
        running.scratch.execute(f"update {windows} set {change.replace(' 2', ' -2')}")


@contextlib.contextmanager
def not_repaired(_: Check) -> Iterator[None]:
    """Nothing has been built for a repair yet."""
    yield


@contextlib.contextmanager
def detected_elsewhere(running: Check) -> Iterator[None]:
    """A model of detection has run on the profile's warehouse."""
    table = f"{running.scratch.prefix}_raw.elsewhere"
    say_as(running, "incident_scope", f"create table {table} as select 1 as id")
    yield


@contextlib.contextmanager
def another_column(running: Check) -> Iterator[None]:
    """A relation has what its contract does not know."""
    scope = running.scratch.named("main_incident.incident_scope")
    running.scratch.execute(f"alter table {scope} add column unheard_of integer")
    yield


# Item, what is broken meanwhile (None: nothing, and it passes), what is said
BROKEN: tuple[tuple[str, Break | None, str], ...] = (
    ("golden fingerprints", unsorted_keys, """expected {"a":"""),
    ("ambiguous MERGE", no_error_in_merge, "expected error 100090, found none"),
    ("regular job", None, ""),
    ("second batch", no_time_zone, "expected Asia/Kolkata as the time zone"),
    ("third batch", None, ""),
    ("bounded batches", None, ""),
    ("ambiguous MERGE", None, ""),
    ("bounded batches", merged_without_a_range, "as the MERGE without a range of event time"),
    ("grants to readers", no_grant, "not exist or not authorized"),
    ("grants to readers", owned_by_reader, "before any grant role ANALYST reads payments"),
    ("grants to readers", None, ""),
    ("full refresh", no_row_of_payments, "as the digests of the tables"),
    ("readers after the swap", revoked, "not exist or not authorized"),
    ("detection", None, ""),
    ("detected window", moved_window, "as whether the intervals have"),
    ("detected window", None, ""),
    ("warehouses", not_repaired, "as those of both jobs"),
    ("warehouses", detected_elsewhere, "as the models of detection on another"),
    ("column types", None, ""),
    ("column types", another_column, "as the columns of incident_scope that differ"),
    ("retirement", nothing_done, "_ANALYTICS__KEPT"),
    ("raw quarantine", nothing_done, "rows too many or missing in raw"),
    ("raw quarantine", None, ""),
    ("raw restore", lost_in_quarantine, "of which no copy was ever in quarantine"),
    ("ledger", forged_entry, "entry 1 does not fit its hash"),
)


@pytest.mark.slow
@pytest.mark.soak
def test_what_is_broken_fails(
    simulator: Simulator, check: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And passes where it is not, for a user whose other roles are active beside the first."""
    as_admin(
        simulator,
        "grant role transformer to user tester",
        "grant role analyst to user tester",
        "alter user tester set default_secondary_roles = ('ALL')",
    )
    checks = {item.name: item.check for item in ITEMS}

    def item(number: int, name: str, broken: Break | None) -> Item:
        def run(running: Check) -> str:
            with broken(running) if broken else contextlib.nullcontext():
                return checks[name](running)

        return Item(f"{number} {name}", run)

    items = [item(number, name, broken) for number, (name, broken, _) in enumerate(BROKEN)]
    monkeypatch.setattr(check_snowflake, "ITEMS", (LOADED, *items))
    code, printed = check("--events", "600", *ROLE_AND_WAREHOUSE)
    assert code == 1
    outcomes = outcomes_in(printed)
    for number, (name, broken, said) in enumerate(BROKEN):
        outcome, found = outcomes[f"{number} {name}"]
        assert outcome == ("FAIL" if broken else "pass"), printed
        assert said in found, printed


@pytest.mark.parametrize("after_failure", ["failure", "ended session", "Ctrl-C", "SIGTERM"])
def test_what_it_made_is_removed_whatever_happens(
    simulator: Simulator, check: Run, monkeypatch: pytest.MonkeyPatch, after_failure: str
) -> None:
    """A check that fails, a session that is ended, a person who has seen enough."""

    def happen(running: Check) -> str:
        assert len(schemas(simulator)) > len(before)
        if after_failure == "failure":
            running.scratch.execute("select no_such_column")
        if after_failure == "ended session":
            for session in list(simulator.account.sessions.values()):
                simulator.end_session(session.number)
            running.scratch.execute("select 1")
        number = signal.SIGTERM if after_failure == "SIGTERM" else signal.SIGINT
        os.kill(os.getpid(), number)
        return "never"

    before = schemas(simulator)
    monkeypatch.setattr(check_snowflake, "ITEMS", (LOADED, Item("it", happen, is_step=True)))
    if after_failure in ("failure", "ended session"):
        code, printed = check("--events", "50")
        assert code == 1
        assert "FAIL" in printed
        if after_failure == "ended session":
            assert "Session no longer exists" in printed
    else:
        with pytest.raises(SystemExit) as stopped:
            check("--events", "50")
        assert stopped.value.code in (130, 143)
    assert schemas(simulator) == before


# the connector's thread that would cancel a statement finds nobody either
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_account_that_goes_away_ends_the_check_and_so_does_a_second_signal(
    check: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The connector alone would ask it for ever, and nobody could stop the removal."""
    monkeypatch.setattr(snowflake_items, "NETWORK_SECONDS", 2)
    with contextlib.ExitStack() as account:
        simulator = account.enter_context(running_simulator())
        as_admin(simulator, "grant usage, create schema on database analytics to role transformer")

        def go_away(running: Check) -> str:
            running.scratch.execute("select 1")
            account.close()
            running.scratch.execute("select 1")
            return "never"

        monkeypatch.setattr(check_snowflake, "ITEMS", (LOADED, Item("it", go_away, is_step=True)))
        prefix = ("--prefix", "EXACTLY_ONCE_CHECK_GONE")
        code, printed = check("--events", "50", *prefix, port=simulator.port)
    assert code == 1
    assert "could not look for schemas to remove" in printed
    assert "--remove EXACTLY_ONCE_CHECK_GONE" in printed
    stop = check_snowflake.Stop("EXACTLY_ONCE_CHECK_GONE")
    stop.is_removing = True
    stop(signal.SIGTERM, None)
    assert "Once more leaves them behind" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        stop(signal.SIGTERM, None)
    assert "To remove: --remove EXACTLY_ONCE_CHECK_GONE" in capsys.readouterr().out


def test_what_a_killed_run_left_can_be_removed_later(simulator: Simulator, check: Run) -> None:
    """By its prefix, and nothing else."""
    left = "EXACTLY_ONCE_CHECK_LEFT"
    made = [f"{left}_RAW", f"{left}_STAGING", f"{left}OVER_RAW"]
    statements = [f"create schema analytics.{name}" for name in made]
    as_admin(simulator, *statements, role="TRANSFORMER")
    code, printed = check("--remove", left)
    assert (code, "Removed all 2 schemas" in printed) == (0, True), printed
    assert made[-1] in schemas(simulator)


def test_what_could_not_be_removed_is_named(
    simulator: Simulator, check: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that removes it later."""

    def give_away(running: Check) -> str:
        schema = f"analytics.{running.scratch.prefix}_raw"
        as_admin(
            simulator, f"grant ownership on schema {schema} to role analyst copy current grants"
        )
        return "given away"

    monkeypatch.setattr(check_snowflake, "ITEMS", (LOADED, Item("it", give_away)))
    code, printed = check("--events", "50", "--prefix", "EXACTLY_ONCE_CHECK_GIVEN")
    assert code == 1
    assert "EXACTLY_ONCE_CHECK_GIVEN_RAW" in printed
    assert "--remove EXACTLY_ONCE_CHECK_GIVEN" in printed


def assert_refused(found: tuple[int, str], *said: str) -> None:
    """One error, that says what is missing, what was found, and what to run."""
    code, printed = found
    assert code == 2, printed
    assert printed.count("error: ") == 1, printed
    assert "Traceback" not in printed
    for part in (*said, "found ", "accepted: "):
        assert part in printed, printed


def test_missing_variables_are_named_all_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the profile of this repository."""
    for name in list(os.environ):
        if name.startswith("SNOWFLAKE_"):
            monkeypatch.delenv(name)
    code = main(["--profiles-dir", str(ROOT)])
    printed = capsys.readouterr()
    assert_refused(
        (code, printed.out + printed.err),
        "SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER, SNOWFLAKE_PRIVATE_KEY_PATH",
    )


def test_a_prefix_that_could_reach_other_schemas_is_refused(
    simulator: Simulator, check: Run
) -> None:
    """Whether to make schemas or to remove them."""
    before = schemas(simulator)
    for option in ("--prefix", "--remove"):
        assert_refused(check(option, "PUBLIC"), "PUBLIC", "EXACTLY_ONCE_CHECK_ and letters")
    assert schemas(simulator) == before


def test_a_missing_profile_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the name of the file that was looked for."""
    code = main(["--profiles-dir", str(tmp_path)])
    printed = capsys.readouterr()
    assert_refused((code, printed.out + printed.err), str(tmp_path / "profiles.yml"))


def test_a_target_of_another_engine_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--target", "duckdb"])
    printed = capsys.readouterr()
    assert_refused((code, printed.out + printed.err), "type duckdb", "type snowflake")


@pytest.mark.parametrize("answers", ["nothing listens", "no answer"])
def test_an_account_that_is_not_there_is_told_within_half_a_minute(
    check: Run, answers: str
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if answers == "no answer":
            listener.listen()
        began = time.monotonic()
        found = check(port=listener.getsockname()[1])
    assert time.monotonic() - began < 30
    assert_refused(found, "account simulator", "127.0.0.1", "SNOWFLAKE_ACCOUNT")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"warehouse": "NO_SUCH"},
            ("warehouse NO_SUCH", "grant usage on warehouse NO_SUCH to role TRANSFORMER"),
        ),
        ({"database": "NO_SUCH"}, ("database NO_SUCH", "SNOWFLAKE_DATABASE")),
        ({"role": "NO_SUCH"}, ("role NO_SUCH", "SNOWFLAKE_ROLE")),
        (
            {"role": "ANALYST"},
            ("role ANALYST", "grant create schema on database ANALYTICS to role ANALYST"),
        ),
    ],
    ids=["warehouse", "database", "role", "create schema"],
)
def test_what_is_missing_is_named_with_the_grant(
    simulator: Simulator, check: Run, changed: dict[str, str], said: tuple[str, ...]
) -> None:
    before = schemas(simulator)
    assert_refused(check(**changed), *said)
    assert schemas(simulator) == before


@pytest.mark.parametrize("owner", ["TRANSFORMER", "ANALYST"])
def test_schemas_that_are_there_already_are_left_alone(
    simulator: Simulator, check: Run, owner: str
) -> None:
    """Somebody else's, and even one's own."""
    table = "analytics.exactly_once_check_taken_raw.events"
    as_admin(simulator, "grant create schema on database analytics to role analyst")
    as_admin(
        simulator,
        "create schema analytics.exactly_once_check_taken_raw",
        f"create table {table} (a int)",
        role=owner,
    )
    assert_refused(
        check("--prefix", "EXACTLY_ONCE_CHECK_TAKEN"),
        "EXACTLY_ONCE_CHECK_TAKEN",
        "Give another --prefix",
    )
    assert as_admin(simulator, f"select count(*) from {table}", role=owner) == [(0,)]


def test_a_role_that_does_not_own_what_it_makes_is_refused(
    simulator: Simulator, check: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a future grant gives new schemas to another role."""

    def make_and_give_away(scratch: Scratch, sql: str) -> None:
        make(scratch, sql)
        as_admin(
            simulator,
            "grant ownership on schema analytics.exactly_once_check_own_raw to role analyst "
            "copy current grants",
            "grant usage on schema analytics.exactly_once_check_own_raw to role transformer",
        )

    make = Scratch.execute
    monkeypatch.setattr(Scratch, "execute", make_and_give_away)
    found = check("--prefix", "EXACTLY_ONCE_CHECK_OWN")
    assert_refused(found, "owner ANALYST", "role TRANSFORMER as the owner", "revoke ownership")
