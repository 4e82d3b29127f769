"""What docs/snowflake.md says of each relation's kind on Snowflake is what a run makes."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from python_tests.laws import INCIDENT, WINDOW, build_candidate, contaminate
from python_tests.snowflake_warehouse import SnowflakeWarehouse
from python_tests.warehouse import ROOT

PAGE = ROOT / "docs" / "snowflake.md"
# The first word of the column "kept as"
KINDS = {"views": "view", "transient": "transient", "permanent": "permanent"}


def kinds_of_page(page: Path = PAGE) -> dict[str, str]:
    """Names, or patterns of names, and how they are kept, in the order of the table."""
    found = {}
    table = page.read_text().split("## Where the data lies")[1].split("\n## ")[0]
    for row in re.findall(r"^\| (`.*?) \| (\w+)", table, re.MULTILINE):
        for name in re.findall(r"`(\S+?)`", row[0]):
            found[name] = KINDS[row[1]]
    return found


def kinds_of(warehouse: SnowflakeWarehouse, schemas: str) -> dict[str, str]:
    """Every relation in the schemas of that beginning, and how Snowflake keeps it."""
    rows = warehouse.query(
        "select lower(table_name) as name, table_type, is_transient from information_schema.tables "
        f"where startswith(lower(table_schema), '{schemas}')"
    )
    return {
        row["name"]: "view"
        if row["table_type"] == "VIEW"
        else "transient"
        if row["is_transient"] == "YES"
        else "permanent"
        for row in rows
    }


@pytest.mark.slow
def test_each_relation_is_kept_as_the_page_says(snowflake_warehouse: SnowflakeWarehouse) -> None:
    """A table that becomes transient loses its fail-safe, and nothing else would show it."""
    warehouse = snowflake_warehouse
    contaminate(warehouse)
    window: dict[str, Any] = {"incident_start": str(WINDOW[0]), "incident_end": str(WINDOW[1])}
    warehouse.dbt("run", incident_id=INCIDENT, **window)
    warehouse.dbt("snapshot", incident_id=INCIDENT, **window)
    said, built = kinds_of_page(), kinds_of(warehouse, "main_")
    # a name stands before a pattern that it fits as well
    patterns = {
        name: next((one for one in (name, *said) if one in said and fnmatch(name, one)), "no row")
        for name in built
    }
    assert {name: said.get(one) for name, one in patterns.items()} == built
    assert set(said) == set(patterns.values()), "the page names what no run makes"
    clustered = warehouse.query(
        "select lower(table_name) as name, lower(clustering_key) as clustering_key "
        "from information_schema.tables where clustering_key is not null"
    )
    key = "linear(has_complete_key, date_trunc('hour', event_ts))"
    assert {row["name"]: row["clustering_key"] for row in clustered} == {
        "stg_events_deduplicated": key
    }

    warehouse.operate("remediation_clone", INCIDENT)
    build_candidate(warehouse)
    candidates = kinds_of(warehouse, "main_analytics__candidate")
    assert candidates == {name: built[name] for name in candidates}
    assert {"payments", "fraud_features"} <= set(candidates)
