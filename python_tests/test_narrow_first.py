"""Who comes first is told by narrow columns; payloads are ranked only where copies tie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from python_tests import oracle
from python_tests.laws import (
    HOUR,
    NOON,
    contaminate,
    decide_again,
    event,
    give_verdict,
    hard_batches,
    steady_events,
    tied_rows,
)
from python_tests.warehouse import Warehouse

# A row that is not narrow: all of it, what is long in it, or what reads all of it
WIDE = ("payload", "row_hash")
# Places in which copies may tie
RESTRICTING = ("contested", "places_of_deduplicated")


def compiled(warehouse: Warehouse, model: str) -> exp.Query:
    """What dbt would run for a model on this warehouse."""
    without_tests = ("--exclude", "test_type:data", "test_type:unit")
    (found,) = warehouse.dbt("compile", "--select", model, *without_tests).results
    return parsed(found.node.compiled_code)


def parsed(sql: str) -> exp.Query:
    """The tree of a query in DuckDB's dialect."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    assert isinstance(tree, exp.Query)
    return tree


def ranked_wide(tree: exp.Query) -> Iterator[str]:
    """Each select that ranks wide rows which no inner join restricts to contested places."""
    for scope in traverse_scope(tree):
        select = scope.expression
        ranks = any(one.parent_select is select for one in scope.find_all(exp.Window))
        if ranks and _is_wide(scope) and not _is_restricted(scope):
            yield select.sql(dialect="duckdb")


def _is_wide(scope: Scope) -> bool:
    """Whether a select reads wide columns, or all that there are of a table or a wide select."""
    takes_all = any(one.is_star for one in scope.expression.expressions)
    return any(column.name in WIDE for column in scope.columns) or (
        takes_all
        and any(
            not isinstance(source, Scope) or _is_wide(source) for source in scope.sources.values()
        )
    )


def _is_restricted(scope: Scope) -> bool:
    joins = scope.expression.args.get("joins") or []
    return any(one.this.name in RESTRICTING and not one.side for one in joins) or any(
        _is_restricted(source) for source in scope.sources.values() if isinstance(source, Scope)
    )


def rows_of(warehouse: Warehouse, tree: exp.Query, name: str) -> list[dict[str, Any]]:
    """What a CTE of a compiled model holds."""
    inner = exp.select("*").from_(name)
    inner.set("with_", tree.args["with_"].copy())
    return warehouse.query(inner.sql(dialect="duckdb"))


def with_verdict(warehouse: Warehouse) -> None:
    """A warehouse in which a reviewer keeps the copies of a group."""
    contaminate(warehouse)
    name = oracle.fingerprint(event("copied", event_type="authorized"))
    give_verdict(warehouse, name, "keep")
    decide_again(warehouse)


def test_wide_rows_are_ranked_only_where_copies_tie(warehouse: Warehouse) -> None:
    """In the first build, in an incremental run, and for copies that a reviewer keeps."""
    warehouse.write_events(steady_events(NOON - HOUR))
    warehouse.dbt("run", "--select", "stg_events")
    assert not list(ranked_wide(compiled(warehouse, "stg_events_deduplicated")))
    with_verdict(warehouse)
    # one over ties; of the deduplicated one over narrow rows too
    for model, windows in (("stg_events_deduplicated", 2), ("stg_events_counted", 1)):
        tree = compiled(warehouse, model)
        assert len(list(tree.find_all(exp.Window))) == windows
        assert not list(ranked_wide(tree))


@pytest.mark.parametrize(
    "ranks_all",
    [
        "with a as (select * from stg_events) "
        "select * from a qualify row_number() over (order by k) = 1",
        "with a as (select k, payload from t), contested as (select k from t) "
        "select a.k from a left join contested on a.k = contested.k "
        "qualify row_number() over (order by a.payload) = 1",
        "select k from t qualify row_number() over (order by row_hash) = 1",
    ],
)
def test_wide_rows_ranked_elsewhere_are_noticed(ranks_all: str) -> None:
    assert list(ranked_wide(parsed(ranks_all)))


def test_only_copies_that_tie_are_ranked_with_their_payload(warehouse: Warehouse) -> None:
    rows = [row for batch in hard_batches() for row in batch]
    warehouse.write_events(rows)
    warehouse.dbt("run", "--select", "stg_events")
    tree = compiled(warehouse, "stg_events_deduplicated")
    found = [row["row_hash"] for row in rows_of(warehouse, tree, "hashed")]
    assert sorted(found) == sorted(map(oracle.row_hash, tied_rows(rows)))


def test_nothing_is_ranked_on_a_day_without_copies(warehouse: Warehouse) -> None:
    warehouse.write_events(steady_events(NOON - HOUR))
    warehouse.dbt("run", "--select", "stg_events")
    tree = compiled(warehouse, "stg_events_deduplicated")
    assert rows_of(warehouse, tree, "contested") == []
    assert len(rows_of(warehouse, tree, "alone")) == 12


def test_every_scan_of_a_run_has_the_literal_bounds(warehouse: Warehouse) -> None:
    """On the bare columns: what is wrapped in a function prunes nothing."""
    warehouse.write_events(steady_events(NOON - HOUR))
    warehouse.dbt("run", "--select", "staging")
    tree = compiled(warehouse, "stg_events_deduplicated")
    scans = [one.parent_select for one in tree.find_all(exp.Table) if one.name == "stg_events"]
    assert len(scans) == 3
    bounds = {scan.args["where"].sql(dialect="duckdb") for scan in scans if scan}
    assert len(bounds) == 1
    compared = tree.find_all(exp.GTE, exp.LT)
    bare = {
        one.this.name
        for one in compared
        if isinstance(one.this, exp.Column) and isinstance(one.expression, exp.Cast)
    }
    assert bare == {"ingest_ts", "event_ts"}
