"""Each stand-in for a package test passes on good rows and fails on bad ones, NULLs included."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
STAND_INS = ROOT / "stand_ins"


@dataclass
class Case:
    """One test of one package, with rows that it must accept and rows that it must refuse."""

    test: str
    columns: str
    good: str
    bad: str
    arguments: dict[str, Any] = field(default_factory=dict)
    column: str | None = None
    config: dict[str, Any] = field(default_factory=dict)


OTHER = "ref('other')"  # three rows: (1, 'x', 10), (2, 'y', null), (null, 'x', 30)

CASES = {
    "unique": Case(
        "dbt_utils.unique_combination_of_columns",
        "a, b",
        good="(1, 'x'), (1, 'y'), (null, 'x'), (null, 'y')",
        bad="(1, 'x'), (null, 'x'), (null, 'x')",
        arguments={"combination_of_columns": ["a", "b"]},
    ),
    "unique_quoted": Case(
        "dbt_utils.unique_combination_of_columns",
        '"order", b',
        good="(1, 1), (1, 2)",
        bad="(1, 1), (1, 1)",
        arguments={"combination_of_columns": ["order", "b"], "quote_columns": True},
    ),
    "expression": Case(
        "dbt_utils.expression_is_true",
        "a, b",
        good="(1, 1), (2, 1), (null, 1)",
        bad="(1, 1), (0, 1)",
        arguments={"expression": "a >= b"},
    ),
    "expression_on_a_column": Case(
        "dbt_utils.expression_is_true",
        "a",
        good="(1), (null)",
        bad="(1), (0)",
        arguments={"expression": ">= 1"},
        column="a",
    ),
    "expression_where": Case(
        "dbt_utils.expression_is_true",
        "a, b",
        good="(1, 1), (0, null)",
        bad="(1, 1), (0, 1)",
        arguments={"expression": "a >= b or b is null"},
        config={"where": "b is not null"},
    ),
    "range": Case(
        "dbt_utils.accepted_range",
        "a",
        good="(0), (5), (10), (null)",
        bad="(5), (11)",
        arguments={"min_value": 0, "max_value": 10},
        column="a",
    ),
    "range_lower_only": Case(
        "dbt_utils.accepted_range",
        "a",
        good="(0), (99), (null)",
        bad="(99), (-1)",
        arguments={"min_value": 0},
        column="a",
    ),
    "range_exclusive": Case(
        "dbt_utils.accepted_range",
        "a, b",
        good="(1, 3), (2, 3)",
        bad="(1, 3), (3, 3)",
        arguments={"min_value": 0, "max_value": "b", "inclusive": False},
        column="a",
    ),
    "ranges_with_gaps": Case(
        "dbt_utils.mutually_exclusive_ranges",
        "a, b",
        good="(0, 1), (1, 2), (5, 6)",
        bad="(0, 2), (1, 3)",
        arguments={"lower_bound_column": "a", "upper_bound_column": "b"},
    ),
    "ranges_with_null": Case(
        "dbt_utils.mutually_exclusive_ranges",
        "a, b",
        good="(0, 1)",
        bad="(0, 1), (1, null)",
        arguments={"lower_bound_column": "a", "upper_bound_column": "b"},
    ),
    "ranges_of_zero_length": Case(
        "dbt_utils.mutually_exclusive_ranges",
        "a, b",
        good="(0, 1), (2, 2)",
        bad="(0, 1), (2, 1)",
        arguments={
            "lower_bound_column": "a",
            "upper_bound_column": "b",
            "zero_length_range_allowed": True,
        },
    ),
    "ranges_without_gaps": Case(
        "dbt_utils.mutually_exclusive_ranges",
        "a, b, c",
        good="(0, 1, 'x'), (1, 2, 'x'), (7, 8, null)",
        bad="(0, 1, 'x'), (2, 3, 'x')",
        arguments={
            "lower_bound_column": "a",
            "upper_bound_column": "b",
            "partition_by": "c",
            "gaps": "not_allowed",
        },
    ),
    "ranges_that_need_gaps": Case(
        "dbt_utils.mutually_exclusive_ranges",
        "a, b",
        good="(0, 1), (2, 3)",
        bad="(0, 1), (1, 2)",
        arguments={"lower_bound_column": "a", "upper_bound_column": "b", "gaps": "required"},
    ),
    "regex": Case(
        "dbt_expectations.expect_column_values_to_match_regex",
        "a",
        good="('0af9'), ('ffff'), (null)",
        bad="('0af9'), ('0AF9')",
        arguments={"regex": "^[0-9a-f]{4}$"},
        column="a",
    ),
    "regex_with_flags": Case(
        "dbt_expectations.expect_column_values_to_match_regex",
        "a",
        good="('xABx'), ('-')",
        bad="('xABx'), ('x')",
        arguments={"regex": "ab", "flags": "i", "row_condition": "a <> '-'"},
        column="a",
    ),
    "length": Case(
        "dbt_expectations.expect_column_value_lengths_to_equal",
        "a",
        good="('ab'), ('öé'), (null)",
        bad="('ab'), ('')",
        arguments={"value": 2},
        column="a",
    ),
    "aggregation": Case(
        "dbt_expectations.expect_table_aggregation_to_equal_other_table",
        "v",
        good="(40), (null)",
        bad="(41)",
        arguments={"compare_model": OTHER, "expression": "sum(v)"},
    ),
    "aggregation_of_nothing": Case(
        "dbt_expectations.expect_table_aggregation_to_equal_other_table",
        "v",
        good="(40)",
        bad="(cast(null as integer))",
        arguments={"compare_model": OTHER, "expression": "sum(v)"},
    ),
    "aggregation_by_group": Case(
        "dbt_expectations.expect_table_aggregation_to_equal_other_table",
        "g, v",
        good="(1, 10), (2, null), (null, 30)",
        bad="(1, 10), (2, null), (3, 30)",
        arguments={
            "compare_model": OTHER,
            "expression": "max(v)",
            "group_by": ["g"],
            "compare_group_by": ["a"],
        },
    ),
    "aggregation_with_tolerance": Case(
        "dbt_expectations.expect_table_aggregation_to_equal_other_table",
        "v",
        good="(41)",
        bad="(42)",
        arguments={
            "compare_model": OTHER,
            "expression": "sum(v)",
            "compare_expression": "sum(v) + 0",
            "tolerance": 1,
        },
    ),
    "aggregation_with_tolerance_percent": Case(
        "dbt_expectations.expect_table_aggregation_to_equal_other_table",
        "v",
        good="(44)",
        bad="(45)",
        arguments={"compare_model": OTHER, "expression": "sum(v)", "tolerance_percent": 0.1},
    ),
}


def write_project(folder: Path) -> None:
    """A dbt project with the stand-ins installed and, per case, a good and a bad model."""
    shutil.copytree(STAND_INS / "dbt_utils", folder / "dbt_packages" / "dbt_utils")
    shutil.copytree(STAND_INS / "dbt_expectations", folder / "dbt_packages" / "dbt_expectations")
    project = {
        "name": "stand_in_check",
        "version": "1.0.0",
        "profile": "stand_in_check",
        "flags": {"send_anonymous_usage_stats": False},
    }
    duck = {"type": "duckdb", "path": str(folder / "check.duckdb"), "threads": 2}
    profile = {"stand_in_check": {"target": "duckdb", "outputs": {"duckdb": duck}}}
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))

    models = folder / "models"
    models.mkdir()
    (models / "other.sql").write_text(
        "select * from (values (1, 'x', 10), (2, 'y', null), (null, 'x', 30)) as rows (a, b, v)"
    )
    properties = []
    for name, case in CASES.items():
        for kind, rows in (("good", case.good), ("bad", case.bad)):
            model = f"{name}__{kind}"
            (models / f"{model}.sql").write_text(
                f"select * from (values {rows}) as rows ({case.columns})"
            )
            test = {
                case.test: {
                    "name": f"check__{model}",
                    "arguments": case.arguments,
                    "config": case.config,
                }
            }
            entry: dict[str, Any] = {"name": model}
            if case.column:
                entry["columns"] = [{"name": case.column, "data_tests": [test]}]
            else:
                entry["data_tests"] = [test]
            properties.append(entry)
    (models / "models.yml").write_text(yaml.safe_dump({"models": properties}))


def build(folder: Path) -> dict[str, str]:
    """The status of each test, by its name."""
    dbt = Path(sys.executable).parent / "dbt"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DBT_")}
    done = subprocess.run(
        [str(dbt), "build", "--profiles-dir", str(folder), "--project-dir", str(folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    results = folder / "target" / "run_results.json"
    assert results.exists(), done.stdout + done.stderr
    return {
        result["unique_id"].split(".")[2].removeprefix("check__"): result["status"]
        for result in json.loads(results.read_text())["results"]
        if result["unique_id"].startswith("test.")
    }


def test_stand_ins_pass_on_good_rows_and_fail_on_bad_rows(tmp_path: Path) -> None:
    write_project(tmp_path)
    statuses = build(tmp_path)
    expected = {f"{name}__good": "pass" for name in CASES}
    expected |= {f"{name}__bad": "fail" for name in CASES}
    assert statuses == expected


def test_every_stand_in_has_a_case() -> None:
    files = STAND_INS.glob("*/macros/generic_tests/*.sql")
    stand_ins = {f"{file.parts[-4]}.{file.stem}" for file in files}
    assert stand_ins == {case.test for case in CASES.values()}
