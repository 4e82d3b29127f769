"""The package in another company's project, integration_tests/: other names, its own seeds."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from python_tests.snowflake_simulator import running_simulator
from python_tests.snowflake_simulator.history import Statement
from python_tests.snowflake_tags import tag_of, without
from python_tests.snowflake_warehouse import PROFILE as SNOWFLAKE_PROFILE
from python_tests.test_docs import blocks
from python_tests.warehouse import PROFILE, ROOT, DbtError, Project, Warehouse, install_packages

COMPANY = ROOT / "integration_tests"
NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ENTRIES = '"Ledger"."Entries"'
COLUMNS = (
    'order_ref varchar, "Kind" varchar, minor_units decimal(18, 4), ccy varchar, '
    '"occurred at" {time}, "Loaded At" {time}, shop integer, body varchar'
)
PAYOUTS = '"Ledger"."Payouts"'
PAYOUT_COLUMNS = 'payout_no varchar, "Bank" varchar, "paid at" timestamp, received_at timestamp'
INCIDENT = json.dumps({"incident_id": "INC-7"})
WINDOW = {
    "incident_id": "INC-7",
    "incident_start": "2026-03-01 10:00:00+01:00",
    "incident_end": "2026-03-01 09:10:00",
}
MARTS = "warehouse_analytics"


class Company(Project):
    """A copy of the project, with the package where dbt deps would put it."""

    # its own models may read any of them when they are parsed
    read_when_run = frozenset()

    def __init__(self, work: Path, profile: str) -> None:
        folder = work / "project"
        shutil.copytree(COMPANY, folder, ignore=shutil.ignore_patterns("target", "dbt_packages"))
        install_packages(folder)
        self.profile = profile
        self.parsed_files: set[tuple[str, int, int]] = set()
        super().__init__(folder, work)

    def invoke(self, *arguments: str, **options: Any) -> Any:
        """Run a dbt command; a file that has changed since the last is parsed anew."""
        files = set()
        for folder, _, names in os.walk(self.folder):
            for path in (Path(folder, name) for name in names):
                found = path.stat()
                files.add((str(path), found.st_mtime_ns, found.st_size))
        if files != self.parsed_files:
            self._manifests.clear()
            self.parsed_files = files
        return super().invoke(*arguments, **options)

    def add_to_seed(self, name: str, **row: str) -> None:
        """What a reviewed change of the company's repository does."""
        seed = self.folder / "seeds" / f"{name}.csv"
        columns = seed.read_text().splitlines()[0].split(",")
        with seed.open("a", newline="") as file:
            csv.DictWriter(file, columns, lineterminator="\n").writerow(row)


class ReadmeProject(Project):
    """A project with nothing but the lines that the README has for dbt_project.yml."""

    profile = PROFILE.replace("exactly_once:", "shop:", 1)

    def __init__(self, work: Path) -> None:
        folder = work / "project"
        folder.mkdir()
        lines = yaml.safe_load(
            next(one for one in blocks(ROOT / "README.md", "yaml") if "packages.yml" in one)
        )
        self.vars = {name.split("__")[1]: value for name, value in lines["vars"].items()}
        told = {name: lines[name] for name in ("flags", "vars")}
        settings = {"name": "shop", "version": "1.0.0", "profile": "shop", **told}
        (folder / "dbt_project.yml").write_text(yaml.safe_dump(settings))
        (folder / "packages.yml").write_text(yaml.safe_dump({"packages": [{"local": str(ROOT)}]}))
        install_packages(folder)
        super().__init__(folder, work)


def entries() -> Iterator[tuple[Any, ...]]:
    """300 orders a second apart; of each third there are three copies, 40 of them to judge."""
    for number in range(300):
        occurred = NINE + number * SECOND
        for copy in range(3 if number % 3 == 0 else 1):
            body: dict[str, Any] = {"trace": {"id": copy}, "note": f"attempt {copy}"}
            if number < 120:
                body["approved"] = copy == 0
            yield (
                *(f"o{number}", "SALE" if number % 2 else "CAP", Decimal("10.5")),
                *(" eur" if copy else "EUR", occurred, occurred + (1 + copy) * SECOND),
                *(number % 5, json.dumps(body)),
            )


CLEAN = [{"day": NINE.date(), "currency": "EUR", "captures": 300, "captured": Decimal(3150)}]


CLEAN_SHOPS = [
    {
        "shop": str(shop),
        "event_hour": NINE.replace(tzinfo=None),
        "entry_count": 60,
        "captured": Decimal(630),
    }
    for shop in range(5)
]


# 100 of the entries have two copies more
OVERSTATED = [
    {"measure": "captured_minor_units", "before": Decimal(5250), "after": Decimal(3150)},
    {"measure": "entry_count", "before": Decimal(500), "after": Decimal(300)},
    {"measure": "row_count", "before": Decimal(5), "after": Decimal(5)},
]


