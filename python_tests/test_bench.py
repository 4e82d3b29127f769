"""The benchmark: what it runs gives the same rows, and its page can be compared with the next."""

from __future__ import annotations

import re
import subprocess
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest

from bench import plot, report
from bench.deduplicate import BASELINES, FIND, WRITE, cases
from bench.enlarge import enlarge
from bench.measure import measure
from bench.regular_run import Growth
from bench.remediation import Remediation, Swap
from bench.run import committed
from python_tests.warehouse import EVENT_COLUMNS

NOON = datetime(2026, 3, 1, 12)
COPY = BASELINES[WRITE]


Measured = tuple[report.Figures, Growth, dict[int, Remediation]]


def measured(seconds: float) -> Measured:
    figures = {
        FIND: {BASELINES[FIND]: {"seconds": 2.0, "rows": 3}, "ours": {"seconds": seconds}},
        WRITE: {BASELINES[WRITE]: {"seconds": 1.0, "rows": 3}},
    }
    growth = {"the job": {1: 2.0, 64: 2.1}}
    remediations = {1: Remediation({"repair": 3.0}, 0.1, 0.02), 64: Remediation({"repair": 6.0})}
    return figures, growth, remediations


def page(seconds: float) -> str:
    figures, growth, remediations = measured(seconds)
    swaps = {1000: Swap(0.002, 0.5, 9), 10_000: Swap(0.003, 0.6, 9)}
    catch_ups = {1: {1: 0.5, 16: 1.0}, 64: {1: 0.5, 16: 1.5}}
    reads = {1: {"read_mb": 2.0, "rows": 100}, 64: {"read_mb": 2.5, "rows": 100}}
    return report.page(
        "A small machine.", 100, figures, growth, reads, remediations, catch_ups, swaps
    )


def test_the_page_gives_its_ratios_back(tmp_path: Path) -> None:
    written = tmp_path / "performance.md"
    written.write_text(page(3.0), encoding="utf-8")
    assert report.ratios_of(written.read_text(encoding="utf-8")) == {
        (FIND.capitalize(), BASELINES[FIND]): 1.0,
        (FIND.capitalize(), "ours"): 1.5,
        (WRITE.capitalize(), BASELINES[WRITE]): 1.0,
        ("The 15-minute run as history grows, 64 days against 1", "the job"): 1.05,
        ("A remediation as history grows, 64 days against 1", "repair"): 2.0,
        (f"The 15-minute run as history grows, 64 days against {COPY}", "the job"): 2.1,
        (f"A remediation as history grows, 64 days against {COPY}", "repair"): 6.0,
        ("What the 15-minute run reads", "1 days of history"): 1.0,
        ("What the 15-minute run reads", "64 days of history"): 1.25,
        ("The catch-up as the backlog grows, 16 batches against 1", "1 days of history"): 2.0,
        ("The catch-up as the backlog grows, 16 batches against 1", "64 days of history"): 3.0,
        ("The swap as tables grow", "1,000 rows more in each table"): 1.0,
        ("The swap as tables grow", "10,000 rows more in each table"): 1.5,
    }


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(6.0, "WORSE: "), (1.0, "better: "), (3.3, "No ratio moved by more than 25%, ")],
)
def test_what_moved_is_said(seconds: float, said: str) -> None:
    lines = report.moved(report.ratios_of(page(3.0)), report.ratios_of(page(seconds)))
    assert len(lines) == 1
    assert lines[0].startswith(said)


@pytest.mark.parametrize(("name", "times"), [("the job", 1.3), ("repair", 1.7)])
def test_what_is_slower_at_all_sizes_is_worse(name: str, times: float) -> None:
    """Its growth is the same."""

    def slower(text: str) -> str:
        head, *cells = re.findall(rf"^\| {name} \|.*$", text, re.MULTILINE)[0].strip("|").split("|")
        seconds = [f" {float(cell) * times:.2f} " for cell in cells[1:]]
        row = "|".join(["", head, cells[0], *seconds, ""])
        return re.sub(rf"^\| {name} \|.*$", row, text, flags=re.MULTILINE)

    lines = report.moved(report.ratios_of(page(3.0)), report.ratios_of(slower(page(3.0))))
    assert [line.startswith(f"{report.WORSE}: ") and name in line for line in lines] == [True]


def test_only_what_is_ours_fails() -> None:
    before = {("A", "exactly_once: x"): 1.0, ("A", "pandas"): 1.0, ("A remediation", "plan"): 1.0}
    lines = report.moved(before, dict.fromkeys(before, 2.0))
    assert [report.is_worse(line) for line in lines] == [True, False, True]
    assert not any(map(report.is_worse, report.moved(before, dict.fromkeys(before, 0.1))))


