"""A command that a verb prints runs as it stands."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from python_tests.laws import (
    HOUR,
    INCIDENT,
    NOON,
    WINDOW,
    approve,
    contaminate,
    contaminated_rows,
    decide_again,
)
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import DbtError, Project, Warehouse

REGISTER = "main_seeds.incident_register"

PLAIN = ("INC-1", "PAY_4711.b", "detected_20260301T1000", "nothing", "e1")
ODD = (
    *("2026", "0012", "007", "1e3", "0x1F", "1_000", "12:30:00", ".5", "2026-03-01"),
    *("yes", "No", "ON", "off", "true", "FALSE", "null", "Null", "y", "N", "~", "", " "),
    *("INC: 3", "INC-7 #2", "O'Neil", "''", '"', 'a"b', "a\\b", "\\n", "{a}", "[a]", "a, b: c"),
    *("*a", "&a", "!a", "%a", "@a", "`a`", "$(a)", "- a", "? a", "a\nb", "a\tb", "INC-1\n", "\x7f"),
    *("Störung", "\u200b", "\ufeff", "\x85", "\u2028", "😀", "\U000e0001"),
)
# what a warehouse holds as text
IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
COMMANDS = (
    "_verb_command('remediation_clone', id)",
    "_verb_command('remediation_plan', id, 'max_share: 0.5')",
    "_build_command(id)",
    "_replaced_build_command(id)",
    "_rollback_at_once(id)",
)


@pytest.fixture(scope="module")
def printing(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse without anything in it."""
    return Warehouse(project, tmp_path_factory.mktemp("printing"))


def printed(warehouse: Warehouse, ids: Sequence[str], *commands: str) -> list[list[str]]:
    """These commands for each incident."""
    said = ", ".join(f"exactly_once.{command}" for command in commands)
    query = (
        f"{{% set said = [] %}}{{% for id in {list(ids)!a} %}}"
        f"{{% do said.append([{said}]) %}}{{% endfor %}}"
        "select {{ exactly_once.text_literal(tojson(said)) }} as said"
    )
    shown = warehouse.dbt("show", "--inline", query)
    found: list[list[str]] = json.loads(shown.results[0].agate_table.rows[0][0])
    return found


def typed(command: str) -> dict[str, Any]:
    """The --args or --vars of a command, as a shell and dbt read them."""
    words = shlex.split(command)
    assert words[0] == "dbt"
    assert words[-2] in ("--args", "--vars")
    found: dict[str, Any] = yaml.safe_load(words[-1])
    return found


@settings(max_examples=10)
@given(ids=st.lists(IDS, min_size=20, max_size=200))
@example(ids=[*PLAIN, *ODD])
def test_a_shell_and_yaml_read_the_id_that_was_printed(printing: Warehouse, ids: list[str]) -> None:
    for id_, commands in zip(ids, printed(printing, ids, *COMMANDS), strict=True):
        read_ids = [typed(command) for command in commands]
        names = [*["incident_id"] * 3, "exactly_once__build_replaced", "incident_id"]
        assert [found[name] for found, name in zip(read_ids, names, strict=True)] == [id_] * 5


def test_bash_reads_what_shlex_reads(printing: Warehouse) -> None:
    commands = [command for (command,) in printed(printing, ODD, COMMANDS[0])]
    script = "\n".join(f"printf '%s\\0' {command}" for command in commands)
    done = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split("\0")[:-1] == [word for line in commands for word in shlex.split(line)]


def test_a_plain_id_is_printed_bare(printing: Warehouse) -> None:
    assert printed(printing, PLAIN, COMMANDS[0]) == [
        [f"dbt run-operation remediation_clone --args '{{incident_id: {id_}}}'"] for id_ in PLAIN
    ]


VERBS = (
    *(f"remediation_{verb}" for verb in ("clone", "plan", "validate", "status", "swap")),
    *("remediation_rollback", "remediation_retire", "raw_quarantine", "raw_restore"),
)


