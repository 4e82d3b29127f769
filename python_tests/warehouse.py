"""Write rows, run dbt, read a relation: a DuckDB warehouse of its own for each test."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Mapping, Sequence
from hashlib import md5
from pathlib import Path
from typing import Any, Self

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg

from python_tests import faster_dbt, oracle

ROOT = Path(__file__).resolve().parent.parent
# Where the Snowflake simulators of the tests leave what they were sent
HISTORIES = ROOT / "target" / "snowflake_histories"
NOT_COPIED = shutil.ignore_patterns(
    ".*", "target", "logs", "dbt_packages", "demo", "python_tests", "docs", "stand_ins", "tests"
)

Row = Mapping[str, Any]
ROWS_PER_INSERT = 500

EVENT_COLUMNS = {
    "event_id": "varchar",
    "payment_id": "varchar",
    "merchant_id": "varchar",
    "event_type": "varchar",
    "amount_cents": "bigint",
    "currency": "varchar",
    "event_ts": "timestamp",
    "ingest_ts": "timestamp",
    "payload": "json",
}

# The database has the same name in every test, so that a parsed project serves all of them.
PROFILE = """\
exactly_once:
  target: duckdb
  outputs:
    duckdb:
      type: duckdb
      path: "{{ env_var('EXACTLY_ONCE_DUCKDB_PATH') }}"
      schema: main
      threads: 1
      settings:
        TimeZone: "{{ env_var('EXACTLY_ONCE_TEST_TIME_ZONE', 'UTC') }}"
        threads: 1
