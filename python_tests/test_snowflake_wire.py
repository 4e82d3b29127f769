"""What goes over the wire and what is made of it, in one run of everything."""

from __future__ import annotations

import re
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from python_tests.snowflake_simulator.history import Statement
from python_tests.snowflake_statements import (
    EVENT_RANGES,
    NO_COMPLETE_KEY,
    is_ours,
    sent,
    shape,
)
from python_tests.snowflake_tags import tag_of, to_be_tagged, without
from python_tests.snowflake_wire import (
    ACCOUNT_ONLY,
    JOBS,
    PAYLOAD_MARK,
    REPORT,
    account_only,
    report,
    run_everything,
)
from python_tests.warehouse import ROOT

VERBS = {
    *("remediation_status", "remediation_plan", "remediation_clone", "remediation_validate"),
    *("remediation_swap", "remediation_rollback", "remediation_retire"),
    *("raw_quarantine", "raw_restore"),
}
# The first word of the column "kept as" of docs/snowflake.md
KINDS = {"views": "view", "transient": "transient", "permanent": "permanent"}
# How a verb finds out whether it may use its warehouse
LOOKS_AT_WAREHOUSE = re.compile(r"show (warehouses|grants on warehouse)|.*is_role_in_session", re.S)
WRITES = ("CREATE_TABLE_AS_SELECT", "MERGE", "INSERT", "DELETE", "CALL")
SOURCE = r"(\S+\.)?\"?raw\"?\.\"?events\"?(?![\w.])"
SOURCE_WRITTEN = re.compile(rf"(insert (?:overwrite )?into|delete from|update|merge into) {SOURCE}")
# whatever stands between the verb and the name, but for the query of a CREATE .. AS
SOURCE_REPLACED = re.compile(
    rf"(create|alter|drop|undrop|truncate|comment|grant|revoke)\b((?! as ).)*? "
    rf"({SOURCE}|(\S+\.)?\"?raw\"?( |$))"
)


def statements_fail_only_where_dbt_asks_for_a_schema_that_is_not_there_yet(
    statements: list[Statement],
) -> None:
    """Two rows of a MERGE's source that update one row would be here, as error 100090."""
    assert any(one.query_type == "MERGE" for one in statements)
    failed = {(sent(one)[:60], one.error[:13]) for one in statements if one.error}
    assert {code for _, code in failed} <= {"002043 (02000"}, failed
    assert all(text.startswith("show objects in ") for text, _ in failed), failed


def the_big_table_is_written_within_ranges_of_event_time(statements: list[Statement]) -> None:
    """A MERGE on all of stg_events_deduplicated would cost the more the longer the history."""
    writes = [
        shape(one)
        for one in statements
        if one.query_type in ("MERGE", "UPDATE", "DELETE")
        and re.match(r"\w+ (into |from )?\S+\.stg_events_deduplicated\b", shape(one))
    ]
    with_new_events = [text for text in writes if EVENT_RANGES.search(text)]
    without = [text for text in writes if NO_COMPLETE_KEY.search(text)]
    assert with_new_events
    assert len(with_new_events) + len(without) == len(writes), writes


def the_source_is_never_replaced(statements: list[Statement]) -> None:
    """Pipe, load history and streams hang on the table: its rows come and go, and it stays."""
    ours = [shape(one).lower() for one in statements if is_ours(one)]
    written = {text.split()[0] for text in ours if SOURCE_WRITTEN.match(text)}
    assert written == {"insert", "delete"}
    assert not [text for text in ours if SOURCE_REPLACED.match(text) or "insert overwrite" in text]


def no_payload_is_in_a_statement_or_an_error(statements: list[Statement]) -> None:
    """The query history of an account is read by more people than its payments."""
    for one in statements:
        assert PAYLOAD_MARK not in one.text
        assert PAYLOAD_MARK not in (one.error or "")


def every_statement_is_tagged(statements: list[Statement]) -> None:
    """The query history tells by the tag what each step and each incident has cost."""
    assert len(list(to_be_tagged(statements))) > len(statements) / 3
    assert not without(statements, "step", "incident_id", "invocation_id")


def models_in(folder: str) -> set[str]:
    """The names of its models."""
    files = (ROOT / "models" / folder).glob("*.*")
    return {path.stem for path in files if path.suffix != ".yml"}


