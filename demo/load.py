"""Loads bronze files into DuckDB the way Snowpipe does: each file once, however often it is asked.

What was loaded is recorded per table and file name in `load_history`, in the same transaction as
the rows, so a call that dies half way leaves whole files only, and the next one goes on from there.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

__all__ = ["LoadError", "LoadResult", "load"]

# Column, type in the table, types accepted in a file.
COLUMNS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("event_id", "VARCHAR", ("VARCHAR",)),
    ("payment_id", "VARCHAR", ("VARCHAR",)),
    ("merchant_id", "VARCHAR", ("VARCHAR",)),
    ("event_type", "VARCHAR", ("VARCHAR",)),
    ("amount_cents", "BIGINT", ("BIGINT",)),
    ("currency", "VARCHAR", ("VARCHAR",)),
    ("event_ts", "TIMESTAMP", ("TIMESTAMP",)),
    ("ingest_ts", "TIMESTAMP", ("TIMESTAMP",)),
    ("payload", "JSON", ("VARCHAR", "JSON")),
)
ARRIVAL_HOUR = re.compile(r"arrival_hour=(\d{4}-\d{2}-\d{2}T\d{2})")

Progress = Callable[[str], None]


class LoadError(ValueError):
    """Bronze that can't be loaded; says what was found and what is expected."""


@dataclass(frozen=True)
class LoadResult:
    """What one call did."""

    files_loaded: int
    files_skipped: int
    rows_loaded: int


def load(
    database: Path,
    bronze: Path,
    until: datetime | None = None,
    since: datetime | None = None,
    schema: str = "raw",
    table: str = "events",
    progress: Progress | None = None,
) -> LoadResult:
    """Load the bronze files that the table has not had yet, in order of arrival.

    Args:
        database: The DuckDB file; made if it doesn't exist.
        bronze: The folder that holds the `arrival_hour=...` folders.
        until: Only hours of arrival that are over by this moment (UTC), to replay a day in batches.
        since: Only hours of arrival that end after this moment (UTC).
        schema: Schema of the table; made if it doesn't exist.
        table: Name of the table; made if it doesn't exist.
        progress: Called with a line of text after each file.

    Returns:
        The files loaded, the files of that time that were there already, and the rows loaded.

    Raises:
        LoadError: No such folder, no file in it, or a file that doesn't hold the expected columns.
            Columns are checked before anything is loaded.
    """
    bronze = Path(bronze)
    files = _files_between(bronze, since, until)
    with duckdb.connect(str(database)) as connection:
        # With the default of 16 MB every second file would rewrite the end of the table.
        connection.execute("set wal_autocheckpoint = '256MB'")
        _make_tables(connection, schema, table)
        already = _loaded_files(connection, schema, table)
        new = [file for file in files if file.relative_to(bronze).as_posix() not in already]
        for file in new:
            _check_columns(connection, file)
        rows = 0
        for position, file in enumerate(new, start=1):
            rows += _load_file(connection, bronze, file, schema, table)
            if progress:
                progress(f"files {position}/{len(new)}: {rows:,} rows")
    return LoadResult(len(new), len(files) - len(new), rows)


def _files_between(bronze: Path, since: datetime | None, until: datetime | None) -> list[Path]:
    if not bronze.is_dir():
        raise LoadError(f"{bronze}: found no such folder, expected the folder of the bronze files")
    files = sorted(bronze.glob("**/*.parquet"), key=lambda path: path.relative_to(bronze).parts)
    if not files:
        raise LoadError(
            f"{bronze}: found no Parquet file, expected arrival_hour=YYYY-MM-DDTHH/*.parquet"
        )
    if since is None and until is None:
        return files
    # An hour belongs where its end lies, so batches from moment to moment take each hour once.
    after, last = _utc(since or datetime.min), _utc(until or datetime.max)
    hour = timedelta(hours=1)
    return [file for file in files if after < _arrival_hour(file) + hour <= last]


