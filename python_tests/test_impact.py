"""The impact: which dimensions a source has, and what an incident did to the curated tables."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from python_tests import oracle
from python_tests.laws import (
    HOUR,
    INCIDENT,
    MINUTE,
    NOON,
    arrive_and_run,
    build_candidate,
    contaminate,
    contaminated_rows,
    event,
    repair_and_swap,
    steady_events,
    untouched_rows,
)
from python_tests.laws import WINDOW as DECLARED
from python_tests.laws_of_payloads import copies_of
from python_tests.warehouse import EVENT_COLUMNS, Project, Warehouse

WINDOW: dict[str, Any] = {
    "incident_id": "INC-1",
    "incident_start": NOON.isoformat(),
    "incident_end": (NOON + HOUR).isoformat(),
}


def test_a_dimension_is_a_column_else_a_path_of_the_payload(
    project: Project, tmp_path: Path
) -> None:
    """A column goes before a path of its name; a path may have the payload's name before it."""
    warehouse = Warehouse(project, tmp_path, columns=EVENT_COLUMNS | {"Country": "varchar"})
    payload = {"country": "not this", "device": {"os": "ios"}, "channel": "web"}
    copied = event("copied", NOON, payload=json.dumps(payload), Country="DE")
    warehouse.write_events([*steady_events(NOON), copied, copied, copied])
    warehouse.dbt("seed")
    warehouse.dbt("run", "--select", "staging")
    warehouse.dbt(
        *("run", "--select", "+incident_impact_by_dimension", "--exclude", "staging"),
        exactly_once__impact_dimensions=["country", "payload.device.os", "channel", "nowhere"],
        **WINDOW,
    )
    found = warehouse.read(
        "main_incident.incident_impact_by_dimension", "dimension, value, removed_count"
    )
    assert sorted(found, key=lambda row: row["dimension"]) == [
        {"dimension": "channel", "value": "web", "removed_count": 2},
        {"dimension": "country", "value": "DE", "removed_count": 2},
        {"dimension": "payload.device.os", "value": "ios", "removed_count": 2},
    ]


def test_what_the_curated_tables_overstate_is_what_the_rows_say(warehouse: Warehouse) -> None:
    """Before with every copy, after with one of each, of the payments and hours with a removal."""
    warehouse.write_events(steady_events(NOON - 300 * HOUR))
    contaminate(warehouse)
    rows = [row for row in contaminated_rows() if oracle.has_complete_key(row)]
    decided = oracle.decisions(contaminated_rows(), *DECLARED)
    removed = {one.event_fingerprint for one in decided if one.decision == "remove"}
    affected = [row for row in rows if oracle.fingerprint(row) in removed]
    payments = {row["payment_id"] for row in affected}
    hours = {(row["merchant_id"], row["event_ts"].replace(minute=0)) for row in affected}
    found = {
        (row["curated_table"], row["currency"]): row
        for row in warehouse.read("main_incident.incident_impact_on_curated")
    }
    before, after = Counter[Any](), Counter[Any]()
    for counts, given in ((before, rows), (after, list(oracle.deduplicated(rows).values()))):
        for one in oracle.payments(given):
            if one["payment_id"] in payments:
                counts["payments", one["currency"], "rows"] += 1
                counts["payments", one["currency"], "cents"] += one["captured_cents"]
        for one in oracle.fraud_features(given):
            if (one["merchant_id"], one["event_hour"]) in hours:
                counts["fraud_features", None, "rows"] += 1
                counts["fraud_features", None, "cents"] += one["authorized_cents"]
    assert set(found) == {("payments", "USD"), ("fraud_features", None)}
    for (table, currency), row in found.items():
        assert row["gmv_cents_distinct"] == 0
        assert row["affected_payments"] == len(payments)
        assert row["rows_before"] == before[table, currency, "rows"]
        assert row["rows_after"] == after[table, currency, "rows"]
        assert row["gmv_cents_before"] == before[table, currency, "cents"]
        assert row["gmv_cents_after"] == after[table, currency, "cents"]
        assert row["gmv_cents_overstated"] == row["gmv_cents_before"] - row["gmv_cents_after"] > 0


def reports(warehouse: Warehouse, **settings: Any) -> dict[str, list[dict[str, Any]]]:
    """The two reports that compare, built again; of each the rows, in order."""
    names = ("incident_impact_on_curated", "incident_impact_on_alerts")
    warehouse.dbt("run", "--select", "staging", *names, **settings)
    return {name: sorted(warehouse.read(f"main_incident.{name}"), key=repr) for name in names}


