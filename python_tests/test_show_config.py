"""show_config prints what is in force, where it was set, and what looks wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from python_tests.laws import HOUR, NOON, event, steady_events
from python_tests.test_installed import Ledgerworks
from python_tests.warehouse import EVENT_COLUMNS, ROOT, DbtError, Warehouse


def shown(warehouse: Warehouse, **settings: Any) -> list[str]:
    """What it prints."""
    warehouse.dbt("run-operation", "show_config", **settings)
    return warehouse.project.logged


def rows(lines: list[str], header: str) -> dict[str, list[str]]:
    """A printed table, by first cell."""
    start = next(n for n, line in enumerate(lines) if line.startswith(f"  {header} "))
    found = {}
    for line in lines[start + 1 :]:
        if not line.startswith("  "):
            break
        first, *others = re.split(r"  +", line.strip())
        found[first] = others
    return found


def doubts(lines: list[str]) -> list[str]:
    """What looks wrong."""
    start = next(n for n, line in enumerate(lines) if line.startswith("What looks wrong:"))
    assert lines[start].endswith("nothing") == (len(lines) == start + 1)
    return lines[start + 1 :]


def test_each_var_has_its_value_and_the_place_where_it_was_set(warehouse: Warehouse) -> None:
    lines = shown(warehouse, exactly_once__late_arrival_hours=3)
    found = rows(lines, "var")
    assert found["exactly_once__late_arrival_hours"] == ["--vars", "3"]
    assert found["exactly_once__source_table"] == ["default", '"events"']
    assert found["incident_id"] == ["default", "null"]
    page = (ROOT / "docs" / "vars.md").read_text(encoding="utf-8")
    assert set(found) == set(re.findall(r"^\| `((?:exactly_once__|incident_)\w+)`", page, re.M))
    assert doubts(lines) == []


def test_each_column_of_the_source_has_its_part(new_warehouse: Callable[..., Warehouse]) -> None:
    warehouse = new_warehouse(columns=EVENT_COLUMNS | {"Region": "varchar"})
    lines = shown(warehouse)
    assert 'The source is "warehouse"."raw"."events"' in lines
    found = rows(lines, "column")
    assert found["event_ts"] == ["timestamp", "key, event time"]
    assert found["ingest_ts"] == ["timestamp", "arrival time"]
    assert found["amount_cents"] == ["integer", "key, amount"]
    assert found["payload"] == ["json", "payload"]
    assert found["Region"] == ["text", "passed on"]
    assert list(found) == [*EVENT_COLUMNS, "Region"]


KEY = ["payment_id", "event_type", "amount_cents", "currency"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"exactly_once__fingerprint_columns": [*KEY, "event_ts", "ingest_ts"]},
            "ingest_ts, the arrival time, is in the key",
        ),
        (
            {"exactly_once__fingerprint_columns": [*KEY, "event_ts", "event_id"]},
            "event_id, the event id, is in the key",
        ),
        (
            {"exactly_once__fingerprint_columns": KEY},
            "event_ts, the event time, is not in the key as it is",
        ),
        (
            {"exactly_once__fingerprint_columns": [*KEY, {"name": "event_ts", "cast": "date"}]},
            "event_ts, the event time, is not in the key as it is",
        ),
        ({"exactly_once__deduplicate": False}, "exactly_once__deduplicate is false"),
        (
            {
                "exactly_once__event_types": {
                    "authorized": ["authorized"],
                    "captured": [],
                    "refunded": [],
                    "chargeback": [],
                }
            },
            "in a thousand rows, values of event_type, the event type, that no entry of "
            "exactly_once__event_types has: captured, o. Their",
        ),
    ],
    ids=lambda value: value.split(",")[0] if isinstance(value, str) else "",
)
def test_what_looks_wrong_is_said(
    warehouse: Warehouse, settings: dict[str, Any], said: str
) -> None:
    types = ["authorized", "captured"] + ["o"] * ("no entry" in said)
    warehouse.write_events([event(name, NOON, event_type=name) for name in types])
    found = doubts(shown(warehouse, **settings))
    assert len(found) == 1
    assert found[0].startswith(f"  - {said}")


def test_a_source_without_a_merchant_is_said(new_warehouse: Callable[..., Warehouse]) -> None:
    columns = {name: kind for name, kind in EVENT_COLUMNS.items() if name != "merchant_id"}
    assert doubts(shown(new_warehouse(columns=columns)))[0].startswith(
        "  - the source has no merchant_id"
    )


def test_seeds_of_both_projects_are_said(tmp_path: Path) -> None:
    """What reads one of them stops later."""
    company = Ledgerworks(tmp_path)
    settings = company.project.folder / "dbt_project.yml"
    switch = "    +enabled: false\n"
    assert settings.read_text().count(switch) == 1
    company.dbt("run-operation", "show_config")
    assert not [line for line in company.project.logged if "the seed" in line]
    settings.write_text(settings.read_text().replace(switch, ""))
    company.dbt("run-operation", "show_config")
    found = [line for line in doubts(company.project.logged) if line.startswith("  - the seed")]
    for name in ("incident_register", "decision_overrides", "payload_field_policy"):
        said = f"  - the seed {name} is in exactly_once and in ledgerworks"
        assert sum(line.startswith(said) for line in found) == 1


def test_the_payload_policy_of_the_package_is_said_where_it_is_installed(tmp_path: Path) -> None:
    company = Ledgerworks(tmp_path)
    company.dbt("run-operation", "show_config")
    assert not [line for line in company.project.logged if "payload_field_policy is" in line]
    (company.project.folder / "seeds" / "payload_field_policy.csv").unlink()
    settings = company.project.folder / "dbt_project.yml"
    switch = "    +enabled: false\n"
    off = switch.replace("+", "{0}:\n      +")
    others = "".join(off.format(name) for name in ("incident_register", "decision_overrides"))
    settings.write_text(settings.read_text().replace(switch, others))
    company.dbt("run-operation", "show_config")
    assert [
        line
        for line in doubts(company.project.logged)
        if line.startswith("  - payload_field_policy is that of exactly_once")
    ]


def test_values_of_a_wrong_column_are_cut_short(warehouse: Warehouse) -> None:
    """They may be anything, and people paste what is printed."""
    warehouse.write_events([event(f"p{number:02}", NOON) for number in range(20)])
    found = doubts(shown(warehouse, exactly_once__event_type_column="payment_id"))
    assert "p00, p01, p02, p03, p04 and 15 others" in found[0]


def test_monitoring_warns_of_event_types_that_are_in_no_list(warehouse: Warehouse) -> None:
    test = "warn_event_types_are_listed"
    selected = {
        selector: f"exactly_once.{test}" in warehouse.dbt("ls", "--selector", selector)
        for selector in ("fifteen_minute", "detection", "remediation", "monitoring")
    }
    assert [selector for selector, is_in in selected.items() if is_in] == ["monitoring"]

    def status() -> tuple[str, int]:
        results = warehouse.dbt("test", "--select", test).results
        (result,) = [one for one in results if one.node.name == test]
        return str(result.status), result.failures

    warehouse.write_events([*steady_events(NOON), event("null", NOON, event_type=None)])
    warehouse.dbt("run", "--select", "stg_events")
    assert status() == ("pass", 0)
    unlisted = ("CAP", "CAP", "x")
    warehouse.write_events([event(f"p{kind}", NOON, event_type=kind) for kind in unlisted])
    assert status() == ("warn", 2)
    warehouse.dbt("show", "--select", test)


def test_a_date_is_shown(warehouse: Warehouse) -> None:
    dates = {"incident_start": date(2026, 3, 1), "incident_end": date(2026, 3, 2)}
    given = "{" + ", ".join(f"{name}: {value}" for name, value in dates.items()) + "}"
    warehouse.project.invoke(
        *("run-operation", "show_config"),
        environment=warehouse.environment(),
        given=given,
        fresh=True,
    )
    found = rows(warehouse.project.logged, "var")
    assert found["incident_start"] == ["--vars", "2026-03-01"]


def test_nothing_is_written(warehouse: Warehouse) -> None:
    warehouse.write_events(steady_events(NOON))
    before = warehouse.path.read_bytes()
    shown(warehouse)
    assert warehouse.path.read_bytes() == before


def test_what_is_not_accepted_is_an_error(warehouse: Warehouse) -> None:
    with pytest.raises(DbtError, match="var exactly_once__payload_column: found nope"):
        shown(warehouse, exactly_once__payload_column="nope")


def test_a_missing_source_is_an_error_after_the_vars(warehouse: Warehouse) -> None:
    with pytest.raises(DbtError, match="the source: found no table"):
        shown(warehouse, exactly_once__source_table="nope")
    assert rows(warehouse.project.logged, "var")["exactly_once__source_table"] == [
        "--vars",
        '"nope"',
    ]


def test_a_source_that_arrives_later_than_the_lookback_is_a_doubt(warehouse: Warehouse) -> None:
    """A nightly load, or a time in another zone than UTC: no watermark would ever move."""
    warehouse.write_events([event(f"p{n}", NOON + 5 * HOUR) for n in range(6)])
    warehouse.write_events([event(f"q{n}", NOON) for n in range(4)])
    (found,) = doubts(shown(warehouse))
    assert found.startswith("  - of 10 sampled rows, 6 arrived more than 2 hours before or after")
    assert doubts(shown(warehouse, exactly_once__late_arrival_hours=6)) == []