def _arrival_hour(file: Path) -> datetime:
    found = ARRIVAL_HOUR.fullmatch(file.parent.name)
    if not found:
        raise LoadError(
            f"{file}: found folder {file.parent.name!r}, expected arrival_hour=YYYY-MM-DDTHH "
            "(needed to load since or until a moment)"
        )
    return datetime.strptime(found[1], "%Y-%m-%dT%H")


def _utc(moment: datetime) -> datetime:
    """Return the moment in UTC without a time zone, as file names and columns have it."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _make_tables(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> None:
    columns = ", ".join(f"{name} {table_type}" for name, table_type, _ in COLUMNS)
    connection.execute(f"create schema if not exists {_quoted(schema)}")
    connection.execute(f"create table if not exists {_quoted(schema, table)} ({columns})")
    connection.execute(
        f"""
        create table if not exists {_quoted(schema, "load_history")} (
            table_name varchar not null,
            file_name varchar not null,
            row_count bigint not null,
            file_size_bytes bigint not null,
            loaded_at timestamp not null,
            primary key (table_name, file_name)
        )
        """
    )


def _loaded_files(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> set[str]:
    history = _quoted(schema, "load_history")
    query = f"select file_name from {history} where table_name = ?"
    return {name for (name,) in connection.execute(query, [table]).fetchall()}


def _check_columns(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    query = "describe select * from read_parquet(?, hive_partitioning = false)"
    try:
        described = connection.execute(query, [str(file)]).fetchall()
    except duckdb.Error as error:
        raise LoadError(f"{file}: expected a Parquet file, found: {error}") from error
    found = {name: column_type for name, column_type, *_ in described}
    for name, _, accepted in COLUMNS:
        expected = " or ".join(accepted)
        if name not in found:
            raise LoadError(
                f"{file}: found no column {name}, expected {name} of type {expected}; "
                f"its columns are {', '.join(found)}"
            )
        if found[name] not in accepted:
            raise LoadError(f"{file}: column {name} has type {found[name]}, expected {expected}")


def _load_file(
    connection: duckdb.DuckDBPyConnection, bronze: Path, file: Path, schema: str, table: str
) -> int:
    """Load one file and record it, both or neither; return its number of rows."""
    names = ", ".join(name for name, _, _ in COLUMNS)
    connection.begin()
    try:
        connection.execute(
            f"insert into {_quoted(schema, table)} ({names}) "
            f"select {names} from read_parquet(?, hive_partitioning = false)",
            [str(file)],
        )
        rows = int(connection.fetchall()[0][0])
        connection.execute(
            f"insert into {_quoted(schema, 'load_history')} values (?, ?, ?, ?, ?)",
            [
                table,
                file.relative_to(bronze).as_posix(),
                rows,
                file.stat().st_size,
                datetime.now(UTC).replace(tzinfo=None),
            ],
        )
        connection.commit()
    except duckdb.Error as error:
        connection.rollback()
        raise LoadError(f"{file}: nothing of it was loaded: {error}") from error
    return rows


def _quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.load", description=__doc__)
    parser.add_argument("--database", type=Path, required=True, help="DuckDB file")
    parser.add_argument("--bronze", type=Path, required=True, help="folder of the bronze files")
    parser.add_argument("--until", type=datetime.fromisoformat, help="only arrivals before")
    parser.add_argument("--since", type=datetime.fromisoformat, help="only arrivals from")
    parser.add_argument("--schema", default="raw")
    parser.add_argument("--table", default="events")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Load from the command line; return the exit code."""
    given = vars(_parser().parse_args(arguments))
    started = time.monotonic()
    try:
        result = load(**given, progress=lambda line: print(f"\r{line}", end="", flush=True))
    except (LoadError, duckdb.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"\r{result.files_loaded} files loaded, {result.files_skipped} were loaded before, "
        f"{result.rows_loaded:,} rows ({time.monotonic() - started:.1f} s)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
