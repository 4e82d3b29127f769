"""The same as warehouse.py on Snowflake: an account of its own for each test, in the simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from python_tests.warehouse import EVENT_COLUMNS, ROWS_PER_INSERT, Project, Row, Warehouse

if TYPE_CHECKING:
    from python_tests.snowflake_simulator import Simulator

PROFILE = """\
exactly_once:
  target: snowflake
  outputs:
    snowflake:
      type: snowflake
      account: simulator
      user: tester
      password: none
      host: localhost
      port: "{{ env_var('EXACTLY_ONCE_TEST_PORT', '0') | as_number }}"
      protocol: http
      role: TRANSFORMER
      warehouse: TRANSFORMING
      database: ANALYTICS
      schema: main
      threads: 1
      connect_retries: 0
"""

# Column types of the tests that have another name here
TYPES = {
    "json": "variant",
    "timestamp": "timestamp_ntz",
    "timestamp with time zone": "timestamp_tz",
}


class SnowflakeProject(Project):
    """The project, parsed for Snowflake."""

    profile = PROFILE


class SnowflakeWarehouse(Warehouse):
    """A database in the simulator, the project that builds it, and the source table it reads."""

    def __init__(
        self,
        project: SnowflakeProject,
        simulator: Simulator,
        *,
        source: str = "raw.events",
        columns: Mapping[str, str] = EVENT_COLUMNS,
        settings: Mapping[str, Any] | None = None,
        time_zone: str = "UTC",
    ) -> None:
        """`settings` are vars that every command gets; `columns` are those of the source."""
        self.project: SnowflakeProject = project
        self.simulator = simulator
        self.source = source
        self.columns = dict(columns)
        self.settings = dict(settings or {})
        self.time_zone = time_zone
        simulator.account.time_zone = time_zone
        self._connection = simulator.connect(database="ANALYTICS", schema="PUBLIC")
        self.execute("grant ownership on database analytics to role transformer")
        self.execute("use role transformer")
        described = ", ".join(
            f"{_quoted(name)} {TYPES.get(kind, kind)}" for name, kind in self.columns.items()
        )
        self.execute(f"create schema if not exists {source.split('.')[0]}")
        self.execute(f"create table if not exists {source} ({described})")

    def environment(self) -> dict[str, str]:
        """What the profile reads from the environment."""
        return {"EXACTLY_ONCE_TEST_PORT": str(self.simulator.port)}

    def copied(self, folder: Path) -> Warehouse:
        """There is one account a simulator."""
        raise NotImplementedError

    def another_session(self) -> SnowflakeWarehouse:
        """The same warehouse, for another thread."""
        return SnowflakeWarehouse(
            self.project, self.simulator, source=self.source, columns=self.columns
        )

    def write_events(self, rows: Sequence[Row]) -> None:
        """Append rows to the source; a column that a row lacks is NULL."""
        selected = ", ".join(
            f"parse_json(column{place})" if kind == "json" else f"column{place}"
            for place, kind in enumerate(self.columns.values(), start=1)
        )
        one_row = "(" + ", ".join("%s" for _ in self.columns) + ")"
        for start in range(0, len(rows), ROWS_PER_INSERT):
            part = rows[start : start + ROWS_PER_INSERT]
            values = [row.get(name) for row in part for name in self.columns]
            self._run(
                f"insert into {self.source} select {selected} from values "
                + ", ".join([one_row] * len(part)),
                values,
            )

    def literal(self, value: str | None, kind: str) -> str:
        """A value of a type, given as text, in SQL."""
        if value is None:
            return f"cast(null as {TYPES.get(kind, kind)})"
        text = "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
        return (
            f"parse_json({text})" if kind == "json" else f"cast({text} as {TYPES.get(kind, kind)})"
        )

    def execute(self, sql: str) -> None:
        """Run a statement outside dbt."""
        self._run(sql)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query; names in capitals, which stand for any case, come in lower case."""
        cursor = self._run(sql)
        names = [_unquoted(column[0]) for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def beside(self, name: str) -> str:
        """Where the verbs keep a curated table under that name, with {} for the table."""
        return "main_analytics__" + name + ".{}"

    def tables(self) -> set[str]:
        """Every table and view, as schema.name."""
        rows = self.query(
            "select lower(table_schema || '.' || table_name) as name "
            "from information_schema.tables where table_schema <> 'INFORMATION_SCHEMA'"
        )
        return {row["name"] for row in rows}

    def close(self) -> None:
        """Log out."""
        self._connection.close()

    def _run(self, sql: str, values: Sequence[Any] | None = None) -> Any:
        return self._connection.cursor().execute(sql, values)


# Where a remediation writes.
WRITTEN = ("RAW", "MAIN_ANALYTICS", "MAIN_AUDIT")


class Saved:
    """The schemas that a remediation writes to, as they were, to go back to."""

    def __init__(self, warehouse: SnowflakeWarehouse, prefix: str) -> None:
        """Clone them away, to names with a prefix."""
        self.warehouse = warehouse
        self.prefix = prefix
        self.comments = self._schemas()
        for name in self.comments:
            warehouse.execute(f"create or replace schema {prefix}_{name} clone {name}")

    def restore(self) -> None:
        """Drop what is there now, and clone them back."""
        for name in self._schemas():
            self.warehouse.execute(f"drop schema {name}")
        for name, comment in self.comments.items():
            self.warehouse.execute(f"create schema {name} clone {self.prefix}_{name}")
            text = comment.replace("\\", "\\\\").replace("'", "''")
            self.warehouse.execute(f"comment on schema {name} is '{text}'")

    def _schemas(self) -> dict[str, str]:
        rows = self.warehouse.query(
            "select schema_name as name, comment from information_schema.schemata"
        )
        return {
            row["name"]: row["comment"] or "" for row in rows if row["name"].startswith(WRITTEN)
        }


def _quoted(name: str) -> str:
    return name if name.isidentifier() and name.islower() else f'"{name}"'


def _unquoted(name: str) -> str:
    return name.lower() if name.isupper() else name
