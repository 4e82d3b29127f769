"""The generic tests of tests/generic/, in a project that installs the package for nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from python_tests.snowflake_simulator import running_simulator
from python_tests.snowflake_warehouse import PROFILE as SNOWFLAKE_PROFILE
from python_tests.warehouse import PROFILE, ROOT, DbtError, Project, install_packages

NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
SWITCHED_OFF = ("models", "seeds", "snapshots", "sources")


def hours_ago(hours: float, zone: str = "") -> str:
    """A time as a literal."""
    return f"'{NOW - timedelta(hours=hours)}{zone}'"


@dataclass
class Case:
    """A generic test on a table, and what comes of it: failing rows, or the text of a refusal."""

    test: str
    columns: str
    rows: str
    arguments: Mapping[str, Any]
    failing: Sequence[tuple[Any, ...]] = ()
    refused: str = ""
    other: tuple[str, str] | None = None  # columns and rows of <name>_other
    third: tuple[str, str] | None = None  # of <name>_third
    where: str | None = None
    column: str | None = None  # the test stands under this column


OTHER = "source('shop', '{}_other')"
THIRD = "source('shop', '{}_third')"
ONCE, CONSERVES, RECONCILES, FUTURE = (
    "exactly_once",
    "conserves_rows",
    "reconciles_to",
    "no_future_timestamps",
)
KEYED = "id integer, ref varchar"
TIMED = "id integer, happened timestamp"
ZONED = "id integer, happened timestamptz"
SUMMED = "shop varchar, cents integer"
ZONED_ROWS = ", ".join(
    f"({key}, {hours_ago(age, '+00')})" for key, age in [(1, 2), (1, 2), (2, 1), (3, 4), (3, 4)]
)
IN_TWO_HOURS = {"key": "id", "time_column": "happened", "lookback_hours": 2}
BY_SHOP = {"to": OTHER, "measure": "cents", "by": ["shop"]}
TOTAL = {"to": OTHER, "measure": "cents"}

CASES = {
    "once": Case(ONCE, KEYED, "(1, 'a'), (1, 'b'), (2, 'a')", {"key": ["id", "ref"]}),
    "twice": Case(
        *(ONCE, KEYED, "(1, 'a'), (1, 'b'), (2, 'a'), (1, 'a'), (1, 'a')"),
        *({"key": ["id", "ref"]}, [(1, "a", 3)]),
    ),
    "one_column": Case(ONCE, KEYED, "(1, 'a'), (1, 'b'), (2, 'a')", {"key": "id"}, [(1, 2)]),
    "under_a_column": Case(ONCE, KEYED, "(1, 'a'), (1, 'b')", {}, [(1, 2)], column="id"),
    "null_key": Case(
        *(ONCE, KEYED, "(1, null), (1, null), (null, 'a'), (null, 'a'), (null, null)"),
        {"key": ["id", "ref"]},
    ),
    "empty": Case(ONCE, TIMED, "", IN_TWO_HOURS),
    "mixed_case": Case(
        *(ONCE, '"Id" integer, "occurred at" varchar', "(1, 'a'), (1, 'a'), (2, 'a')"),
        *({"key": ["Id", "occurred at"]}, [(1, "a", 2)]),
    ),
    "quoted": Case(
        *(ONCE, '"Id" integer', "(1), (1)", {"key": '"Id"'}, [(1, 2)]),
    ),
    "filtered": Case(
        ONCE, KEYED, "(1, 'a'), (1, 'a'), (2, 'b')", {"key": "id"}, where="ref <> 'a'"
    ),
    "inside_lookback": Case(
        *(ONCE, TIMED, f"(1, {hours_ago(5)}), (1, {hours_ago(6)}), (2, {hours_ago(4.5)})"),
        *(IN_TWO_HOURS, [(1, 2)]),
    ),
    "outside_lookback": Case(
        *(ONCE, TIMED, f"(1, {hours_ago(5)}), (1, {hours_ago(5)}), (2, {hours_ago(1)})"),
        IN_TWO_HOURS,
    ),
    "lookback_with_zone": Case(ONCE, ZONED, ZONED_ROWS, IN_TWO_HOURS, [(1, 2)]),
    "lookback_by_day": Case(
        ONCE,
        "id integer, happened date",
        f"(1, '{(NOW - timedelta(days=9)).date()}'), (1, '{(NOW - timedelta(days=9)).date()}'), "
        f"(2, '{NOW.date()}'), (2, '{NOW.date()}')",
        {"key": "id", "time_column": "happened", "lookback_hours": 24},
        [(2, 2)],
    ),
    # a stamp from the future doesn't move the lookback on, and its copies are judged
    "future_stamp": Case(
        ONCE,
        TIMED,
        f"(1, {hours_ago(5)}), (1, {hours_ago(5)}), (2, '2099-01-01'), (2, '2099-01-01'), "
        f"(3, {hours_ago(9)}), (3, {hours_ago(9)})",
        IN_TWO_HOURS,
        [(1, 2), (2, 2)],
    ),
    "no_time": Case(
        *(ONCE, TIMED, f"(1, null), (1, null), (2, {hours_ago(1)})", IN_TWO_HOURS, [(1, 2)]),
    ),
    "no_such_key": Case(
        *(ONCE, KEYED, "(1, 'a')", {"key": ["id", "nope"]}),
        refused="argument key of the test exactly_once on {table}: found nope, which is none of "
        "its columns; accepted: id, ref. Correct the name of the column.",
    ),
    "no_key": Case(
        *(ONCE, KEYED, "(1, 'a')", {"key": []}),
        refused="argument key of the test exactly_once on {table}: found no column; accepted: a "
        "column, or a list of columns. Name the columns of the key.",
    ),
    "key_not_given": Case(
        *(ONCE, KEYED, "(1, 'a')", {}),
        refused="argument key of the test exactly_once on {table}: found None; accepted: the name "
        "of a column, or a list of names. Name the columns.",
    ),
    "key_of_numbers": Case(
        *(ONCE, KEYED, "(1, 'a')", {"key": [1]}),
        refused="argument key of the test exactly_once on {table}: found 1; accepted: the name of "
        "a column: id, ref. Name a column.",
    ),
    "key_twice": Case(
        *(ONCE, KEYED, "(1, 'a')", {"key": ["id", "ID"]}),
        refused="argument key of the test exactly_once on {table}: found ID twice; accepted: each "
        "column once. Leave one of them out.",
    ),
    "quoted_otherwise": Case(
        *(ONCE, '"Id" integer', "(1)", {"key": ['"id"']}),
        refused='argument key of the test exactly_once on {table}: found "id", which is none of '
        "its columns; accepted: Id. Correct the name of the column.",
    ),
    "lookback_alone": Case(
        *(ONCE, TIMED, "", {"key": "id", "lookback_hours": 2}),
        refused="argument lookback_hours of the test exactly_once on {table}: found time_column "
        "None with lookback_hours 2; accepted: both of them, or neither. Give the other one too.",
    ),
    "lookback_negative": Case(
        *(ONCE, TIMED, "", IN_TWO_HOURS | {"lookback_hours": -1}),
        refused="argument lookback_hours of the test exactly_once on {table}: found -1; accepted: "
        "a number of hours above 0 to 876000. Correct the number.",
    ),
    "lookback_zero": Case(
        *(ONCE, TIMED, "", IN_TWO_HOURS | {"lookback_hours": 0}),
        refused="argument lookback_hours of the test exactly_once on {table}: found 0; accepted: "
        "a number of hours above 0 to 876000. Correct the number.",
    ),
    "lookback_true": Case(
        *(ONCE, TIMED, "", IN_TWO_HOURS | {"lookback_hours": True}),
        refused="argument lookback_hours of the test exactly_once on {table}: found True; "
        "accepted: a number of hours above 0 to 876000. Correct the number.",
    ),
    "lookback_endless": Case(
        *(ONCE, TIMED, "", IN_TWO_HOURS | {"lookback_hours": float("inf")}),
        refused="argument lookback_hours of the test exactly_once on {table}: found inf; "
        "accepted: a number of hours above 0 to 876000. Correct the number.",
    ),
    "time_of_no_type": Case(
        *(ONCE, TIMED, "", IN_TWO_HOURS | {"time_column": "id"}),
        refused="argument time_column of the test exactly_once on {table}: found id of type "
        "INTEGER; accepted: a column whose type is one of: timestamp, timestamp_tz, date. Name "
        "another column, or test a view that casts it.",
    ),
    "not_there": Case(
        *(ONCE, "", "", {"key": "id"}),
        refused="argument model of the test exactly_once on {table}: found no relation {table}; "
        "accepted: a table or view in the warehouse that this user can read. Build or load it "
        "first, or correct its name.",
    ),
    "conserved": Case(
        *(CONSERVES, KEYED, "(1, 'a'), (2, 'b')", {"source": OTHER, "removed": THIRD}),
        other=(KEYED, "(1, 'a'), (1, 'a'), (2, 'b')"),
        third=(KEYED, "(1, 'a')"),
    ),
    "lost": Case(
        *(CONSERVES, KEYED, "(1, 'a')", {"source": OTHER, "removed": THIRD}, [(1, 1, 3)]),
        other=(KEYED, "(1, 'a'), (1, 'a'), (2, 'b')"),
        third=(KEYED, "(1, 'a')"),
    ),
    "conserved_without_removal": Case(
        *(CONSERVES, KEYED, "(1, 'a')", {"source": OTHER}), other=(KEYED, "(9, 'a')")
    ),
    "multiplied": Case(
        *(CONSERVES, KEYED, "(1, 'a'), (1, 'a')", {"source": OTHER}, [(2, 0, 1)]),
        other=(KEYED, "(1, 'a')"),
    ),
    "conserved_nothing": Case(CONSERVES, KEYED, "", {"source": OTHER}, other=(KEYED, "")),
    "conserved_in_part": Case(
        CONSERVES,
        KEYED,
        "(1, 'a'), (9, 'z')",
        {
            "source": OTHER,
            "removed": THIRD,
            "source_where": "ref <> 'z'",
            "removed_where": "id = 1",
        },
        other=(KEYED, "(1, 'a'), (1, 'a'), (9, 'z')"),
        third=(KEYED, "(1, 'a'), (9, 'z')"),
        where="ref <> 'z'",
    ),
    "conserves_no_relation": Case(
        *(CONSERVES, KEYED, "(1, 'a')", {"source": OTHER}),
        refused="argument source of the test conserves_rows on {table}: found no relation {other}; "
        "accepted: a table or view in the warehouse that this user can read. Build or load it "
        "first, or correct its name.",
    ),
    "removed_as_text": Case(
        *(CONSERVES, KEYED, "(1, 'a')", {"source": OTHER, "removed": "shop.bin"}),
        other=(KEYED, "(1, 'a')"),
        refused="argument removed of the test conserves_rows on {table}: found shop.bin; accepted: "
        "ref('..') or source('..', '..'). Name the relation in one of these ways.",
    ),
    "where_without_removed": Case(
        *(CONSERVES, KEYED, "(1, 'a')", {"source": OTHER, "removed_where": "id = 1"}),
        other=(KEYED, "(1, 'a')"),
        refused="argument removed_where of the test conserves_rows on {table}: found id = 1 "
        "without removed; accepted: a condition on the relation removed. Give removed too, or "
        "leave removed_where out.",
    ),
    "reconciled": Case(
        *(RECONCILES, SUMMED, "('a', 2), ('a', 3), (null, 7)", BY_SHOP),
        other=(SUMMED, "(null, 3), (null, 4), ('a', 5)"),
    ),
    "off_by_a_cent": Case(
        *(RECONCILES, SUMMED, "('a', 2), (null, 7), ('b', 1)", BY_SHOP),
        failing=[("a", 2, 3, -1), (None, 7, 6, 1)],
        other=(SUMMED, "('a', 3), (null, 6), ('b', 1)"),
    ),
    "on_one_side_only": Case(
        *(RECONCILES, SUMMED, "('a', 0), ('b', 1)", BY_SHOP),
        failing=[("a", 0, None, 0), ("c", None, 4, -4), ("d", None, 0, 0)],
        other=(SUMMED, "('b', 1), ('c', 4), ('d', 0)"),
    ),
    "other_names": Case(
        RECONCILES,
        '"Shop" varchar, "Day" integer, amount decimal(18, 2)',
        "('a', 1, 0.10), ('a', 1, 0.20), ('b', 1, 1.00)",
        {"to": OTHER, "measure": "amount", "to_measure": "total", "by": ["Shop", "day"]},
        [("b", 1, 1, 2, -1)],
        other=("shop varchar, day integer, total double", "('a', 1, 0.3), ('b', 1, 2)"),
    ),
    "half_a_cent_off": Case(
        RECONCILES,
        "amount double",
        "(0.10), (0.20)",
        {"to": OTHER, "measure": "amount"},
        [(0.3, 0.31, -0.01)],
        other=("amount decimal(18, 2)", "(0.31)"),
    ),
    "huge_sums": Case(
        RECONCILES,
        "cents bigint",
        "(9007199254740993), (9007199254740993)",
        TOTAL,
        [(18014398509481986, 18014398509481985, 1)],
        other=("cents decimal(20, 0)", "(18014398509481985)"),
    ),
    "empty_sums": Case(RECONCILES, SUMMED, "", TOTAL, other=(SUMMED, "")),
    "empty_groups": Case(RECONCILES, SUMMED, "", BY_SHOP, other=(SUMMED, "")),
    "null_measures": Case(
        *(RECONCILES, SUMMED, "('a', null)", BY_SHOP), other=(SUMMED, "('a', 0)")
    ),
    "total_of_nothing": Case(
        *(RECONCILES, SUMMED, "", TOTAL, [(0, 5, -5)]), other=(SUMMED, "('a', 5)")
    ),
    "no_such_measure": Case(
        *(RECONCILES, SUMMED, "('a', 1)", TOTAL),
        other=("shop varchar, total integer", "('a', 1)"),
        refused="argument to_measure of the test reconciles_to on {table}: found cents, which is "
        "none of its columns; accepted: shop, total. Correct the name of the column.",
    ),
    "no_such_group": Case(
        *(RECONCILES, SUMMED, "('a', 1)", BY_SHOP),
        other=("cents integer", "(1)"),
        refused="argument by of the test reconciles_to on {table}, in {other}: found shop, which "
        "is none of its columns; accepted: cents. Correct the name of the column.",
    ),
    "measure_of_text": Case(
        *(RECONCILES, SUMMED, "('a', 1)", TOTAL | {"measure": "shop"}),
        other=(SUMMED, "('a', 1)"),
        refused="argument measure of the test reconciles_to on {table}: found shop of type "
        "CHARACTER VARYING(256); accepted: a column whose type is one of: integer, decimal, "
        "float. Name another column, or test a view that casts it.",
    ),
    "reconciles_to_no_relation": Case(
        *(RECONCILES, SUMMED, "('a', 1)", TOTAL),
        refused="argument to of the test reconciles_to on {table}: found no relation {other}; "
        "accepted: a table or view in the warehouse that this user can read. Build or load it "
        "first, or correct its name.",
    ),
    "past": Case(
        FUTURE,
        TIMED,
        f"(1, {hours_ago(0)}), (2, {hours_ago(-23)}), (3, null)",
        {"column": "happened"},
    ),
    "future": Case(
        *(FUTURE, TIMED, f"(1, {hours_ago(-25)}), (2, {hours_ago(-25)}), (3, {hours_ago(1)})"),
        *({"column": "HAPPENED"}, [(NOW + timedelta(hours=25),)] * 2),
    ),
    "no_grace": Case(
        *(FUTURE, '"At" timestamp', f"({hours_ago(-1)}), ({hours_ago(1)})"),
        *({"grace_hours": 0}, [(NOW + timedelta(hours=1),)]),
        column="At",
    ),
    "future_day": Case(
        FUTURE,
        "happened date",
        f"('{NOW.date()}'), ('{(NOW + timedelta(days=3)).date()}')",
        {"column": "happened"},
        [((NOW + timedelta(days=3)).date(),)],
    ),
    "future_of_nothing": Case(FUTURE, TIMED, "", {"column": "happened"}),
    "grace_negative": Case(
        *(FUTURE, TIMED, "", {"column": "happened", "grace_hours": -1}),
        refused="argument grace_hours of the test no_future_timestamps on {table}: found -1; "
        "accepted: a number of hours from 0 to 876000. Correct the number.",
    ),
    "grace_as_text": Case(
        *(FUTURE, TIMED, "", {"column": "happened", "grace_hours": "a day"}),
        refused="argument grace_hours of the test no_future_timestamps on {table}: found a day; "
        "accepted: a number of hours from 0 to 876000. Correct the number.",
    ),
    "future_of_text": Case(
        *(FUTURE, KEYED, "", {"column": "id"}),
        refused="argument column of the test no_future_timestamps on {table}: found id of type "
        "INTEGER; accepted: a column whose type is one of: timestamp, timestamp_tz, date. Name "
        "another column, or test a view that casts it.",
    ),
}

# Of each test a table that passes, one that fails, and a refusal
ON_SNOWFLAKE = (
    *("once", "twice", "mixed_case", "quoted", "filtered", "lookback_with_zone"),
    *("lookback_by_day", "future_stamp", "no_such_key", "not_there"),
    *("conserved", "lost", "conserved_in_part", "removed_as_text"),
    *("reconciled", "off_by_a_cent", "on_one_side_only", "other_names", "huge_sums", "empty_sums"),
    *("past", "future", "future_day", "no_grace", "grace_negative"),
)


@dataclass
class Outcome:
    """What dbt says of one test, and the rows that it stored as failing."""

    status: str
    message: str
    rows: list[tuple[Any, ...]]


def write_project(folder: Path, cases: Mapping[str, Case]) -> None:
    """A project with a source for each table, a model on one of them, and the package."""
    tables: dict[str, dict[str, Any]] = {}
    for name, case in cases.items():
        arguments = {
            argument: value.replace("{}", name) if isinstance(value, str) else value
            for argument, value in case.arguments.items()
        }
        config = {"where": case.where} if case.where else {}
        test = {"name": name, "arguments": arguments, "config": config}
        entry: dict[str, Any] = {"name": name}
        tests = [{f"exactly_once.{case.test}": test}]
        if case.column:
            entry["columns"] = [{"name": case.column, "quote": True, "data_tests": tests}]
        else:
            entry["data_tests"] = tests
        tables[name] = entry
        for other in (f"{name}_other", f"{name}_third"):
            tables[other] = {"name": other}
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "shop.yml").write_text(
        yaml.safe_dump({"sources": [{"name": "shop", "tables": list(tables.values())}]})
    )
    project = {
        "name": "shop",
        "version": "1.0.0",
        "profile": "shop",
        "flags": {"require_ref_searches_node_package_before_root": True},
        # as in docs/tests.md: the tests alone
        **{kind: {"exactly_once": {"+enabled": False}} for kind in SWITCHED_OFF},
        "data_tests": {"shop": {"+store_failures": True, "+schema": "failures"}},
    }
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
    install_packages(folder)
    (folder / "packages.yml").write_text(yaml.safe_dump({"packages": [{"local": str(ROOT)}]}))


class Shop(Project):
    """The project of an adopter, on DuckDB."""

    profile = PROFILE.replace("exactly_once:", "shop:", 1)

    def __init__(self, work: Path, cases: Mapping[str, Case]) -> None:
        write_project(work / "project", cases)
        super().__init__(work / "project", work)
        self.path = work / "warehouse.duckdb"
        self.environment = {
            "EXACTLY_ONCE_DUCKDB_PATH": str(self.path),
            "EXACTLY_ONCE_TEST_TIME_ZONE": "America/New_York",
        }

    def outcomes(self, *selected: str) -> dict[str, Outcome]:
        """Run the tests; what each says."""
        options = ("--select", *selected) if selected else ()
        arguments = ("test", *options)
        try:
            results = self.invoke(
                *arguments, environment=self.environment, given="{}", fresh=False
            ).results
        except DbtError as error:
            if not error.results:
                raise
            results = error.results
        found = {}
        for result in results:
            failed = str(result.status) == "fail"
            rows = self.query(f"select * from main_failures.{result.node.alias}") if failed else []
            found[result.node.name] = Outcome(str(result.status), str(result.message), rows)
        return found

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with duckdb.connect(str(self.path), read_only=True) as warehouse:
            return warehouse.execute(sql).fetchall()

    def execute(self, *statements: str) -> None:
        """Run statements outside dbt."""
        with duckdb.connect(str(self.path)) as warehouse:
            for statement in statements:
                warehouse.execute(statement)


class SnowflakeShop(Shop):
    """The same on the simulator."""

    profile = SNOWFLAKE_PROFILE.replace("exactly_once:", "shop:", 1)

    def __init__(self, work: Path, cases: Mapping[str, Case], simulator: Any) -> None:
        super().__init__(work, cases)
        self.environment = {"EXACTLY_ONCE_TEST_PORT": str(simulator.port)}
        simulator.account.time_zone = "America/New_York"
        self.connection = simulator.connect(database="ANALYTICS", schema="PUBLIC")
        self.execute(
            "grant ownership on database analytics to role transformer", "use role transformer"
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        cursor = self.connection.cursor()
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()]

    def execute(self, *statements: str) -> None:
        """Run statements outside dbt."""
        for statement in statements:
            self.connection.cursor().execute(statement)


def load(shop: Shop, cases: Mapping[str, Case]) -> None:
    """Make the tables of the cases."""
    statements = ["create schema shop"]
    for name, case in cases.items():
        made = {name: (case.columns, case.rows)}
        made |= {f"{name}_other": case.other} if case.other else {}
        made |= {f"{name}_third": case.third} if case.third else {}
        for table, (columns, rows) in made.items():
            if columns:
                statements.append(f"create table shop.{table} ({columns})")
            if rows:
                statements.append(f"insert into shop.{table} values {rows}")
    shop.execute(*statements)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What each case comes to on DuckDB, all in one run of dbt test."""
    shop = Shop(tmp_path_factory.mktemp("shop"), CASES)
    load(shop, CASES)
    return shop.outcomes()


