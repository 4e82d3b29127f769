"""Raw is repaired in place: nothing is lost, and every row comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from python_tests.laws_of_raw import (
    check_killed,
    check_raw_repair,
    check_refusals,
    check_restore,
)
from python_tests.warehouse import Warehouse


@pytest.fixture(params=["duckdb", "snowflake"])
def any_warehouse(request: pytest.FixtureRequest) -> Callable[..., Warehouse]:
    """Makes a warehouse, on each engine."""
    names = {"duckdb": "new_warehouse", "snowflake": "new_snowflake_warehouse"}
    made: Callable[..., Warehouse] = request.getfixturevalue(names[request.param])
    return made


def test_copies_go_to_quarantine_and_nothing_is_lost(
    any_warehouse: Callable[..., Warehouse],
) -> None:
    check_raw_repair(any_warehouse())


def test_a_restore_gives_equal_rows_back(any_warehouse: Callable[..., Warehouse]) -> None:
    check_restore(any_warehouse())


@pytest.mark.parametrize("verb", ["raw_quarantine", "raw_restore"])
def test_a_run_that_dies_is_finished_by_the_same_command(
    any_warehouse: Callable[..., Warehouse], verb: str
) -> None:
    check_killed(any_warehouse(), verb)


def test_nothing_goes_without_its_survivor(any_warehouse: Callable[..., Warehouse]) -> None:
    check_refusals(any_warehouse())