@pytest.mark.parametrize("verb", VERBS)
def test_an_incident_id_that_yaml_does_not_read_as_text_is_refused(
    printing: Warehouse, verb: str
) -> None:
    read_as = {
        "2026": "2026, a number",
        "0012": "10, a number",
        "yes": "True, which is true or false",
        "2026-03-01": "2026-03-01, a time",
        "null": "None, no text",
        "[INC-1]": "['INC-1'], no text",
    }
    for text, found in (
        read_as.items() if verb == "remediation_clone" else [("2026", "2026, a num")]
    ):
        with pytest.raises(DbtError) as stopped:
            printing.dbt("run-operation", verb, "--args", f"{{incident_id: {text}}}")
        assert f"incident_id: found {found}" in str(stopped.value)
        assert f"dbt run-operation {verb} --args '{{incident_id: \"0012\"}}'" in str(stopped.value)


@pytest.fixture(scope="module")
def contaminated(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse with decisions on a declared window, which holds less than was registered."""
    made = Warehouse(project, tmp_path_factory.mktemp("contaminated"))
    contaminate(made)
    return made


@pytest.fixture
def decided(contaminated: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy of that warehouse."""
    return contaminated.copied(tmp_path)


def detection(warehouse: Warehouse, incident_id: str = INCIDENT) -> dict[str, Any]:
    """The vars of the command that decides on an incident; times as the instants they are."""
    ((command,),) = printed(warehouse, [incident_id], "_detection_command(id)")
    assert command.startswith("dbt build --selector detection --vars ")
    found = typed(command)
    assert found.pop("incident_id") == incident_id
    return {name: datetime.fromisoformat(value) for name, value in found.items()}


def window_of(start: datetime, end: datetime) -> dict[str, datetime]:
    """The vars of a window."""
    return {"incident_start": start, "incident_end": end}


def test_a_detection_that_is_printed_is_of_the_window_in_force(decided: Warehouse) -> None:
    """What was registered is generous: it would take in copies that the repair leaves alone."""
    assert detection(decided) == window_of(*WINDOW)


def test_a_detection_that_is_printed_is_else_of_the_window_that_was_registered(
    decided: Warehouse,
) -> None:
    approve(decided, "INC-2")
    for start, end in (
        ("2026-03-01", "2026-03-02 00:00"),
        ("2026-03-01 13:00+01:00", "2026-03-01T08:30:00.25-0530"),
        ("2026-03-01 12:00:00.000001Z", "2026-03-01 12:00:00.000002"),
    ):
        decided.execute(f"update {REGISTER} set incident_start = '{start}', incident_end = '{end}'")
        expected = [
            time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
            for time in map(datetime.fromisoformat, (start, end))
        ]
        assert detection(decided, "INC-2") == window_of(*expected)
    for problem in (
        "incident_start = 'noon'",
        "incident_end = null",
        "incident_end = '2026-02-30'",
        "incident_end = incident_start",
    ):
        approve(decided, "INC-2")
        decided.execute(f"update {REGISTER} set {problem}")
        assert detection(decided, "INC-2") == {}
    approve(decided, "INC-2")
    decided.execute(f"insert into {REGISTER} select * from {REGISTER} where incident_id = 'INC-2'")
    assert detection(decided, "INC-2") == {}
    assert detection(decided, "INC-3") == {}


def test_a_detection_that_is_printed_names_the_incident_alone_where_no_window_is_known(
    printing: Warehouse,
) -> None:
    assert detection(printing) == {}


def test_snowflake_prints_the_window_in_force_too(snowflake_warehouse: SnowflakeWarehouse) -> None:
    snowflake_warehouse.write_events(contaminated_rows())
    snowflake_warehouse.dbt("seed")
    approve(snowflake_warehouse)
    assert detection(snowflake_warehouse) == window_of(datetime(1900, 1, 1), datetime(2999, 1, 1))
    snowflake_warehouse.execute("create schema if not exists main_incident")
    snowflake_warehouse.execute(
        "create table main_incident.incident_scope as "
        f"select '{INCIDENT}' as incident_id, '{NOON}'::timestamp_ntz as window_start, "
        f"'{NOON + HOUR}'::timestamp_ntz as window_end"
    )
    assert detection(snowflake_warehouse) == window_of(*WINDOW)


def run(warehouse: Warehouse, command: str) -> None:
    """Run a printed command as a shell would."""
    words = shlex.split(command)
    given: dict[str, Any] = yaml.safe_load(words[-1])
    if words[-2] == "--vars":
        warehouse.dbt(*words[1:-2], **given)
    else:
        warehouse.dbt(*words[1:-1], json.dumps(given))


def test_status_leads_an_incident_with_an_odd_id_to_its_end(decided: Warehouse) -> None:
    incident = "O'Neil: 7 #2"
    approve(decided, incident.replace("'", "''"))
    decide_again(decided, incident)
    done: list[list[str]] = []
    while len(done) < 4:
        decided.operate("remediation_status", incident)
        command = decided.project.logged[-1].removeprefix("Next: ")
        run(decided, command)
        done.append(shlex.split(command)[2:4])
    assert [words[0].removeprefix("--") for words in done] == [
        *("remediation_clone", "selector", "remediation_swap", "raw_quarantine"),
    ]
    back, following = decided.project.logged[-2:]
    assert decided.query("select distinct incident_id from main_audit.quarantined_events") == [
        {"incident_id": incident}
    ]
    # both lead on: what is late is decided on again, what went comes back
    run(decided.copied(decided.path.parent / "back"), back[back.index("dbt run-operation") :])
    run(decided, following.removeprefix("Next: "))
    (scope,) = decided.read("main_incident.incident_scope", "incident_id, window_start, window_end")
    assert list(scope.values()) == [incident, *WINDOW]


def remedy(warehouse: Warehouse, verb: str) -> str:
    """How a verb says that it can be had to go on."""
    with pytest.raises(DbtError) as stopped:
        warehouse.operate(verb, INCIDENT)
    return str(stopped.value)


DETECTION = (
    "dbt build --selector detection --vars '{incident_id: INC-1, "
    'incident_start: "2026-03-01 12:00:00", incident_end: "2026-03-01 13:00:00"}\''
)
BUILD = (
    "dbt build --selector remediation "
    "--vars '{exactly_once__build_candidate: true, incident_id: INC-1}'"
)


def test_what_stops_a_repair_says_what_to_build_for_which_incident(decided: Warehouse) -> None:
    decided.operate("remediation_clone", INCIDENT)
    said = remedy(decided, "remediation_validate")
    assert BUILD in said
    assert DETECTION in said
    decisions = "main_incident.incident_decisions"
    copies = "where decision = 'remove'"
    decided.execute(f"update {decisions} set survivor_row_hash = 'gone' {copies}")
    assert f"Run: {DETECTION}" in remedy(decided, "raw_quarantine")
    decided.execute(f"delete from {decisions} {copies}")
    assert f"Run: {DETECTION}" in remedy(decided, "raw_quarantine")
    decided.execute("update main_incident.incident_duplicate_groups set incident_id = 'INC-2'")
    assert f"Run: {DETECTION}" in remedy(decided, "remediation_clone")
    decided.execute("update main_incident.incident_scope set incident_id = 'INC-2'")
    registered = 'incident_start: "1900-01-01 00:00:00", incident_end: "2999-01-01 00:00:00"}\''
    said = remedy(decided, "remediation_clone")
    assert f"dbt build --selector detection --vars '{{incident_id: INC-1, {registered}" in said


def test_a_swap_that_is_overtaken_says_what_to_build(printing: Warehouse) -> None:
    arguments = json.dumps({"incident_id": INCIDENT, "found": "a regular run"})
    with pytest.raises(DbtError) as stopped:
        printing.dbt("run-operation", "_refuse_overtaken", "--args", arguments)
    assert BUILD in str(stopped.value)