def test_what_arrives_after_the_tables_were_left_is_on_neither_side(warehouse: Warehouse) -> None:
    """Of affected payments and hours, before the regular job takes it in and after the swap."""
    contaminate(warehouse)
    settings = {"exactly_once__alert_thresholds": {"captured_count": 14, "authorized_cents": 2000}}
    found = reports(warehouse, **settings)
    assert {row["gmv_cents_overstated"] for row in found["incident_impact_on_curated"]} != {0}
    assert {row["false_alerts"] for row in found["incident_impact_on_alerts"]} != {0}
    late = NOON + 24 * HOUR
    behind_the_mark = NOON + 20 * HOUR
    warehouse.write_events(
        [
            event("copied", late, event_ts=late, amount_cents=700),
            event("moved", late, event_ts=NOON - MINUTE, amount_cents=70),
            event("copied", late, event_ts=NOON + MINUTE, event_type="authorized", amount_cents=7),
            event("copied", behind_the_mark, event_ts=behind_the_mark, amount_cents=7000),
            *[event(f"late_{number}", late, amount_cents=1) for number in range(15)],
        ]
    )
    assert reports(warehouse, **settings) == found
    repair_and_swap(warehouse)
    arrive_and_run(warehouse, NOON + 25 * HOUR)
    assert reports(warehouse, **settings) == found


def test_events_that_only_their_payload_tells_apart_are_not_overstated(
    warehouse: Warehouse,
) -> None:
    """The repaired tables count one of them, and the report says of how much the others are.

    Not so a copy of one of them: it is too much, and raises alerts that nothing called for.
    """
    payloads = ({"op": {"id": "1"}}, {"op": {"id": "2"}}, {"op": {"id": "1"}})
    for kind in ("captured", "authorized"):
        values = {"event_type": kind, "amount_cents": 10**6, "currency": "EUR"}
        warehouse.write_events(copies_of("identity", *payloads, merchant_id="mer_i", **values))
    contaminate(warehouse)
    found = reports(warehouse, exactly_once__alert_thresholds={"authorized_cents": 2 * 10**6})
    curated = {
        (row["curated_table"], row["currency"]): row for row in found["incident_impact_on_curated"]
    }
    assert curated["payments", "EUR"] == {
        "incident_id": INCIDENT,
        "curated_table": "payments",
        "gmv_measure": "captured_cents",
        "currency": "EUR",
        "affected_payments": 1,
        "rows_before": 1,
        "rows_after": 1,
        "gmv_cents_before": 3 * 10**6,
        "gmv_cents_after": 10**6,
        "gmv_cents_distinct": 10**6,
        "gmv_cents_overstated": 10**6,
    }
    assert curated["fraud_features", None]["gmv_cents_distinct"] == 10**6
    (alerts,) = found["incident_impact_on_alerts"]
    assert (alerts["alerts_before"], alerts["alerts_after"], alerts["false_alerts"]) == (1, 1, 0)
    found = reports(warehouse, exactly_once__alert_thresholds={"authorized_cents": 3 * 10**6})
    (alerts,) = found["incident_impact_on_alerts"]
    assert (alerts["alerts_before"], alerts["alerts_after"], alerts["false_alerts"]) == (1, 0, 1)


def test_the_merchants_whose_reports_were_most_wrong_come_first(warehouse: Warehouse) -> None:
    """By what the removed copies add up to; chargebacks that never were are counted."""
    few_of_much = [event("much", merchant_id="a", amount_cents=5_000)] * 2
    many_of_little = [event("little", merchant_id="b")] * 4
    charged_back = [event("back", merchant_id="b", event_type="chargeback", amount_cents=7)] * 3
    elsewhere = [event("yen", merchant_id="b", currency="JPY", amount_cents=9)] * 2
    unknown = [event("unknown", merchant_id="a", currency=None)] * 2
    warehouse.write_events(
        [*few_of_much, *many_of_little, *charged_back, *elsewhere, *unknown, *steady_events(NOON)]
    )
    warehouse.dbt("seed")
    warehouse.dbt("run", "--select", "+incident_decisions", **WINDOW)
    shown = warehouse.dbt("show", "--select", "incident_top_merchants", **WINDOW)
    assert [tuple(row) for row in shown.results[0].agate_table.rows] == [
        (1, "b", "JPY", 1, 1, 9, 0, 0, 0),
        (1, "a", "USD", 1, 1, 5_000, 0, 0, 0),
        (2, "b", "USD", 5, 2, 3_000, 0, 2, 14),
    ]


