"""Law 6: who asked or who runs a repair does not approve it; steps are taken in their order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from python_tests import oracle
from python_tests.faults import before_its_end, die
from python_tests.laws import (
    DECIDE,
    HOUR,
    INCIDENT,
    NOON,
    WINDOW,
    approve,
    build_candidate,
    check_dry_run,
    contaminate,
    contaminated_rows,
    decide_again,
    event,
    give_verdict,
    kept_state,
    steady_events,
)
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import DbtError, Project, Warehouse

REGISTER = "main_seeds.incident_register"
REFUSED = {
    "nobody registered it": (f"delete from {REGISTER}", "found 0 rows"),
    "it is registered twice": (f"insert into {REGISTER} select * from {REGISTER}", "found 2 rows"),
    "nobody approved it": (f"update {REGISTER} set approved_by = null", "found no approved_by"),
    "the approval is a blank": (f"update {REGISTER} set approved_by = ' '", "found no approved_by"),
    "there is no ticket": (f"update {REGISTER} set ticket = ''", "found no ticket"),
    "who asked approved": (
        f"update {REGISTER} set approved_by = ' Alice'",
        "found an approval by  Alice, who asked for the repair",
    ),
    "who asked approved, written otherwise": (
        f"update {REGISTER} set requested_by = 'Al ice', approved_by = 'ali_CE'",
        "found an approval by ali_CE, who asked for the repair",
    ),
    "the approval has letters that look like others": (
        f"update {REGISTER} set approved_by = '\u0430lice'",
        "found approved_by \u0430lice, with characters outside printable ASCII (write the login of",
    ),
    "the request has what nobody sees": (
        f"update {REGISTER} set requested_by = 'ali\u200bce'",
        "with characters outside printable ASCII (write the login of the account)",
    ),
    "the approval is no name": (
        f"update {REGISTER} set approved_by = '?'",
        "found approved_by ?, which names nobody",
    ),
    "the request is no name": (
        f"update {REGISTER} set requested_by = 'N/A '",
        "found requested_by N/A , which names nobody",
    ),
    "there is no name of a ticket": (
        f"update {REGISTER} set ticket = '?'",
        "found ticket ?, which is no ticket",
    ),
    "who runs it approved": (
        f"update {REGISTER} set approved_by = 'OPERATOR'",
        "found an approval by OPERATOR, who runs the repair",
    ),
    "another window was approved": (
        f"update {REGISTER} set incident_end = '2026-03-01 12:30:00'",
        "accepted: one that holds the window in force, 2026-03-01 12:00:00 to 2026-03-01 13:00:00",
    ),
    "another window was approved, in another time zone": (
        f"update {REGISTER} set incident_end = '2026-03-01 13:30:00+01:00'",
        "found for 1900-01-01 00:00:00 to 2026-03-01 12:30:00 (UTC)",
    ),
    "the approval has no end": (
        f"update {REGISTER} set incident_end = null",
        "found for 1900-01-01 00:00:00 to no time (UTC)",
    ),
}


@pytest.fixture(scope="module")
def repaired_candidates(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse whose candidates wait for the swap."""
    made = Warehouse(project, tmp_path_factory.mktemp("repaired_candidates"))
    contaminate(made)
    made.operate("remediation_clone", INCIDENT)
    build_candidate(made)
    return made


