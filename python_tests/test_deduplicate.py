"""The macro deduplicate, in a project that has none of the package's models, seeds and vars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from python_tests import oracle
from python_tests.snowflake_simulator import running_simulator
from python_tests.test_docs import blocks
from python_tests.test_generic_tests import SWITCHED_OFF, Shop, SnowflakeShop, in_order
from python_tests.warehouse import ROOT, DbtError

NOON = datetime(2026, 3, 1, 12)
SECOND = timedelta(seconds=1)
COLUMNS = (
    'order_ref varchar, "Kind" varchar, ccy varchar, minor_units decimal(18, 2), '
    '"loaded at" timestamp, seq integer, share double'
)
NAMES = ("order_ref", "Kind", "ccy", "minor_units", "loaded at", "seq", "share")
Row = dict[str, Any]


@dataclass
class Case:
    """The arguments of a call, and what they mean."""

    arguments: str
    key: Callable[[Row], tuple[Any, ...]]
    order: Callable[[Row], tuple[Any, ...]]
    nulls_match: bool = False
    is_read: Callable[[Row], bool] = lambda row: True

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        """What stays of rows, by plain Python."""
        stay: list[Row] = []
        copies: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for row in filter(self.is_read, rows):
            key = self.key(row)
            if None in key and not self.nulls_match:
                stay.append(row)
            else:
                copies[key].append(row)
        return stay + [
            min(group, key=lambda row: (self.order(row), row_hash(row)))
            for group in copies.values()
        ]


def row_hash(row: Row) -> str:
    """The oracle knows no floating point, which the key of an event can't hold."""
    return oracle.row_hash(row | {"share": None if row["share"] is None else str(row["share"])})


def nulls_last(value: Any, descends: bool = False) -> tuple[bool, float]:
    """A place in an order for a number or a time."""
    if value is None:
        return True, 0
    number = (value - NOON).total_seconds() if isinstance(value, datetime) else float(value)
    return False, -number if descends else number


def is_late_or_first(row: Row) -> bool:
    loaded = row["loaded at"]
    return (loaded is not None and loaded >= NOON + SECOND) or row["seq"] == 1


def as_loaded(row: Row) -> tuple[Any, ...]:
    return nulls_last(row["loaded at"])


CASES = {
    "first": Case(
        "key=['order_ref', 'kind'], order_by='loaded at'",
        lambda row: (row["order_ref"], row["Kind"]),
        as_loaded,
    ),
    "latest": Case(
        "key='ORDER_REF', order_by=['\"loaded at\" DESC', 'seq asc']",
        lambda row: (row["order_ref"],),
        lambda row: (nulls_last(row["loaded at"], descends=True), nulls_last(row["seq"])),
    ),
    "spelled_otherwise": Case(
        "key=['minor_units', {'name': 'ccy', 'normalize': ['trim', 'upper']}], order_by=['seq']",
        lambda row: (row["minor_units"], row["ccy"] and row["ccy"].strip(" ").upper()),
        lambda row: nulls_last(row["seq"]),
    ),
    "null_is_like_null": Case(
        "key=['order_ref', 'Kind', 'minor_units'], order_by=['loaded at'], nulls='match'",
        lambda row: (row["order_ref"], row["Kind"], row["minor_units"]),
        as_loaded,
        nulls_match=True,
    ),
    "in_part": Case(
        "key=['order_ref'], order_by=['loaded at'], "
        "predicate='\"loaded at\" >= timestamp \\'2026-03-01 12:00:01\\' or seq = 1'",
        lambda row: (row["order_ref"],),
        as_loaded,
        is_read=is_late_or_first,
    ),
}
REFUSED = {
    "no_such_key": (
        "key='nope', order_by='seq'",
        "argument key of the macro deduplicate on {}: found nope, which is none of its columns; "
        "accepted: order_ref, Kind, ccy, minor_units, loaded at, seq, share. ",
    ),
    "no_key": ("key=[], order_by='seq'", "argument key of the macro deduplicate on {}: found []"),
    "key_in_floating_point": (
        "key=['seq', 'share'], order_by='loaded at'",
        "argument key of the macro deduplicate on {}: found share of type DOUBLE; accepted: "
        "columns whose equal values are always written alike. ",
    ),
    "no_such_order": (
        "key='seq', order_by='loaded_at desc'",
        "argument order_by of the macro deduplicate on {}: found loaded_at, which is none of its "
        "columns; accepted: ",
    ),
    "no_order": (
        "key='seq', order_by=[]",
        "argument order_by of the macro deduplicate on {}: found [], which is the same in all",
    ),
    "order_by_the_key": (
        "key=['seq', 'Kind'], order_by=['kind', 'seq desc']",
        "argument order_by of the macro deduplicate on {}: found ['kind', 'seq desc'], which is "
        "the same in all rows of a key; accepted: columns that tell its rows apart. Name what says "
        "which row came first, such as the time at which it was loaded.",
    ),
    "other_nulls": (
        "key='seq', order_by='loaded at', nulls='drop'",
        "argument nulls of the macro deduplicate on {}: found drop; accepted: keep or match. ",
    ),
}
SCHEMA = "{{ config(schema='once') }}\n"
# the name that a step of ours had is the caller's
OF_A_CTE = """
{% set columns = [
    {'name': 'order_ref', 'type': 'varchar'}, {'name': 'loaded_at', 'type': 'timestamp'}
] %}
with hashed as (
    select order_ref, "loaded at" as loaded_at from {{ source('shop', 'orders') }}
),

once as (
    {{ exactly_once.deduplicate('hashed', key='order_ref', order_by='loaded_at', columns=columns) }}
)

select * from once
"""


