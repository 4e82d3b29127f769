"""How many rows a table has; DuckDB itself knows only an estimate that counts deleted rows."""

from __future__ import annotations

import duckdb

from python_tests.snowflake_simulator.names import quoted
from python_tests.snowflake_simulator.python_functions import define


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Give DuckDB a function that counts what is committed in a table."""
    counting = connection.cursor()

    def row_count(database: str, schema: str, table: str) -> int | None:
        with counting.cursor() as reader:
            try:
                found = reader.execute(
                    f"select count(*) from {quoted((database, schema, table))}"
                ).fetchone()
            except duckdb.CatalogException:
                return None  # made in a transaction that is still open
        return found[0] if found else None

    takes = ["VARCHAR", "VARCHAR", "VARCHAR"]
    define(connection, "simulator_row_count", row_count, takes, "BIGINT", pure=False)