@pytest.fixture
def ready(
    repaired_candidates: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Warehouse:
    """A copy of that warehouse, for an operator of that name."""
    monkeypatch.setenv("EXACTLY_ONCE_ACTOR", "operator")
    return repaired_candidates.copied(tmp_path)


def refused(warehouse: Warehouse, verb: str, message: str, **given: object) -> None:
    """A verb stops with one error, and has written nothing, not even to the ledger."""
    ledger = "main_audit.remediation_ledger"
    before = kept_state(warehouse), warehouse.digest(ledger)
    arguments = json.dumps({"incident_id": INCIDENT} | given)
    with pytest.raises(DbtError) as stopped:
        warehouse.dbt("run-operation", verb, "--args", arguments)
    assert message in str(stopped.value)
    assert (kept_state(warehouse), warehouse.digest(ledger)) == before


@pytest.mark.parametrize("why", REFUSED)
def test_nothing_is_cut_over_without_the_approval_of_somebody_else(
    ready: Warehouse, why: str
) -> None:
    statement, message = REFUSED[why]
    ready.execute(statement)
    for verb in ("remediation_swap", "raw_quarantine"):
        refused(ready, verb, message)
    refused(ready, "remediation_swap", message, dry_run=True)
    steps = ready.project
    ready.dbt("run-operation", "remediation_status", "--args", f'{{"incident_id": "{INCIDENT}"}}')
    assert any("next approved" in line for line in steps.logged), steps.logged


def problem(warehouse: Warehouse, requested_by: str, approved_by: str, ticket: str = "T-1") -> str:
    """What is wrong with an approval, or nothing."""
    values = [value.replace("'", "''") for value in (INCIDENT, requested_by, approved_by, ticket)]
    warehouse.execute(f"delete from {REGISTER}")
    warehouse.execute(
        f"insert into {REGISTER} values ('{values[0]}', '2026-03-01', '2026-03-02', "
        f"'{values[1]}', '{values[2]}', '{values[3]}')"
    )
    said = f"{{{{ exactly_once._registration('{INCIDENT}').problem if execute }}}}"
    shown = warehouse.dbt("show", "--inline", f"select '{said}' as said")
    return str(shown.results[0].agate_table.rows[0][0] or "")


def test_one_person_has_many_spellings(ready: Warehouse) -> None:
    for spelling in (
        *("ALICE.SMITH", "alice_smith", " Alice Smith", "alice-smith@paywave.com", "@alice.smith"),
        *("Alice Smith (bob on leave)", "alice.smith(bob)@paywave.com", "(alice) smith"),
    ):
        for pair in (("alice.smith", spelling), (spelling, "alice.smith")):
            assert "who asked for the repair" in problem(ready, *pair), pair
    assert "who runs the repair" in problem(ready, "alice", "Operator (bob on leave)")
    for spelling in ("jos\u00e9", "jose\u0301", "stra\u00dfe", "\uff41lice", "bob\t", "b\u043eb"):
        assert "outside printable ASCII" in problem(ready, "alice", spelling)
        assert "outside printable ASCII" in problem(ready, spelling, "bob")
    for other in ("bob", "alice.smithson", "smith", "bob (for alice)", "bob@alice.com", "a"):
        assert problem(ready, "alice.smith", other) == ""
        assert problem(ready, other, "alice.smith") == ""


def test_the_test_of_the_seed_knows_spellings_too(ready: Warehouse) -> None:
    """In code review it speaks before any verb does."""
    test = ("test", "--select", "incident_register_is_approved_by_another_person")
    for spelling in ("ALICE.SMITH", "@alice_smith", " Alice Smith", "alice-smith@paywave.com"):
        assert problem(ready, "alice.smith", spelling)
        with pytest.raises(DbtError, match="Got 1 result"):
            ready.dbt(*test)
    assert not problem(ready, "alice.smith", "bob")
    ready.dbt(*test)


NO_NAMES = (
    *("pending", "Unknown", "nobody", "N.A.", "n/a", "tba", "T.B.D.", "self", "To Do", "none"),
    *("pending (bob)", "nobody@paywave.com", "-", "@", "()"),
)


def test_what_stands_for_no_name_approves_and_requests_nothing(ready: Warehouse) -> None:
    for number, none in enumerate(NO_NAMES):
        refused = (
            (("alice", none), "which names nobody"),
            ((none, "bob"), "which names nobody"),
            (("alice", "bob", none), "which is no ticket"),
        )
        # one macro judges all three, so that each word is tried in one place, the first in all
        for names, why in refused if number == 0 else [refused[number % 3]]:
            assert problem(ready, *names).endswith(why)
    for ticket in ("PAY-4711", "#12", "https://tickets.paywave.com/12", "PAY-1 (see mail)"):
        assert problem(ready, "alice", "bob", ticket) == ""


def test_a_registered_window_is_read_as_the_vars_are(ready: Warehouse) -> None:
    """Text stays text: an engine would drop the offset."""
    start, end = (f"'{time:%Y-%m-%dT%H:%M}+00:00'" for time in WINDOW)
    window = f"update {REGISTER} set incident_start = {start}, incident_end = {end}"
    ready.execute(window)
    test = ("test", "--select", "assert_registered_windows_end_after_their_start")
    ready.dbt(*test)
    ready.operate("remediation_validate", INCIDENT)
    ready.dbt(
        *("run-operation", "remediation_swap", "--args"),
        json.dumps({"incident_id": INCIDENT, "dry_run": True}),
    )
    ready.execute(f"update {REGISTER} set incident_start = incident_end")
    with pytest.raises(DbtError, match="Got 1 result"):
        ready.dbt(*test)
    ready.execute(f"update {REGISTER} set incident_end = 'noon'")
    found = "incident_end of incident INC-1 in"
    with pytest.raises(DbtError, match=found):
        ready.dbt(*test)
    refused(ready, "remediation_swap", "found noon; accepted: YYYY-MM-DD or")


@pytest.mark.parametrize("name", ["", " ", "unknown"])
def test_an_approval_proves_nothing_while_nobody_knows_who_runs_it(
    ready: Warehouse, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for variable in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("EXACTLY_ONCE_ACTOR", name)
    for verb in ("remediation_swap", "raw_quarantine"):
        refused(ready, verb, "who runs this: found unknown; accepted: a name")
        refused(ready, verb, "Set the environment variable EXACTLY_ONCE_ACTOR", dry_run=True)
    monkeypatch.setenv("LOGNAME", "operator")
    if name != "unknown":
        ready.operate("remediation_swap", INCIDENT)


def told_of_curated(warehouse: Warehouse) -> list[str]:
    """What raw_quarantine warns of, in a dry run."""
    arguments = json.dumps({"incident_id": INCIDENT, "dry_run": True})
    warehouse.dbt("run-operation", "raw_quarantine", "--args", arguments)
    return [line for line in warehouse.project.logged if "no swap is on record" in line]


def test_who_takes_the_copies_out_of_raw_first_is_told_that_readers_still_see_them(
    ready: Warehouse,
) -> None:
    (said,) = told_of_curated(ready)
    assert "fraud_features, payments counted copies of incident INC-1 at its detection" in said
    ready.operate("remediation_swap", INCIDENT)
    assert not told_of_curated(ready)
    ready.operate("remediation_rollback", INCIDENT)
    assert told_of_curated(ready)


def test_curated_tables_that_never_had_the_copies_are_no_reason_to_warn(
    warehouse: Warehouse,
) -> None:
    """With the guard on all along there is nothing to swap."""
    warehouse.write_events(contaminated_rows())
    warehouse.dbt("run", "--selector", "fifteen_minute")
    warehouse.dbt("seed")
    warehouse.dbt(
        *DECIDE,
        incident_id=INCIDENT,
        incident_start=str(WINDOW[0]),
        incident_end=str(WINDOW[1]),
    )
    approve(warehouse)
    curated = kept_state(warehouse)
    assert not told_of_curated(warehouse)
    warehouse.operate("remediation_status", INCIDENT)
    hint = "no candidates; detection found captured and authorized amounts right"
    assert any(hint in line for line in warehouse.project.logged)
    impact = "update main_incident.incident_impact_on_curated set gmv_cents_overstated"
    warehouse.execute(f"{impact} = -1 where curated_table = 'payments'")
    warehouse.operate("remediation_status", INCIDENT)
    assert any(line.endswith("  no candidates") for line in warehouse.project.logged)
    warehouse.operate("raw_quarantine", INCIDENT)
    warehouse.dbt("run", "--selector", "fifteen_minute")
    assert warehouse.read("main_audit.quarantined_events")
    assert kept_state(warehouse)["main_analytics.payments"] == curated["main_analytics.payments"]


def test_the_status_before_the_first_detection_says_what_to_run(warehouse: Warehouse) -> None:
    warehouse.operate("remediation_status", INCIDENT)
    logged = warehouse.project.logged
    assert logged[1] == "  next decided      incident_decisions holds no incident"
    command = f"dbt build --selector detection --vars '{{incident_id: {INCIDENT}}}'"
    assert logged[-1] == f"Next: {command}"
    assert warehouse.tables() == {"raw.events"}


STOPPED = "those of an earlier scope: the last detection stopped before them"
LATER: dict[str, Any] = {
    "incident_id": INCIDENT,
    "incident_start": str(NOON + 20 * HOUR),
    "incident_end": str(NOON + 22 * HOUR),
}


def repair_refused(warehouse: Warehouse, message: str) -> None:
    """Nothing of a repair is done on these decisions."""
    for verb in ("plan", "clone", "validate", "swap"):
        refused(warehouse, f"remediation_{verb}", message)
    refused(warehouse, "raw_quarantine", message)
    with pytest.raises(DbtError, match=re.escape(message)):
        build_candidate(warehouse)


def test_an_approval_does_not_hold_for_decisions_on_another_window(ready: Warehouse) -> None:
    """As a detection leaves them that stops half way."""
    ready.dbt("run", "--select", "incident_scope", **LATER)
    repair_refused(ready, STOPPED)
    ready.operate("remediation_status", INCIDENT)
    assert any("next decided" in line and STOPPED in line for line in ready.project.logged)
    # on groups that are not of the scope, and groups alone
    for model in ("incident_decisions", "incident_duplicate_groups"):
        ready.dbt("run", "--select", model, **LATER)
        refused(ready, "remediation_swap", STOPPED)
    decide_again(ready)
    ready.operate("remediation_swap", INCIDENT)


def test_decisions_on_a_part_of_what_was_recorded_stop_the_repair(ready: Warehouse) -> None:
    """As a detection of a narrower window leaves them that fails before its snapshot."""
    for table in ("incident_duplicate_groups", "incident_decisions"):
        ready.execute(
            f"delete from main_incident.{table} where event_fingerprint = "
            "(select min(event_fingerprint) from main_audit.audit_decisions)"
        )
    refused(ready, "raw_quarantine", " where ledger entry ")
    refused(ready, "remediation_swap", "decisions are those that the detection recorded")


def test_an_approval_does_not_hold_for_decisions_on_another_incident(ready: Warehouse) -> None:
    approve(ready, "INC-2")
    ready.dbt("run", "--select", "incident_scope", **LATER | {"incident_id": "INC-2"})
    refused(ready, "remediation_swap", STOPPED, incident_id="INC-2")
    decide_again(ready, "INC-2")
    ready.execute("update main_incident.incident_decisions set incident_id = 'INC-3'")
    found = "found incident_decisions of incident INC-3"
    refused(ready, "raw_quarantine", found, incident_id="INC-2")


def test_a_window_without_copies_is_decided_too(warehouse: Warehouse) -> None:
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt("run", "--selector", "fifteen_minute")
    warehouse.dbt("seed")
    decide_again(warehouse)
    assert warehouse.read("main_incident.incident_decisions") == []
    approve(warehouse)
    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)
    warehouse.operate("remediation_swap", INCIDENT)
    warehouse.operate("raw_quarantine", INCIDENT)


def test_a_verdict_without_a_ticket_stops_the_swap(ready: Warehouse) -> None:
    give_verdict(ready, "f" * 32, "review")
    ready.execute("update main_seeds.decision_overrides set ticket = null")
    refused(ready, "remediation_swap", "without ticket or reviewer")


@pytest.mark.parametrize(
    ("verdicts", "message"),
    [
        (["Keep"], "found 1 other than keep, remove and review"),
        (["keep", "keep"], "found 1 events with several verdicts"),
    ],
)
def test_a_verdict_that_says_nothing_certain_stops_the_repair(
    ready: Warehouse, verdicts: list[str], message: str
) -> None:
    for decision in verdicts:
        give_verdict(ready, "f" * 32, decision)
    for verb in ("remediation_swap", "raw_quarantine"):
        refused(ready, verb, message)


def test_a_repair_waits_for_decisions_by_the_verdicts_of_now(ready: Warehouse) -> None:
    name = oracle.fingerprint(event("copied", event_type="authorized"))
    stale = f"found 1 events whose decisions are not by the verdicts of now, the first on {name}"
    give_verdict(ready, name, "keep")
    for verb in ("remediation_swap", "raw_quarantine"):
        refused(ready, verb, stale)
    decide_again(ready)
    for decision in ("remove", "review"):
        ready.execute(f"update main_seeds.decision_overrides set decision = '{decision}'")
        refused(ready, "raw_quarantine", stale)
    ready.execute("update main_seeds.decision_overrides set decision = 'keep'")
    ready.operate("raw_quarantine", INCIDENT)
    ready.execute("delete from main_seeds.decision_overrides")
    refused(ready, "raw_quarantine", stale)


def test_a_verdict_that_nobody_signed_does_not_count(ready: Warehouse) -> None:
    """It would reach live with the next regular run, and no approval would be asked for."""
    name = oracle.fingerprint(event("copied", event_type="authorized"))
    reasons = (
        "select distinct reason from main_incident.incident_decisions "
        f"where event_fingerprint = '{name}'"
    )
    counted = (
        "select count(*) as n from main_staging.stg_events_counted "
        f"where event_fingerprint = '{name}'"
    )
    give_verdict(ready, name, "keep")
    for ticket, events, is_override in (("null", 1, False), ("' '", 1, False), ("'T-1'", 3, True)):
        ready.execute(f"update main_seeds.decision_overrides set ticket = {ticket}")
        decide_again(ready)
        assert ready.query(counted) == [{"n": events}]
        assert (ready.query(reasons) == [{"reason": "override"}]) is is_override
        warned = any("have no ticket or no reviewer" in line for line in ready.project.logged)
        assert warned is not is_override


@pytest.mark.parametrize("blank", ["chr(9)", "chr(160)", "' ' || chr(10) || chr(8203)"])
@pytest.mark.parametrize("column", ["ticket", "reviewer"])
def test_white_space_signs_no_verdict(ready: Warehouse, column: str, blank: str) -> None:
    give_verdict(ready, "f" * 32, "review")
    ready.execute(f"update main_seeds.decision_overrides set {column} = {blank}")
    refused(ready, "remediation_swap", "without ticket or reviewer")


@pytest.mark.parametrize("engine", ["warehouse", "snowflake_warehouse"])
def test_every_engine_takes_the_same_for_a_signature(
    request: pytest.FixtureRequest, engine: str
) -> None:
    texts = ["\t", "\xa0", "\u2003", " \r\n\u200b", "", "T-1", "\t-\xa0", "\u5de5\u5355", "o'"]
    query = (
        f"{{% for text in {texts!a} %}}select {{{{ loop.index }}}} as place, "
        "case when {{ exactly_once._verdict_is_signed() }} then 1 else 0 end as is_signed "
        "from (select {{ exactly_once.text_literal(text) }} as ticket, 'r' as reviewer) as verdicts"
        "{% if not loop.last %} union all {% endif %}{% endfor %} order by 1"
    )
    shown = request.getfixturevalue(engine).dbt("show", "--inline", query, "--limit", "-1")
    is_signed = [int(row[1]) for row in shown.results[0].agate_table.rows]
    assert is_signed == [0, 0, 0, 0, 0, 1, 1, 1, 1]


def test_who_runs_a_repair_has_judged_none_of_its_events(ready: Warehouse) -> None:
    name = oracle.fingerprint(event("copied", event_type="authorized"))
    give_verdict(ready, name, "review")
    decide_again(ready)
    for reviewer, message in (
        ("Operator@paywave.com", "found one by Operator@paywave.com, who runs the repair"),
        ("oper\u0430tor", "with characters outside printable ASCII (write the login"),
        ("?", "found one by ?, which names nobody"),
    ):
        ready.execute(f"update main_seeds.decision_overrides set reviewer = '{reviewer}'")
        for verb in ("remediation_swap", "raw_quarantine"):
            refused(ready, verb, message)
    ready.execute("update main_seeds.decision_overrides set reviewer = 'bob'")
    # of an event that this repair leaves alone
    give_verdict(ready, "f" * 32, "review")
    ready.execute(
        "update main_seeds.decision_overrides set reviewer = 'operator' "
        f"where event_fingerprint <> '{name}'"
    )
    ready.operate("remediation_validate", INCIDENT)
    ready.dbt(
        *("run-operation", "remediation_swap", "--args"),
        json.dumps({"incident_id": INCIDENT, "dry_run": True}),
    )


def test_candidates_whose_build_did_not_end_well_are_not_swapped(
    ready: Warehouse, tmp_path: Path
) -> None:
    """The tables may be built, and one of their tests have failed."""
    die(ready, tmp_path, build_candidate, before_its_end)
    refused(ready, "remediation_swap", "the last build of the candidates ended well")
    ready.operate("remediation_status", INCIDENT)
    assert (
        "  next repaired     the last build: it failed, left out a table, or goes on"
        in ready.project.logged
    )
    build_candidate(ready)
    ready.operate("remediation_swap", INCIDENT)


def test_status_goes_on_with_a_restore_that_stopped_half_way(
    ready: Warehouse, tmp_path: Path
) -> None:
    """To quarantine once more would undo what is being undone."""
    ready.operate("remediation_swap", INCIDENT)
    ready.operate("raw_quarantine", INCIDENT)
    die(ready, tmp_path, lambda one: one.operate("raw_restore", INCIDENT), before_its_end)
    ready.operate("remediation_status", INCIDENT)
    logged = ready.project.logged
    assert "  next quarantined  raw_restore stopped half way" in logged
    assert logged[-1].startswith("Next: dbt run-operation raw_restore")


def test_who_starts_a_scheduler_approves_nothing(
    new_snowflake_warehouse: Callable[..., SnowflakeWarehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warehouse knows the scheduler's user alone."""
    warehouse = new_snowflake_warehouse()
    warehouse.write_events(steady_events(NOON))
    warehouse.dbt("seed")
    approve(warehouse)
    shown = "{{ exactly_once.current_actor() }}|{{ exactly_once._registration('%s').problem }}"

    def said(actor: str) -> list[str]:
        monkeypatch.setenv("EXACTLY_ONCE_ACTOR", actor)
        query = f"select '{{% if execute %}}{shown % INCIDENT}{{% endif %}}' as said"
        found = warehouse.dbt("show", "--inline", query).results[0].agate_table.rows
        return str(found[0][0]).split("|")

    user = said("")[0]
    assert said("") == [user, ""]
    assert said("carol") == [f"{user} for carol", ""]
    assert said("Bob") == [f"{user} for Bob", "an approval by bob, who runs the repair"]
    assert said(user.lower())[0] == user


def test_a_dry_run_makes_every_check_and_writes_nothing(ready: Warehouse) -> None:
    steps = ("clone", "status", "validate", "swap", "rollback", "retire")
    for name in steps:
        check_dry_run(ready, f"remediation_{name}")
        if name == "swap":
            ready.operate("remediation_swap", INCIDENT)


def test_no_way_leads_back_while_copies_are_out_of_the_source(ready: Warehouse) -> None:
    """Else a later detection would report nothing of what the old tables count."""
    ready.operate("remediation_swap", INCIDENT)
    ready.operate("raw_quarantine", INCIDENT)
    refused(ready, "remediation_rollback", "copies in quarantine")
    ready.operate("raw_restore", INCIDENT)
    ready.operate("remediation_rollback", INCIDENT)


def test_copies_in_quarantine_that_no_decision_knows_stop_the_swap(ready: Warehouse) -> None:
    ready.operate("raw_quarantine", INCIDENT)
    ready.execute("delete from main_incident.incident_decisions where decision = 'remove'")
    with pytest.raises(DbtError, match="copies in quarantine are among the decisions"):
        ready.operate("remediation_swap", INCIDENT)


def test_the_earliest_swap_is_retired_first_and_all_that_is_kept_goes(ready: Warehouse) -> None:
    """Else a rollback of the earlier one would undo the later one too, without saying so."""
    for verb in ("swap", "rollback", "clone"):
        ready.operate(f"remediation_{verb}", INCIDENT)
    build_candidate(ready)
    ready.operate("remediation_swap", INCIDENT)
    decide_again(ready, "INC-2")
    approve(ready, "INC-2")
    ready.operate("remediation_clone", "INC-2")
    ready.dbt("run", "--selector", "remediation", exactly_once__build_candidate=True)
    ready.operate("remediation_swap", "INC-2")
    with pytest.raises(DbtError, match="an earlier swap that can still be rolled back"):
        ready.operate("remediation_retire", "INC-2")
    for incident_id in (INCIDENT, "INC-2"):
        ready.operate("remediation_retire", incident_id)
    kept = {name for name in ready.tables() if "__replaced" in name or "__withdrawn" in name}
    assert not kept
    ready.dbt("run-operation", "remediation_status", "--args", f'{{"incident_id": "{INCIDENT}"}}')
    assert any("done swapped" in line for line in ready.project.logged)
    assert any("done retired" in line for line in ready.project.logged)