def add_models(shop: Shop) -> None:
    """A view for each case."""
    models = shop.folder / "models"
    (models / "shop.yml").write_text("sources: [{name: shop, tables: [{name: orders}]}]")
    for name, case in CASES.items():
        (models / f"{name}.sql").write_text(
            SCHEMA
            + "{{ exactly_once.deduplicate(source('shop', 'orders'), "
            + case.arguments
            + ") }}"
        )
    (models / "of_a_cte.sql").write_text(SCHEMA + OF_A_CTE)
    shop.execute("create schema shop", f"create table shop.orders ({COLUMNS})")


def run(shop: Shop, *selected: str) -> None:
    options = ("--select", *selected) if selected else ()
    shop.invoke("run", *options, environment=shop.environment, given="{}", fresh=True)


def write(shop: Shop, rows: Sequence[Row]) -> None:
    """These rows and no others."""
    written = ", ".join(
        "(" + ", ".join(_literal(row[name]) for name in NAMES) + ")" for row in rows
    )
    statements = [f"insert into shop.orders values {written}"] if rows else []
    shop.execute("delete from shop.orders", *statements)


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    return str(value) if isinstance(value, int | float | Decimal) else f"'{value}'"


def assert_each_case_holds(shop: Shop, rows: Sequence[Row]) -> None:
    write(shop, rows)
    found = shop.query(
        " union all ".join(
            f"select '{name}' as name, kept.* from main_once.{name} as kept" for name in CASES
        )
    )
    for name, case in CASES.items():
        kept = [row[1:] for row in found if row[0] == name]
        assert in_order(kept) == in_order(
            [tuple(row[one] for one in NAMES) for row in case.rows(rows)]
        ), name


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """On DuckDB, with the views built."""
    made = Shop(tmp_path_factory.mktemp("shop"), {})
    add_models(made)
    run(made)
    return made


def copies_of_orders() -> st.SearchStrategy[list[Row]]:
    """Few values of each column, so that keys meet, orders tie, and whole rows are repeated."""
    return st.lists(
        st.fixed_dictionaries(
            {
                "order_ref": st.sampled_from(["o1", "o2", None]),
                "Kind": st.sampled_from(["SALE", None]),
                "ccy": st.sampled_from(["EUR", " eur", None]),
                "minor_units": st.sampled_from([Decimal("10.50"), Decimal("3.00"), None]),
                "loaded at": st.sampled_from([NOON, NOON + SECOND, None]),
                "seq": st.sampled_from([1, 2, None]),
                "share": st.sampled_from([0.5, None]),
            }
        ),
        max_size=14,
    )


@settings(max_examples=40)
@given(rows=copies_of_orders())
def test_one_row_of_each_key_stays_and_it_is_the_first(shop: Shop, rows: list[Row]) -> None:
    assert_each_case_holds(shop, rows)