@pytest.fixture(scope="module")
def outcomes_on_snowflake(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """The same on the simulator."""
    cases = {name: CASES[name] for name in ON_SNOWFLAKE}
    with running_simulator(roles=["TRANSFORMER"]) as simulator:
        shop = SnowflakeShop(tmp_path_factory.mktemp("snowflake_shop"), cases, simulator)
        with closing(shop.connection):
            load(shop, cases)
            return shop.outcomes()


def in_order(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows in an order, NULLs among them; whole decimals as integers, others to six digits."""
    return sorted((tuple(map(_plain, row)) for row in rows), key=repr)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal) and value == int(value):
        return int(value)
    return round(float(value), 6) if isinstance(value, Decimal | float) else value


def check(name: str, outcome: Outcome, table: str) -> None:
    """The outcome is what the case says."""
    case = CASES[name]
    if case.refused:
        expected = case.refused.format(table=table, other=table.replace(name, f"{name}_other"))
        assert outcome.status == "error"
        # Snowflake spells what needs no quotes in capitals
        assert f"[exactly_once] {expected}".upper() in " ".join(outcome.message.split()).upper()
    else:
        assert outcome.status == ("fail" if case.failing else "pass"), outcome.message
        assert in_order(outcome.rows) == in_order(case.failing)


@pytest.mark.parametrize("name", CASES)
def test_a_case_on_duckdb(outcomes: dict[str, Outcome], name: str) -> None:
    check(name, outcomes[name], f'"warehouse"."shop"."{name}"')
    assert len(outcomes) == len(CASES), "a project that uses the tests alone has no others"


@pytest.mark.parametrize("name", ON_SNOWFLAKE)
def test_a_case_on_snowflake(outcomes_on_snowflake: dict[str, Outcome], name: str) -> None:
    check(name, outcomes_on_snowflake[name], f"ANALYTICS.shop.{name}")


PLACES = st.sampled_from([1, 2, None])
AGE = st.sampled_from([-3, 0, 1, 2, 3, 50, None])
EXAMPLES = settings(max_examples=12)
FREE = {
    "any_keys": Case(
        *(ONCE, "a integer, b integer, happened timestamp", ""),
        {"key": ["a", "b"], "time_column": "happened", "lookback_hours": 2},
    ),
    "any_sums": Case(
        *(RECONCILES, "a integer, b integer, cents integer", ""),
        {"to": OTHER, "measure": "cents", "by": ["a", "b"]},
        other=("a integer, b integer, cents integer", ""),
    ),
}


@pytest.fixture(scope="module")
def free_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Tables to be filled at will."""
    shop = Shop(tmp_path_factory.mktemp("free_shop"), FREE)
    load(shop, FREE)
    return shop


def values(rows: Sequence[Sequence[Any]]) -> str:
    """Rows in SQL."""
    return ", ".join(
        "(" + ", ".join("null" if value is None else str(value) for value in row) + ")"
        for row in rows
    )


@EXAMPLES
@given(rows=st.lists(st.tuples(PLACES, PLACES, AGE), max_size=12))
def test_every_key_with_several_rows_in_the_lookback_is_found(
    free_shop: Shop, rows: list[tuple[int | None, int | None, int | None]]
) -> None:
    stamped = [(a, b, None if age is None else hours_ago(age)) for a, b, age in rows]
    free_shop.execute(
        "delete from shop.any_keys",
        *([f"insert into shop.any_keys values {values(stamped)}"] if rows else []),
    )
    past = [age for *_, age in rows if age is not None and age >= 0]
    oldest = min(past) + 2 if past else 99
    judged = Counter(
        (a, b) for a, b, age in rows if None not in (a, b) and (age is None or age <= oldest)
    )
    expected = [(a, b, count) for (a, b), count in judged.items() if count > 1]
    assert in_order(free_shop.outcomes("any_keys")["any_keys"].rows) == in_order(expected)


SUMMANDS = st.lists(st.tuples(PLACES, PLACES, st.sampled_from([-1, 0, 1, 5, None])), max_size=8)


@EXAMPLES
@given(ours=SUMMANDS, theirs=SUMMANDS)
def test_every_group_that_differs_is_found(
    free_shop: Shop, ours: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]
) -> None:
    sums: list[dict[tuple[Any, ...], int]] = []
    for table, rows in (("any_sums", ours), ("any_sums_other", theirs)):
        free_shop.execute(
            f"delete from shop.{table}",
            *([f"insert into shop.{table} values {values(rows)}"] if rows else []),
        )
        found: dict[tuple[Any, ...], int] = defaultdict(int)
        for *group, cents in rows:
            found[tuple(group)] += cents or 0
        sums.append(found)
    one, other = sums
    expected = [
        (*group, one.get(group), other.get(group), one.get(group, 0) - other.get(group, 0))
        for group in one.keys() | other.keys()
        if one.get(group) != other.get(group)
    ]
    assert in_order(free_shop.outcomes("any_sums")["any_sums"].rows) == in_order(expected)


def test_a_model_is_tested_as_a_source_is(tmp_path: Path) -> None:
    shop = Shop(tmp_path, {"orders_raw": CASES["twice"]})
    models = shop.folder / "models"
    (models / "orders.sql").write_text("select * from {{ source('shop', 'orders_raw') }}")
    tests = [
        {"exactly_once.exactly_once": {"name": "model_once", "arguments": {"key": ["id", "ref"]}}},
        {
            "exactly_once.conserves_rows": {
                "name": "model_conserves",
                "arguments": {"source": "source('shop', 'orders_raw')"},
            }
        },
    ]
    (models / "orders.yml").write_text(
        yaml.safe_dump({"models": [{"name": "orders", "data_tests": tests}]})
    )
    load(shop, {"orders_raw": CASES["twice"]})
    shop.invoke("run", environment=shop.environment, given="{}", fresh=False)
    outcomes = shop.outcomes("orders")
    assert {name: outcome.status for name, outcome in outcomes.items()} == {
        "model_once": "fail",
        "model_conserves": "pass",
    }
    assert outcomes["model_once"].rows == [(1, "a", 3)]


def test_the_page_has_every_test() -> None:
    page = (ROOT / "docs" / "tests.md").read_text(encoding="utf-8")
    for test in (ROOT / "tests" / "generic").glob("*.sql"):
        assert f"exactly_once.{test.stem}" in page