class Ledgerworks:
    """Its two DuckDB files."""

    def __init__(self, work: Path) -> None:
        self.project = Company(work, (COMPANY / "profiles.yml").read_text())
        self.path, self.landing = work / "ledgerworks.duckdb", work / "landing.duckdb"
        with duckdb.connect(str(self.landing)) as landing:
            landing.execute('create schema "Ledger"')
            landing.execute(f"create table {ENTRIES} ({COLUMNS.format(time='timestamptz')})")
            landing.execute(f"create table {PAYOUTS} ({PAYOUT_COLUMNS})")
            marks = ", ".join("?" * 8)
            landing.executemany(f"insert into {ENTRIES} values ({marks})", list(entries()))

    def receive(self, payouts: list[tuple[Any, ...]]) -> None:
        """Rows of the second source."""
        with duckdb.connect(str(self.landing)) as landing:
            landing.executemany(f"insert into {PAYOUTS} values (?, ?, ?, ?)", payouts)

    def dbt(self, *arguments: str, **variables: Any) -> Any:
        """Run a dbt command in the company's project."""
        environment = {
            "LEDGERWORKS_DUCKDB_PATH": str(self.path),
            "LEDGERWORKS_LANDING_PATH": str(self.landing),
        }
        return self.project.invoke(
            *arguments, environment=environment, given=json.dumps(variables), fresh=False
        )

    def read(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query."""
        with duckdb.connect(str(self.path), read_only=True) as warehouse:
            found = warehouse.execute(sql)
            names = [column[0] for column in found.description or []]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def volume(self) -> list[dict[str, Any]]:
        """What the company's own model says."""
        return self.read(
            "select day, currency, captures, captured_minor_units as captured "
            "from warehouse_finance.daily_volume"
        )


def shop_hours(query: Callable[[str], list[Any]], schema: str = MARTS) -> list[Any]:
    """The company's own curated table, hour by hour."""
    return query(
        "select shop, event_hour, entry_count, captured_minor_units as captured "
        f"from {schema}.shop_hours order by shop"
    )


def overstated(company: Ledgerworks) -> list[dict[str, Any]]:
    """What the report says of the company's own curated table."""
    return company.read(
        "select measure, total_before as before, total_after as after "
        "from warehouse_incident.incident_impact_on_measures "
        "where curated_table = 'shop_hours' order by measure"
    )


def with_vars(work: Path, **given: Any) -> Ledgerworks:
    """The company, whose project sets these vars too."""
    company = Ledgerworks(work)
    config = company.project.folder / "dbt_project.yml"
    settings = yaml.safe_load(config.read_text())
    settings["vars"].update(given)
    config.write_text(yaml.safe_dump(settings))
    return company


@pytest.fixture
def ledgerworks(tmp_path: Path) -> Ledgerworks:
    return Ledgerworks(tmp_path)


@pytest.mark.slow
def test_an_hour_of_the_source_is_built_and_tested_in_ci(ledgerworks: Ledgerworks) -> None:
    """As docs/adopt.md has it: nothing fails, though the source has more."""
    company = ledgerworks
    with duckdb.connect(str(company.landing)) as landing:
        landing.execute(
            f"""
            insert into {ENTRIES}
            select * replace (
                "Loaded At" + interval 6 hours as "Loaded At",
                "occurred at" + interval 6 hours as "occurred at"
            )
            from {ENTRIES}
            """
        )
    company.dbt("build", "--selector", "fifteen_minute", exactly_once__max_hours_per_run=1)
    taken_in = company.read(
        "select count(*) as events from warehouse_staging.stg_events_deduplicated"
    )
    assert taken_in == [{"events": 300}]
    company.dbt("build", "--selector", "monitoring", exactly_once__max_hours_per_run=1)
    watched = ("test", "--selector", "monitoring")
    with pytest.raises(DbtError, match="configured to fail"):
        company.dbt(*watched, "--warn-error", exactly_once__max_hours_per_run=1)
    page = (ROOT / "docs" / "adopt.md").read_text("utf-8")
    options = re.findall(r"--warn-error-options '(.*)'", page)
    company.dbt(*watched, "--warn-error-options", *options, exactly_once__max_hours_per_run=1)
    company.dbt("test", "--selector", "whole_tables")
    seeds = ("--select", "tag:exactly_once_seeds", "--indirect-selection", "cautious")
    company.dbt("build", *seeds)


def check_rows_outside_the_repair(company: Ledgerworks) -> None:
    """Of the company's own table too, by the keys that its model computes again."""
    outside = "shop_hours, rows outside the repair are those of live"
    company.dbt("run-operation", "remediation_validate", "--args", INCIDENT)
    assert any(f"pass  {outside}: " in line for line in company.project.logged)
    candidate, elsewhere = f"{MARTS}.shop_hours__candidate", "timestamp '2026-01-01'"
    with duckdb.connect(str(company.path)) as warehouse:
        warehouse.execute(f"insert into {candidate} values ('s', {elsewhere}, 1, 1)")
    with pytest.raises(DbtError, match=f"failed checks: {outside}"):
        company.dbt("run-operation", "remediation_validate", "--args", INCIDENT)
    model = company.project.folder / "models" / "marts" / "shop_hours.sql"
    text = model.read_text()
    model.write_text(text.replace("'pruned_by'", "'repairs_other_rows': true, 'pruned_by'"))
    company.dbt("run-operation", "remediation_validate", "--args", INCIDENT)
    assert any(f"{outside}: not compared" in line for line in company.project.logged)
    model.write_text(text)
    with duckdb.connect(str(company.path)) as warehouse:
        warehouse.execute(f"delete from {candidate} where event_hour = {elsewhere}")


@pytest.mark.slow
def test_another_project_installs_the_package_and_repairs_an_incident(
    ledgerworks: Ledgerworks,
) -> None:
    company = ledgerworks
    company.dbt("build", "--selector", "fifteen_minute", exactly_once__deduplicate=False)
    contaminated = company.read(f"select sum(captured_cents) as cents from {MARTS}.orders")
    assert contaminated == [{"cents": Decimal(5250)}]

    company.dbt("build", "--selector", "detection", **WINDOW)
    decided = company.read(
        "select decision, count(*) as copies from warehouse_incident.incident_decisions "
        "group by 1 order by 1"
    )
    # `approved` is in no line of the company's policy, so those copies are for people to judge
    assert decided == [
        {"decision": "keep", "copies": 60},
        {"decision": "remove", "copies": 120},
        {"decision": "review", "copies": 120},
    ]

    company.dbt("run", "--select", "incident_impact_on_measures")
    assert {row["after"] for row in overstated(company)} == {None}, "nothing is repaired yet"
    company.dbt("run-operation", "remediation_clone", "--args", INCIDENT)
    company.dbt(
        *("build", "--selector", "remediation"),
        incident_id="INC-7",
        exactly_once__build_candidate=True,
    )
    company.dbt("build", "--select", "incident_impact_on_measures")
    assert overstated(company) == OVERSTATED
    with pytest.raises(DbtError, match="incident_register"):
        company.dbt("run-operation", "remediation_swap", "--args", INCIDENT)
    check_rows_outside_the_repair(company)
    company.project.add_to_seed(
        "incident_register",
        incident_id="INC-7",
        incident_start="2026-03-01 09:00:00",
        incident_end="2026-03-01 09:10:00",
        requested_by="alice",
        approved_by="bob",
        ticket="T-1",
    )
    company.dbt("seed")
    company.dbt("run-operation", "remediation_swap", "--args", INCIDENT)
    company.dbt("build", "--selector", "fifteen_minute")
    company.dbt("build", "--select", "daily_volume")
    repaired = company.read(f"select sum(captured_cents) as cents from {MARTS}.orders")
    assert repaired == [{"cents": Decimal(3150)}]
    assert company.volume() == CLEAN
    assert shop_hours(company.read) == CLEAN_SHOPS
    company.dbt("build", "--select", "incident_impact_on_measures")
    assert overstated(company) == OVERSTATED

    # the source is in a database of its own, and a DuckDB transaction writes to one
    entries_before = company.read("select count(*) as n from warehouse_audit.remediation_ledger")
    with pytest.raises(DbtError, match="one DuckDB transaction writes to one database"):
        company.dbt("run-operation", "raw_quarantine", "--args", INCIDENT)
    assert entries_before == company.read(
        "select count(*) as n from warehouse_audit.remediation_ledger"
    )

    company.dbt("run-operation", "remediation_status", "--args", INCIDENT)
    assert any("not by raw_quarantine" in line for line in company.project.logged)
    retire_is_next = "Next, once nobody will go back: dbt run-operation remediation_retire"
    assert any(retire_is_next in line for line in company.project.logged)

    # a curated model that the swap did not know has no table to go back to
    model = company.project.folder / "models" / "marts" / "shop_hours.sql"
    added = model.with_name("a_shop_hours.sql")
    added.write_text(model.read_text().replace("('shop_hours')", "('a_shop_hours')"))
    company.dbt("build", "--select", "a_shop_hours")
    company.dbt("run-operation", "remediation_status", "--args", INCIDENT)
    assert any(retire_is_next in line for line in company.project.logged)
    has_none = pytest.raises(DbtError, match=r"model a_shop_hours, tagged .*: found no table")
    with has_none:
        company.dbt("run-operation", "remediation_rollback", "--args", INCIDENT)
    with has_none:
        company.dbt("run", "--selector", "fifteen_minute", exactly_once__build_replaced="INC-7")
    dry_run = json.dumps({"incident_id": "INC-7", "dry_run": True})
    company.dbt("run-operation", "remediation_retire", "--args", dry_run)
    dropped = [line for line in company.project.logged if "would be dropped" in line]
    assert dropped
    assert not any("a_shop_hours" in line for line in dropped)
    added.unlink()

    company.dbt("run-operation", "remediation_rollback", "--args", INCIDENT)
    assert contaminated == company.read(f"select sum(captured_cents) as cents from {MARTS}.orders")
    company.dbt("run-operation", "ledger_verify")
    company.dbt("build", "--selector", "monitoring")
    company.dbt("test", "--selector", "whole_tables")

    text = model.read_text()
    for wrong in ("no_such", "Row_Count"):
        model.write_text(text.replace("['entry_count'", f"['{wrong}'"))
        with pytest.raises(
            DbtError, match=f"impact_measures of model shop_hours: found {wrong}; accepted: "
        ):
            company.dbt("run", "--select", "incident_impact_on_measures")
    model.write_text(text.replace("'pruned_by'", "'impact_currency': 'ccy', 'pruned_by'"))
    with pytest.raises(
        DbtError, match="impact_currency of model shop_hours: found ccy; accepted: "
    ):
        company.dbt("run", "--select", "incident_impact_on_measures")
    for wrong in ("shop", "entry_count"):
        model.write_text(text.replace("'pruned_by': 'event_hour'", f"'pruned_by': '{wrong}'"))
        with pytest.raises(DbtError, match=f"of model shop_hours: found {wrong}; accepted: a time"):
            company.dbt("run", "--select", "shop_hours")


@pytest.mark.slow
def test_comments_that_hold_a_state_outlive_docs_that_are_persisted(
    ledgerworks: Ledgerworks,
) -> None:
    """The company's persist_docs goes before what the package's models say."""
    company = ledgerworks
    settings = company.project.folder / "dbt_project.yml"
    project = yaml.safe_load(settings.read_text())
    project["models"]["+persist_docs"] = {"relation": True}
    settings.write_text(yaml.safe_dump(project))

    company.dbt("run", "--selector", "fifteen_minute", exactly_once__deduplicate=False)
    company.dbt("build", "--selector", "detection", **WINDOW)
    company.dbt("run-operation", "remediation_clone", "--args", INCIDENT)
    company.dbt("run", "--select", "tag:exactly_once_curated", exactly_once__build_candidate=True)
    company.dbt("run", "--select", "remediation_ledger")
    comments = {
        row["table_name"]: row["comment"]
        for row in company.read("select table_name, comment from duckdb_tables()")
    }
    assert comments["Orders"].startswith("One row per payment.")
    for candidate in ("Orders__candidate", "shop_hours__candidate"):
        assert json.loads(comments[candidate])["incident_id"] == "INC-7"
    assert json.loads(comments["stg_events_deduplicated"])["built_with"]
    entries = company.read("select count(*) as n from warehouse_audit.remediation_ledger")[0]["n"]
    assert json.loads(comments["remediation_ledger"])["entry_number"] == entries > 0

    with duckdb.connect(str(company.path)) as warehouse:
        warehouse.execute(
            f"delete from warehouse_audit.remediation_ledger where entry_number = {entries}"
        )
    company.dbt("run", "--select", "remediation_ledger")
    with pytest.raises(DbtError, match=f"entry {entries}, the last one by the comment"):
        company.dbt("run-operation", "ledger_verify")


def test_the_first_commands_of_the_readme_give_a_clean_table(ledgerworks: Ledgerworks) -> None:
    show, first = ("run-operation", "show_config"), ("run", "--select", "tag:exactly_once_staging")
    for command in (show, first):
        assert f"dbt {' '.join(command)}" in (ROOT / "README.md").read_text()
    ledgerworks.dbt(*show)
    logged = ledgerworks.project.logged
    table = next(line for line in logged if line.startswith("  exactly_once__source_table "))
    assert re.split("  +", table.strip())[1:] == ["dbt_project.yml of ledgerworks", '"Entries"']
    assert logged[-1] == "What looks wrong: nothing"
    ledgerworks.dbt(*first)
    ledgerworks.dbt("run", "--select", "daily_volume")
    assert ledgerworks.volume() == CLEAN
    ledgerworks.dbt("seed")
    # as a part of dbt build, where models look at the warehouse before they are built
    ledgerworks.dbt("build", "--select", "test_type:unit")


def installed_by_deps(folder: Path, package: Path) -> None:
    """What dbt deps makes of packages.yml; the package's own are the stand-ins, without the hub."""
    parts = ("analyses", "macros", "models", "seeds", "snapshots", "tests", "dbt_project.yml")
    package.mkdir()
    for part in parts:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, package / part)
    needed = yaml.safe_load((ROOT / "packages.yml").read_text())["packages"]
    stand_ins = [ROOT / "stand_ins" / one["package"].split("/")[1] for one in needed]
    for where, local in ((package, stand_ins), (folder, [package])):
        entries = [{"local": str(path)} for path in local]
        (where / "packages.yml").write_text(yaml.safe_dump({"packages": entries}))
    shutil.rmtree(folder / "dbt_packages")
    dbt = shutil.which("dbt", path=str(Path(sys.executable).parent))
    assert dbt is not None
    done = subprocess.run(
        [dbt, "deps"], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout
    assert {"exactly_once", *(path.name for path in stand_ins)} == {
        path.name for path in (folder / "dbt_packages").iterdir()
    }


def test_what_its_readme_says_gives_a_clean_table(tmp_path: Path) -> None:
    """As somebody types it, with packages on disk for those of the hub."""
    company = Ledgerworks(tmp_path)
    installed_by_deps(company.project.folder, tmp_path / "exactly_once")
    company.landing.unlink()
    page = (COMPANY / "README.md").read_text(encoding="utf-8")
    deps, *commands = re.findall(r"^dbt (.+)$", page, re.MULTILINE)
    assert deps == "deps"
    said: list[str] = []
    for command in commands:
        company.dbt(*command.split())
        said += company.project.logged
    assert company.volume() == CLEAN
    # the command leaves the curated tables out, and their tests have nothing to compare
    assert any("assert_payments_match_events compares nothing" in line for line in said)


def with_nine_orders(shop: ReadmeProject, folder: Path) -> Warehouse:
    """The source that the README's lines name, with two copies of each order."""
    names = ("order_ref", "kind", "minor_units", "ccy", "occurred_at", "loaded_at")
    kinds = ("varchar", "varchar", "bigint", "varchar", "timestamp", "timestamp")
    source = f"{shop.vars['source_schema']}.{shop.vars['source_table']}"
    columns = dict(zip(names, kinds, strict=True))
    warehouse = Warehouse(shop, folder, source=source, columns=columns)
    rows = [
        (f"o{number}", "captured", 100, "EUR", at := NINE + number * SECOND, at + copy * SECOND)
        for number in range(9)
        for copy in range(2)
    ]
    warehouse.write_events([dict(zip(names, row, strict=True)) for row in rows])
    return warehouse


def test_dbt_build_succeeds_with_no_more_than_the_readme_says(tmp_path: Path) -> None:
    """All of it: models, seeds, the snapshot, tests and unit tests, with none left out."""
    warehouse = with_nine_orders(ReadmeProject(tmp_path), tmp_path)
    results = warehouse.dbt("build", fresh=True).results
    built = {result.node.resource_type for result in results}
    assert built >= {"model", "seed", "snapshot", "test", "unit_test"}
    assert len(warehouse.read("main_staging.stg_events_counted")) == 9


def test_models_are_renamed_and_moved_as_the_page_says(tmp_path: Path) -> None:
    (told,) = settings_in_the_documents("Rename and move")
    shop = ReadmeProject(tmp_path)
    config = shop.folder / "dbt_project.yml"
    settings = yaml.safe_load(config.read_text())
    settings |= told | {"vars": settings["vars"] | told["vars"]}
    config.write_text(yaml.safe_dump(settings))
    warehouse = with_nine_orders(shop, tmp_path)
    warehouse.dbt("run", "--select", "tag:exactly_once_staging", "tag:exactly_once_curated")
    assert len(warehouse.read("main_cleaned.transactions")) == 9
    assert len(warehouse.read("main_analytics.card_payments")) == 9
    assert warehouse.tables() == {
        f"{shop.vars['source_schema']}.{shop.vars['source_table']}",
        *(f"main_cleaned.stg_events{name}" for name in ("", "_deduplicated", "_kept")),
        "main_cleaned.transactions",
        *(f"main_analytics.{name}" for name in ("card_payments", "risk_by_merchant")),
        "main_analytics.incremental_watermarks",
    }


def test_the_freshness_of_a_source_whose_arrival_time_needs_quotes(
    ledgerworks: Ledgerworks,
) -> None:
    """Half an hour of silence is warned of, two fail; a row of a later day is no arrival."""

    def look() -> Any:
        try:
            results = ledgerworks.dbt("source", "freshness").results
        except DbtError as error:
            results = error.results
        (found,) = (result for result in results if result.node.resource_type == "source")
        return found

    said = []
    for age in ("-2 days", "3 hours", "45 minutes", "0 minutes"):
        with duckdb.connect(str(ledgerworks.landing)) as landing:
            landing.execute(
                f"insert into {ENTRIES} (\"Loaded At\") values (now() - interval '{age}')"
            )
        said.append(look().status)
    assert said == ["error", "error", "warn", "pass"]
    assert look().age < 1800


def payout(number: int, minutes_late: float, bank: str = "one") -> tuple[Any, ...]:
    """A copy of a payout that was made in that minute after nine."""
    paid = NINE.replace(tzinfo=None) + number * MINUTE
    return f"p{number}", bank, paid, paid + minutes_late * MINUTE


def test_a_second_stream_is_deduplicated_by_another_key(ledgerworks: Ledgerworks) -> None:
    """Batch by batch, with what no var of the package names."""
    nameless = (None, "one", NINE.replace(tzinfo=None), NINE.replace(tzinfo=None) + MINUTE)
    batches = [
        [*(payout(number, 2) for number in range(60)), payout(3, 5, " one "), nameless],
        # copies of what is kept, the first of them by arrival, and a payout of another bank
        [payout(7, 30), payout(8, 1), payout(9, 2, "two"), payout(60, 1), nameless],
        # later than the lookback
        [payout(200, 1), payout(5, 240)],
    ]
    for batch in batches:
        ledgerworks.receive(batch)
        built = ledgerworks.dbt("build", "--select", "payouts_identified", "payouts").results
    tests = [one.node.test_metadata for one in built if one.node.resource_type == "test"]
    of_ours = {test.name for test in tests if test.namespace == "exactly_once"}
    assert of_ours == {"exactly_once", "no_future_timestamps"}
    first = {(f"p{number}", "one"): 2 for number in range(60)}
    first |= {("p8", "one"): 1, ("p9", "two"): 2, ("p60", "one"): 1, ("p200", "one"): 1}
    expected = sorted(
        (number, bank, NINE.replace(tzinfo=None) + (int(number[1:]) + late) * MINUTE)
        for (number, bank), late in first.items()
    )

    def kept(columns: str, condition: str = "has_complete_key") -> list[tuple[Any, ...]]:
        sql = f"select {columns} from warehouse_payouts.payouts where {condition}"
        return sorted(tuple(row.values()) for row in ledgerworks.read(sql))

    assert kept('payout_no, "Bank", received_at') == expected
    assert kept("count(*)", "not has_complete_key") == [(1,)]
    in_batches = kept("event_fingerprint, row_hash", "true")
    ledgerworks.dbt("build", "--select", "payouts_identified", "payouts", "--full-refresh")
    assert kept("event_fingerprint, row_hash", "true") == in_batches


def test_a_curated_model_of_the_project_is_built_in_pieces(ledgerworks: Ledgerworks) -> None:
    """All of it is one hour of the clock, computed again in each piece."""
    so_far: list[int] = []
    while not any("caught up" in line for line in ledgerworks.project.logged):
        assert len(so_far) < 10
        ledgerworks.dbt("run", "--selector", "fifteen_minute", exactly_once__max_hours_per_run=0.04)
        so_far.append(sum(row["entry_count"] for row in shop_hours(ledgerworks.read)))
    assert shop_hours(ledgerworks.read) == CLEAN_SHOPS
    # 144 seconds at a time
    assert so_far == [144, 288, 300]


@pytest.mark.parametrize(
    ("places", "hours"),
    [
        ((), 2),
        (("its own",), 2),
        (("project",), 3),
        (("project", "package", "its own"), 4),
        (("project", "package", "--vars"), 5),
    ],
)
def test_models_of_the_project_see_what_those_of_the_package_see(
    tmp_path: Path, places: tuple[str, ...], hours: int
) -> None:
    """They may call its macros; dbt itself shows them only the vars of their own project."""
    name = "exactly_once__late_arrival_hours"
    project = {name: 3} if "project" in places else {}
    package = {"exactly_once": {name: 4}} if "package" in places else {}
    its_own = {"ledgerworks": {name: 9}} if "its own" in places else {}
    company = with_vars(tmp_path, **project, **package, **its_own)
    hours_sql = "select {{ exactly_once.settings().late_arrival_hours }} as hours"
    models = company.project.folder / "models" / "finance"
    (models / "lookback.sql").write_text(hours_sql)
    given = {name: 5} if "--vars" in places else {}
    company.dbt("run", "--select", "lookback", **given)
    found = company.read("select hours from warehouse_finance.lookback")
    assert found == [{"hours": hours}]
    company.dbt("run-operation", "show_config", **given)
    shown = next(line for line in company.project.logged if line.startswith(f"  {name} "))
    assert shown.split()[-1] == str(hours), "as the package sees it"


@pytest.mark.parametrize(
    ("scoped", "accepted"),
    [
        ({"late_arrival_hours": 48}, "exactly_once__late_arrival_hours."),
        ({"source_tabel": "Entries"}, "exactly_once__source_table."),
        ({"lookback": 48}, "exactly_once__source_database, exactly_once__source_schema"),
    ],
    ids=["without the prefix", "a typo", "another name"],
)
def test_an_unknown_var_in_the_scope_of_the_package_is_refused(
    tmp_path: Path, scoped: dict[str, Any], accepted: str
) -> None:
    company = with_vars(tmp_path, exactly_once=scoped)
    said = f"var {min(scoped)}: found a var that this package does not have; accepted: {accepted}"
    with pytest.raises(DbtError, match=re.escape(said)):
        company.dbt("parse")


def test_vars_that_are_not_of_the_package_are_left_alone(tmp_path: Path) -> None:
    """In its scope too, where the project's macros may read them for its models."""
    company = with_vars(
        tmp_path,
        prefix="a",
        incident_channel="#data",
        ledgerworks={"region": "eu"},
        exactly_once={"prefix": "b", "dbt_date:time_zone": "UTC"},
    )
    company.dbt("run-operation", "show_config", incident_strat="2026-03-01")
    header, doubt = company.project.logged[-2:]
    assert header.startswith("What looks wrong:")
    assert "the var incident_strat is none of this package, which has incident_start" in doubt


def test_models_of_the_project_with_names_of_ours_are_left_alone(tmp_path: Path) -> None:
    """Without a flag dbt resolves a ref of a package in the project that runs first.

    So it does for the model that a test in a yml file is written under, which only the flag mends.
    """
    project = Company(tmp_path, (COMPANY / "profiles.yml").read_text())
    config = project.folder / "dbt_project.yml"
    settings = yaml.safe_load(config.read_text())
    del settings["flags"]
    config.write_text(yaml.safe_dump(settings))
    models = [path.stem for path in ROOT.glob("models/*/*") if path.suffix in (".sql", ".py")]
    for name in [*models, "audit_decisions"]:
        (project.folder / "models" / f"{name}.sql").write_text("select 1 as theirs")
    manifest = project.invoke("parse", environment={}, given="{}", fresh=True)
    theirs = {
        (node.unique_id, parent)
        for node in [*manifest.nodes.values(), *manifest.unit_tests.values()]
        if node.package_name == "exactly_once" and not getattr(node, "test_metadata", None)
        for parent in node.depends_on.nodes
        if ".ledgerworks." in parent and not parent.startswith("seed.")
    }
    assert theirs == set()
    assert len(models) > 25


def test_every_ref_names_the_package_but_for_the_seeds_of_people() -> None:
    """Parsing does not see what only some vars or a running command lead to."""
    seeds = {path.stem for path in (ROOT / "seeds").glob("*.csv")}
    folders = ("models", "macros", "snapshots", "tests", "analyses", "docs")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.*")]
    refs = [
        (path.name, found[1])
        for path in files
        if path.suffix in (".sql", ".py", ".yml", ".md")
        for found in re.finditer(r"""(?<!\w)ref\(\s*(['"]\w+['"][^)]*)\)""", path.read_text())
    ]
    assert len(refs) > 150
    bare = [(name, ref) for name, ref in refs if not re.match("['\"]exactly_once['\"],", ref)]
    assert [(name, ref) for name, ref in bare if ref.strip("'\"") not in seeds] == []


def settings_in_the_documents(section: str) -> list[dict[str, Any]]:
    """What a section of the page tells to write into dbt_project.yml, block by block."""
    page = (ROOT / "docs" / "adopt.md").read_text()
    text = page.split(f"## {section}\n")[1].split("\n## ")[0]
    found = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [yaml.safe_load(block) for block in found]


def without_parts(work: Path, off: dict[str, Any]) -> Company:
    """The company with these models of the package switched off."""
    company = Company(work, (COMPANY / "profiles.yml").read_text())
    config = company.folder / "dbt_project.yml"
    settings = yaml.safe_load(config.read_text())
    settings["models"]["exactly_once"] = off
    config.write_text(yaml.safe_dump(settings))
    if "curated" in off:
        shutil.rmtree(company.folder / "models" / "marts")
    return company


@pytest.mark.parametrize(
    ("part", "left_on", "on"),
    [
        (0, [], {"staging"}),
        (0, ["monitoring"], {"staging", "monitoring"}),
        (1, [], {"staging", "curated"}),
        (2, [], {"staging", "curated", "incident", "audit"}),
    ],
)
def test_the_parts_on_the_page_parse(
    tmp_path: Path, part: int, left_on: list[str], on: set[str]
) -> None:
    """With what reads the models that are off, and with nothing else, gone."""
    parts = settings_in_the_documents("Use a part of it")[part]["models"]["exactly_once"].items()
    off = {folder: setting for folder, setting in parts if folder not in left_on}
    manifest = without_parts(tmp_path, off).invoke("parse", environment={}, given="{}", fresh=True)
    ours = [node for node in manifest.nodes.values() if node.package_name == "exactly_once"]
    assert {node.fqn[1] for node in ours if node.resource_type == "model"} == on
    found = {node.name for node in ours if node.resource_type in ("snapshot", "analysis")}
    analyses = {path.stem for path in (ROOT / "analyses").glob("*.sql")}
    assert found == ({"audit_decisions", *analyses} if "incident" in on else set())
    assert not [key for key in manifest.disabled if ".ledgerworks." in key]


def test_the_project_says_what_is_an_error(ledgerworks: Ledgerworks) -> None:
    config = ledgerworks.project.folder / "dbt_project.yml"
    settings = yaml.safe_load(config.read_text())
    (told,) = settings_in_the_documents("Say what is an error")
    config.write_text(yaml.safe_dump(settings | told))
    manifest = ledgerworks.project.invoke("parse", environment={}, given="{}", fresh=True)
    nodes = [node for node in manifest.nodes.values() if node.resource_type == "test"]
    ours = {node.name: node.config.severity for node in nodes if node.fqn[0] == "exactly_once"}
    loud = {name for name in ours if name.startswith("warn_") and ours[name] != "warn"}
    assert loud == {"warn_duplicate_rate_is_usual"}
    assert {ours[name].lower() for name in ours if not name.startswith("warn_")} == {"error"}
    (source,) = (node for node in manifest.sources.values() if node.fqn[0] == "exactly_once")
    assert (source.freshness.warn_after.count, source.freshness.error_after.count) == (1, 6)


def test_selectors_of_the_project_are_those_of_the_package() -> None:
    """As docs/adopt.md has it: dbt takes none from a package."""
    assert (COMPANY / "selectors.yml").read_text() == (ROOT / "selectors.yml").read_text()


def test_a_seed_that_is_in_both_projects_is_refused(ledgerworks: Ledgerworks) -> None:
    config = ledgerworks.project.folder / "dbt_project.yml"
    settings = yaml.safe_load(config.read_text())
    del settings["seeds"]["exactly_once"]
    config.write_text(yaml.safe_dump(settings))
    with pytest.raises(DbtError, match="one in exactly_once and one in ledgerworks"):
        ledgerworks.dbt("run", "--select", "tag:exactly_once_staging")


@pytest.mark.slow
def test_the_project_runs_on_snowflake(tmp_path: Path) -> None:
    """With a source in another database, and dispatch as documented."""
    source = "landing.ledger.entries"
    project = Company(tmp_path, SNOWFLAKE_PROFILE.replace("exactly_once:", "ledgerworks:", 1))
    config = project.folder / "dbt_project.yml"
    settings = yaml.safe_load(config.read_text())
    page = blocks(ROOT / "docs" / "snowflake.md", "yaml")
    documented = next(block for block in page if block.startswith("dispatch:"))
    settings |= yaml.safe_load(documented.replace("your_project", "ledgerworks"))
    config.write_text(yaml.safe_dump(settings))
    with running_simulator(roles=["TRANSFORMER"]) as simulator:
        environment = {"EXACTLY_ONCE_TEST_PORT": str(simulator.port)}

        def dbt(*arguments: str, **variables: Any) -> None:
            project.invoke(
                *arguments, environment=environment, given=json.dumps(variables), fresh=False
            )

        with simulator.connect(database="ANALYTICS") as connection:
            cursor = connection.cursor()
            cursor.execute("create database landing")
            # written without quotes: the names of a source may not need them on Snowflake
            cursor.execute("create schema landing.ledger")
            cursor.execute(f"create table {source} ({COLUMNS.format(time='timestamp_tz')})")
            marks = ", ".join(["%s"] * 8)
            for entry in entries():
                cursor.execute(f"insert into {source} values ({marks})", entry)
            for grant in (
                "usage on database landing",
                "usage on schema landing.ledger",
                f"select on table {source}",
            ):
                cursor.execute(f"grant {grant} to role transformer")
            cursor.execute("grant usage on database analytics to role transformer")
            with pytest.raises(DbtError, match="found no CREATE SCHEMA"):
                dbt("build", "--select", "tag:exactly_once_staging")
            cursor.execute(
                "grant ownership on database analytics to role transformer copy current grants"
            )
            dbt("build", "--selector", "fifteen_minute")
            cursor.execute(f"select sum(captured_cents) from analytics.{MARTS}.orders")
            assert cursor.fetchall() == [(Decimal(3150),)]
            cursor.execute(
                f"select shop, entry_count from analytics.{MARTS}.shop_hours order by shop"
            )
            assert cursor.fetchall() == [(str(shop), 60) for shop in range(5)]
            # the models that dbt runs in one session are tagged, or not, by whom they belong to
            dbt("test", "--select", "payments", "shop_hours")
            theirs: list[Statement] = []
            ours: list[Statement] = []
            for one in simulator.history():
                (theirs if ".ledgerworks." in one.text else ours).append(one)
            built = [one for one in theirs if one.query_type.startswith(("CREATE_", "MERGE"))]
            assert any("shop_hours" in one.text for one in built)
            assert not any(map(tag_of, built))
            assert not without(ours, "step", "invocation_id")
            assert "unique_payments_payment_id" in {tag_of(one).get("step") for one in ours}
            # what this package needs of a session it asks of no run in which it has no part
            cursor.execute("alter account set timestamp_input_format = 'DD/MM/YYYY HH24:MI:SS'")
            dbt("run", "--select", "daily_volume")
            with pytest.raises(DbtError, match="TIMESTAMP_INPUT_FORMAT of user"):
                dbt("run", "--select", "shop_hours")