GOLDEN = [
    # of o1 and SALE the first to arrive; what arrived at no time comes last
    dict(zip(NAMES, row, strict=True))
    for row in [
        ("o1", "SALE", "EUR", Decimal("10.50"), NOON + SECOND, 1, None),
        ("o1", "SALE", " eur", Decimal("10.50"), NOON, 2, 0.5),
        ("o1", "SALE", "EUR", Decimal("10.50"), None, 1, 0.5),
        # they tie, and one of them is there twice
        ("o2", "SALE", "EUR", Decimal("3.00"), NOON, 1, 0.5),
        ("o2", "SALE", "EUR", Decimal("4.00"), NOON, 1, 0.5),
        ("o2", "SALE", "EUR", Decimal("4.00"), NOON, 1, 0.5),
        # nobody can say whether these are one
        ("o3", None, "EUR", Decimal("3.00"), NOON, 1, None),
        ("o3", None, "EUR", Decimal("3.00"), NOON, 1, None),
        (None, None, None, None, None, None, None),
    ]
]


def test_golden_rows(shop: Shop) -> None:
    assert_each_case_holds(shop, GOLDEN)
    first = [row for row in shop.query("select * from main_once.first") if row[0] == "o1"]
    assert first == [("o1", "SALE", " eur", Decimal("10.50"), NOON, 2, 0.5)]
    assert len(shop.query("select * from main_once.first where order_ref = 'o3'")) == 2
    assert len(shop.query("select * from main_once.null_is_like_null where order_ref = 'o3'")) == 1
    assert in_order(shop.query("select * from main_once.of_a_cte")) == in_order(
        [("o1", NOON), ("o2", NOON), ("o3", NOON), (None, None)]
    )


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_meant_is_refused(shop: Shop, name: str) -> None:
    arguments, message = REFUSED[name]
    model = shop.folder / "models" / "refused.sql"
    model.write_text("{{ exactly_once.deduplicate(source('shop', 'orders'), " + arguments + ") }}")
    with pytest.raises(DbtError) as caught:
        run(shop, "refused")
    said = " ".join(str(caught.value).split())
    assert "[exactly_once] " + message.format('"warehouse"."shop"."orders"') in said


@pytest.fixture
def snowflake_shop(tmp_path: Path) -> Iterator[SnowflakeShop]:
    """The same on the simulator."""
    with running_simulator(roles=["TRANSFORMER"]) as simulator:
        made = SnowflakeShop(tmp_path, {}, simulator)
        with closing(made.connection):
            add_models(made)
            yield made


def test_the_same_rows_stay_on_snowflake(snowflake_shop: SnowflakeShop) -> None:
    run(snowflake_shop)
    assert_each_case_holds(snowflake_shop, GOLDEN)
    assert len(snowflake_shop.query("select * from main_once.of_a_cte")) == 4


def test_the_queries_of_the_faq_run_where_the_rest_is_off(tmp_path: Path) -> None:
    """As a reader would copy them, each into a model of his own."""
    faq = Shop(tmp_path, {})
    models = faq.folder / "models"
    (models / "landing.yml").write_text(
        "sources: [{name: landing, schema: landing, tables: [{name: orders}]}]"
    )
    once, identified = blocks(ROOT / "docs" / "faq.md", "jinja")
    switched_off = yaml.safe_load(next(iter(blocks(ROOT / "docs" / "faq.md", "yaml"))))
    project_file = faq.folder / "dbt_project.yml"
    project = yaml.safe_load(project_file.read_text("utf-8"))
    kept = {name: value for name, value in project.items() if name not in SWITCHED_OFF}
    project_file.write_text(yaml.safe_dump(kept | switched_off), "utf-8")
    (models / "once.sql").write_text(once)
    (models / "identified.sql").write_text(identified)
    faq.execute(
        "create schema landing",
        "create table landing.orders (order_ref varchar, kind varchar, minor_units bigint, "
        "loaded_at timestamp)",
        f"insert into landing.orders values ('o1', 'SALE', 1, '{NOON + SECOND}'), "
        f"(' O1', 'SALE', 1, '{NOON}'), ('o1', 'SALE', 2, '{NOON}'), ('o1', 'REFUND', 1, '{NOON}')",
    )
    run(faq)
    assert faq.query("select * from main.once order by kind, order_ref") == [
        ("o1", "REFUND", 1, NOON),
        (" O1", "SALE", 1, NOON),
        ("o1", "SALE", 2, NOON),
    ]
    found = faq.query(
        "select minor_units, count(*), count(distinct event_fingerprint) "
        "from main.identified group by minor_units order by minor_units"
    )
    assert found == [(1, 3, 1), (2, 1, 1)]
    assert faq.query("select count(distinct event_fingerprint) from main.identified") == [(2,)]
    # a source of the package would be one that is not there
    faq.invoke("source", "freshness", environment=faq.environment, given="{}", fresh=True)