def test_a_total_that_is_no_number_is_null(new_warehouse: Callable[..., Warehouse]) -> None:
    warehouse = new_warehouse(
        columns=EVENT_COLUMNS | {"amount_cents": "double"},
        settings={
            "exactly_once__fingerprint_columns": ["payment_id", "event_type", "event_ts"],
            "exactly_once__amount_column": "amount_cents",
            "exactly_once__currency_column": "currency",
        },
    )
    amounts = {"captured": math.inf, "refunded": math.nan, "authorized": 7.5, "chargeback": 1e300}
    rows = [
        event(kind, event_type=kind, amount_cents=amount, payload=None)
        for kind, amount in amounts.items()
    ]
    warehouse.write_events([*steady_events(NOON), *rows])
    warehouse.dbt("seed")
    warehouse.dbt("run", "--selector", "fifteen_minute")
    warehouse.dbt("run", "--select", "tag:exactly_once_incident", **WINDOW)
    found = {
        row["measure"]: row["total_before"]
        for row in warehouse.read("main_incident.incident_impact_on_measures")
        if row["curated_table"] == "payments"
    }
    assert found == {
        "row_count": 16,
        "event_count": 16,
        "authorized_cents": Decimal("7.5"),
        "captured_cents": None,
        "refunded_cents": None,
        "chargeback_cents": None,
    }


def test_measures_are_those_of_the_tables_before_and_after_the_repair(warehouse: Warehouse) -> None:
    """Of whole tables, currency by currency: with every copy, and with one of each that may go."""
    elsewhere = [event("yen", currency="JPY")] * 3
    warehouse.write_events(elsewhere)
    contaminate(warehouse)
    report = "main_incident.incident_impact_on_measures"
    warehouse.dbt("run", "--select", "incident_impact_on_measures")
    assert {row["total_after"] for row in warehouse.read(report)} == {None}
    warehouse.operate("remediation_clone", INCIDENT)
    warehouse.dbt("run", "--select", "incident_impact_on_measures")
    assert {row["total_after"] for row in warehouse.read(report)} == {None}, "only cloned"
    build_candidate(warehouse)
    warehouse.dbt("run", "--select", "incident_impact_on_measures")
    rows = [row for row in [*elsewhere, *contaminated_rows()] if oracle.has_complete_key(row)]
    untouched = untouched_rows()
    touched = [row for row in rows if row not in untouched]
    repaired = [*oracle.deduplicated(touched).values(), *untouched]
    expected = {}
    for name, build in (("payments", oracle.payments), ("fraud_features", oracle.fraud_features)):
        before, after = build(rows), build(repaired)
        measures = {
            row["measure"] for row in warehouse.read(report) if row["curated_table"] == name
        }
        assert len(measures) == 6
        for measure in measures:
            for currency in {one.get("currency") for one in before}:
                expected[name, measure, currency] = tuple(
                    sum(
                        1 if measure == "row_count" else one[measure]
                        for one in table
                        if one.get("currency") == currency
                    )
                    for table in (before, after)
                )
    found = measured(warehouse)
    assert found == expected
    assert {currency for _, _, currency in found} == {"USD", "JPY", None}
    assert found["payments", "event_count", "JPY"] == (3, 1)

    # a currency that only one of the two tables has
    warehouse.execute("update main_analytics.payments set currency = 'EUR' where currency = 'JPY'")
    warehouse.dbt("run", "--select", "incident_impact_on_measures")
    again = measured(warehouse)
    assert again["payments", "event_count", "EUR"] == (3, 0)
    assert again["payments", "event_count", "JPY"] == (0, 1)


def measured(warehouse: Warehouse) -> dict[tuple[str, str, str | None], tuple[Any, Any]]:
    """What incident_impact_on_measures says: totals before and after."""
    return {
        (row["curated_table"], row["measure"], row["currency"]): (
            row["total_before"],
            row["total_after"],
        )
        for row in warehouse.read("main_incident.incident_impact_on_measures")
    }


def test_the_curated_tables_are_compared_without_reading_the_history(
    warehouse: Warehouse,
) -> None:
    """From the hour of the first event of an affected payment on: that of `long_ago`."""
    warehouse.write_events(steady_events(NOON - 300 * HOUR))
    contaminate(warehouse)
    result = warehouse.dbt("compile", "--select", "incident_impact_on_curated").results[0]
    tree = sqlglot.parse_one(result.node.compiled_code, read="duckdb")
    reads = [one for one in tree.find_all(exp.Table) if one.name == "stg_events_counted"]
    bounds = []
    for read in reads:
        select = read.parent_select
        assert select
        found = list(select.args["where"].find_all(exp.GTE))
        assert {one.this.name for one in found} == {"event_ts"}
        bounds.append(found)
    near, in_hours = bounds
    literals = [one.expression.find(exp.Literal).name for one in near]
    assert [datetime.fromisoformat(one) for one in literals] == [NOON - 40 * HOUR]
    assert len(in_hours) > 1, "the hours of the incident alone"
