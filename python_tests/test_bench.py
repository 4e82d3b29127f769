"""The benchmark: what it runs gives the same rows, and its page can be compared with the next."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from bench import report
from bench.deduplicate import BASELINES, FIND, WRITE, cases
from bench.measure import measure
from bench.remediation import Remediation, Swap
from python_tests.warehouse import EVENT_COLUMNS

NOON = datetime(2026, 3, 1, 12)


def page(seconds: float) -> str:
    figures = {
        FIND: {BASELINES[FIND]: {"seconds": 2.0, "rows": 3}, "ours": {"seconds": seconds}},
        WRITE: {BASELINES[WRITE]: {"seconds": 1.0, "rows": 3}},
    }
    growth = {"the job": {1: 2.0, 64: 2.1}}
    remediations = {1: Remediation({"repair": 3.0}, 0.1, 0.02), 64: Remediation({"repair": 6.0})}
    swaps = {1000: Swap(0.002, 0.5, 9), 10_000: Swap(0.003, 0.6, 9)}
    return report.page("A small machine.", 100, figures, growth, remediations, swaps)


def test_the_page_gives_its_ratios_back(tmp_path: Path) -> None:
    written = tmp_path / "performance.md"
    written.write_text(page(3.0), encoding="utf-8")
    assert report.ratios_of(written) == {
        (FIND.capitalize(), BASELINES[FIND]): 1.0,
        (FIND.capitalize(), "ours"): 1.5,
        (WRITE.capitalize(), BASELINES[WRITE]): 1.0,
        ("The 15-minute run as history grows, 64 days against 1", "the job"): 1.05,
        ("A remediation as history grows, 64 days against 1", "repair"): 2.0,
        ("The swap as tables grow", "1,000 rows more in each table"): 1.0,
        ("The swap as tables grow", "10,000 rows more in each table"): 1.5,
    }


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(6.0, "WORSE: "), (1.0, "better: "), (3.3, "No ratio moved by more than 25%.")],
)
def test_what_moved_is_said(tmp_path: Path, seconds: float, said: str) -> None:
    ratios = []
    for name, of_ours in (("before.md", 3.0), ("now.md", seconds)):
        (tmp_path / name).write_text(page(of_ours), encoding="utf-8")
        ratios.append(report.ratios_of(tmp_path / name))
    lines = report.moved(*ratios)
    assert len(lines) == 1
    assert lines[0].startswith(said)


def test_without_an_earlier_page_nothing_moved(tmp_path: Path) -> None:
    assert report.moved(report.ratios_of(tmp_path / "none.md"), {("a", "b"): 2.0}) == []


def test_the_peers_find_the_same_copies(tmp_path: Path) -> None:
    compiled = tmp_path / "exactly_once" / "models" / "staging" / "stg_events_deduplicated.sql"
    compiled.parent.mkdir(parents=True)
    compiled.write_text("select * from raw.events", encoding="utf-8")
    warehouse = tmp_path / "warehouse.duckdb"
    described = ", ".join(f"{name} {kind}" for name, kind in EVENT_COLUMNS.items())
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"create schema raw; create table raw.events ({described})")
        connection.execute(
            "insert into raw.events by name select 'e' || copy as event_id, 'p' || number as "
            "payment_id, 'authorized' as event_type, 1 as amount_cents, 'USD' as currency, "
            "? as event_ts, ? + to_seconds(copy) as ingest_ts "
            "from range(10) as numbers (number), range(3) as copies (copy) "
            "where copy = 0 or number < 4",
            [NOON, NOON],
        )
    window = (str(NOON), "2026-03-01 13:00:00")
    queries = cases(tmp_path, window)
    rows = {
        name: measure(warehouse, query, "500MB", 1)["rows"]
        for group in (FIND, WRITE)
        for name, query in queries[group].items()
        if "main_staging" not in query
    }
    ours = rows.pop("exactly_once: stg_events_deduplicated")
    assert ours == 18, "the stand-in for the compiled model was not run"
    assert rows == {
        BASELINES[FIND]: 4,
        "window function over key columns": 8,
        "window function over whole rows": 8,
        "QUALIFY over whole rows, as dbt_utils.deduplicate does on Snowflake": 10,
        "DISTINCT ON": 10,
    }