def test_the_page_before_is_the_committed_one(tmp_path: Path) -> None:
    written = tmp_path / "performance.md"
    assert committed(written) == ""
    written.write_text("one", encoding="utf-8")
    assert committed(written) == "one"
    for command in (
        ["init", "--quiet"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "one"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    written.write_text("two", encoding="utf-8")
    assert committed(written) == "one"


def test_without_an_earlier_page_nothing_moved() -> None:
    assert report.moved(report.ratios_of(""), {("a", "b"): 2.0}) == []


@pytest.mark.parametrize("seconds", [0.001, 1.0, 2.0 / 3.0, 3.0, 1234.5678])
def test_the_picture_is_the_same_from_what_was_measured_and_from_the_page(
    tmp_path: Path, seconds: float
) -> None:
    written = tmp_path / "performance.md"
    written.write_text(page(seconds), encoding="utf-8")
    assert plot.panels(*report.measured_of(written)) == plot.panels(*measured(seconds))


def test_the_picture_has_the_fastest_first_and_marks_ours() -> None:
    figures = {
        FIND: {"exactly_once: all": {"seconds": 8.0}, BASELINES[FIND]: {"seconds": 2.0}},
        WRITE: {BASELINES[WRITE]: {"seconds": 3.0}, "another": {"seconds": 1.5}},
    }
    growth = {"the job": {64: 2.1, 1: 2.0}}
    find, write, run, remediation = plot.panels(figures, growth, {4: Remediation({"plan": 0.001})})
    assert find.bars == (
        plot.Bar(BASELINES[FIND], 1.0, is_ours=False),
        plot.Bar("exactly_once: all", 4.0, is_ours=True),
    )
    assert [bar.ratio for bar in write.bars] == [0.5, 1.0]
    assert (run.days, run.series) == ((1, 64), (("the job", (2.0, 2.1)),))
    # a logarithmic axis has no 0
    assert (remediation.days, remediation.series) == ((4,), (("plan", (0.01,)),))


def test_the_committed_picture_is_that_of_the_committed_page() -> None:
    assert f"]({report.PICTURE})" in plot.PAGE.read_text(encoding="utf-8")
    picture = plot.PAGE.with_name(report.PICTURE)
    drawn = ElementTree.parse(picture).getroot()
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    told = drawn.find(".//{http://purl.org/dc/elements/1.1/}description")
    assert told is not None
    expected = plot.description(plot.panels(*report.measured_of(plot.PAGE)))
    assert told.text == expected, "Run: python -m bench.plot"


def test_the_page_has_its_picture_near_the_top_with_a_text_for_those_who_do_not_see_it() -> None:
    top = page(3.0).split("## ")[0]
    found = re.search(r"!\[([^]]+)\]\(performance\.svg\)", top)
    assert found is not None
    assert len(found[1]) > 100


def test_the_peers_find_the_same_copies(tmp_path: Path) -> None:
    models = tmp_path / "exactly_once" / "models"
    for name, query in (
        ("staging/stg_events_deduplicated", "select * from raw.events"),
        ("incident/incident_duplicate_groups", "select * from raw.events limit 17"),
    ):
        compiled = models / f"{name}.sql"
        compiled.parent.mkdir(parents=True)
        compiled.write_text(query, encoding="utf-8")
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
    queries = cases(tmp_path, "select * from raw.events limit 16", window)
    rows = {
        name: measure(warehouse, query, "500MB", 1)["rows"]
        for group in (FIND, WRITE)
        for name, query in queries[group].items()
        if "main_staging" not in query
    }
    for ours, count in (
        ("exactly_once: stg_events_deduplicated", 18),
        ("exactly_once: incident_duplicate_groups alone", 17),
        ("exactly_once: the macro deduplicate", 16),
    ):
        assert rows.pop(ours) == count, "the stand-in for the compiled model was not run"
    assert rows == {
        BASELINES[FIND]: 4,
        "window function over key columns": 8,
        "window function over whole rows": 8,
        "QUALIFY over whole rows, as dbt_utils.deduplicate does on Snowflake": 10,
        "DISTINCT ON": 10,
    }


def test_a_large_day_has_other_payments_at_the_same_times(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema raw")
        columns = ", ".join(f'"{name}" {kind}' for name, kind in EVENT_COLUMNS.items())
        connection.execute(f"create table raw.events ({columns})")
        connection.execute(
            "insert into raw.events by name select 'p1' as payment_id, null as event_id, "
            "100 as amount_cents, timestamp '2026-03-01 12:00:00' as event_ts, "
            "'{\"attempt\":1}'::json as payload from range(2)"
        )
    enlarge(warehouse, 3, 1000, "1GB")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.execute(
            "select payment_id, count(*), count(event_id), min(event_ts), "
            "min(payload->>'attempt'), count(distinct payload::varchar), "
            "min(strlen(payload::varchar)) between 950 and 1050 "
            "from raw.events group by 1 order by 1"
        ).fetchall()
    assert found == [(f"p1-{part}", 2, 0, NOON, "1", 1, True) for part in range(3)]


def test_what_runs_out_of_memory_is_a_row_of_the_page(tmp_path: Path) -> None:
    database = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(database)).close()
    text = "range::varchar || repeat('x', 100)"
    found = measure(database, f"select array_agg({text}) from range(1000000)", "20MB", 1)
    assert "rows" not in found
    figures = {WRITE: {BASELINES[WRITE]: {"seconds": 1.0, "rows": 3}, "ours": found}}
    page_text = report.large_page("A small machine.", 9, figures)
    assert re.search(r"\| ours \| out of memory \|  \|  \|  \|  \| [\d,]+ \|", page_text)