"""


def install_packages(folder: Path) -> None:
    """Put this package, and those that it needs, where dbt deps would put them."""
    packages = folder / "dbt_packages"
    packages.mkdir()
    (packages / "exactly_once").symlink_to(ROOT)
    for package in (ROOT / "dbt_packages").iterdir():
        if package.is_dir():
            (packages / package.name).symlink_to(package)


# Vars of which no value changes what dbt parses, so that one manifest serves them all
READ_WHEN_RUN = frozenset(
    {
        "exactly_once__detection_hours",
        "exactly_once__event_types",
        "exactly_once__impact_dimensions",
        "exactly_once__alert_thresholds",
        "exactly_once__max_copy_rate",
        "exactly_once__max_hours_per_run",
        "exactly_once__project_commit",
        "exactly_once__reprocess_from",
        "incident_id",
        "incident_start",
        "incident_end",
    }
)


class DbtError(AssertionError):
    """A dbt command that failed. `messages` has one entry per error, `results` one per node."""

    def __init__(self, messages: Sequence[str], results: Sequence[Any] = ()) -> None:
        self.messages = list(messages)
        self.results = list(results)
        super().__init__("\n\n".join(self.messages))


class Project:
    """A dbt project on disk, parsed once for each set of vars that dbt reads when it parses."""

    profile = PROFILE
    # vars that need no manifest of their own
    read_when_run = READ_WHEN_RUN

    def __init__(self, folder: Path, work: Path, manifests: Path | None = None) -> None:
        """`manifests` is where processes that test the same files leave them for each other."""
        self.folder = folder
        self.manifests = manifests
        self.work = work
        # What the last command logged with log(.., info=true) or as a warning, line by line
        self.logged: list[str] = []
        self._manifests: dict[str, Manifest] = {}
        work.mkdir(parents=True, exist_ok=True)
        (work / "profiles.yml").write_text(self.profile, encoding="utf-8")

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which finds the manifests where the processes leave them."""
        manifests = {} if self.manifests else self._manifests
        parts = {given: _parts(manifest) for given, manifest in manifests.items()}
        return self.__dict__ | {"_manifests": parts, "logged": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """As another process sent it."""
        manifests = {given: _manifest(parts) for given, parts in state["_manifests"].items()}
        self.__dict__.update(state | {"_manifests": manifests})

    @classmethod
    def copy(cls, work: Path) -> Self:
        """A copy of this repository's models and macros, to be changed at will."""
        folder = work / "project"
        shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
        (folder / "dbt_packages").symlink_to(ROOT / "dbt_packages")
        for text in (*folder.glob("macros/*/*.yml"), *folder.glob("models/*/*_tests.yml")):
            text.unlink()
        return cls(folder, work)

    def invoke(
        self, *arguments: str, environment: Mapping[str, str], given: str, fresh: bool
    ) -> Any:
        """Run one dbt command in this process; return what dbt returns, or raise DbtError."""
        os.environ.update(environment)
        manifest = None
        if not fresh and arguments[0] != "parse":
            parsed_with = {
                k: v for k, v in json.loads(given).items() if k not in self.read_when_run
            }
            manifest = self._parsed(json.dumps(parsed_with), environment)
        options = {
            "--project-dir": self.folder,
            "--profiles-dir": self.work,
            "--target-path": self.work / "target",
            "--log-path": self.work / "logs",
            "--log-level-file": "none",
            "--vars": given,
        }
        command = [*arguments, "--quiet", "--no-write-json", "--no-partial-parse"]
        for option, value in options.items():
            command += [option, str(value)]
        said: list[str] = []
        self.logged = []

        def listen(event: EventMsg) -> None:
            if event.info.name == "RunningOperationCaughtError":
                said.append(event.data.exc)
            elif event.info.name in ("JinjaLogInfo", "JinjaLogWarning"):
                self.logged.append(event.data.msg)

        try:
            found = dbtRunner(manifest=manifest, callbacks=[listen]).invoke(command)
        finally:
            # dbt keeps DuckDB open in this process, and nobody else may open the file meanwhile.
            DuckDBConnectionManager.close_all_connections()
            # A query that failed stays in the manifest, and the next one has the same name.
            nodes = manifest.nodes if manifest is not None else {}
            for name in [key for key in nodes if "inline_query" in key]:
                nodes.pop(name)
        if not found.success:
            raise DbtError(said or _messages(found), getattr(found.result, "results", ()))
        return found.result

    def _parsed(self, given: str, environment: Mapping[str, str]) -> Manifest:
        """The manifest with these vars, which dbt makes in seconds, once."""
        if given not in self._manifests:
            left = self.manifests and self.manifests / f"{md5(given.encode()).hexdigest()}.pickle"
            if left and left.is_file():
                manifest = _manifest(pickle.loads(left.read_bytes()))
            else:
                manifest = self.invoke("parse", environment=environment, given=given, fresh=True)
            if left and not left.is_file():
                written = left.with_name(f"{left.name}.{os.getpid()}")
                written.write_bytes(pickle.dumps(_parts(manifest)))
                written.rename(left)
            self._manifests[given] = faster_dbt.keep(manifest)
        return self._manifests[given]


def _parts(manifest: Manifest) -> dict[str, Any]:
    """What of a manifest can go to another process."""
    return {name: part for name, part in manifest.__dict__.items() if name != "_lock"}


def _manifest(parts: dict[str, Any]) -> Manifest:
    manifest = Manifest()
    manifest.__dict__.update(parts)
    return manifest


def _messages(found: Any) -> list[str]:
    if found.exception is not None:
        return [str(found.exception)]
    failed = ("error", "fail", "runtime error")
    results = getattr(found.result, "results", [])
    return [str(result.message) for result in results if str(result.status) in failed]


class Warehouse:
    """A DuckDB file, the project that builds it, and the source table that it reads."""

    def __init__(
        self,
        project: Project,
        folder: Path,
        *,
        source: str = "raw.events",
        columns: Mapping[str, str] = EVENT_COLUMNS,
        settings: Mapping[str, Any] | None = None,
        time_zone: str = "UTC",
    ) -> None:
        """`settings` are vars that every command gets; `columns` are those of the source."""
        self.project = project
        self._path = folder / "warehouse.duckdb"
        self._reader: duckdb.DuckDBPyConnection | None = None
        self.source = source
        self.columns = dict(columns)
        self.settings = dict(settings or {})
        self.time_zone = time_zone
        folder.mkdir(parents=True, exist_ok=True)
        described = ", ".join(f'"{name}" {kind}' for name, kind in self.columns.items())
        self.execute(f"create schema if not exists {source.split('.')[0]}")
        self.execute(f"create table if not exists {source} ({described})")

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which has the project already and reads for itself."""
        return self.__dict__ | {"_reader": None, "project": None}

    @property
    def path(self) -> Path:
        """The file, for whoever opens it next: reading keeps it open till then, as it is slow."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        return self._path

    def copied(self, folder: Path) -> Warehouse:
        """A copy of this warehouse as it is now."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.path, folder / self._path.name)
        return Warehouse(
            self.project,
            folder,
            source=self.source,
            columns=self.columns,
            settings=self.settings,
            time_zone=self.time_zone,
        )

    def write_events(self, rows: Sequence[Row]) -> None:
        """Append rows to the source; a column that a row lacks is NULL."""
        one_row = "(" + ", ".join("?" for _ in self.columns) + ")"
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(f"set TimeZone = '{self.time_zone}'")
            for start in range(0, len(rows), ROWS_PER_INSERT):
                part = rows[start : start + ROWS_PER_INSERT]
                connection.execute(
                    f"insert into {self.source} values " + ", ".join([one_row] * len(part)),
                    [row.get(name) for row in part for name in self.columns],
                )

    def dbt(self, *arguments: str, fresh: bool = False, **settings: Any) -> Any:
        """Run a dbt command with vars; `fresh` parses the project as a new process would."""
        given = json.dumps(self.settings | settings, sort_keys=True, default=str)
        return self.project.invoke(
            *arguments, environment=self.environment(), given=given, fresh=fresh
        )

    def environment(self) -> dict[str, str]:
        """What the profile reads from the environment."""
        return {
            "EXACTLY_ONCE_DUCKDB_PATH": str(self.path),
            "EXACTLY_ONCE_TEST_TIME_ZONE": self.time_zone,
        }

    def beside(self, name: str) -> str:
        """Where the verbs keep a curated table under that name, with {} for the table."""
        return "main_analytics.{}__" + name

    def operate(self, verb: str, incident_id: str, **settings: Any) -> None:
        """Run one of the remediation verbs."""
        arguments = json.dumps({"incident_id": incident_id})
        self.dbt("run-operation", verb, "--args", arguments, **settings)

    def literal(self, value: str | None, kind: str) -> str:
        """A value of a type, given as text, in SQL."""
        text = "null" if value is None else "'" + value.replace("'", "''") + "'"
        return f"cast({text} as {kind})"

    def execute(self, sql: str) -> None:
        """Run a statement outside dbt."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(sql)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query; timestamps with a time zone come in UTC."""
        if self._reader is None:
            self._reader = duckdb.connect(str(self._path), read_only=True)
            self._reader.execute("set TimeZone = 'UTC'")
        rows: list[dict[str, Any]] = self._reader.sql(sql).to_arrow_table().to_pylist()
        return rows

    def read(self, relation: str, columns: str = "*") -> list[dict[str, Any]]:
        """The rows of a relation such as main_analytics.payments."""
        return self.query(f"select {columns} from {relation}")

    def tables(self) -> set[str]:
        """Every table and view, as schema.name."""
        rows = self.query(
            "select table_schema || '.' || table_name as name from information_schema.tables"
        )
        return {row["name"] for row in rows}

    def column_names(self, relation: str) -> list[str]:
        """The columns of a relation, as the warehouse spells them."""
        schema, table = relation.split(".")
        rows = self.query(
            "select column_name as name from information_schema.columns "
            f"where lower(table_schema) = '{schema}' and lower(table_name) = '{table}' "
            "order by ordinal_position"
        )
        return [row["name"] for row in rows]

    def digest(self, relation: str, columns: str = "*") -> str:
        """Equal for equal rows in any order, copies counted; not the package's own digest."""
        rows = sorted(
            repr(sorted(map(_plain, row.items()))) for row in self.read(relation, columns)
        )
        return md5("\n".join(rows).encode()).hexdigest()


def _plain(item: tuple[str, Any]) -> tuple[str, str | None]:
    """A column and its value as text, the same for equal values of every engine."""
    name, value = item
    return name, repr(value) if isinstance(value, float) else oracle.canonical_text(value)
