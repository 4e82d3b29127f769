"""What other projects may rely on, as it is built and parsed, against the list of it that is kept.

python -m python_tests.public_surface writes python_tests/golden/public_surface.yml again.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from python_tests.laws import contaminated_rows
from python_tests.snowflake_simulator import running_simulator
from python_tests.snowflake_warehouse import SnowflakeProject, SnowflakeWarehouse
from python_tests.warehouse import ROOT, Project, Warehouse
from scripts import reference_pages

LIST = ROOT / "python_tests" / "golden" / "public_surface.yml"
HEADER = """\
# What other projects may rely on, with the types that the source of the demo gives. On Snowflake
# the simulator tells them, which knows no width of whole numbers. CONTRIBUTING.md says what a
# change asks for. Written by: python -m python_tests.public_surface
"""
RELATIONS = ("models", "snapshots", "seeds")
CALLED = ("macros", "run_operations", "tests")
REQUIRED = "required"
LONGEST = 120  # what yamllint allows
# dbt gives it by itself
OF_GENERIC_TESTS = ("model", "column_name")

Surface = dict[str, Any]
Columns = dict[str, dict[str, str]]


# What there is


def build_all(warehouse: Warehouse) -> None:
    """Every model, seed and snapshot, from events with an incident in them."""
    warehouse.write_events(contaminated_rows())
    kinds = ("test", "unit_test")
    warehouse.dbt("build", *(word for kind in kinds for word in ("--exclude-resource-type", kind)))


def built_columns(warehouse: Warehouse) -> Columns:
    """The columns of every relation, in their order, with their types."""
    found: Columns = {}
    for row in warehouse.query(
        "select table_schema || '.' || table_name as relation, column_name as name, "
        "data_type as type, numeric_precision as digits, numeric_scale as decimals "
        "from information_schema.columns order by relation, ordinal_position"
    ):
        kind, decimals = str(row["type"]), row["decimals"]
        if decimals and "(" not in kind:
            kind = f"{kind}({row['digits']},{decimals})"
        name = row["name"].lower() if row["name"].isupper() else row["name"]
        found.setdefault(row["relation"].lower(), {})[name] = kind
    return found


def surface(manifest: Any, built: Mapping[str, Columns]) -> Surface:
    """All that is public; `built` has the columns for each engine."""
    found: Surface = {kind: {} for kind in RELATIONS}
    for node in sorted(manifest.nodes.values(), key=lambda node: node.name):
        kind = f"{node.resource_type}s"
        if kind not in RELATIONS or node.package_name != "exactly_once":
            continue
        if kind == "models" and node.access != "public":
            continue
        entry: Surface = {"contract": "enforced"} if node.config.contract.enforced else {}
        entry["columns"] = _by_column(built, f"{node.schema}.{node.alias}".lower())
        found[kind][node.name] = entry
    macros = reference_pages.macros()
    found["macros"] = _signatures(one for one in macros if not one.is_run_operation)
    found["run_operations"] = _signatures(one for one in macros if one.is_run_operation)
    found["tests"] = {
        test.name: _arguments(_text_of(ROOT / "tests" / "generic", f"test {test.name}"))
        for test in reference_pages.tests_for_any_table()
    }
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    found["vars"] = {name: _on_one_line(default) for name, default in project["vars"].items()}
    return found


def _on_one_line(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).split("\n")[0]


def _by_column(built: Mapping[str, Columns], relation: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for engine, columns in built.items():
        for name, kind in columns[relation].items():
            found.setdefault(name, {})[engine] = kind
    return found


def _signatures(macros: Iterable[reference_pages.Described]) -> dict[str, dict[str, str]]:
    return {
        macro.name: _arguments(_text_of(ROOT / "macros" / macro.folder, f"macro {macro.name}"))
        for macro in sorted(macros, key=lambda macro: macro.name)
    }


def _text_of(folder: Path, opening: str) -> str:
    """What is between the parentheses of a macro or a generic test."""
    for file in sorted(folder.glob("*.sql")):
        pattern = rf"{{%-?\s*{opening}\((.*?)\)\s*-?%}}"
        if found := re.search(pattern, file.read_text(encoding="utf-8"), re.DOTALL):
            return found[1]
    raise LookupError(f"no file of {folder} has {opening}")


def _arguments(text: str) -> dict[str, str]:
    """Each argument with its default."""
    split = (argument.partition("=") for argument in re.split(r",(?![^\[({]*[\])}])", text))
    return {
        name.strip(): default.strip() if equals else REQUIRED
        for name, equals, default in split
        if name.strip() and name.strip() not in OF_GENERIC_TESTS
    }


# The list


def written(found: Surface) -> str:
    """The list as a file: a column, a signature or a var on a line."""
    lines = []
    for kind, entries in found.items():
        lines.append(f"{kind}:")
        for name, entry in entries.items():
            if kind in RELATIONS:
                lines.append(f"  {name}:")
                lines += ["    contract: enforced"] if "contract" in entry else []
                lines.append("    columns:")
                columns = entry["columns"].items()
                lines += [f"      {column}: {_on_one_line(types)}" for column, types in columns]
            elif kind in CALLED:
                lines.append(f"  {name}: {_on_one_line(_signature(entry))}")
            else:
                lines += _default(name, entry)
    return HEADER + "\n".join(lines) + "\n"


def _default(name: str, text: str) -> list[str]:
    line = f"  {_on_one_line(name)}: {text}"
    if len(line) <= LONGEST:
        return [line]
    block = yaml.safe_dump(yaml.safe_load(text), default_flow_style=None)
    return [f"  {name}:", *(f"    {part}" for part in block.splitlines())]


def _signature(arguments: Mapping[str, str]) -> str:
    return ", ".join(
        name if default == REQUIRED else f"{name}={default}" for name, default in arguments.items()
    )


def kept(*engines: str) -> Surface:
    """What the file says, with the types of these engines."""
    found: Surface = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    for kind in RELATIONS:
        for entry in found[kind].values():
            entry["columns"] = {
                name: {engine: types[engine] for engine in engines}
                for name, types in entry["columns"].items()
            }
    for kind in CALLED:
        found[kind] = {name: _arguments(text) for name, text in found[kind].items()}
    found["vars"] = {name: _on_one_line(value) for name, value in found["vars"].items()}
    return found


# What differs


def differences(before: Surface, after: Surface, *path: str) -> tuple[list[str], list[str]]:
    """What breaks those who rely on the first, and what is only added to it."""
    breaking: list[str] = []
    added: list[str] = []
    place = " ".join(path)
    for name, old in before.items():
        new = after.get(name)
        if name not in after:
            breaking.append(f"{place} {name} is gone".strip())
        elif isinstance(old, dict) and isinstance(new, dict):
            below = differences(old, new, *path, name)
            breaking += below[0]
            added += below[1]
        elif old != new:
            breaking.append(f"{place} {name}: {old} before, {new} now".strip())
    is_called = len(path) == 2 and path[0] in CALLED
    last = max((number for number, name in enumerate(after) if name in before), default=-1)
    for number, (name, new) in enumerate(after.items()):
        if name not in before:
            moves_others = is_called and (new == REQUIRED or number < last)
            (breaking if moves_others else added).append(f"{place} {name} is new".strip())
    is_ordered = is_called or path[-1:] == ("columns",)
    order = [name for name in after if name in before]
    if is_ordered and order != [name for name in before if name in after]:
        breaking.append(f"{place} stand in another order: {', '.join(order)}")
    return breaking, added


def complaint(before: Surface, after: Surface) -> str:
    """What has changed and what has to be done about it; nothing if nothing has."""
    breaking, added = differences(before, after)
    parts = []
    if breaking:
        parts += [
            "This breaks who relies on it. It needs a new version of the model or a major version, "
            'and a line under "Upgrade" in CHANGELOG.md (CONTRIBUTING.md, "What others rely on"):',
            *(f"  {line}" for line in breaking),
        ]
    if added:
        parts += ['This is new. It needs a line under "Added" in CHANGELOG.md:']
        parts += [f"  {line}" for line in added]
    if parts:
        parts += ["Then run: python -m python_tests.public_surface"]
    return "\n".join(parts)


def main() -> int:
    """Build everything on both engines, and write the list."""
    with tempfile.TemporaryDirectory() as work, running_simulator() as simulator:
        project = Project(ROOT, Path(work) / "duckdb")
        on_snowflake = SnowflakeProject(ROOT, Path(work) / "snowflake")
        warehouses = {
            "duckdb": Warehouse(project, Path(work)),
            "snowflake": SnowflakeWarehouse(on_snowflake, simulator),
        }
        for warehouse in warehouses.values():
            build_all(warehouse)
        built = {engine: built_columns(one) for engine, one in warehouses.items()}
        found = surface(warehouses["duckdb"].dbt("parse"), built)
    LIST.write_text(written(found), encoding="utf-8")
    print(f"{LIST.relative_to(ROOT)} is written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
