"""The ledger says what was done, and whatever is changed in the record afterwards is found."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from python_tests import oracle
from python_tests.laws import (
    AUDIT,
    INCIDENT,
    LEDGER,
    MINUTE,
    NOON,
    OTHER_INCIDENT,
    Row,
    assert_chained,
    check_entries,
    check_ledger,
    contaminate,
    event,
    ledger,
    lift_constraints,
    record_detections,
    verification,
)
from python_tests.laws_of_raw import QUARANTINE
from python_tests.snowflake_warehouse import SnowflakeProject, SnowflakeWarehouse
from python_tests.warehouse import ROOT, Project, Warehouse

BEGIN_STEP = ("run-operation", "_begin_step", "--args", '{"step": "s", "incident_id": "INC-9"}')


@pytest.fixture(scope="module")
def with_record(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse with ten entries over two incidents."""
    made = Warehouse(project, tmp_path_factory.mktemp("with_record"))
    record_detections(made)
    lift_constraints(made)
    return made


@pytest.fixture
def recorded(with_record: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy of that warehouse."""
    return with_record.copied(tmp_path)


def test_the_record_is_chained_and_every_change_is_named(warehouse: Warehouse) -> None:
    check_ledger(warehouse)


@pytest.mark.parametrize("one_in", [5, pytest.param(1, marks=pytest.mark.soak)])
def test_the_record_is_chained_and_every_change_is_named_on_snowflake(
    snowflake_warehouse: SnowflakeWarehouse, one_in: int
) -> None:
    check_ledger(snowflake_warehouse, one_in=one_in)


def test_an_entry_has_one_hash(warehouse: Warehouse) -> None:
    check_entries(warehouse)


def test_an_entry_has_one_hash_on_snowflake(snowflake_warehouse: SnowflakeWarehouse) -> None:
    check_entries(snowflake_warehouse)


def other_values(old: Any, kind: str) -> list[Any]:
    """Values that somebody may write instead, of the column's type."""
    if kind == "JSON":
        other = [None, "1", f" {old}", str(old).replace("1", "1.0")]
        return [new for new in other if new != old]
    if old is None:
        return ["", "x"] if kind == "VARCHAR" else [datetime(2026, 1, 1) if "TIME" in kind else 0]
    if isinstance(old, datetime):
        return [None, old + timedelta(microseconds=1)]
    if isinstance(old, str):
        return [None, old + " ", old.swapcase() + "x", "" if old else "x", "[1]", '{"a": null}']
    return [None, old + 1, -old - 1]


@pytest.fixture(scope="module")
def with_quarantine(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse whose copies are in quarantine."""
    made = Warehouse(project, tmp_path_factory.mktemp("with_quarantine"))
    made.write_events([event("numbered", NOON + n * MINUTE, payload='{"n": 1}') for n in (1, 2)])
    contaminate(made)
    made.dbt("run", "--select", "quarantined_events")
    made.operate("raw_quarantine", INCIDENT)
    return made


@pytest.mark.slow
@settings(max_examples=30)
@given(data=st.data())
def test_whatever_is_changed_is_found_and_named(
    data: st.DataObject, with_record: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any field of any row to any other value, any row removed or repeated, any two exchanged."""
    warehouse = with_record.copied(tmp_path_factory.getbasetemp() / "tampered")
    check_tampering(warehouse, data.draw(st.sampled_from([LEDGER, AUDIT]), "relation"), data)


@pytest.mark.slow
@settings(max_examples=10)
@given(data=st.data())
def test_whatever_is_changed_in_quarantine_is_found_and_named(
    data: st.DataObject, with_quarantine: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What was taken out of raw is evidence like the decisions on it."""
    warehouse = with_quarantine.copied(tmp_path_factory.getbasetemp() / "tampered")
    check_tampering(warehouse, QUARANTINE, data)


def test_a_payload_in_quarantine_that_says_the_same_in_other_words_is_found(
    with_quarantine: Warehouse, tmp_path: Path
) -> None:
    warehouse = with_quarantine.copied(tmp_path)
    assert not verification(warehouse)
    changed = "set payload = '{\"n\": 1.0}' where payment_id = 'numbered'"
    warehouse.execute(f"update {QUARANTINE} {changed}")
    assert f"quarantined_events of incident {INCIDENT} is not what entry" in verification(warehouse)


def check_tampering(warehouse: Warehouse, relation: str, data: st.DataObject) -> None:
    """What somebody does to a row of the record is found, and its row or its table is named."""
    kinds = {
        row["column_name"]: row["data_type"]
        for row in warehouse.query(
            "select column_name, data_type from information_schema.columns "
            f"where table_schema || '.' || table_name = '{relation}' order by ordinal_position"
        )
    }
    rows = warehouse.query(f"select rowid, * from {relation} order by rowid")
    row = data.draw(st.sampled_from(rows), "row")
    named = [row]
    actions = ["change", "change", "change", "remove", "repeat"]
    action = data.draw(st.sampled_from([*actions, "exchange"] if relation == LEDGER else actions))
    match action:
        case "change":
            name = data.draw(st.sampled_from(list(kinds)), "column")
            new = data.draw(st.sampled_from(other_values(row[name], kinds[name])), "new")
            value = warehouse.literal(None if new is None else str(new), kinds[name])
            warehouse.execute(
                f"update {relation} set {name} = {value} where rowid = {row['rowid']}"
            )
        case "remove":
            warehouse.execute(f"delete from {relation} where rowid = {row['rowid']}")
        case "repeat":
            warehouse.execute(
                f"insert into {relation} select * from {relation} where rowid = {row['rowid']}"
            )
        case "exchange":
            other = data.draw(st.sampled_from([one for one in rows if one != row]), "other")
            named.append(other)
            both = row["entry_number"] + other["entry_number"]
            warehouse.execute(
                f"update {relation} set entry_number = {both} - entry_number "
                f"where rowid in ({row['rowid']}, {other['rowid']})"
            )
    said = verification(warehouse)
    for one in named:
        name = (
            rf"entry {one['entry_number']}\b"
            if relation == LEDGER
            else rf"{relation.split('.')[1]} of incident {one['incident_id']} is not what entry"
        )
        assert re.search(name, said), f"{name} is not in: {said}"


def written_again(warehouse: Warehouse, entries: list[Row]) -> str:
    """Write every entry again with hashes that fit, the comment too; the new last hash."""
    before = ""
    for entry in entries:
        forged = {**entry, "previous_hash": before}
        before = oracle.entry_hash(forged)
        warehouse.execute(
            f"update {LEDGER} set actor = '{forged['actor']}', entry_hash = '{before}', "
            f"previous_hash = '{forged['previous_hash']}' "
            f"where entry_number = {entry['entry_number']}"
        )
    noted = {"app": "exactly_once", "entry_number": len(entries), "entry_hash": before}
    warehouse.execute(f"comment on table {LEDGER} is '{json.dumps(noted)}'")
    return before


def test_a_ledger_that_was_computed_again_is_found_by_a_hash_kept_elsewhere(
    recorded: Warehouse,
) -> None:
    entries = ledger(recorded)
    kept = [entry["entry_hash"] for entry in entries]
    assert not verification(recorded, kept[2])
    assert "  pass  the hash that you keep is that of entry 3" in recorded.project.logged
    written_again(recorded, [{**entry, "actor": "nobody"} for entry in entries])
    # nothing in the warehouse tells: so the runbook has the hash of each step put into the ticket
    assert not verification(recorded)
    for head in (kept[0], kept[-1]):
        assert f"the entry with the hash {head}, which you keep, is missing" in verification(
            recorded, head
        )


@pytest.mark.parametrize(
    ("removed", "missing"), [("entry_number > 8", "9 to 10"), ("true", "1 to 10")]
)
def test_entries_that_were_taken_away_stay_missed_when_the_next_is_written(
    recorded: Warehouse, removed: str, missing: str
) -> None:
    recorded.execute(f"delete from {LEDGER} where {removed}")
    recorded.dbt(*BEGIN_STEP)
    assert ledger(recorded)[-1]["entry_number"] == 11
    assert f"entries {missing} are missing" in verification(recorded)


def test_a_change_between_two_detections_stays_found_after_the_second(recorded: Warehouse) -> None:
    recorded.execute(f"update {AUDIT} set reason = 'override' where incident_id = '{INCIDENT}'")
    recorded.dbt("snapshot")
    assert (
        f"audit_decisions of incident {INCIDENT} changed between entry 10 and entry 11"
        in verification(recorded)
    )


def test_an_audit_that_was_dropped_is_missed(recorded: Warehouse) -> None:
    recorded.execute(f"drop table {AUDIT}")
    said = verification(recorded)
    for incident_id, entry in ((INCIDENT, 10), (OTHER_INCIDENT, 8)):
        assert f"audit_decisions of incident {incident_id} is not what entry {entry} says" in said


def test_decisions_that_no_detection_recorded_are_found(recorded: Warehouse) -> None:
    recorded.execute(
        f"insert into {AUDIT} (incident_id, row_hash, decision) values ('INC-9', 'a', 'remove')"
    )
    assert "rows of incident INC-9, of which the ledger knows nothing" in verification(recorded)


def test_a_column_that_the_audit_gains_later_changes_no_digest(recorded: Warehouse) -> None:
    """A snapshot of another source adds its columns, NULL in the rows that are there."""
    recorded.execute(f"alter table {AUDIT} add column merchant_country varchar")
    assert not verification(recorded)


def test_a_snapshot_that_died_is_mended_by_the_next(recorded: Warehouse) -> None:
    """Killed after it wrote, before it said so: nothing is blocked, nothing is called forged."""
    recorded.dbt("run-operation", "record_decisions", "--args", "{phase: begun}")
    recorded.execute(
        f"delete from {AUDIT} where incident_id = '{INCIDENT}' and dbt_valid_to is null"
    )
    assert not verification(recorded)
    recorded.dbt("snapshot")
    phases = [entry["phase"] for entry in ledger(recorded)]
    assert phases[10:] == ["begun", "begun", "ended"]
    assert not verification(recorded)


def test_a_change_while_a_step_was_open_is_noted_for_good(recorded: Warehouse) -> None:
    """It may be the step's own, which died after it; whoever reads the ledger is told to look."""
    recorded.dbt("run-operation", "record_decisions", "--args", "{phase: begun}")
    recorded.execute(f"update {AUDIT} set rule_version = 'forged' where incident_id = '{INCIDENT}'")
    recorded.dbt("snapshot")
    assert not verification(recorded)
    noted = [line for line in recorded.project.logged if line.startswith("  note  ")]
    assert len(noted) == 1
    assert f"audit_decisions of incident {INCIDENT} changed while entry 11 was open" in noted[0]


def test_only_a_build_or_a_snapshot_of_the_audit_writes_entries(recorded: Warehouse) -> None:
    for command in (
        ("compile",),
        ("run", "--select", "tag:exactly_once_audit", "--full-refresh"),
        ("test", "--select", "audit_decisions", "--indirect-selection", "cautious"),
    ):
        recorded.dbt(*command)
        assert len(ledger(recorded)) == 10
    recorded.dbt("snapshot")
    recorded.dbt(
        *("build", "--full-refresh", "--select", "tag:exactly_once_audit"),
        *("--exclude", "resource_type:test", "--exclude", "test_type:unit"),
    )
    assert [entry["phase"] for entry in ledger(recorded)[10:]] == ["begun", "ended"] * 2
    assert not verification(recorded)


def test_a_step_without_a_ledger_says_what_to_build(warehouse: Warehouse) -> None:
    with pytest.raises(AssertionError, match="Run: dbt build --select remediation_ledger"):
        warehouse.dbt(*BEGIN_STEP)


def test_an_entry_names_who_ran_the_step(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.dbt("run", "--select", "remediation_ledger")
    monkeypatch.delenv("EXACTLY_ONCE_ACTOR")
    for name, actor in (("USER", "os_user"), ("EXACTLY_ONCE_ACTOR", "Ann O'Nym")):
        monkeypatch.setenv(name, actor)
        warehouse.dbt(*BEGIN_STEP)
        assert ledger(warehouse)[-1]["actor"] == actor


def test_an_entry_has_the_version_of_the_package(warehouse: Warehouse) -> None:
    version = yaml.safe_load((ROOT / "dbt_project.yml").read_text("utf-8"))["version"]
    warehouse.dbt("run", "--select", "remediation_ledger")
    warehouse.dbt(*BEGIN_STEP)
    assert ledger(warehouse)[0]["package_version"] == version


WRITERS, ENTRIES_EACH = ("one", "two"), 8
APPEND_MANY = """\
{% macro append_many(step) %}
    {%- set ledger = ref('exactly_once', 'remediation_ledger') -%}
    {%- do exactly_once._begin_step(step, 'INC-1') -%}
    {%- set met = namespace(all=false) -%}
    {%- for _ in range(10000) if not met.all -%}
        {%- set writers = run_query('select count(distinct step) from ' ~ ledger).rows[0][0] -%}
        {%- set met.all = writers == WRITERS -%}
    {%- endfor -%}
    {%- for number in range(ENTRIES_EACH - 1) -%}
        {%- do exactly_once._begin_step(step, 'INC-1') -%}
    {%- endfor -%}
{% endmacro %}
"""


@pytest.mark.slow
def test_two_who_write_at_once_never_fork_the_chain(
    new_snowflake_warehouse: Callable[..., SnowflakeWarehouse], tmp_path: Path
) -> None:
    warehouse = new_snowflake_warehouse()
    project = SnowflakeProject.copy(tmp_path)
    macro = APPEND_MANY.replace("ENTRIES_EACH", str(ENTRIES_EACH))
    macro = macro.replace("WRITERS", str(len(WRITERS)))
    (project.folder / "macros" / "append_many.sql").write_text(macro, encoding="utf-8")
    warehouse.project = project
    warehouse.dbt("run", "--select", "remediation_ledger")
    writers = [
        subprocess.Popen(
            [
                *(Path(sys.executable).parent / "dbt", "run-operation", "append_many"),
                *("--args", json.dumps({"step": step}), "--project-dir", str(project.folder)),
                *("--profiles-dir", str(project.work), "--target-path", str(tmp_path / step)),
                *("--log-path", str(tmp_path / step)),
            ],
            env=os.environ | warehouse.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for step in WRITERS
    ]
    for writer in writers:
        said, _ = writer.communicate(timeout=300)
        assert writer.returncode == 0, said
    entries = ledger(warehouse)
    steps = [entry["step"] for entry in entries]
    assert {step: steps.count(step) for step in WRITERS} == dict.fromkeys(WRITERS, ENTRIES_EACH)
    assert sum(a != b for a, b in pairwise(steps)) > 3, "they did not meet"
    assert_chained(entries)
    assert not verification(warehouse, entries[-1]["entry_hash"])