def each_job_and_each_verb_runs_on_its_warehouse(statements: list[Statement]) -> None:
    """As exactly_once__warehouses says; seeds on that of the profile."""
    of_verbs, of_models = (
        defaultdict[str, set[str | None]](set),
        defaultdict[str, set[str | None]](set),
    )
    for one in to_be_tagged(statements):
        if of_verb := re.search(r'"connection_name": "macro_(\w+)"', one.text):
            if not LOOKS_AT_WAREHOUSE.match(sent(one)):
                of_verbs[of_verb[1]].add(one.warehouse)
        elif one.query_type in WRITES:
            of_models[tag_of(one)["step"]].add(one.warehouse)
    repair = JOBS["remediation"]
    assert {verb: of_verbs[verb] for verb in VERBS} == {verb: {repair} for verb in VERBS}

    unbuilt = models_in("incident") - set(of_models)
    assert unbuilt <= {"incident_impact_on_measures", "incident_payload_differences"}
    for folder, job in (("incident", "detection"), ("monitoring", "monitoring")):
        built = models_in(folder) - unbuilt
        expected = {model: {JOBS[job]} for model in built}
        assert {model: of_models[model] for model in built} == expected
    frequent = JOBS["fifteen_minute"]
    assert of_models["stg_events_deduplicated"] >= {frequent}
    assert of_models["payments"] == of_models["fraud_features"] == {frequent, repair}
    assert of_models["payload_field_policy"] == {"TRANSFORMING"}


def the_report_is_up_to_date(statements: list[Statement]) -> None:
    """And each kind of statement that it leaves to an account still occurs."""
    assert all(shapes for _, shapes in account_only(statements)), ACCOUNT_ONLY
    assert REPORT.read_text(encoding="utf-8") == report(statements), (
        "Run: python -m python_tests.snowflake_wire"
    )


def kinds_of_page() -> dict[str, str]:
    """Names, or patterns of names, and how docs/snowflake.md says that they are kept."""
    page = (ROOT / "docs" / "snowflake.md").read_text(encoding="utf-8")
    table = page.split("## Where the data lies")[1].split("\n## ")[0]
    return {
        name: KINDS[row[1]]
        for row in re.findall(r"^\| (`.*?) \| (\w+)", table, re.MULTILINE)
        for name in re.findall(r"`(\S+?)`", row[0])
    }


def kind_of(relation: dict[str, Any]) -> str:
    """How Snowflake keeps a relation."""
    if relation["table_type"] == "VIEW":
        return "view"
    return "transient" if relation["is_transient"] == "YES" else "permanent"


def each_relation_is_kept_as_the_page_says(relations: list[dict[str, Any]]) -> None:
    """A table that becomes transient loses its fail-safe, and nothing else would show it."""
    candidates, built = (
        {one["name"]: kind_of(one) for one in relations if ("__" in one["schema"]) is is_candidate}
        for is_candidate in (True, False)
    )
    said = kinds_of_page()
    # a name stands before a pattern that it fits as well
    patterns = {
        name: next((one for one in (name, *said) if one in said and fnmatch(name, one)), "no row")
        for name in built
    }
    assert {name: said.get(one) for name, one in patterns.items()} == built
    assert set(said) == set(patterns.values()), "the page names what no run makes"
    assert candidates == {name: built[name] for name in candidates}
    assert {"payments", "fraud_features"} <= set(candidates)
    clustered = {one["name"]: one["clustering_key"] for one in relations if one["clustering_key"]}
    key = "linear(has_complete_key, date_trunc('hour', event_ts))"
    assert clustered == {"stg_events_deduplicated": key}


LAWS = (
    statements_fail_only_where_dbt_asks_for_a_schema_that_is_not_there_yet,
    the_big_table_is_written_within_ranges_of_event_time,
    the_source_is_never_replaced,
    no_payload_is_in_a_statement_or_an_error,
    every_statement_is_tagged,
    each_job_and_each_verb_runs_on_its_warehouse,
    the_report_is_up_to_date,
)


@pytest.mark.slow
def test_what_goes_over_the_wire(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """One test, so that however tests are spread everything runs once."""
    statements, show_payloads, relations = run_everything(tmp_path)
    for law in LAWS:
        with subtests.test(law.__name__):
            law(statements)
    with subtests.test("each relation is kept as the page says"):
        each_relation_is_kept_as_the_page_says(relations)
    with subtests.test("payloads leave the account for a reviewer alone"):
        shown_by = {re.findall(r'"node_id": "([^"]*)"', text)[-1] for text in show_payloads}
        assert shown_by == {"analysis.exactly_once.incident_payload_review"}
